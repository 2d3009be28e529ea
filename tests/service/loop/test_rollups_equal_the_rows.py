"""Whatever is written, corrected, re-read or taken back: rollups are the sums of the rows, at every grain, to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from runtime.integrations.contracts import Bucket, Reading, VariantSums, Window
from runtime.measurement import store
from runtime.measurement.append import append
from runtime.measurement.guardrails import look_at
from runtime.measurement.spans import Span
from runtime.measurement.store import Sums, Taken

if TYPE_CHECKING:
    from conftest import Lab

START = datetime(2026, 3, 30, 22, 17, 11, 123456, tzinfo=UTC)
_FRESH = """
select m.experiment_id, m.signal_name, m.phase, m.variant, g.grain, g.bucket, sum(m.sample_size) as n, sum(m.total) as total,
  sum(m.total_sq) as total_sq, sum(coalesce(m.beyond_limit, 0)) as beyond_limit,
  sum(case when m.beyond_limit is null then 0 else m.sample_size end) as counted
from signal_measurements m
cross join lateral (values ('minute', date_trunc('minute', m.time, 'UTC')), ('hour', date_trunc('hour', m.time, 'UTC')),
  ('day', date_trunc('day', m.time, 'UTC')), ('all', timestamptz 'epoch')) as g(grain, bucket)
where m.kind = 'delta' group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
"""
_KEPT = """
select experiment_id, signal_name, phase, variant, grain, bucket, n, total, total_sq, beyond_limit, counted from measurement_rollups
order by 1, 2, 3, 4, 5, 6
"""


def sums(random: Random, variant: Any) -> VariantSums:
    n = random.choice([0, 1, 7, 10**6, 2**62])
    value = Decimal(random.randrange(-(10**24), 10**24)) / 10 ** random.randrange(20) if n else Decimal(0)
    beyond = random.choice([None, 0, min(n, 3)])
    return VariantSums(variant, n, value, value * value, beyond)


def reading(random: Random, window: Window) -> Reading:
    """Buckets anywhere in the window, some of them twice, with one or both variants."""
    seconds = int((window.end - window.start).total_seconds())
    starts = [window.start + timedelta(seconds=random.randrange(0, seconds, 30)) for _ in range(random.randrange(12))]
    arms = [("control",), ("treatment",), ("control", "treatment")]
    buckets = (
        Bucket(at, at + timedelta(seconds=30), tuple(sums(random, name) for name in random.choice(arms)))
        for at in starts
    )
    return Reading(tuple(buckets), window.end, "diary", "unit_moments")


@pytest.mark.parametrize("seed", range(6))
async def test_rollups_equal_a_fresh_sum_of_the_rows_at_every_grain(lab: "Lab", seed: int) -> None:
    random, row = Random(seed), await lab.launched()
    for _ in range(12):
        span = Window(START, START + timedelta(minutes=random.choice([3, 200, 5000])))
        given = []
        for signal in ("a", "b"):
            for phase in range(2):
                since = random.choice([None, START, START + timedelta(minutes=random.randrange(100))])
                window = Window(max(START, since or START), max(span.end, (since or START) + timedelta(minutes=3)))
                given.append((row, signal, [(Span(phase, since, window), reading(random, window))]))
        async with lab.runtime.transaction(lab.org_id) as tx:
            await append(tx, given)
            fresh, kept = await tx.all(text(_FRESH)), await tx.all(text(_KEPT))
        assert kept == fresh
    assert kept


async def test_what_did_not_change_is_not_written_again(lab: "Lab") -> None:
    row = await lab.launched()
    window = Window(START, START + timedelta(days=1))
    given = [(row, "a", [(Span(0, None, window), reading(Random(3), window))])]
    async with lab.runtime.transaction(lab.org_id) as tx:
        assert await append(tx, given) > 0
        assert await append(tx, given) == 0


async def test_sums_and_the_newest_buckets_come_from_rollups_alone(lab: "Lab") -> None:
    row = await lab.launched()
    buckets = tuple(
        Bucket(START + timedelta(hours=hour), START + timedelta(hours=hour + 1), (VariantSums("treatment", n, Decimal(n * hour), Decimal(n * hour), 0),))
        for hour, n in enumerate((2, 2, 2, 0, 2, 2, 2, 2))
    )  # fmt: skip
    window = Window(START, START + timedelta(days=1))
    async with lab.runtime.transaction(lab.org_id) as tx:
        await append(tx, [(row, "a", [(Span(0, None, window), Reading(buckets, window.end, "diary", "counts"))])])
        await tx.run(text("update signal_measurements set sample_size = 0, total = 0"))
        found = await store.sums(tx, [row["id"]])
        recent = await store.recent(tx, [(row["id"], "a"), (row["id"], "never heard of")], last=5)
        points = await store.series(tx, row["id"], "a", START - timedelta(days=1), START + timedelta(days=30))
    assert found[row["id"], "a"] == {0: {"treatment": Sums(14, Decimal(2 * 25), Decimal(2 * 25), 0, 14)}}
    assert recent == {(row["id"], "a"): [(0, mean) for mean in (2.0, 4.0, 5.0, 6.0, 7.0)]}
    assert [(point["n"], point["total"]) for point in points] == [(4, 2), (10, 48)]


async def test_a_long_history_is_drawn_from_as_many_looks_as_a_picture_can_show(lab: "Lab") -> None:
    row = await lab.launched()
    taken = [Taken(row["id"], "a", START + timedelta(minutes=minute), {"minute": minute}) for minute in range(1000)]
    async with lab.runtime.transaction(lab.org_id) as tx:
        assert await store.history(tx, row["id"], "a") == []
        await store.write_looks(tx, taken[:1])
        assert [look["result"]["minute"] for look in await store.history(tx, row["id"], "a")] == [0]
        await store.write_looks(tx, taken[:50])
        assert [look["result"]["minute"] for look in await store.history(tx, row["id"], "a")] == list(range(50))
        await store.write_looks(tx, taken)
        drawn = [look["result"]["minute"] for look in await store.history(tx, row["id"], "a", most=100)]
    assert (drawn[0], drawn[-1]) == (0, 999)
    assert len(drawn) == 101
    assert max(later - earlier for earlier, later in pairwise(drawn)) <= 10


def test_only_units_that_were_compared_with_the_limit_are_counted_against_it() -> None:
    constraint = {"signal": "latency_p95", "metric": "latency_p95", "max": 800}
    arms = {0: {"treatment": Sums(3000, Decimal(1), Decimal(1), 400, 1000)}}
    assert look_at(constraint, "max", 800.0, arms, [], 1).look.estimate == pytest.approx(0.4)
