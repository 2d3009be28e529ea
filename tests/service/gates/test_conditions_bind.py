"""Conditions bind: what was promised at a gate holds on every path to the flag, until a person ends it and says why."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from runtime.db.tables import experiments, journal, outcomes, plan_registrations, timers
from runtime.digest import digest
from runtime.errors import InvalidRequest, ReasonNeeded
from runtime.experiments import control, rollout, service
from runtime.gates import briefing, evidence, opening
from runtime.gates.choices import offered
from runtime.gates.terms import Cap, Deadline, Limit, Note, Segment
from runtime.identity.people import SYSTEM
from runtime.outcomes.connections import flags
from tests.story import FILE, Story
from workers import timers as worker

SOON = datetime.now(UTC).date() + timedelta(days=3)


async def at_launch(story: Story, file: str = FILE, **approval) -> None:
    await (_at_launch(story, file, **approval) if approval or file != FILE else story.at_launch())


async def _at_launch(story: Story, file: str, **approval) -> None:
    await story.apply(file)
    await story.work()
    first = UUID((await story.gate("portfolio_review"))["context_package"]["experiment_ids"][0])
    await story.decide("portfolio_review", "approve", "ana@example.com", selection=(first,), **approval)
    await story.work()
    await story.built()
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))


async def launched(story: Story, *terms) -> None:
    await at_launch(story)
    await story.decide("launch_approval", "approve", "ben@example.com", terms=terms)
    await story.work()


async def at_scale_gate(story: Story) -> None:
    """A gate about the result is open, whatever the data say."""
    row = await story.experiment()
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(update(experiments).where(experiments.c.id == row["id"]).values(status="awaiting_scale_gate"))
    row = await story.experiment()
    async with story.runtime.transaction(story.org_id) as tx:
        outcome = await service.outcome_of(tx, row)
        package = {**briefing.resume(row, outcome, "x").package, "headline": "Scale?"}
        snapshot = {"result": {"status": "ok"}}
        frozen = await briefing.freeze(
            tx, "analysis", snapshot, outcome_id=outcome["id"], experiment_id=row["id"], data_through=story.now
        )
        ask = opening.Ask(
            "scale_approval",
            "Scale?",
            package,
            evidence.of_analysis(row, digest(snapshot)),
            offered("scale_approval"),
            row["id"],
            frozen,
        )
        await opening.open_gate(tx, outcome, ask, default_channel="#x", now=story.now, by=SYSTEM)


async def shown(story: Story) -> int:
    row = await story.experiment()
    held = await flags(story.runtime, story.org_id)
    state = await held.read_flag(row["feature_flag_key"])
    await held.close()
    return state.percentage if state and state.enabled else 0


async def facts(story: Story, event: str) -> list[dict]:
    async with story.runtime.transaction(story.org_id) as tx:
        return [row["payload"] for row in await tx.all(select(journal).where(journal.c.event == event))]


async def test_a_capped_launch_shows_the_change_to_no_more_and_says_so(story: Story) -> None:
    await launched(story, Cap(percent=20), Note(text="tell support first"))
    gate = await story.gate("launch_approval", status="approved_with_conditions")
    assert gate["conditions"] == ["at most 20 % of users", "tell support first"]
    assert [item["kind"] for item in gate["terms"]] == ["cap", "note"]
    row = await story.experiment()
    assert [(item["kind"], item["by"]) for item in row["terms"]] == [
        ("cap", "ben@example.com"),
        ("note", "ben@example.com"),
    ]
    assert (row["rollout_cap"], row["rollout_percent"], await shown(story)) == (20, 20, 20)
    assert row["registration"]["allocation"] == {"treatment_percent": 20, "cap_percent": 20}


async def test_whatever_the_row_says_the_flag_stays_within_the_cap(story: Story) -> None:
    await launched(story, Cap(percent=20))
    row = await story.experiment()
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(
            update(experiments).where(experiments.c.id == row["id"]).values(rollout_percent=90, rollout_cap=None)
        )
    await rollout.apply(story.runtime, story.org_id, row["id"])
    assert await shown(story) == 20


@pytest.mark.parametrize(("choice", "percent"), [("scale", 60), ("ship", None)])
async def test_going_beyond_a_cap_is_refused_with_the_condition_and_its_author(story: Story, choice: str, percent: int | None) -> None:  # fmt: skip
    await launched(story, Cap(percent=20))
    await at_scale_gate(story)
    with pytest.raises(InvalidRequest, match=r"at most 20 % of users \(set by ben@example.com on 20"):
        await story.decide("scale_approval", choice, "ben@example.com", percent=percent)
    assert (await story.gate("scale_approval"))["status"] == "pending"
    with pytest.raises(ReasonNeeded, match="Lifting a cap needs a reason"):
        await story.decide("scale_approval", choice, "ben@example.com", percent=percent, lift=True)
    await story.decide("scale_approval", choice, "ben@example.com", percent=percent, lift=True, note="support is ready")
    await story.work()
    assert await shown(story) == (percent or 100)
    [lifted] = await facts(story, "terms.cap_lifted")
    assert (lifted["why"], "ben@example.com" in lifted["was"]) == ("support is ready", True)


async def test_conditions_of_the_portfolio_are_carried_to_launch(story: Story) -> None:
    await at_launch(story, terms=(Cap(percent=10), Limit(signal="slow_share", max=0.01)))
    gate = await story.gate("launch_approval")
    assert "at most 10 %" in str(gate["context_package"]["sections"])
    await story.decide("launch_approval", "approve", "ben@example.com")
    await story.work()
    row = await story.experiment()
    assert (row["rollout_percent"], await shown(story)) == (10, 10)
    assert [item["max"] for item in row["registration"]["constraints"] if item.get("signal")] == [0.01]


async def test_an_extra_constraint_set_later_is_a_new_version_judged_from_there_on(story: Story) -> None:
    await launched(story)
    await at_scale_gate(story)
    await story.decide(
        "scale_approval", "scale", "ben@example.com", percent=60, terms=(Limit(signal="slow_share", max=0.02),)
    )
    async with story.runtime.transaction(story.org_id) as tx:
        rows = await tx.all(select(plan_registrations).order_by(plan_registrations.c.version))
    limit = next(item for item in rows[-1]["document"]["constraints"] if item.get("signal") == "slow_share")
    assert (rows[-1]["version"], limit["max"], limit["since_phase"]) == (2, 0.02, 1)


async def test_a_signal_nobody_reads_is_refused_with_those_that_are_known(story: Story) -> None:
    await at_launch(story)
    with pytest.raises(
        InvalidRequest, match=r"No signal 'refunds' is read for this outcome; known are slow_share, checkout_completed"
    ):
        await story.decide("launch_approval", "approve", "ben@example.com", terms=(Limit(signal="refunds", max=0.02),))


async def test_a_segment_the_flag_service_cannot_keep_is_refused_at_the_decision(story: Story) -> None:
    await at_launch(story)
    with pytest.raises(InvalidRequest, match="'memory' cannot show a change to a segment only"):
        await story.decide(
            "launch_approval", "approve", "ben@example.com", terms=(Segment(attributes={"platform": "ios"}),)
        )
    assert (await story.gate("launch_approval"))["status"] == "pending"


async def test_a_deadline_that_passes_turns_the_flag_off_and_asks_a_person(story: Story) -> None:
    await launched(story, Deadline(until=SOON))
    assert await shown(story) == 50
    async with story.runtime.transaction(story.org_id) as tx:
        timer = await tx.first(select(timers).where(timers.c.kind == "terms_deadline"))
    assert timer is not None
    assert timer["due_at"] == datetime.combine(SOON + timedelta(days=1), datetime.min.time(), UTC)
    await worker.fire(story.runtime, story.org_id, timer["id"], timer["kind"])
    assert (await story.experiment())["status"] == "running", "it fired early and let go"
    story.runtime.now = lambda: timer["due_at"] + timedelta(seconds=1)
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(update(timers).where(timers.c.id == timer["id"]).values(status="armed"))
    await worker.fire(story.runtime, story.org_id, timer["id"], timer["kind"])
    await story.work()
    row = await story.experiment()
    assert (row["status"], await shown(story)) == ("paused", 0)
    assert f"until {SOON}, then paused (set by ben@example.com" in row["pause_reason"]
    story.now = story.runtime.now()
    await story.decide(
        "resume_review",
        "resume",
        "ben@example.com",
        note="one more week",
        terms=(Deadline(until=SOON + timedelta(days=9)),),
    )
    await story.work()
    assert await shown(story) == 50


async def test_nothing_is_launched_after_its_own_deadline(story: Story) -> None:
    await at_launch(story, terms=(Deadline(until=SOON),))
    story.now += timedelta(days=9)
    with pytest.raises(InvalidRequest, match="A condition has run out"):
        await story.decide("launch_approval", "approve", "ben@example.com")
    with pytest.raises(InvalidRequest, match="has passed already"):
        await story.decide("launch_approval", "approve", "ben@example.com", terms=(Deadline(until=date(2020, 1, 1)),))
    assert (await story.experiment())["rollout_percent"] == 0


async def test_a_rejection_takes_no_conditions(story: Story) -> None:
    await at_launch(story)
    with pytest.raises(InvalidRequest, match="cannot be given with a cap"):
        await story.decide("launch_approval", "reject", "ben@example.com", note="no", terms=(Cap(percent=5),))


async def test_a_pause_and_a_resumption_keep_the_cap(story: Story) -> None:
    await launched(story, Cap(percent=20))
    row, by = await story.experiment(), await story.person("ben@example.com")
    await control.pause(story.runtime, story.org_id, row["id"], "look first", by=by, now=story.now)
    await story.work()
    await control.resume(story.runtime, story.org_id, row["id"], "looked", by=by, now=story.now)
    await story.work()
    assert await shown(story) == 20


async def test_a_level_that_is_read_meanwhile_is_no_new_evidence(story: Story) -> None:
    await at_launch(story)
    gate = await story.gate("launch_approval")
    async with story.runtime.transaction(story.org_id) as tx:
        outcome = (await tx.all(select(outcomes)))[0]
        read = {**outcome["primary_signal"], "current_value": "0.3271"}
        await tx.run(update(outcomes).values(primary_signal=read))
    async with story.runtime.transaction(story.org_id) as tx:
        assert digest(await evidence.current(tx, gate)) == gate["evidence_hash"]
