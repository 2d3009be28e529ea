"""A decision by letter or page is bound at once, can be taken back for a while, and is carried out exactly once."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from runtime.db.engine import Row
from runtime.db.mail import gate_holds
from runtime.db.tables import experiments, human_gates, journal, members, outbox, timers
from runtime.errors import (
    EvidenceChanged,
    GateAlreadyDecided,
    InvalidRequest,
    NotAllowed,
    NotYourGate,
    OutcomeRuntimeError,
    ReasonNeeded,
)
from runtime.experiments import control
from runtime.gates import holding
from runtime.gates.service import Decision, delegate
from runtime.gates.terms import Cap, Limit
from runtime.identity.people import agent, person
from runtime.local.postgres import LocalPostgres
from tests.at_launch import at_launch
from tests.story import Story
from workers import timers as worker

ANA, BEN, ARUN = "ana@example.com", "ben@example.com", "arun@example.com"


@pytest.fixture(scope="module")
def template(postgres: LocalPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Each test begins with an open launch gate."""
    return at_launch(postgres, template, tmp_path_factory.mktemp("launch"))


async def launch(story: Story) -> Row:
    return await story.gate("launch_approval")


async def hold(story: Story, gate: Row, choice: str, who: str, *, letter_id: UUID | None = None, **more: Any) -> holding.Held:  # fmt: skip
    decision = Decision(choice, evidence=gate["evidence_hash"][:16], **more)
    member = (await story.person(who)).member
    assert member is not None
    by = person(member, "mail")
    return await holding.hold(
        story.runtime, story.org_id, gate["id"], decision, by=by, now=story.now, letter_id=letter_id
    )


async def undo(story: Story, gate: Row, who: str) -> holding.Held:
    return await holding.undo(story.runtime, story.org_id, gate["id"], by=await story.person(who), now=story.now)


async def rows(story: Story, statement: Any) -> list[Row]:
    async with story.runtime.transaction(story.org_id) as tx:
        return list(await tx.all(statement))


async def timer(story: Story) -> int:
    found = await rows(story, select(timers).where(timers.c.kind == holding.TIMER).order_by(timers.c.id.desc()))
    return int(found[0]["id"])


async def over(story: Story) -> None:
    """The undo window ends, and a worker acts on its timer."""
    story.now += timedelta(minutes=3)
    story.runtime.now = lambda: story.now
    await worker.fire(story.runtime, story.org_id, await timer(story), holding.TIMER)


async def again(story: Story, gate: Row) -> Row:
    return (await rows(story, select(human_gates).where(human_gates.c.id == gate["id"])))[0]


async def ended(story: Story) -> list[str]:
    return [row["ended"] for row in await rows(story, select(gate_holds).order_by(gate_holds.c.created_at))]


async def told(story: Story) -> list[tuple[str, str]]:
    """Letters to people, as the outbox has them."""
    found = await rows(story, select(outbox).where(outbox.c.channel == "email").order_by(outbox.c.id))
    return [(row["name"], row["place"]) for row in found]


async def decided(story: Story, gate: Row) -> int:
    statement = select(journal).where(journal.c.event == "gate.decided", journal.c.subject_id == gate["id"])
    return len(await rows(story, statement))


async def outcome_of(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except OutcomeRuntimeError as error:
        return error


async def test_an_approval_waits_for_its_window_and_is_then_decided_by_its_author(story: Story) -> None:
    gate = await launch(story)
    found = await hold(story, gate, "approve", BEN, note="go", terms=(Cap(percent=20),))
    assert (found.member, found.answer, found.at_once) == (BEN, "Approve launch", False)
    assert found.until == story.now + timedelta(seconds=120)
    now = await again(story, gate)
    assert (now["status"], now["version"]) == ("pending", gate["version"] + 1)
    assert (await story.experiment())["status"] == "awaiting_launch_gate"
    await over(story)
    now = await again(story, gate)
    assert (now["status"], now["decided_by"], now["decided_via"]) == ("approved_with_conditions", BEN, "mail")
    assert (now["conditions"], now["response_note"]) == (["at most 20 % of users"], "go")
    assert await ended(story) == ["carried_out"]
    assert await told(story) == [("mail_receipt", BEN)]


async def test_what_stops_harm_takes_effect_at_once_and_so_does_everything_without_a_window(story: Story) -> None:
    gate = await launch(story)
    found = await hold(story, gate, "reject", BEN, note="the copy misleads")
    assert (found.at_once, (await again(story, gate))["status"]) == (True, "rejected")
    assert (await ended(story), await told(story)) == (["carried_out"], [("mail_receipt", BEN)])
    with pytest.raises(GateAlreadyDecided, match="cannot be taken back any more"):
        await undo(story, gate, BEN)


async def test_without_a_window_an_approval_is_decided_at_once(story: Story) -> None:
    gate = await launch(story)
    story.runtime.settings = story.runtime.settings.model_copy(update={"mail_undo_seconds": 0.0})
    assert (await hold(story, gate, "approve", BEN)).at_once
    assert (await again(story, gate))["status"] == "approved"


async def test_sending_back_starts_something_and_so_can_be_taken_back(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "rework", BEN, note="smaller, please")
    await undo(story, gate, BEN)
    await over_nothing(story)
    assert (await again(story, gate))["status"] == "pending"


async def over_nothing(story: Story) -> None:
    """A timer whose answer was taken back does nothing."""
    before = len(await rows(story, select(journal.c.id)))
    await over(story)
    assert len(await rows(story, select(journal.c.id))) == before


async def test_it_is_held_to_exactly_what_a_decision_is_held_to(story: Story) -> None:
    gate = await launch(story)
    with pytest.raises(NotYourGate):
        await hold(story, gate, "approve", ANA)
    with pytest.raises(InvalidRequest, match="not offered"):
        await hold(story, gate, "ship", BEN)
    with pytest.raises(ReasonNeeded):
        await hold(story, gate, "rework", BEN)
    with pytest.raises(InvalidRequest, match="No signal"):
        await hold(story, gate, "approve", BEN, terms=(Limit(signal="nobody_knows", max=1),))
    with pytest.raises(EvidenceChanged):
        await hold(story, {**gate, "evidence_hash": "f" * 64}, "approve", BEN)
    by, answer = agent("builder", "mcp"), Decision("approve", note="me")
    with pytest.raises(NotAllowed):
        await holding.hold(story.runtime, story.org_id, gate["id"], answer, by=by, now=story.now)
    assert await ended(story) == []
    assert (await again(story, gate))["version"] == gate["version"]


async def test_changed_evidence_is_shown_when_it_is_held_and_nothing_is_held(story: Story) -> None:
    gate = await launch(story)
    await change_evidence(story, gate)
    with pytest.raises(EvidenceChanged):
        await hold(story, gate, "approve", BEN)
    assert (await again(story, gate))["evidence_hash"] != gate["evidence_hash"]
    assert await ended(story) == []


async def change_evidence(story: Story, gate: Row) -> None:
    async with story.runtime.transaction(story.org_id) as tx:
        mine = experiments.c.id == gate["experiment_id"]
        await tx.run(update(experiments).where(mine).values(rollout_plan={"initial_pct": 30}))


async def test_evidence_that_changes_while_it_is_held_ends_it_and_its_author_is_told(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    await change_evidence(story, gate)
    await over(story)
    now = await again(story, gate)
    assert (now["status"], now["evidence_hash"] == gate["evidence_hash"]) == ("pending", False)
    assert await ended(story) == ["failed"]
    assert await told(story) == [("mail_receipt", BEN), ("mail_hold_ended", BEN)]


async def test_who_may_no_longer_decide_when_it_is_carried_out_decides_nothing(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(update(members).where(members.c.email == BEN).values(role="viewer"))
    await over(story)
    assert ((await again(story, gate))["status"], await ended(story)) == ("pending", ["failed"])


async def test_a_gate_that_was_closed_meanwhile_stays_closed_and_its_author_is_told(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    by = await story.person(ARUN)
    await control.kill(story.runtime, story.org_id, gate["experiment_id"], reason="guardrail", by=by, now=story.now)
    await over(story)
    assert (await decided(story, gate), await ended(story)) == (0, ["overtaken"])
    assert await told(story) == [("mail_receipt", BEN), ("mail_hold_ended", BEN)]


async def test_while_it_is_held_nobody_else_answers_hands_over_or_takes_it_back(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    said = "ben@example.com answered Approve launch by e-mail at .* it takes effect at .* unless they take it back"
    for choice in ("approve", "reject"):
        with pytest.raises(GateAlreadyDecided, match=said):
            await story.decide("launch_approval", choice, ARUN, note="as owner")
    with pytest.raises(GateAlreadyDecided):
        await hold(story, gate, "approve", BEN)
    by = await story.person(ARUN)
    assert by.member is not None
    with pytest.raises(GateAlreadyDecided):
        await delegate(story.runtime, story.org_id, gate["id"], to=by.member, by=by, now=story.now)
    with pytest.raises(NotYourGate, match="Only ben"):
        await undo(story, gate, ARUN)
    assert await ended(story) == [None]


async def test_its_author_may_refuse_instead_which_wins_at_once(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    story.now += timedelta(seconds=20)
    assert (await hold(story, gate, "reject", BEN, note="wait, no")).at_once
    assert ((await again(story, gate))["status"], await ended(story)) == ("rejected", ["undone", "carried_out"])
    with pytest.raises(GateAlreadyDecided):
        await hold(story, gate, "approve", BEN)


async def test_its_author_may_send_back_instead_which_is_held_in_its_place(story: Story) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    story.now += timedelta(seconds=20)
    await hold(story, gate, "rework", BEN, note="smaller")
    assert await ended(story) == ["undone", None]
    await over(story)
    assert (await again(story, gate))["choice"] == "rework"


async def test_taken_back_the_gate_is_open_for_everybody_and_taking_back_twice_says_the_same(story: Story) -> None:
    gate = await launch(story)
    first = await hold(story, gate, "approve", BEN)
    assert await undo(story, gate, BEN) == first
    assert await undo(story, gate, BEN) == first
    assert await told(story) == [("mail_receipt", BEN), ("mail_undone", BEN)]
    now = await again(story, gate)
    assert (now["status"], now["due_at"], now["clock_version"]) == ("pending", gate["due_at"], gate["clock_version"])
    with pytest.raises(InvalidRequest, match="No answer waits"):
        await undo(story, gate, ARUN)
    await story.decide("launch_approval", "approve", ARUN, note="as owner")
    await over_nothing(story)


async def test_the_same_letter_again_is_recorded_as_it_was(story: Story) -> None:
    gate, letter = await launch(story), uuid4()
    first = await hold(story, gate, "approve", BEN, letter_id=letter)
    assert await hold(story, gate, "approve", BEN, letter_id=letter) == first
    await over(story)
    assert await hold(story, gate, "approve", BEN, letter_id=letter) == first
    assert len(await ended(story)) == 1


async def test_the_first_of_two_pairs_of_eyes_is_held_as_well(story: Story) -> None:
    gate = await launch(story)
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(update(human_gates).values(quorum=2))
    await hold(story, gate, "approve", BEN)
    assert (await again(story, gate))["first_answer"] is None
    await over(story)
    gate = await again(story, gate)
    assert (gate["status"], gate["first_answer"]["by"]) == ("pending", BEN)
    with pytest.raises(InvalidRequest, match="one more person must confirm"):
        await hold(story, gate, "confirm", BEN)
    await hold(story, gate, "confirm", ANA)
    await over(story)
    gate = await again(story, gate)
    assert (gate["status"], gate["decided_by"]) == ("approved", ANA)


async def clock(story: Story, kind: str) -> None:
    found = await rows(story, select(timers).where(timers.c.kind == kind).order_by(timers.c.id.desc()))
    await worker.fire(story.runtime, story.org_id, int(found[0]["id"]), kind)


async def test_an_answer_given_in_time_does_not_run_out_while_it_is_held(story: Story) -> None:
    gate = await launch(story)
    story.now = gate["due_at"] - timedelta(seconds=30)
    await hold(story, gate, "approve", BEN)
    story.now = gate["due_at"]
    story.runtime.now = lambda: story.now
    for kind in ("gate_remind_late", "gate_due"):
        await clock(story, kind)
    now = await again(story, gate)
    assert (now["status"], now["chain_position"], now["reminder_sent_at"]) == ("pending", 0, None)
    await over(story)
    assert (await again(story, gate))["status"] == "approved"


async def test_taken_back_after_its_time_the_clock_goes_on_at_once(story: Story) -> None:
    gate = await launch(story)
    story.now = gate["due_at"] - timedelta(seconds=30)
    await hold(story, gate, "approve", BEN)
    story.now = gate["due_at"]
    story.runtime.now = lambda: story.now
    await clock(story, "gate_due")
    await undo(story, gate, BEN)
    waiting = await rows(story, select(timers).where(timers.c.kind == "gate_due", timers.c.subject_id == gate["id"]))
    assert [(row["status"], row["due_at"]) for row in waiting] == [("armed", story.now)]
    await clock(story, "gate_due")
    assert (await again(story, gate))["chain_position"] == 1


async def test_of_two_at_once_one_is_held(story: Story) -> None:
    gate = await launch(story)
    tries = [hold(story, gate, "approve", BEN, note=str(n)) for n in range(3)]
    found = await asyncio.gather(*(outcome_of(one) for one in tries), outcome_of(hold(story, gate, "approve", ARUN, note="owner")))  # fmt: skip
    assert sum(isinstance(one, holding.Held) for one in found) == 1
    assert sum(isinstance(one, GateAlreadyDecided) for one in found) == 3
    assert await ended(story) == [None]


@pytest.mark.parametrize("first", ["undo", "timer"])
async def test_taking_back_and_carrying_out_race_and_one_wins(story: Story, first: str) -> None:
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    number = await timer(story)
    fires = [worker.fire(story.runtime, story.org_id, number, holding.TIMER) for _ in range(3)]
    back = undo(story, gate, BEN)
    work = [back, *fires] if first == "undo" else [*fires, back]
    found = await asyncio.gather(*(outcome_of(one) for one in work))
    taken_back = any(isinstance(one, holding.Held) for one in found)
    status = (await again(story, gate))["status"]
    assert (status, await ended(story)) == (("pending", ["undone"]) if taken_back else ("approved", ["carried_out"]))
    assert await decided(story, gate) == (0 if taken_back else 1)


async def test_a_worker_that_dies_anywhere_carries_it_out_once(story: Story) -> None:
    """Interrupted after every so many steps of the event loop: what was not committed never was."""
    gate = await launch(story)
    await hold(story, gate, "approve", BEN)
    number = await timer(story)
    for steps in range(1, 60, 3):
        dying = asyncio.create_task(worker.fire(story.runtime, story.org_id, number, holding.TIMER))
        for _ in range(steps):
            await asyncio.sleep(0)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    await over(story)
    await worker.fire(story.runtime, story.org_id, number, holding.TIMER)
    assert (await decided(story, gate), await ended(story)) == (1, ["carried_out"])
