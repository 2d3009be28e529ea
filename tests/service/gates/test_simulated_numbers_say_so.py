"""Numbers of a source marked `simulated` are called so at every gate and on every chart; all others are not."""

from typing import Any

import pytest
from sqlalchemy import select

from bot.pictures import picture
from bot.slack.blocks import gate_message
from bot.slack.view import gate_view
from charts import alt_text
from runtime.db.tables import human_gates
from runtime.outcomes.service import applied_file
from runtime.spec.export import dump
from runtime.spec.load import load
from tests.story import FILE, Story

DOOR = "{name: door, type: webhook, config: {clock: data}}"
MARKED = FILE.replace(DOOR, DOOR.replace("type: webhook", "type: webhook, simulated: true"))
ONLY_THE_LIMIT = FILE.replace("max: 0.05, source: door", "max: 0.05, source: speed").replace(
    f"  - {DOOR}", f"  - {DOOR}\n  - {{name: speed, type: webhook, simulated: true}}"
)


async def concluded(story: Story, file: str) -> None:
    """Through gates 1 to 3, with a build that was reported a second time."""
    await story.apply(file)
    await story.work()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    await story.built(agent_notes="Looked at again")
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await story.decide("launch_approval", "approve", "ben@example.com")
    await story.work()
    for day in range(1, 15):
        await story.tell("checkout_completed", day, (2000, 640), (2000, 720))
        await story.tell("slow_share", day, (2000, 40), (2000, 40))
        await story.measure()
        if (await story.experiment())["status"] not in {"running", "measuring"}:
            return


async def gates(story: Story) -> dict[str, Any]:
    async with story.runtime.transaction(story.org_id) as tx:
        rows = await tx.all(select(human_gates).order_by(human_gates.c.created_at))
    return {row["gate_type"]: row for row in rows}


def shown(gate: Any) -> str:
    return str(gate_message(gate_view(gate, {}, None)))


@pytest.mark.parametrize("file", [MARKED, ONLY_THE_LIMIT], ids=["the signal", "a constraint only"])
async def test_every_gate_and_every_chart_of_simulated_numbers_says_so(story: Story, file: str) -> None:
    await concluded(story, file)

    found = await gates(story)
    live = (await story.experiment())["current_result"].get("chart")

    assert {"portfolio_review", "launch_approval", "analysis_review"} <= found.keys()
    for gate in found.values():
        assert shown(gate).count("simulated data") == 1, gate["gate_type"]
        chart = gate["context_package"]["chart"]
        assert picture(chart).provenance.simulated, gate["gate_type"]
        assert "SIMULATED DATA" in alt_text(picture(chart)), gate["gate_type"]
    assert live is None or live["provenance"]["simulated"]


async def test_numbers_of_other_sources_are_not_called_simulated(story: Story) -> None:
    await concluded(story, FILE)

    for gate in (await gates(story)).values():
        assert "imulated" not in shown(gate)
        assert not picture(gate["context_package"]["chart"]).provenance.simulated


async def test_the_mark_survives_apply_and_export(story: Story) -> None:
    await story.apply(MARKED)
    async with story.runtime.transaction(story.org_id) as tx:
        file = await applied_file(tx)

    assert file is not None
    assert "simulated: true" in dump(file)
    assert load(dump(file)) == load(MARKED)


async def test_a_paused_experiment_of_simulated_numbers_says_so_too(story: Story) -> None:
    await story.apply(MARKED)
    await story.work()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await story.decide("launch_approval", "approve", "ben@example.com")
    await story.work()
    await story.tell("checkout_completed", 1, (2000, 640), (2000, 640))
    await story.tell("slow_share", 1, (200, 4), (200, 23))
    await story.measure()
    await story.work()

    paused = (await gates(story)).get("resume_review")

    assert paused is not None, (await story.experiment())["current_result"]["guardrails"]
    assert shown(paused).count("simulated data") == 1


async def test_a_limit_whose_signal_has_not_spoken_is_neither_kept_nor_broken(story: Story) -> None:
    await story.launched()
    await story.tell("checkout_completed", 1, (2000, 640), (2000, 640))
    await story.measure()

    row = await story.experiment()
    (limit,) = row["current_result"]["guardrails"]

    assert row["status"] in {"running", "measuring"}
    assert (limit["state"], limit["value"], limit["safe"]) == ("no_data", None, False)
