"""A look reads a little again and seldom everything; one source's or one experiment's trouble stays its own; kills come first."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text, update

from runtime.db.tables import human_gates, journal, looks, measurement_reads, timers
from runtime.errors import InvalidRequest
from runtime.gates.service import Decision, decide
from runtime.integrations.contracts import VariantSums
from runtime.measurement import store
from runtime.outcomes.connections import flags
from tests.story import START
from workers import timers as worker

if TYPE_CHECKING:
    from conftest import Lab

DAY = timedelta(days=1)
PRIMARY = "checkout_completed"


async def total(lab: "Lab", signal: str = PRIMARY, variant: str = "treatment") -> tuple[int, Decimal]:
    row = await lab.experiment()
    async with lab.runtime.transaction(lab.org_id) as tx:
        found = (await store.sums(tx, [row["id"]]))[row["id"], signal]
    arms = [arms[variant] for arms in found.values() if variant in arms]
    return sum(arm.n for arm in arms), sum((arm.total for arm in arms), Decimal(0))


async def read_of(lab: "Lab", signal: str = PRIMARY):
    async with lab.runtime.transaction(lab.org_id) as tx:
        return await tx.first(select(measurement_reads).where(measurement_reads.c.signal_name == signal))


async def test_a_look_reads_again_only_from_the_stored_bucket_two_days_behind(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.days(9)
    await lab.look()
    lab.diary.days(1, start=9)
    await lab.look()
    assert lab.diary.starts(PRIMARY) == [START, START + 7 * DAY]
    assert (await total(lab))[0] == 10 * 2000


async def test_a_correction_within_that_span_replaces_and_a_bucket_that_is_gone_becomes_zero(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.days(9)
    await lab.look()
    lab.diary.write(PRIMARY, 8, (2000, 640), (1000, 500))
    del lab.diary.pages[PRIMARY, START + 7 * DAY]
    await lab.look()
    assert await total(lab) == (7 * 2000 + 1000, Decimal(7 * 640 + 3 + 500))


async def test_what_is_reported_late_is_read_again_and_counted_once(lab: "Lab") -> None:
    row = await lab.launched()
    lab.diary.days(9)
    await lab.look()
    lab.diary.write(PRIMARY, 1, (2000, 640), (2500, 900))
    await lab.look()
    assert (await total(lab))[0] == 9 * 2000
    async with lab.runtime.transaction(lab.org_id) as tx:
        await store.mark_dirty(tx, row["feature_flag_key"], PRIMARY, START + DAY)
    await lab.look()
    assert (await total(lab))[0] == 9 * 2000 + 500
    assert (await read_of(lab))["dirty_from"] is None
    assert lab.diary.starts(PRIMARY)[-1] == START
    await lab.look()
    assert lab.diary.starts(PRIMARY)[-1] > START


async def test_data_that_come_in_while_a_look_reads_bring_the_next_look_at_once(lab: "Lab") -> None:
    row = await lab.launched()
    lab.diary.days(9)

    async def news() -> None:
        lab.diary.meanwhile = None
        async with lab.runtime.transaction(lab.org_id) as tx:
            await store.mark_dirty(tx, row["feature_flag_key"], PRIMARY, START + DAY)

    await lab.look()
    lab.diary.meanwhile = news
    lab.runtime.settings = lab.runtime.settings.model_copy(update={"measure_every_seconds": 3600})
    await lab.look()
    assert (await read_of(lab))["dirty_from"] == START + DAY
    async with lab.runtime.transaction(lab.org_id) as tx:
        due = await tx.value(
            select(timers.c.due_at).where(timers.c.subject_id == row["id"], timers.c.kind == "measure")
        )
    assert due < datetime.now(UTC) + timedelta(minutes=1)


async def test_sums_that_cannot_be_split_are_read_whole(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.unsplittable = True
    lab.diary.days(9)
    await lab.look()
    lab.diary.days(1, start=9)
    await lab.look()
    assert lab.diary.starts(PRIMARY) == [START, START + 7 * DAY, START]
    assert (await total(lab))[0] == 10 * 2000


async def test_once_a_day_everything_is_read_again(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.days(9)
    await lab.look()
    lab.diary.write(PRIMARY, 0, (2000, 640), (1999, 640))
    later = datetime.now(UTC) + timedelta(hours=23)
    lab.runtime.now = lambda: later
    lab.diary.days(1, start=9)
    await lab.look()
    assert (await total(lab))[0] == 10 * 2000
    lab.runtime.now = lambda: later + timedelta(hours=2)
    await lab.look()
    assert (await total(lab))[0] == 10 * 2000 - 1


async def test_a_source_that_fails_for_one_experiment_leaves_the_others_measured(lab: "Lab") -> None:
    row = await lab.launched()
    await lab.twin("twin")
    lab.diary.days(3)
    lab.diary.broken.add(row["feature_flag_key"])
    await lab.look()
    found = {item["feature_flag_key"]: item for item in await lab.experiments() if item["data_from"]}
    assert found["twin"]["status"] == "measuring"
    assert "silent_since" in found[row["feature_flag_key"]]["memory"]
    async with lab.runtime.transaction(lab.org_id) as tx:
        failed = await tx.all(select(journal.c.subject_id).where(journal.c.event == "signal.failed"))
    assert [item["subject_id"] for item in failed] == [row["id"]]


async def test_what_the_database_refuses_of_one_experiment_does_not_stop_the_batch(lab: "Lab") -> None:
    """Each look asks for the pages of both; only the one with a name the database cannot hold is turned away."""
    row = await lab.launched()
    await lab.twin("twin")
    lab.diary.days(3)
    too_many = VariantSums("treatment", 2**63, Decimal(1), Decimal(1))

    async def poison() -> None:
        asked = lab.diary.asked[-1]
        control, _ = lab.diary.pages[PRIMARY, START]
        arm = (
            too_many
            if asked[0] == row["feature_flag_key"]
            else VariantSums("treatment", 2000, Decimal(640), Decimal(640))
        )
        lab.diary.pages[PRIMARY, START] = (control, arm)

    lab.diary.meanwhile = poison
    await lab.look()
    found = {item["feature_flag_key"]: item for item in await lab.experiments() if item["data_from"]}
    assert found["twin"]["status"] == "measuring"
    assert found[row["feature_flag_key"]]["status"] == "running"
    assert "silent_since" in found[row["feature_flag_key"]]["memory"]


async def test_while_the_primary_signal_is_away_a_violated_constraint_still_kills(lab: "Lab") -> None:
    row = await lab.launched()
    lab.diary.days(2)
    await lab.look()
    lab.diary.broken.add(PRIMARY)
    lab.diary.days(2, start=2, slow=400)
    await lab.look()
    await lab.work()
    assert (await lab.experiment())["status"] == "killed"
    assert not (await (await flags(lab.runtime, lab.org_id)).read_flag(row["feature_flag_key"])).enabled


async def test_nothing_is_concluded_while_a_constraints_signal_is_away(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.broken.add("slow_share")
    for day in range(20):
        lab.diary.write(PRIMARY, day, (2000, 640), (2000, 760))
    await lab.look()
    row = await lab.experiment()
    assert (row["status"], row["current_result"]["advice"]) == ("running", "ship")
    lab.diary.broken.clear()
    lab.diary.days(20)
    lab.diary.at = START + 20 * DAY
    for day in range(20):
        lab.diary.write(PRIMARY, day, (2000, 640), (2000, 760))
    await lab.look()
    assert (await lab.experiment())["status"] == "awaiting_analysis_gate"


async def test_a_source_that_answers_happily_with_nothing_new_pauses_the_experiment_and_asks(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.days(3)
    await lab.look()
    later = datetime.now(UTC) + timedelta(hours=23)
    lab.runtime.now = lambda: later
    await lab.look()
    assert (await lab.experiment())["status"] == "measuring"
    lab.runtime.now = lambda: later + timedelta(hours=2)
    await lab.look()
    row = await lab.experiment()
    assert (row["status"], row["paused_from"]) == ("paused", "measuring")
    gate = await lab.gate("resume_review")
    assert "has had nothing new since 05 Mar 2026" in str(gate["context_package"]["facts"])


async def test_an_outcome_may_say_itself_how_fresh_its_signals_have_to_be(lab: "Lab") -> None:
    await lab.launched()
    async with lab.runtime.transaction(lab.org_id) as tx:
        await tx.run(text("update outcomes set spec = jsonb_set(spec, '{measurement,freshness}', '\"2h\"')"))
    lab.diary.days(3)
    await lab.look()
    later = datetime.now(UTC) + timedelta(hours=3)
    lab.runtime.now = lambda: later
    await lab.look()
    assert (await lab.experiment())["status"] == "paused"


async def test_what_is_resumed_has_its_whole_patience_again(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.days(3)
    await lab.look()
    later = datetime.now(UTC) + timedelta(hours=25)
    lab.runtime.now = lambda: later
    await lab.look()
    await lab.work()
    await lab.decide("resume_review", "resume", "ben@example.com", note="the source is mended")
    await lab.work()
    await lab.look()
    assert (await lab.experiment())["status"] in {"running", "measuring"}


async def test_unbalanced_arms_make_the_result_invalid_and_nobody_is_offered_to_ship(lab: "Lab") -> None:
    await lab.launched()
    for day in range(3):
        lab.diary.write(PRIMARY, day, (2000, 640), (1200, 600))
        lab.diary.write("slow_share", day, (2000, 40), (1200, 24))
    await lab.look()
    row, gate = await lab.experiment(), await lab.gate("analysis_review")
    assert (row["current_result"]["status"], row["current_result"]["srm_flagged"]) == ("invalid", True)
    assert not {"ship", "scale"} & {option["id"] for option in gate["options"]}
    ship = Decision("ship", evidence=gate["evidence_hash"][:16])
    by = await lab.person("ana@example.com")
    with pytest.raises(InvalidRequest, match="ship"):
        await decide(lab.runtime, lab.org_id, gate["id"], ship, by=by, now=lab.now)
    assert (await lab.experiment())["status"] == "awaiting_analysis_gate"


async def test_guardrails_act_on_unbalanced_arms_as_well(lab: "Lab") -> None:
    await lab.launched()
    for day in range(3):
        lab.diary.write(PRIMARY, day, (2000, 640), (1200, 600))
        lab.diary.write("slow_share", day, (2000, 40), (1200, 300))
    await lab.look()
    row = await lab.experiment()
    assert (row["status"], row["current_result"]["srm_flagged"]) == ("killed", True)
    async with lab.runtime.transaction(lab.org_id) as tx:
        assert await tx.all(select(human_gates).where(human_gates.c.status == "pending")) == []


async def test_the_kill_path_needs_neither_language_model_nor_slack_nor_pictures(lab: "Lab") -> None:
    """Nobody listens at any vendor's address, and the looks that pictures are drawn from are rubbish."""
    row = await lab.launched()
    lab.runtime.settings = lab.runtime.settings.model_copy(
        update={
            "anthropic_base_url": "http://127.0.0.1:1",
            "openai_base_url": "http://127.0.0.1:1",
            "slack_base_url": "http://127.0.0.1:1/",
        }
    )
    lab.diary.days(2)
    await lab.look()
    async with lab.runtime.transaction(lab.org_id) as tx:
        await tx.run(update(looks).values(result={"rubbish": True}))
    lab.diary.days(2, start=2, slow=400)
    await lab.look()
    await lab.work()
    assert (await lab.experiment())["status"] == "killed"
    assert not (await (await flags(lab.runtime, lab.org_id)).read_flag(row["feature_flag_key"])).enabled


async def test_a_picture_that_cannot_be_drawn_leaves_the_other_experiments_their_steps(lab: "Lab") -> None:
    row = await lab.launched()
    lab.diary.days(2)
    await lab.look()
    async with lab.runtime.transaction(lab.org_id) as tx:
        await tx.run(update(looks).values(result={"rubbish": True}))
        await tx.run(text("update experiments set memory = memory - 'told' where id = :id"), {"id": row["id"]})
    await lab.twin("twin")
    lab.diary.days(1, start=2)
    await lab.look()
    found = {item["feature_flag_key"]: item for item in await lab.experiments() if item["data_from"]}
    assert "told" in found["twin"]["memory"]
    assert "told" not in found[row["feature_flag_key"]]["memory"]
    async with lab.runtime.transaction(lab.org_id) as tx:
        due = await tx.value(
            select(timers.c.due_at).where(timers.c.subject_id == row["id"], timers.c.kind == "measure")
        )
    assert due is not None


async def test_running_p_first_crossing_and_current_evidence_are_kept(lab: "Lab") -> None:
    await lab.launched()
    lab.diary.days(5)
    for day in range(5):
        lab.diary.write(PRIMARY, day, (2000, 640), (2000, 760))
    await lab.look()
    row = await lab.experiment()
    assert row["memory"]["crossed"]["status"] == "success"
    assert row["memory"]["p_running"] < 0.05
    async with lab.runtime.transaction(lab.org_id) as tx:
        look = await tx.first(select(looks).where(looks.c.experiment_id == row["id"]))
    assert look["result"]["look"]["log_e"] > 3
    assert look["result"]["p_value"] == row["memory"]["p_running"]


async def test_a_worker_claims_what_is_due_in_one_batch_and_leaves_nothing_due(lab: "Lab") -> None:
    await lab.launched(just_now=True)
    twin = await lab.twin("twin")
    lab.diary.days(3)
    lab.runtime.settings = lab.runtime.settings.model_copy(update={"measure_every_seconds": 3600})
    async with lab.runtime.transaction(lab.org_id) as tx:
        await worker.timers.arm(tx, "measure", twin, version=1, due_at=datetime.now(UTC))
    assert await worker.measure(lab.runtime) is False
    assert {row["status"] for row in await lab.experiments() if row["data_from"]} == {"measuring"}
    async with lab.runtime.engine.begin() as conn:
        assert (await conn.execute(text("select measurements_due(now())"))).scalar() is False


async def test_an_experiment_that_is_not_measured_any_more_has_its_timer_stopped(lab: "Lab") -> None:
    row = await lab.launched()
    async with lab.runtime.transaction(lab.org_id) as tx:
        await tx.run(text("update experiments set status = 'paused' where id = :id"), {"id": row["id"]})
    await worker.measure(lab.runtime)
    async with lab.runtime.transaction(lab.org_id) as tx:
        status = await tx.value(
            select(timers.c.status).where(timers.c.subject_id == row["id"], timers.c.kind == "measure")
        )
    assert status == "disarmed"
