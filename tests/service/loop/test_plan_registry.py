"""What an experiment is measured by is written down at launch; only a person's decision adds a version, and none is edited."""

from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from runtime.db.tables import experiment_phases, journal
from runtime.digest import digest
from runtime.errors import EvidenceChanged
from runtime.experiments import registration
from runtime.gates.service import Decision, decide
from tests.story import FILE, Story


async def versions(story: Story) -> list[dict]:
    row = await story.experiment()
    async with story.runtime.transaction(story.org_id) as tx:
        return [dict(item) for item in await registration.history(tx, row["id"])]


async def phases(story: Story) -> list[dict]:
    async with story.runtime.transaction(story.org_id) as tx:
        return [dict(row) for row in await tx.all(select(experiment_phases).order_by(experiment_phases.c.position))]


async def a_day(story: Story, day: int, *, control: int = 640, treatment: int = 640, slow: int = 40) -> None:
    await story.tell("checkout_completed", day, (2000, control), (2000, treatment))
    await story.tell("slow_share", day, (2000, 40), (2000, slow))
    await story.measure()


async def test_launching_registers_the_plan_that_the_gate_showed(story: Story) -> None:
    await story.proposed()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    gate = await story.gate("launch_approval")
    shown = dict(gate["context_package"]["facts"])["Plan"]
    words = next(item["text"] for item in gate["context_package"]["sections"] if "registers" in item["title"])
    for fact in ("checkout_completed from door", "day 14", "slow_share at most 5 %", "50 % see the change"):
        assert fact in words
    await story.decide("launch_approval", "approve", "ben@example.com")

    (first,) = await versions(story)
    assert (first["version"], first["reason"], first["gate_id"]) == (1, "launch", gate["id"])
    assert first["digest"] == digest(first["document"])
    assert first["digest"].startswith(shown)
    async with story.runtime.transaction(story.org_id) as tx:
        events = await tx.all(select(journal).where(journal.c.event == "plan.registered"))
    assert [event["payload"]["digest"] for event in events] == [first["digest"]]


async def test_a_registered_version_can_be_neither_changed_nor_deleted(story: Story) -> None:
    await story.launched()
    for statement in ("update plan_registrations set reason = 'x'", "delete from plan_registrations"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with story.runtime.transaction(story.org_id) as tx:
                await tx.run(text(statement))
    assert len(await versions(story)) == 1


async def test_another_organisation_sees_no_registrations(story: Story) -> None:
    await story.launched()
    async with story.runtime.transaction(uuid4()) as tx:
        assert await tx.all(text("select * from plan_registrations")) == []


async def test_a_limit_changed_while_it_runs_is_judged_by_the_data_after_it(story: Story) -> None:
    await story.launched()
    for day in (1, 2, 3):
        await a_day(story, day, slow=80)
    applied = await story.apply(FILE.replace("max: 0.05", "max: 0.02"))
    assert applied.gated == ("checkout",)
    gate = await story.gate("change_review")
    said = gate["context_package"]["sections"][1]["text"]
    assert "new phase" in said
    assert (await story.experiment())["title"] in said
    assert len(await versions(story)) == 1

    await story.decide("change_review", "approve", "ana@example.com")
    await story.work()
    second = (await versions(story))[1]
    (limit,) = [item for item in second["document"]["constraints"] if item.get("signal")]
    assert (second["reason"], limit["max"], limit["since_phase"]) == ("constraints changed", 0.02, 1)
    assert [phase["position"] for phase in await phases(story)] == [0, 1]
    assert (await phases(story))[0]["ended_at"] is not None

    await story.measure()
    assert (await story.experiment())["status"] == "measuring", (
        "killed by data that were known when the limit was chosen"
    )
    await a_day(story, 5, slow=120)
    assert (await story.experiment())["status"] == "killed"


async def test_an_unchanged_limit_keeps_all_its_evidence_when_another_one_is_added(story: Story) -> None:
    await story.launched()
    await a_day(story, 1)
    added = "      - {signal: refunds, max: 0.1, source: door, metric: refunds}\n    horizon"
    await story.apply(FILE.replace("    horizon", added, 1))
    await story.decide("change_review", "approve", "ana@example.com")
    await story.work()
    kept, late = [item for item in (await versions(story))[1]["document"]["constraints"] if item.get("signal")]
    assert (kept["signal"], "since_phase" in kept) == ("slow_share", False)
    assert (late["signal"], late["since_phase"]) == ("refunds", 1)


async def test_a_changed_metric_does_not_reach_an_experiment_that_runs(story: Story) -> None:
    await story.launched()
    await a_day(story, 1)
    await story.apply(FILE.replace("metric: checkout_completed", "metric: orders_completed"))
    await story.decide("change_review", "approve", "ana@example.com")
    await story.work()
    await a_day(story, 2, treatment=700)
    row = await story.experiment()
    assert (row["registration"]["metric"]["metric"], row["current_result"]["sample_size"]) == (
        "checkout_completed",
        8000,
    )
    assert len(await versions(story)) == 1
    assert len(await phases(story)) == 1


async def test_a_change_of_the_outcome_renews_a_launch_gate_that_is_open(story: Story) -> None:
    await story.proposed()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    seen = await story.gate("launch_approval")
    await story.apply(FILE.replace("max: 0.05", "max: 0.04"))
    await story.decide("change_review", "approve", "ana@example.com")

    old = Decision("approve", evidence=seen["evidence_hash"][:16])
    with pytest.raises(EvidenceChanged):
        await decide(
            story.runtime, story.org_id, seen["id"], old, by=await story.person("ben@example.com"), now=story.now
        )
    await story.decide("launch_approval", "approve", "ben@example.com")
    limits = (await versions(story))[0]["document"]["constraints"]
    assert [item["max"] for item in limits if item.get("signal")] == [0.04]


async def test_a_cap_and_a_scale_are_registered_with_the_share_they_gave(story: Story) -> None:
    await story.proposed()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await story.decide("launch_approval", "approve_capped", "ben@example.com", percent=20)
    await story.work()
    (first,) = await versions(story)
    assert first["document"]["allocation"] == {"treatment_percent": 20, "cap_percent": 20}


async def test_guardrails_still_kill_while_people_think_about_the_analysis(story: Story) -> None:
    await story.launched()
    for day in range(1, 15):
        await a_day(story, day, treatment=720)
        if (await story.experiment())["status"] == "awaiting_analysis_gate":
            break
    row = await story.experiment()
    decided_on = row["current_result"]["data_through"]
    assert row["status"] == "awaiting_analysis_gate"

    await a_day(story, 15, treatment=720)
    row = await story.experiment()
    assert (row["status"], row["current_result"]["data_through"]) == ("awaiting_analysis_gate", decided_on)

    await a_day(story, 16, treatment=720, slow=600)
    await story.work()
    row = await story.experiment()
    assert row["status"] == "killed"
    gate = await story.gate("analysis_review", status="timed_out")
    assert "slow_share" in gate["response_note"]
