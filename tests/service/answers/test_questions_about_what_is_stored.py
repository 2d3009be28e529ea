"""Questions asked of a real database: the numbers, the interval, the cut-off, and the query behind them."""

from uuid import UUID

import pytest
from sqlalchemy import select

from runtime.answers.service import Answer, answer
from runtime.core import Runtime
from runtime.db.tables import signal_measurements
from runtime.identity import members
from runtime.identity.people import Member
from tests.story import Story


async def asked(story: Story, question: str, *, who: str = "ana@example.com", **about: UUID) -> Answer:
    async with story.runtime.transaction(story.org_id) as tx:
        member = await members.by_email(tx, who)
    assert member is not None
    return await answer(story.runtime, story.org_id, question, member=member, **about)


@pytest.fixture
async def measured(story: Story) -> Story:
    """Five days in: 32 % against 32.5 %, nothing called, one guardrail watched."""
    await story.launched()
    for day in range(1, 6):
        await story.tell("checkout_completed", day, (2000, 640), (2000, 650))
        await story.tell("slow_share", day, (2000, 40), (2000, 40))
        await story.measure()
    return story


ASKED = [
        ("why is treatment worse on iOS?", "segments({flag}, segment iOS)", ["not stored for this experiment", "checkout_completed by variant", "Over all users: Effect +0.50 pp"]),
        ("show the last 14 days", "looks({flag}, last 14 days)", ["5 looks in the last 14 days", "Last: +0.50 pp", "2026-03-08"]),
        ("what would change your mind?", "turning({flag}, horizon day 14)", ["Advice now: continue", "approximately", "means ship", "means kill", "guardrail"]),
        ("how sure are we?", "certainty({flag})", ["Effect +0.50 pp, 95 % interval", "10,000 control and 10,000 treatment", "p = "]),
        ("when will we know?", "horizon({flag})", ["At the latest 2026-03-1", "days of data are left", "Chance of a significant result"]),
        ("what did we predict?", "prediction({flag})", ["Predicted: +", "Observed: Effect +0.50 pp", "the predicted range"]),
        ("is the randomisation all right?", "balance({flag})", ["As planned", "50 % of 20,000 units, planned 50 %", "flagged from 100 to 1"]),
        ("which guardrail is closest?", "guardrails({flag})", ["Closest: slow_share is 2.0 %", "limit at most 5.0 %", "60 % of the limit is free"]),
        ("how is it going?", "standing({flag})", ["No difference shown yet", "control 32.0 %, treatment 32.5 %"]),
]  # fmt: skip


async def test_the_numbers_come_with_interval_cutoff_and_query(measured: Story) -> None:
    row = await measured.experiment()
    for question, query, says in ASKED:
        found = await asked(measured, question, experiment_id=row["id"])
        assert found.query == query.format(flag=row["feature_flag_key"])
        assert found.text.endswith(f"Data through 2026-03-08 00:00 (data time).\nFrom: {found.query}")
        for part in says:
            assert part in found.text, found.text


async def test_the_span_asked_for_bounds_the_chart(measured: Story) -> None:
    row = await measured.experiment()
    whole, short = [
        await asked(measured, question, experiment_id=row["id"])
        for question in ("show the last 14 days", "last 2 days")
    ]
    assert whole.chart is not None
    assert short.chart is not None
    assert [len(found.chart["points"]) for found in (whole, short)] == [5, 3]
    assert short.chart["points"] == whole.chart["points"][-3:]
    assert "3 looks in the last 2 days" in short.text


async def test_without_a_place_the_question_or_the_one_running_experiment_says_what_about(measured: Story) -> None:
    row = await measured.experiment()
    assert (await asked(measured, "how sure are we?")).query == f"certainty({row['feature_flag_key']})"
    named = await asked(measured, f"how sure are we about {row['feature_flag_key']}?")
    assert named.query == f"certainty({row['feature_flag_key']})"
    assert "Effect" in (await asked(measured, "how sure are we about checkout?")).text


async def test_stored_segments_are_shown_without_an_interval_they_do_not_have(measured: Story) -> None:
    row = await measured.experiment()
    async with measured.runtime.transaction(measured.org_id) as tx:
        first = dict(
            (await tx.all(select(signal_measurements).where(signal_measurements.c.experiment_id == row["id"])))[0]
        )
        await tx.run(signal_measurements.insert().values(first | {"segment_key": "platform=ios", "kind": "delta"}))
    found = await asked(measured, "why is treatment worse on iOS?", experiment_id=row["id"])
    assert "platform=ios" in found.text
    assert "without an interval" in found.text


async def at_launch(story: Story) -> UUID:
    return UUID(str((await story.at_launch())["id"]))


async def test_who_decides_and_what_silence_does_is_read_from_the_gate(story: Story) -> None:
    gate_id = await at_launch(story)
    who = await asked(story, "who decides?", gate_id=gate_id)
    assert "is ben@example.com's to decide" in who.text
    assert "Next in the chain: ana@example.com." in who.text
    assert "Admin or owner may decide in their place with a reason." in who.text
    silent = await asked(story, "what happens if I say nothing?", gate_id=gate_id)
    assert "nothing is approved by silence. ben@example.com has until" in silent.text
    assert "After that it goes to ana@example.com, each with 4 h" in silent.text
    assert "stays at 0 % of users" in silent.text
    before = await asked(story, "how sure are we?", gate_id=gate_id)
    assert "nothing is measured yet" in before.text
    await story.decide("launch_approval", "reject", "ben@example.com", note="No")
    assert "ben@example.com rejected this gate already" in (await asked(story, "who decides?", gate_id=gate_id)).text


async def test_what_waits_is_told_to_whoever_it_waits_for(story: Story) -> None:
    await at_launch(story)
    assert "1 decision for you" in (await asked(story, "what is waiting for me?", who="ben@example.com")).text
    assert "No decision waits for you." in (await asked(story, "what is waiting for me?", who="ana@example.com")).text


async def test_at_a_portfolio_nothing_is_measured_and_the_target_is_known(story: Story) -> None:
    await story.proposed()
    gate = await story.gate("portfolio_review")
    for question in ("how sure are we?", "show the last 14 days", "what would change your mind?", "is the randomisation all right?",
                     "which guardrail is closest?", "when will we know?", "what did we predict?", "how is it going?"):  # fmt: skip
        found = await asked(story, question, gate_id=gate["id"])
        assert "not measured yet. Predicted: " in found.text, (question, found.text)
        assert found.chart is None
    listed = [item["title"] for item in gate["context_package"]["experiments"]]
    both = (await asked(story, "how sure are we?", gate_id=gate["id"])).text.splitlines()
    assert [line.partition("”")[0] for line in both[:2]] == [
        f"{place}. “{title}" for place, title in enumerate(listed, 1)
    ]
    second = (await asked(story, "how sure are we about the second one?", gate_id=gate["id"])).text
    assert listed[1] in second
    assert listed[0] not in second
    assert "Predicted: " in second
    assert "from 32.0 % to 45.0 % (increase)" in (await asked(story, "how far are we from the target?")).text
    assert "Nothing was learned yet." in (await asked(story, "what did we learn about checkout?")).text


async def test_what_is_not_stored_is_not_answered(story: Story) -> None:
    found = await asked(story, "what's for lunch?", who="arun@example.com")
    assert not found.understood
    assert "how sure are we?" in found.text
    assert found.query == ""


async def test_another_organisations_numbers_are_out_of_reach(measured: Story, runtime: Runtime) -> None:
    row = await measured.experiment()
    stranger = Member(row["id"], row["id"], "Eve", "eve@elsewhere.test", "owner")
    found = await answer(runtime, row["id"], "how sure are we?", member=stranger)
    assert "No experiment is under way here" in found.text


async def test_at_the_horizon_its_call_stands(story: Story) -> None:
    await story.launched()
    for day in range(1, 17):
        await story.tell("checkout_completed", day, (2000, 640), (2000, 640))
        await story.tell("slow_share", day, (2000, 40), (2000, 40))
        await story.measure()
    row = await story.experiment()
    found = await asked(story, "what would change your mind?", experiment_id=row["id"])
    assert "The horizon is reached, so its call stands" in found.text
    assert "Advice now: iterate" in found.text
