"""Free words in a gate's thread, by mention and in direct messages: proposals that only their writer's button turns into a decision."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.slack.sandbox.visitor import text_of
from runtime.db.conversed import gate_readings
from runtime.db.tables import human_gates
from runtime.errors import InvalidRequest, NotYourGate
from runtime.gates import readings
from runtime.identity import members
from runtime.identity.people import person

UNDERSTOOD = "Nothing is recorded until you press."


async def gate_message(visitor):
    return await visitor.wait_for("checkout", lambda message: "be launched?" in text_of(message))


async def proposal(visitor, words=UNDERSTOOD, channel="checkout"):
    return await visitor.wait_for(channel, lambda message: words in text_of(message))


async def says(visitor, words, channel="checkout"):
    return await visitor.wait_for(channel, lambda message: words in text_of(message))


async def whispered(visitor, words):
    return await visitor.wait_for(
        "checkout", lambda message: message.get("only_for") == visitor.id and words in text_of(message)
    )


async def kept(office):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return await tx.all(select(gate_readings).order_by(gate_readings.c.created_at))


async def test_words_with_a_cap_become_a_proposal_and_its_button_decides(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await gate_message(ben)
    await ben.say("checkout", "approve but cap at 20%", message["ts"])
    shown = await proposal(ben)
    assert shown["thread_ts"] == message["ts"]
    assert "I understand: *Approve launch, at most 20 % of users*." in text_of(shown)
    assert (await office.gate(row["id"]))["status"] == "pending"

    await ben.press("Confirm", shown)
    await says(ben, "Recorded: *Approve launch, at most 20 % of users*")
    after = await office.gate(row["id"])
    assert (after["status"], after["decided_by"], after["decided_via"]) == (
        "approved_with_conditions",
        "ben@example.com",
        "slack",
    )
    assert after["terms"] == [{"kind": "cap", "percent": 20}]
    assert after["response_note"] == "approve but cap at 20%"
    [reading] = await kept(office)
    assert (reading["reading"]["ended"], reading["reading"]["source"]) == ("confirmed", "words")
    assert not [block for block in (await says(ben, "Recorded:"))["blocks"] if block["type"] == "actions"]


async def test_a_gate_is_handed_on_to_whoever_the_words_name(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    ana = await office.come_in("ana")
    message = await gate_message(ben)
    await ben.say("checkout", f"hand this to <@{ana.id}>", message["ts"])
    shown = await proposal(ben)
    assert "Hand this gate to ana@example.com" in text_of(shown)
    assert (await office.gate(row["id"]))["delegated_to"] is None
    await ben.press("Confirm", shown)
    await says(ben, "Recorded: *Hand this gate to ana@example.com*")
    assert (await office.gate(row["id"]))["delegated_to"] == "ana@example.com"


async def test_only_the_writer_may_confirm_and_only_once(office):
    row = await office.at_launch()
    ben, ada = await office.come_in("ben"), await office.come_in("ada")
    await ben.say("checkout", "lgtm", (await gate_message(ben))["ts"])
    shown = await proposal(ben)
    await ada.press("Confirm", shown)
    await whispered(ada, "who wrote it, may confirm this")
    assert (await office.gate(row["id"]))["status"] == "pending"
    await ben.press("No, that's not it", shown)
    await says(ben, "Nothing was recorded. Write it another way")
    [reading] = await kept(office)
    assert reading["reading"]["ended"] == "dropped"
    with pytest.raises(InvalidRequest, match="answered already"):
        await readings.confirm(
            office.story.runtime, office.story.org_id, reading["id"], by=await office.story.person("ben@example.com")
        )
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_a_proposal_ends_after_an_hour(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await ben.say("checkout", "lgtm", (await gate_message(ben))["ts"])
    shown = await proposal(ben)
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(gate_readings).values(created_at=office.story.runtime.now() - timedelta(minutes=61)))
    await ben.press("Confirm", shown)
    await whispered(ben, "older than an hour")
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_a_proposal_ends_when_the_evidence_changes(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await ben.say("checkout", "lgtm", (await gate_message(ben))["ts"])
    shown = await proposal(ben)
    await office.write(human_gates, row["id"], evidence_hash="f" * 64)
    await ben.press("Confirm", shown)
    await whispered(ben, "The evidence changed since this was proposed")
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_whoever_may_not_decide_gets_no_proposal(office):
    row = await office.at_launch()
    for name in ("ana", "vic", "ada", "eve"):
        visitor = await office.come_in(name)
        await visitor.say("checkout", "looks good!", (await gate_message(visitor))["ts"])
        await whispered(visitor, "nothing was decided")
    assert await kept(office) == []
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_a_proposal_made_by_one_is_worth_nothing_to_another_at_the_service(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await ben.say("checkout", "lgtm", (await gate_message(ben))["ts"])
    await proposal(ben)
    [reading] = await kept(office)
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        ana = await members.by_email(tx, "ana@example.com")
    for attempt in (readings.confirm, readings.drop):
        with pytest.raises(NotYourGate):
            await attempt(office.story.runtime, office.story.org_id, reading["id"], by=person(ana, "slack"))
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_words_said_in_passing_stay_talk(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await gate_message(ben)
    await ben.say("checkout", "approve if legal agrees", message["ts"])
    await says(ben, "write APPROVE alone on the first line")
    await ben.say("checkout", "Ana knows more about this", message["ts"])
    await whispered(ben, "Just talk on")
    assert await kept(office) == []
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_in_a_direct_message_even_a_documented_form_is_shown_back_first(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await gate_message(ben)
    await ben.say("outcome", "APPROVE")
    shown = await proposal(ben, channel="outcome")
    assert "May “" in text_of(shown)
    assert "Rollout:" in text_of(shown)
    assert (await office.gate(row["id"]))["status"] == "pending"
    await ben.press("Confirm", shown)
    await says(ben, "Recorded: *Approve launch*", channel="outcome")
    assert (await office.gate(row["id"]))["status"] == "approved"


async def test_by_mention_the_one_gate_that_waits_is_meant(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await gate_message(ben)
    await ben.say("checkout", "@outcome reject because the copy misleads <!channel>")
    shown = await proposal(ben)
    assert "*Reject*" in text_of(shown)
    assert "<!channel>" not in text_of(shown)
    await ben.press("Confirm", shown)
    await says(ben, "Recorded: *Reject*")
    after = await office.gate(row["id"])
    assert (after["status"], after["response_note"]) == ("rejected", "because the copy misleads <!channel>")
