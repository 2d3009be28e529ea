"""Conditions, edits, snooze, four eyes and the evidence file, pressed in the sandbox workspace through signed requests."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.slack.sandbox.visitor import button_called, text_of
from runtime.db.tables import human_gates


async def until(check, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.03)
    return found


async def shown(visitor, words):
    return await visitor.wait_for("checkout", lambda message: words in text_of(message))


async def decided(office, gate_id):
    async def closed():
        row = await office.gate(gate_id)
        return row if row["status"] not in {"pending", "delegated"} else None

    return await until(closed)


def menu_value(message, what):
    return next(
        option["value"] for block in message["blocks"] for element in block.get("elements", [])
        if element.get("type") == "overflow" for option in element["options"] if option["text"]["text"] == what
    )  # fmt: skip


async def test_an_approval_with_conditions_is_given_in_a_form_and_shown_in_the_message(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await ben.press("Approve with conditions…", await shown(ben, "be launched?"))
    form = await ben.wait_for_modal()
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    filled = {"cap": {"number": "20"}, "deadline": {"date": day}, "remark": {"text": "ask <!channel> first"}}
    assert "Set at least one condition" in (await ben.submit(form, {}))["note"]
    assert (
        "like platform=ios" in (await ben.submit(form, filled | {"segment": {"text": "all the & people"}}))["segment"]
    )
    assert (
        "No signal 'refunds'"
        in (await ben.submit(form, filled | {"constraint": {"text": "refunds <= 2%"}}))["constraint"]
    )
    assert "to a segment only" in (await ben.submit(form, filled | {"segment": {"text": "platform=ios"}}))["segment"]
    assert (await office.gate(row["id"]))["status"] == "pending"
    assert await ben.submit(form, filled | {"constraint": {"text": "slow_share <= 0.03"}}) == {}
    closed = await decided(office, row["id"])
    assert [item["kind"] for item in closed["terms"]] == ["cap", "deadline", "constraint", "note"]
    await office.work()
    told = text_of(await shown(ben, "decided via Slack"))
    assert f"*Conditions:* at most 20 % of users; until {day}, then paused; slow_share at most 3 %" in told
    assert "&lt;!channel&gt;" in told


async def test_a_thread_approves_with_conditions(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    await ben.say("checkout", "APPROVE WITH: cap 20%, refund stuff", thread_ts=message["ts"])
    await shown(ben, "I do not understand the condition")
    assert (await office.gate(row["id"]))["status"] == "pending"
    await ben.say("checkout", "APPROVE WITH: cap 20%, slow_share <= 0.03", thread_ts=message["ts"])
    assert (await decided(office, row["id"]))["conditions"] == ["at most 20 % of users", "slow_share at most 3 %"]


async def test_a_portfolio_is_edited_in_a_form_and_others_see_what_changed(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    message = await shown(ana, "Which experiments may be built")
    await ana.press("Edit…", message)
    form = await ana.wait_for_modal()
    assert "within" in (await ana.submit(form, {"expected:0": {"number": "-3"}}))["expected:0"]
    changed = {
        "title:0": {"text": "A *shorter* form"},
        "priority:0": {"priority": "2"},
        "priority:1": {"priority": "1"},
    }
    assert await ana.submit(form, changed) == {}
    await ana.press("Approve", message)
    await ana.wait_for("checkout", lambda one: one.get("only_for") == ana.id and "evidence changed" in text_of(one))
    await office.deliver()
    told = await shown(ana, "Edited before approval")
    assert told["ts"] == message["ts"]
    assert "ana@example.com changed the order" in text_of(told)
    row = await office.story.gate("portfolio_review")
    assert row["context_package"]["experiments"][1]["title"] == "A *shorter* form"


async def test_a_snooze_is_chosen_in_a_form_and_the_message_says_that_the_deadline_stays(office):
    row = await office.at_launch()
    ben, vic = await office.come_in("ben"), await office.come_in("vic")
    message = await shown(ben, "be launched?")
    await vic.touch(message, "gate-beside", "gate-more", menu_value(message, "Snooze…"))
    await vic.wait_for("checkout", lambda one: one.get("only_for") == vic.id and "not decide it" in text_of(one))
    await ben.touch(message, "gate-beside", "gate-more", menu_value(message, "Snooze…"))
    form = await ben.wait_for_modal()
    pick = next(block["element"] for block in form["blocks"] if block.get("block_id") == "until")
    assert await ben.submit(form, {"until": {"until": pick["options"][0]["value"]}}) == {}

    async def snoozed():
        return (await office.gate(row["id"]))["snoozed_until"]

    await until(snoozed)
    await office.deliver()
    assert "the deadline stays" in text_of(await shown(ben, "Snoozed until"))
    assert (await office.gate(row["id"]))["due_at"] == row["due_at"]


async def test_the_evidence_comes_as_a_file_into_the_thread(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    await ben.touch(message, "gate-beside", "gate-more", menu_value(message, "Evidence as file"))
    told = await ben.wait_for("checkout", lambda one: bool(one.get("files")))
    assert told["thread_ts"] == message["ts"]
    async with office.http.get(f"{office.url}/files/{told['files'][0]['id']}") as reply:
        found = json.loads(await reply.read())
    assert (found["gate"], found["evidence_hash"]) == (str(row["id"]), row["evidence_hash"])
    assert found["shown"]["headline"] == row["context_package"]["headline"]


async def test_two_people_agree_and_the_message_counts_them(office):
    row = await office.at_launch()
    await office.write(human_gates, row["id"], quorum=2, escalation_chain=["ana@example.com"])
    ben, ana = await office.come_in("ben"), await office.come_in("ana")
    message = await shown(ben, "be launched?")
    await ben.press("Approve launch", message)

    async def first():
        return (await office.gate(row["id"]))["first_answer"]

    await until(first)
    await office.deliver()
    waiting = await shown(ana, "*1 of 2:*")
    assert waiting["ts"] == message["ts"]
    assert "one more person must confirm" in text_of(waiting)
    await ben.press("Confirm: Approve launch", waiting)
    await ben.wait_for(
        "checkout", lambda one: one.get("only_for") == ben.id and "said Approve launch already" in text_of(one)
    )
    await ana.press("Confirm: Approve launch", waiting)
    assert (await decided(office, row["id"]))["decided_by"] == "ana@example.com"
    await office.work()
    assert f"*2 of 2:* first <@{ben.id}>" in text_of(await shown(ana, "decided via Slack"))


@pytest.mark.parametrize("label", ["Approve with conditions…", "Delegate…", "Ask…"])
async def test_every_gate_has_these_beside_its_answers(office, label):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    assert button_called(label, await shown(ana, "Which experiments may be built"))
