"""The loop itself, on a real database: from a file to a learning, with a person at every gate."""

import pytest
from sqlalchemy import select, text

from runtime.db.tables import journal
from runtime.errors import EvidenceChanged, GateAlreadyDecided, NotAllowed, NotYourGate, ReasonNeeded
from runtime.gates.service import Decision, decide
from runtime.identity.people import SYSTEM, agent
from runtime.learnings.service import search
from runtime.outcomes import rows
from runtime.outcomes.connections import flags
from tests.story import FILE, Story


async def days(story: Story, lift: float, count: int = 14) -> None:
    """Feed days of traffic, measuring after each, until the experiment leaves measurement."""
    for day in range(1, count + 1):
        await story.tell("checkout_completed", day, (2000, 640), (2000, round(2000 * (0.32 + lift))))
        await story.tell("slow_share", day, (2000, 40), (2000, 40))
        await story.measure()
        if (await story.experiment())["status"] not in {"running", "measuring"}:
            return


async def test_a_change_that_works_is_shipped_and_its_learning_is_found(story: Story) -> None:
    row = await story.launched()
    service = await flags(story.runtime, story.org_id)
    assert (row["status"], row["rollout_percent"]) == ("running", 50)
    assert (await service.read_flag(row["feature_flag_key"])).percentage == 50

    await days(story, lift=0.03)
    row = await story.experiment()
    assert row["status"] == "awaiting_analysis_gate"
    assert row["current_result"]["advice"] == "ship"

    gate = await story.decide("analysis_review", "ship", "ana@example.com")
    await story.work()
    row = await story.experiment()
    assert (gate["status"], row["status"], row["final_result"]["conclusion"]) == ("approved", "shipped", "shipped")
    flag = await service.read_flag(row["feature_flag_key"])
    assert (flag.enabled, flag.percentage) == (True, 100)
    found = await search(story.runtime, story.org_id, "what helps people finish paying?")
    assert row["id"] in [item.experiment_id for item in found]


async def test_a_violated_constraint_kills_without_asking_anybody(story: Story) -> None:
    row = await story.launched()
    await story.tell("checkout_completed", 1, (2000, 640), (2000, 640))
    await story.tell("slow_share", 1, (2000, 40), (2000, 400))
    await story.measure()
    await story.work()
    row = await story.experiment()
    assert row["status"] == "killed"
    assert "slow_share" in row["final_result"]["violated"]
    flag = await (await flags(story.runtime, story.org_id)).read_flag(row["feature_flag_key"])
    assert not flag.enabled


async def test_without_an_effect_the_horizon_ends_it_and_a_person_says_what_next(story: Story) -> None:
    await story.launched()
    await days(story, lift=0.0, count=16)
    row = await story.experiment()
    assert (row["status"], row["current_result"]["advice"]) == ("awaiting_analysis_gate", "iterate")
    await story.decide("analysis_review", "iterate", "ana@example.com")
    await story.work()
    gate = await story.gate("portfolio_review")
    assert str(row["id"]) not in gate["context_package"]["experiment_ids"]
    assert gate["context_package"]["learnings"], "the next portfolio was proposed without what was learned"


async def test_a_gate_takes_exactly_one_decision(story: Story) -> None:
    await story.proposed()
    gate = await story.gate("portfolio_review")
    await story.decide("portfolio_review", "approve", "ana@example.com")
    with pytest.raises(GateAlreadyDecided, match=r"ana@example\.com approved this gate already"):
        await decide(
            story.runtime,
            story.org_id,
            gate["id"],
            Decision("reject", note="no"),
            by=await story.person("ana@example.com"),
            now=story.now,
        )


async def test_only_people_who_were_asked_may_decide_and_agents_never(story: Story) -> None:
    await story.proposed()
    gate = await story.gate("portfolio_review")
    yes = Decision("approve")
    for by in (agent("builder", "mcp"), SYSTEM):
        with pytest.raises(NotAllowed, match="answered by people"):
            await decide(story.runtime, story.org_id, gate["id"], yes, by=by, now=story.now)
    with pytest.raises(NotYourGate, match=r"ana@example\.com"):
        await decide(
            story.runtime, story.org_id, gate["id"], yes, by=await story.person("ben@example.com"), now=story.now
        )
    with pytest.raises(NotYourGate, match="give a reason"):
        await decide(
            story.runtime, story.org_id, gate["id"], yes, by=await story.person("arun@example.com"), now=story.now
        )
    owner = await story.person("arun@example.com")
    decided = await decide(
        story.runtime, story.org_id, gate["id"], Decision("approve", note="Ana is travelling"), by=owner, now=story.now
    )
    assert decided["status"] == "approved"
    async with story.runtime.transaction(story.org_id) as tx:
        entry = await tx.first(select(journal).where(journal.c.event == "gate.decided"))
        assert entry["payload"]["as"] == "override"
        assert await tx.value(text("select journal_broken_at()")) is None


async def test_a_rejection_says_why(story: Story) -> None:
    await story.proposed()
    with pytest.raises(ReasonNeeded):
        await story.decide("portfolio_review", "reject", "ana@example.com")
    await story.decide("portfolio_review", "reject", "ana@example.com", note="wrong quarter")
    assert {row["status"] for row in await story.experiments()} == {"killed"}


async def test_a_build_that_changed_after_it_was_shown_is_shown_again_instead_of_launched(story: Story) -> None:
    await story.proposed()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    shown = await story.gate("launch_approval")
    await story.built(agent_notes="one more thing")
    with pytest.raises(EvidenceChanged):
        await decide(
            story.runtime, story.org_id, shown["id"], Decision("approve", evidence=shown["evidence_hash"][:16]),
            by=await story.person("ben@example.com"), now=story.now,
        )  # fmt: skip
    assert "one more thing" in str((await story.gate("launch_approval"))["context_package"])
    await story.decide("launch_approval", "approve", "ben@example.com")
    assert any(row["status"] == "running" for row in await story.experiments())


async def test_a_running_outcomes_target_changes_only_through_a_gate(story: Story) -> None:
    await story.proposed()
    applied = await story.apply(FILE.replace("to: 0.45", "to: 0.40"))
    assert applied.gated == ("checkout",)
    async with story.runtime.transaction(story.org_id) as tx:
        assert (await rows.by_slug(tx, "checkout"))["target"]["to"] == 0.45
    await story.decide("change_review", "approve", "ana@example.com")
    async with story.runtime.transaction(story.org_id) as tx:
        assert (await rows.by_slug(tx, "checkout"))["target"]["to"] == 0.40
    again = await story.apply(FILE.replace("to: 0.45", "to: 0.40"))
    assert (again.changed, again.gated) == ((), ())
