"""Leaving a gate for later without moving its end, and mending a portfolio before it is approved."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from runtime.db.tables import journal, timers
from runtime.errors import EvidenceChanged, InvalidRequest, NotYourGate
from runtime.gates import portfolio
from runtime.gates.portfolio import Edit, OutOfBounds
from runtime.gates.snooze import snooze
from tests.story import Story


async def armed(story: Story, gate_id: UUID) -> dict[str, object]:
    async with story.runtime.transaction(story.org_id) as tx:
        rows = await tx.all(select(timers).where(timers.c.subject_id == gate_id, timers.c.status == "armed"))
    return {row["kind"]: row["due_at"] for row in rows}


async def proposed(story: Story):
    await story.proposed()
    return await story.gate("portfolio_review")


async def test_a_snooze_silences_reminders_until_then_and_never_moves_the_end(story: Story) -> None:
    gate = await proposed(story)
    before, until = await armed(story, gate["id"]), gate["created_at"] + timedelta(hours=20)
    by = await story.person("ana@example.com")
    after = await snooze(story.runtime, story.org_id, gate["id"], until=until, by=by, now=story.now)
    assert (after["due_at"], after["snoozed_until"], after["snoozed_by"]) == (gate["due_at"], until, "ana@example.com")
    now_armed = await armed(story, gate["id"])
    assert now_armed["gate_due"] == before["gate_due"]
    assert [due for kind, due in now_armed.items() if kind.startswith("gate_remind")] == [until]


async def test_a_snooze_stays_within_the_time_of_the_gate_and_belongs_to_who_may_decide(story: Story) -> None:
    gate = await proposed(story)
    by = await story.person("ana@example.com")
    for until in (gate["due_at"], gate["due_at"] + timedelta(days=1), story.now - timedelta(hours=1)):
        with pytest.raises(InvalidRequest, match="Snooze until a moment before"):
            await snooze(story.runtime, story.org_id, gate["id"], until=until, by=by, now=story.now)
    stranger = await story.person("ben@example.com")
    with pytest.raises(NotYourGate):
        await snooze(
            story.runtime, story.org_id, gate["id"], until=story.now + timedelta(hours=1), by=stranger, now=story.now
        )


async def change(story: Story, gate, *edits: Edit, who: str = "ana@example.com"):
    by, seen = await story.person(who), gate["evidence_hash"][:16]
    return await portfolio.edit(story.runtime, story.org_id, gate["id"], edits, seen=seen, by=by, now=story.now)


async def test_an_edit_is_shown_recorded_and_changes_what_the_others_decide_on(story: Story) -> None:
    gate = await proposed(story)
    first, second = (UUID(item) for item in gate["context_package"]["experiment_ids"])
    rows = {row["id"]: row for row in await story.experiments()}
    after = await change(story, gate, Edit(first, 2, "A shorter form"), Edit(second, 1, expected=0.03))
    package = after["context_package"]
    assert package["experiment_ids"] == [str(second), str(first)]
    assert [item["title"] for item in package["experiments"]] == [rows[second]["title"], "A shorter form"]
    [told] = [part["text"] for part in package["sections"] if part["title"] == "Edited before approval"]
    assert "ana@example.com changed the order" in told
    assert f"changed the title of “A shorter form” from “{rows[first]['title']}”" in told
    assert after["evidence_hash"] != gate["evidence_hash"]
    with pytest.raises(EvidenceChanged):
        await change(story, gate, Edit(first, title="Too late"))
    renewed = {row["id"]: row for row in await story.experiments()}
    assert (renewed[first]["title"], renewed[first]["draft"]["title"]) == ("A shorter form", "A shorter form")
    assert renewed[second]["prediction"]["expected_delta"] == 0.03
    low, high = renewed[second]["prediction"]["delta_range"]
    assert low <= 0.03 <= high
    async with story.runtime.transaction(story.org_id) as tx:
        fact = await tx.value(select(journal.c.payload).where(journal.c.event == "portfolio.edited"))
    assert fact["edits"][str(first)]["title"] == [rows[first]["title"], "A shorter form"]
    closed = await story.decide("portfolio_review", "approve", "ana@example.com")
    assert closed["status"] == "approved"


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 161}, "title"),
        ({"hypothesis": "It will surely be better"}, "hypothesis"),
        ({"hypothesis": "If we hurry, then visits rise because people like it"}, "hypothesis"),
        ({"expected": 0.0}, "expected"),
        ({"expected": -0.02}, "expected"),
        ({"expected": 0.9}, "expected"),
    ],
)
async def test_edits_stay_within_bounds_and_the_field_is_named(story: Story, edit: dict, field: str) -> None:
    gate = await proposed(story)
    first = UUID(gate["context_package"]["experiment_ids"][0])
    with pytest.raises(OutOfBounds) as refused:
        await change(story, gate, Edit(first, **edit))
    assert refused.value.field == field
    assert (await story.gate("portfolio_review"))["evidence_hash"] == gate["evidence_hash"]


async def test_an_edit_that_changes_nothing_changes_nothing_and_strangers_edit_nothing(story: Story) -> None:
    gate = await proposed(story)
    first = UUID(gate["context_package"]["experiment_ids"][0])
    row = next(item for item in await story.experiments() if item["id"] == first)
    same = await change(
        story, gate, Edit(first, 1, row["title"], row["hypothesis"], row["prediction"]["expected_delta"])
    )
    assert (same["version"], same["evidence_hash"]) == (gate["version"], gate["evidence_hash"])
    with pytest.raises(NotYourGate):
        await change(story, gate, Edit(first, title="Mine"), who="ben@example.com")
    with pytest.raises(InvalidRequest, match="not part of the portfolio"):
        await change(story, gate, Edit(UUID(int=1), title="Nobody's"))
