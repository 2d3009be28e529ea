"""What gate 3 and the running experiment show: from the same stored look, figure by figure, with the company it is judged in."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from runtime.db.tables import journal, snapshots
from runtime.gates import outlook
from tests.story import START

if TYPE_CHECKING:
    from tests.service.loop.conftest import Lab

DAY = timedelta(days=1)
PRIMARY = "checkout_completed"


async def days(lab: "Lab", *rates: float) -> dict[str, Any]:
    """A day after another, with this much of the treatment and 32 % of control converting, each looked at."""
    for day, rate in enumerate(rates):
        lab.diary.write(PRIMARY, day, (2000, 640), (2000, round(2000 * rate)))
        lab.diary.write("slow_share", day, (2000, 40), (2000, 40))
        await lab.look()
    return dict(await lab.experiment())


async def text_of(lab: "Lab") -> tuple[dict[str, Any], str]:
    gate = await lab.gate("analysis_review")
    async with lab.runtime.transaction(lab.org_id) as tx:
        frozen = await tx.value(select(snapshots.c.data).where(snapshots.c.id == gate["snapshot_id"]))
    sections = {section["title"]: section["text"] for section in gate["context_package"]["sections"]}
    assert dict(gate["context_package"]["facts"])["Predicted"].count("observed")
    return frozen, sections["What the data say"]


async def test_a_running_experiment_carries_what_lies_ahead_of_it(lab: "Lab") -> None:
    await lab.launched()
    ahead = (await days(lab, 0.325, 0.325))["current_result"]["outlook"]
    assert 0.0 < ahead["chance"] < 1.0
    assert (ahead["hold"], ahead["early"]) == (None, None)
    assert (ahead["waiting"]["units_per_day"], ahead["waiting"]["without"]) == (4000.0, 2000.0)


async def test_a_success_on_hold_says_what_it_waits_for_and_then_asks(lab: "Lab") -> None:
    await lab.launched()
    result = (await days(lab, 0.36, 0.36))["current_result"]
    assert result["status"] == "success"
    assert "Why not ship yet" in dict(outlook.lines(result, "share"))
    row = await days(lab, *[0.36] * 9)
    assert row["status"] == "awaiting_analysis_gate"
    frozen, said = await text_of(lab)
    assert frozen["result"]["outlook"] == row["current_result"]["outlook"]
    assert said.startswith("Verdict: success: better than control")
    assert "Expect after a ship: +" in said
    assert "Cost of waiting: about " in said
    assert (frozen["portfolio"], "Portfolio:" in said) == (None, False)
    async with lab.runtime.transaction(lab.org_id) as tx:
        told = await tx.first(select(journal).where(journal.c.payload["outlook"].is_not(None)))
    assert told is not None
    assert told["payload"]["outlook"] == frozen["result"]["outlook"]


async def test_among_several_experiments_a_call_is_held_against_the_others_e_values(lab: "Lab") -> None:
    await lab.launched()
    twins = [await lab.twin(f"twin-{number}") for number in range(2)]
    async with lab.runtime.transaction(lab.org_id) as tx:
        await tx.run(text("update experiments set launched_at = now() where data_from is not null"))
        await tx.run(text("update experiments set status = 'killed' where id = :one"), {"one": twins[0]})
    await days(lab, *[0.38] * 9)
    frozen, said = await text_of(lab)
    company = frozen["portfolio"]
    assert (company["rule"], company["experiments"], company["survives"]) == ("e-BH", 3, True)
    assert company["log_e"] == frozen["result"]["look"]["log_e"]
    assert "Portfolio: a difference from control holds among the 3 experiments" in said


async def test_a_source_that_is_corrected_late_is_read_again_further_back(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.reread = timedelta(days=4)
    lab.diary.days(9)
    await lab.look()
    lab.diary.days(1, start=9)
    await lab.look()
    assert lab.diary.starts(PRIMARY) == [START, START + 5 * DAY]
