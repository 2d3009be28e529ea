"""Letters nobody can vouch for are asked about in Slack; held answers are shown there; and what Slack cannot show goes by letter."""

import asyncio
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import insert, select

from bot.slack.gates import GateDoor
from bot.slack.people import People
from bot.slack.sandbox.visitor import text_of
from bot.slack.was_it_you import WasItYou
from runtime.db.mail import inbound_mail
from runtime.db.tables import journal, outbox
from runtime.errors import ChannelFailed, InvalidRequest, NotYourGate
from runtime.gates import holding
from runtime.gates.service import Decision
from runtime.identity import codes, members
from runtime.identity.people import SYSTEM, person
from runtime.journal import Event, Message, record
from tests.story import FILE

BEN = "ben@example.com"
REASONS = ["its sender is not proven", "its token is another person's <!channel>"]


async def read(office, statement):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return list(await tx.all(statement))


async def events(office, name):
    return await read(office, select(journal).where(journal.c.event == name))


async def suspicious(office, gate, **asked):
    """A letter in Ben's name that was put into quarantine, and its question to Ben."""
    wanted = {"member": BEN, "kind": "decide", "choice": "approve", "says": "Approve launch", "note": "go", "evidence": gate["evidence_hash"], **asked}  # fmt: skip
    values = {
        "org_id": office.story.org_id, "message_id": f"<{uuid4()}@x>", "content_hash": str(uuid4()), "way": "imap", "gate_id": gate["id"],
        "sender": BEN, "action": "quarantine", "proposal": wanted, "reasons": REASONS,
    }  # fmt: skip
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        made = UUID(str(await tx.value(insert(inbound_mail).values(values).returning(inbound_mail.c.id))))
        notice = Message("was_it_you", gate["id"], "slack", wanted["member"], once=str(made), payload={"inbound": str(made), "reasons": REASONS})  # fmt: skip
        await record(tx, Event("mail.quarantined", "gate", gate["id"]), by=SYSTEM, notices=[notice])
    await office.deliver()
    return made


def door(office):
    runtime, org_id = office.story.runtime, office.story.org_id
    return WasItYou(GateDoor(runtime, org_id, People(runtime, org_id, AsyncWebClient())))


async def member_of(office, email):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return await members.by_email(tx, email)


async def asked(visitor):
    return await visitor.wait_for("outcome", lambda message: "A letter in your name" in text_of(message))


async def said(visitor, words):
    return await visitor.wait_for("outcome", lambda message: words in text_of(message))


async def end_of(office, mail_id):
    return (await read(office, select(inbound_mail.c.ended).where(inbound_mail.c.id == mail_id)))[0]["ended"]


async def test_yes_records_it_as_theirs_on_the_evidence_of_that_letter_once(office):
    gate = await office.at_launch()
    mail_id = await suspicious(office, gate)
    ben = await office.come_in("ben")
    message = await asked(ben)
    for words in ("Approve launch", "be launched?", "could not be proven", "its sender is not proven", "Was that you?"):
        assert words in text_of(message)
    assert "<!channel>" not in text_of(message)
    await asyncio.gather(*(ben.press("Yes, record it", message) for _ in range(2)), return_exceptions=True)
    await said(ben, "Recorded as yours")
    now = await office.gate(gate["id"])
    assert (now["status"], now["decided_by"], now["decided_via"], now["response_note"]) == (
        "approved",
        BEN,
        "slack",
        "go",
    )
    assert await end_of(office, mail_id) == "confirmed"
    with pytest.raises(InvalidRequest, match="answered this already"):
        await door(office)._deny(mail_id, await member_of(office, BEN))
    assert len(await events(office, "mail.confirmed")) == 1


async def test_no_leaves_it_in_quarantine_and_the_owner_is_told(office):
    gate = await office.at_launch()
    mail_id = await suspicious(office, gate)
    ben = await office.come_in("ben")
    message = await asked(ben)
    await ben.press("No", message)
    await said(ben, "Nothing was recorded")
    assert await end_of(office, mail_id) == "denied"
    await office.deliver()
    await said(await office.come_in("arun"), "says it was not theirs")
    with pytest.raises(InvalidRequest, match="answered this already"):
        await door(office)._record(mail_id, await member_of(office, BEN))
    assert (await office.gate(gate["id"]))["status"] == "pending"


async def test_nobody_else_may_say_so_changed_evidence_decides_nothing_and_strangers_to_slack_get_letters(office):
    gate = await office.at_launch()
    mail_id = await suspicious(office, gate, evidence="f" * 64)
    ben = await office.come_in("ben")
    message = await asked(ben)
    for press in (door(office)._record, door(office)._deny):
        with pytest.raises(NotYourGate, match="whose name the letter bears"):
            await press(mail_id, await member_of(office, "arun@example.com"))
    assert await end_of(office, mail_id) is None
    await ben.press("Yes, record it", message)
    await said(ben, "The evidence changed")
    assert (await end_of(office, mail_id), (await office.gate(gate["id"]))["status"]) == (None, "pending")

    handed = await suspicious(
        office, gate, kind="hand_over", to="ana@example.com", says="hand this gate to ana@example.com"
    )
    assert "hand this gate to ana" in await door(office)._record(handed, await member_of(office, BEN))
    assert (await office.gate(gate["id"]))["delegated_to"] == "ana@example.com"

    # Who is not in Slack is asked by letter.
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await members.ensure(tx, ["cyra@example.com"])
    await suspicious(office, gate, member="cyra@example.com")
    sent = await read(office, select(outbox).where(outbox.c.name == "mail_was_it_you"))
    assert [(row["channel"], row["place"]) for row in sent] == [("email", "cyra@example.com")]


async def test_a_held_answer_is_shown_without_others_until_taken_back_and_digits_come_alone(office):
    gate = await office.at_launch()
    runtime, org_id, ben = office.story.runtime, office.story.org_id, await office.come_in("ben")
    async with runtime.transaction(org_id) as tx:
        member = await members.by_email(tx, BEN)
    by = person(member, "mail")
    await holding.hold(runtime, org_id, gate["id"], Decision("approve"), by=by, now=runtime.now())
    await office.deliver()
    shown = await ben.wait_for("checkout", lambda message: "answered *Approve launch* by e-mail" in text_of(message))
    assert "unless taken back" in text_of(shown)
    assert "Send back" not in text_of(shown)
    assert "Delegate" not in text_of(shown), "handing it on is refused meanwhile"
    assert "Ask…" in text_of(shown)
    await holding.undo(runtime, org_id, gate["id"], by=by, now=runtime.now())
    await office.deliver()
    shown = await ben.wait_for("checkout", lambda message: "be launched?" in text_of(message))
    assert "takes effect" not in text_of(shown)
    assert "Send back" in text_of(shown)
    assert "Delegate" in text_of(shown)

    # The digits for the gate's page come to their person alone.
    async with runtime.transaction(office.story.org_id) as tx:
        member = await members.link_slack(tx, BEN, ben.id, name="Ben", timezone="UTC")
    made = await codes.send(runtime, office.story.org_id, gate["id"], member, browser="b" * 32)
    await office.deliver()
    digits = codes.digits(runtime.settings, made)
    await said(ben, f"{digits} is your code")
    seen = await (await office.come_in("ana")).look()
    assert digits not in str(seen["messages"])


def with_mail(office):
    runtime = office.story.runtime
    runtime.settings = runtime.settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1")})


async def by_letter(office):
    found = await read(office, select(outbox).where(outbox.c.name == "gate", outbox.c.channel == "email"))
    return [row["place"] for row in found]


async def test_a_revoked_token_sends_the_gate_by_letter_once_to_whoever_is_asked(office):
    await office.applied()
    [notice] = await office.notices()
    await office.fail_next(method="*", kind="refuse", error="token_revoked", count=50)
    with pytest.raises(ChannelFailed):
        await office.channel.deliver(notice)
    assert await by_letter(office) == [], "no mail is set up"
    with_mail(office)
    for _ in range(2):
        with pytest.raises(ChannelFailed):
            await office.channel.deliver(notice)
    assert await by_letter(office) == ["ana@example.com"]
    assert len(await events(office, "gate.sent_by_letter")) == 1


async def test_a_channel_that_is_gone_shows_the_owner_and_writes_to_whoever_is_asked(office):
    with_mail(office)
    await office.applied(FILE.replace("slack:#checkout", "slack:#no-such-place", 1))
    await office.deliver()
    assert "This belongs in #no-such-place" in str(await (await office.come_in("arun")).messages("outcome"))
    assert await by_letter(office) == ["ana@example.com"]


async def test_what_slack_will_take_later_goes_by_no_letter(office):
    with_mail(office)
    await office.applied()
    [notice] = await office.notices()
    await office.fail_next(method="chat.postMessage", kind="server_error", count=20)
    with pytest.raises(ChannelFailed):
        await office.channel.deliver(notice)
    assert await by_letter(office) == []
