"""Reading what the door has stored: many readings are what each would be alone, and each unit counts in one phase only."""

import asyncio
import re
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from runtime.errors import SignalUnavailable
from runtime.ingestion.stored import Stored
from runtime.integrations.contracts import MetricQuery, Reading, ReadsMany, Window
from runtime.integrations.signals.webhook import WebhookSignals
from tests.service.ingestion.conftest import KEY, START, Sender, arms, row
from tests.story import Story

DAY = timedelta(days=1)


def signals(sender: Sender) -> WebhookSignals:
    return WebhookSignals({}, sender.runtime.http, stored=Stored(sender.runtime, sender.org_id))


def point(start: datetime, days: float, n: int, experiment: str = KEY, **more: Any) -> dict[str, Any]:
    span = {"from": start.isoformat(), "to": (start + days * DAY).isoformat()}
    return (
        {"experiment": experiment, "signal": "visits", "variant": "control", "n": n, "sum": n, "sum_sq": n}
        | span
        | more
    )


async def test_many_readings_are_what_each_would_be_alone(sender: Sender) -> None:
    """Of units and of points, of several experiments and windows, of signals that have not spoken, and one that fails."""
    dice = Random(3)
    rows = [row(f"e{n}", f"u{n % 90}", "treatment" if n % 2 else "control", dice.uniform(0, 4000)) for n in range(200)]
    rows += [
        row(f"v{n}", f"u{n % 90}", "treatment" if n % 2 else "control", 4000, signal="orders", value=n % 3)
        for n in range(80)
    ]
    rows += [one | {"id": "b" + one["id"], "experiment": "another"} for one in rows if "signal" in one]
    rows += [
        point(START, 2, 10, kind="cumulative"),
        point(START, 3, 16, kind="cumulative"),
        point(START + 3 * DAY, 1, 4),
    ]
    rows += [point(START, 2, 5, "overlapping"), point(START + DAY, 2, 5, "overlapping")]
    assert (await sender.post(*rows))["rejected"] == 0
    await sender.fold()
    windows = [
        Window(START, START + 9 * DAY),
        Window(START + 2 * DAY, START + 9 * DAY),
        Window(START + timedelta(minutes=77), START + DAY),
    ]
    windows += [Window(START + DAY, START + DAY), Window(START + 9 * DAY, START)]
    asked = [
        (MetricQuery(metric, method, experiment=key), window)
        for window in windows
        for key in (KEY, "another", "overlapping", "unheard-of", None)
        for metric, method in (("orders", "custom"), ("orders", "event"), ("visits", "custom"), ("ordres", "custom"))
    ]  # fmt: skip
    reader = signals(sender)
    assert isinstance(reader, ReadsMany)
    found = await reader.fetch_many(asked)
    for (query, window), answer in zip(asked, found, strict=True):
        if isinstance(answer, Reading):
            assert answer == await reader.fetch_variant_metric(query, window)
        else:
            with pytest.raises(SignalUnavailable, match=re.escape(answer.message)):
                await reader.fetch_variant_metric(query, window)
    assert any(isinstance(answer, SignalUnavailable) for answer in found)
    assert sum(isinstance(answer, Reading) and bool(answer.buckets) for answer in found) > 12
    assert await reader.fetch_many([]) == []


async def test_how_far_data_have_come_is_told_signal_by_signal_and_of_all(sender: Sender) -> None:
    stored = Stored(sender.runtime, sender.org_id)
    assert await stored.latest_ends({None, "orders"}) == {}
    late = START + 2 * DAY
    await sender.post(
        row("e1", "u1", signal="orders", value=1),
        point(START, 1, 5),
        row("e2", "u2", minutes=2880) | {"experiment": "another"},
    )
    await sender.fold()
    assert await stored.latest_ends({None, "orders", "visits", "ordres"}) == {
        None: late,
        "orders": START,
        "visits": START + DAY,
    }
    await sender.post(row("e3", "u3", minutes=5))  # an exposure is news of its experiment's signals
    await sender.fold()
    assert (await stored.latest_ends({"orders"}))["orders"] == START + timedelta(minutes=5)


async def phases(story: Story, experiment: Any, spans: list[tuple[datetime, datetime | None]]) -> None:
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(text("delete from experiment_phases"))
        for position, (start, end) in enumerate(spans):
            await tx.run(
                text("insert into experiment_phases (org_id, experiment_id, position, share_treatment, started_at, ended_at, reason) "
                     "values (:org, :id, :position, 0.5, :start, :end, 'test')"),
                {"org": story.org_id, "id": experiment["id"], "position": position, "start": start, "end": end},
            )  # fmt: skip


async def counted(story: Story, key: str, spans: list[tuple[datetime, datetime | None]]) -> list[int]:
    """Units of each phase, as a look asks for them."""
    reader = signals(Sender(story.runtime, story.org_id))
    until = START + DAY
    asked = [(MetricQuery("orders", "custom", experiment=key), Window(start, end or until)) for start, end in spans]
    found = await reader.fetch_many(asked)
    return [arms(one).get("control", (0,))[0] for one in found if isinstance(one, Reading)]


async def test_a_phase_that_starts_inside_a_minute_counts_no_unit_twice_and_loses_none(story: Story) -> None:
    """The unit's minute belongs to the phase that runs when it begins, so at most that minute's units stay with the phase before."""
    experiment = await story.launched()
    sender, mine = Sender(story.runtime, story.org_id), {"experiment": experiment["feature_flag_key"]}
    rows = [row(f"e{n}", f"u{n}", minutes=n / 6) | mine for n in range(1200)]
    await sender.post(*rows, row("v1", "u1", signal="orders", value=1) | mine)
    await sender.fold()
    cuts = [10, 641, 670, 671, 3600, 3601.5, 7199, 9000]
    edges = [START + timedelta(seconds=seconds) for seconds in cuts]
    running: list[tuple[datetime, datetime | None]] = [*pairwise(edges), (edges[-1], None)]
    await phases(story, experiment, running)
    found = await counted(story, experiment["feature_flag_key"], running)
    assert sum(found) == 1200
    begins = [max(-1, -(-second // 60) * 6) for second in cuts[1:]]
    assert found == [int(last - first) for first, last in pairwise([0, *begins, 1200])]


async def test_after_a_pause_the_minute_of_the_resumption_counts_and_the_pause_does_not(story: Story) -> None:
    experiment = await story.launched()
    sender, mine = Sender(story.runtime, story.org_id), {"experiment": experiment["feature_flag_key"]}
    await sender.post(
        *(row(f"e{n}", f"u{n}", minutes=n / 6) | mine for n in range(600)),
        row("v1", "u1", signal="orders", value=1) | mine,
    )
    await sender.fold()
    spans = [(START, START + timedelta(seconds=630)), (START + timedelta(seconds=1830), None)]
    await phases(story, experiment, list(spans))
    assert await counted(story, experiment["feature_flag_key"], list(spans)) == [66, 600 - 180]


async def test_a_late_value_of_an_early_unit_costs_one_whole_look_and_not_one_each_time(story: Story) -> None:
    experiment = await story.launched()
    sender, mine = Sender(story.runtime, story.org_id), {"experiment": experiment["feature_flag_key"]}
    story.runtime.settings = story.runtime.settings.model_copy(update={"reread_days": 1})

    async def looked(until: datetime, *, dirty: bool = False) -> None:
        """A look follows the one before after a second at the earliest."""
        for _ in range(200):
            await story.measure()
            known = await sender.all(
                "select data_through, dirty_from from measurement_reads where signal_name = 'checkout_completed'"
            )
            if known and known[0][0] and known[0][0] >= until and not (dirty and known[0][1]):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("no look was taken")

    async def exposed(day: int) -> None:
        rows = [row(f"{day}-{n}", f"{day}-{n}", "treatment" if n % 2 else "control", day * 1440) for n in range(20)]
        await sender.post(*(one | mine | {"signal": "checkout_completed", "value": 1} for one in rows))
        await sender.fold()
        await looked(START + day * DAY)

    async def read() -> Any:
        (found,) = await sender.all(
            "select whole_at, dirty_from from measurement_reads where signal_name = 'checkout_completed'"
        )
        return found

    for day in range(6):
        await exposed(day)
    whole = (await read())[0]
    await exposed(6)
    assert await read() == (whole, None)
    late = row("late", "0-1", "treatment", 6 * 1440) | mine | {"signal": "checkout_completed", "value": 1}
    await sender.post(late)
    await sender.fold()
    assert (await read())[1] == START
    await looked(START, dirty=True)
    again = await read()
    assert again[0] > whole
    assert again[1] is None
    for day in (7, 8):
        await exposed(day)
        assert await read() == again
