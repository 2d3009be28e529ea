"""A silent signal pauses and asks; a reached target is said only when it is past beyond chance."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from runtime.db.tables import experiment_phases, journal, outcomes, signal_measurements, workspaces
from runtime.errors import InvalidRequest, NotAllowed
from runtime.experiments import control
from runtime.identity.people import agent
from runtime.integrations.contracts import Level
from runtime.measurement.progress import achieved
from runtime.outcomes.service import abandon
from tests.story import FILE, START, Story
from workers import timers as worker

SIGNAL = {"method": "funnel", "metric": "m"}
TARGET = {"direction": "increase", "from": 0.32, "to": 0.45, "confidence_required": 0.95}


async def unplug(story: Story) -> None:
    """The source answers no more: its connector's configuration became unusable."""
    async with story.runtime.transaction(story.org_id) as tx:
        file = await tx.value(select(workspaces.c.outcome_file))
        broken = [
            {
                "name": "door",
                "type": "postgres",
                "config": {
                    "dsn": "postgresql://nobody@127.0.0.1:1/none",
                    "queries": {"checkout_completed": "select 1"},
                },
            }
        ]
        await tx.run(update(workspaces).values(outcome_file=dict(file) | {"signal_connectors": broken}))


async def test_a_signal_that_fails_is_tried_again_and_after_its_silence_pauses_the_experiment_and_asks(
    story: Story,
) -> None:
    await story.launched()
    await unplug(story)
    await story.measure()
    row = await story.experiment()
    assert (row["status"], "silent_since" in row["memory"]) == ("running", True)
    story.runtime.now = lambda: datetime.now(UTC) + timedelta(hours=25)
    await story.measure()
    row = await story.experiment()
    assert (row["status"], row["paused_from"]) == ("paused", "running")
    gate = await story.gate("resume_review")
    assert "cannot be read" in str(gate["context_package"]["facts"])


async def test_a_paused_experiment_is_off_until_a_person_resumes_it(story: Story) -> None:
    row = await story.launched()
    by = await story.person("ana@example.com")
    await story.tell("checkout_completed", 1, (100, 31), (100, 33))
    await control.pause(story.runtime, story.org_id, row["id"], "odd numbers", by=by, now=story.now)
    await story.work()
    with pytest.raises(NotAllowed):
        await control.resume(story.runtime, story.org_id, row["id"], "go", by=agent("builder", "mcp"), now=story.now)
    await story.decide("resume_review", "resume", "ben@example.com", note="looked at it")
    await story.work()
    assert (await story.experiment())["status"] == "running"
    async with story.runtime.transaction(story.org_id) as tx:
        before, after = await tx.all(select(experiment_phases).order_by(experiment_phases.c.position))
    assert before["started_at"] < before["ended_at"] == START + timedelta(days=2), "as far as the data go"
    assert before["ended_at"] < after["started_at"], (
        "by the gap the looks know what was resumed, though data time stood still"
    )
    killed = await control.kill(story.runtime, story.org_id, row["id"], "enough", by=by, now=story.now)
    assert killed["final_result"]["conclusion"] == "killed"


async def fire_level(story: Story) -> None:
    async with story.runtime.engine.begin() as conn:
        due = (
            await conn.execute(text("select * from claim_timers(now() + interval '1 day', interval '0', 100)"))
        ).all()
    for timer in due:
        if timer.kind == "outcome_level":
            await worker.fire(story.runtime, timer.org_id, timer.id, timer.kind)


async def say_level(story: Story, n: int, hits: int) -> None:
    """A point about everybody: no experiment, no variant."""
    statement = text(
        "insert into ingested_points (org_id, experiment_key, signal_name, variant, kind, window_from, window_to, n, total, total_sq) "
        "values (:org, '', 'checkout_completed', '', 'delta', :start, :end, :n, :hits, :hits)"
    )
    async with story.runtime.transaction(story.org_id) as tx:
        values = {
            "org": story.org_id,
            "start": START,
            "end": START + timedelta(hours=23),
            "n": n,
            "hits": Decimal(hits),
        }
        await tx.run(statement, values)


async def test_the_level_is_written_down_and_a_target_that_is_passed_is_said(story: Story) -> None:
    await story.apply()
    await say_level(story, 10_000, 5_200)
    await fire_level(story)
    async with story.runtime.transaction(story.org_id) as tx:
        levels = await tx.all(select(signal_measurements.c.value).where(signal_measurements.c.kind == "level"))
        row = await tx.first(select(outcomes))
    assert [float(level["value"]) for level in levels] == [0.52]
    assert row is not None
    assert (row["status"], row["primary_signal"]["current_value"]) == ("achieved", str(levels[0]["value"]))


async def test_a_level_that_cannot_be_read_is_noted_and_nothing_more(story: Story) -> None:
    await story.apply()
    await unplug(story)
    await fire_level(story)
    async with story.runtime.transaction(story.org_id) as tx:
        noted = await tx.first(select(journal.c.event).where(journal.c.event == "level.failed"))
        status = await tx.value(select(outcomes.c.status))
    assert (noted is not None, status) == (True, "active")


async def test_abandoning_ends_everything_that_runs_flags_first(story: Story) -> None:
    row = await story.launched()
    without = FILE.replace("id: checkout", "id: signups")
    with pytest.raises(
        InvalidRequest, match=r"does not name checkout, .* end it first: `/outcome abandon checkout <why>`"
    ):
        await story.apply(without)
    await abandon(
        story.runtime,
        story.org_id,
        "checkout",
        by=await story.person("arun@example.com"),
        now=story.now,
        reason="other plans",
    )
    await story.work()
    async with story.runtime.transaction(story.org_id) as tx:
        assert await tx.value(select(outcomes.c.status)) == "abandoned"
    assert (await story.experiment())["status"] == "killed"
    assert row["status"] == "running"
    assert (await story.apply(without)).created == ("signups",)


@pytest.mark.parametrize(
    ("value", "n", "said"),
    [
        ("0.46", 10_000_000, True),
        ("0.46", 100, False),
        ("0.44", 10_000_000, False),
        ("0.60", None, False),
        ("1", 50, False),
    ],
)
def test_a_target_counts_as_reached_only_beyond_chance(value: str, n: int | None, *, said: bool) -> None:
    assert achieved(SIGNAL, TARGET, Level(Decimal(value), n, START, "door")) is said


def test_falling_is_reaching_where_less_is_better() -> None:
    target = TARGET | {"direction": "decrease", "to": 0.2}
    assert achieved(SIGNAL, target, Level(Decimal("0.18"), 1_000_000, START, "door"))
    assert not achieved({"method": "event"}, target, Level(Decimal("0.18"), 1_000_000, START, "door"))
