"""Where two people must agree, one alone decides nothing, except to refuse; and a person who is alone says so."""

import pytest
from sqlalchemy import select, update

from runtime.db.tables import experiments, human_gates, journal, members
from runtime.errors import EvidenceChanged, GateAlreadyDecided, InvalidRequest, NotYourGate, ReasonNeeded
from runtime.gates.service import Decision, decide
from runtime.gates.terms import Cap
from tests.story import FILE, Story

TWO = FILE.replace("sla: 4h,", "sla: 4h, quorum: 2,")


async def at_launch(story: Story) -> None:
    await story.reach("two decide", lambda: _at_launch(story))


async def _at_launch(story: Story) -> None:
    await story.apply(TWO)
    await story.work()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))


async def events(story: Story, name: str) -> list[dict]:
    async with story.runtime.transaction(story.org_id) as tx:
        return [
            row["payload"]
            for row in await tx.all(select(journal).where(journal.c.event == name).order_by(journal.c.id))
        ]


async def test_the_first_approval_waits_and_launches_nothing(story: Story) -> None:
    await at_launch(story)
    gate = await story.decide("launch_approval", "approve", "ben@example.com", note="looks right")
    assert (gate["status"], gate["choice"], gate["quorum"]) == ("pending", None, 2)
    assert (gate["first_answer"]["by"], gate["first_answer"]["choice"]) == ("ben@example.com", "approve")
    assert gate["options"][0]["label"] == "Confirm: Approve launch"
    assert (await story.experiment())["status"] == "awaiting_launch_gate"
    with pytest.raises(InvalidRequest, match="one more person must confirm"):
        await story.decide("launch_approval", "approve", "ben@example.com")
    with pytest.raises(InvalidRequest, match="one more person must confirm"):
        await story.decide("launch_approval", "confirm", "ben@example.com")


@pytest.mark.parametrize("choice", ["approve", "confirm"])
async def test_a_second_different_person_confirms_and_one_decision_stands(story: Story, choice: str) -> None:
    await at_launch(story)
    await story.decide("launch_approval", "approve", "ben@example.com", terms=(Cap(percent=20),))
    same = {"terms": (Cap(percent=20),)} if choice == "approve" else {}
    gate = await story.decide("launch_approval", choice, "ana@example.com", **same)
    assert (gate["status"], gate["choice"], gate["decided_by"]) == (
        "approved_with_conditions",
        "approve",
        "ana@example.com",
    )
    fact = (await events(story, "gate.decided"))[-1]
    assert (fact["first"], fact["choice"], fact["as"]) == ("ben@example.com", "approve", "second")
    assert (await story.experiment())["rollout_cap"] == 20
    by = await story.person("ben@example.com")
    with pytest.raises(GateAlreadyDecided):
        await decide(story.runtime, story.org_id, gate["id"], Decision("approve"), by=by, now=story.now)


async def test_a_rejection_wins_at_once(story: Story) -> None:
    await at_launch(story)
    await story.decide("launch_approval", "approve", "ben@example.com")
    gate = await story.decide("launch_approval", "reject", "ana@example.com", note="the copy misleads")
    assert (gate["status"], gate["decided_by"]) == ("rejected", "ana@example.com")


async def test_another_approval_starts_anew_and_decides_nothing(story: Story) -> None:
    await at_launch(story)
    await story.decide("launch_approval", "approve", "ben@example.com")
    gate = await story.decide("launch_approval", "approve", "ana@example.com", terms=(Cap(percent=5),))
    assert (gate["status"], gate["first_answer"]["by"]) == ("pending", "ana@example.com")
    assert [option["id"] for option in gate["options"]].count("confirm") == 1
    closed = await story.decide("launch_approval", "confirm", "ben@example.com")
    assert closed["conditions"] == ["at most 5 % of users"]


async def test_nobody_outside_the_chain_confirms_and_an_owner_only_with_a_reason(story: Story) -> None:
    await at_launch(story)
    with pytest.raises(NotYourGate):
        await story.decide("launch_approval", "approve", "ana@example.com")
    await story.decide("launch_approval", "approve", "ben@example.com")
    with pytest.raises(NotYourGate, match="if you give a reason"):
        await story.decide("launch_approval", "confirm", "arun@example.com")
    gate = await story.decide("launch_approval", "confirm", "arun@example.com", note="Ana is on a plane")
    assert gate["status"] == "approved"


async def test_a_first_answer_on_evidence_that_changed_counts_for_nothing(story: Story) -> None:
    await at_launch(story)
    gate = await story.decide("launch_approval", "approve", "ben@example.com")
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(
            update(experiments)
            .where(experiments.c.id == gate["experiment_id"])
            .values(rollout_plan={"initial_pct": 30})
        )
    with pytest.raises(EvidenceChanged):
        await story.decide("launch_approval", "approve", "arun@example.com", note="for Ana")
    with pytest.raises(InvalidRequest, match="Nothing waits to be confirmed"):
        await story.decide("launch_approval", "confirm", "arun@example.com", note="for Ana")
    again = await story.decide("launch_approval", "approve", "arun@example.com", note="for Ana")
    assert (again["status"], again["first_answer"]["by"]) == ("pending", "arun@example.com")


async def test_who_is_alone_says_why_one_pair_of_eyes_must_do_and_it_is_recorded(story: Story) -> None:
    await at_launch(story)
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(update(members).where(members.c.email != "arun@example.com").values(role="viewer"))
        await tx.run(update(human_gates).values(assigned_to="arun@example.com", escalation_chain=[]))
    with pytest.raises(ReasonNeeded, match="you are the only one who may decide"):
        await story.decide("launch_approval", "approve", "arun@example.com")
    gate = await story.decide("launch_approval", "approve", "arun@example.com", note="I work alone here")
    assert gate["status"] == "approved"
    assert (gate["first_answer"]["waived"], gate["first_answer"]["why"]) == (True, "I work alone here")
    assert await events(story, "gate.four_eyes_waived") == [{"choice": "approve", "why": "I work alone here"}]


async def test_without_a_quorum_one_person_decides_as_ever(story: Story) -> None:
    await story.proposed()
    gate = await story.decide("portfolio_review", "approve", "ana@example.com")
    assert (gate["status"], gate["quorum"], gate["first_answer"]) == ("approved", 1, None)
