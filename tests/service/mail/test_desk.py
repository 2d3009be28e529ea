"""What is done with a reply: through the same services as in Slack, answered by letter, proven before it decides."""

import re
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, update

from bot.mail import contracts
from runtime.db.conversed import gate_readings
from runtime.db.mail import inbound_mail
from runtime.db.tables import members, timers
from tests.mail_story import MailStory, mail_settings, verdict
from workers import timers as timer_worker

BEN, ANA = "ben@example.com", "ana@example.com"


@pytest.fixture
def settings(settings):
    return mail_settings(settings)


@pytest.fixture
def mail(story):
    return MailStory(story)


async def member_of(mail, email):
    return next(row for row in await mail.rows(members) if row["email"] == email)


async def fire(mail, kind, gate_id):
    """As a worker does when it is due."""
    due = [
        row
        for row in await mail.rows(timers)
        if (row["kind"], row["subject_id"], row["status"]) == (kind, gate_id, "armed")
    ]
    for row in due:
        await timer_worker.fire(mail.runtime, mail.org_id, row["id"], kind)


async def test_an_answer_is_held_confirmed_taken_back_and_handed_over(mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    said = mail.reply(letter, "APPROVE\nThe copy is fine now.")
    row = await mail.arrives(said)
    [hold] = await mail.holds()
    assert (row["action"], row["decision"], row["sender"], row["letter_id"]) == ("decide", "approve", BEN, letter["id"])
    assert (hold["member"], hold["via"], hold["decision"]["note"], hold["letter_id"]) == (
        BEN,
        "mail",
        "The copy is fine now.",
        row["id"],
    )
    [receipt] = await mail.said(contracts.RECEIPT)
    assert (receipt["place"], receipt["payload"]["hold"]) == (BEN, str(hold["id"]))
    [event] = await mail.events("mail.handled")
    assert (event["actor"], event["actor_kind"], event["payload"]["verified"]) == (BEN, "human", True)

    await mail.arrives(mail.reply(letter, "UNDO"))
    [hold] = await mail.holds()
    assert hold["ended"] == "undone"
    assert len(await mail.said(contracts.UNDONE)) == 1
    again = re.sub(rb"Message-ID: .*\r\n|In-Reply-To: .*\r\n", b"", said)
    assert (await mail.arrives(again))["action"] == "decide", "all its proofs hold"
    assert len(await mail.holds()) == 1
    [copy] = await mail.said(contracts.ASK_BACK)
    assert "a copy of the answer you took back" in copy["payload"]["say"]
    await mail.arrives(mail.reply(letter, f"DELEGATE {ANA}"))
    handed = await mail.gate(gate["id"])
    assert (handed["status"], handed["delegated_to"]) == ("delegated", ANA)
    assert len(await mail.said(contracts.RECEIPT)) == 2
    await mail.arrives(mail.reply(letter, "DELEGATE nobody@elsewhere.test"))
    asked = (await mail.said(contracts.ASK_BACK))[-1]
    assert "nobody@elsewhere.test" in asked["payload"]["say"]

    colleagues = mail.address(await mail.letter(gate, ANA))
    to_all = mail.reply(letter, "REJECT the numbers are old", To=f"{colleagues}, {mail.address(letter)}")
    await mail.arrives(to_all)
    assert (await mail.gate(gate["id"]))["status"] == "rejected", "what stops harm waits for nothing"


async def test_questions_are_answered_doubt_is_asked_back_and_no_loop_comes_of_it(mail):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    row = await mail.arrives(mail.reply(letter, "Who else can decide this?"))
    [answer] = await mail.said(contracts.ANSWER)
    assert (row["action"], answer["place"], answer["payload"]["query"].partition("(")[0]) == ("answer", ANA, "deciders")
    assert "ana@example.com's to decide" in answer["payload"]["text"]

    row = await mail.arrives(mail.reply(letter, "I guess ok?"))
    [asked] = await mail.said(contracts.ASK_BACK)
    assert (row["action"], asked["payload"]["question"]) == ("ask_back", "I guess ok?")
    assert asked["payload"]["inbound"] == str(row["id"])
    for again in range(4):
        await mail.arrives(mail.reply(letter, f"hmm, probably fine {again}"))
    assert len(await mail.said(contracts.ASK_BACK, contracts.ANSWER)) == 5, "after five within an hour it is silent"
    assert await mail.holds() == []
    assert (await mail.arrives(mail.reply(letter, "APPROVE")))["action"] == "decide", "and still takes a decision"


async def test_free_words_are_only_proposed_and_recorded_by_their_writers_yes(mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    await mail.arrives(mail.reply(letter, "launch this, limited to 20% of users, thanks team"))
    assert await mail.holds() == []
    [proposed] = await mail.said(contracts.PROPOSAL)
    assert (proposed["place"], proposed["payload"]["says"]) == (BEN, "Approve launch, at most 20 % of users")
    bare = mail.reply(letter, "No, thanks.", In_Reply_To="<lost@elsewhere.test>", References="<lost@elsewhere.test>")
    await mail.arrives(bare)
    assert await mail.holds() == [], "a NO to the proposal rejects nothing"
    assert [row["reading"]["ended"] for row in await mail.rows(gate_readings)] == ["dropped"]

    await mail.arrives(mail.reply(letter, "launch this, limited to 30% of users, thanks team"))
    reading = (await mail.said(contracts.PROPOSAL))[-1]["payload"]["reading"]
    shown = await mail.letter(gate, BEN, contracts.PROPOSAL, reading=reading)
    await mail.arrives(mail.reply(shown, "YES"))
    [hold] = await mail.holds()
    assert "30" in str(hold["decision"]["terms"])
    assert {row["reading"]["ended"] for row in await mail.rows(gate_readings)} == {"dropped", "confirmed"}
    await mail.arrives(mail.reply(shown, "yes please"))
    assert len(await mail.holds()) == 1
    assert "answered already" in (await mail.said(contracts.ASK_BACK))[-1]["payload"]["say"]


async def test_who_comes_too_late_may_not_or_saw_other_evidence_is_told_so(mail):
    gate = await mail.launch()
    async with mail.runtime.transaction(mail.org_id) as tx:
        await tx.run(insert(members).values(org_id=mail.org_id, name="Cleo", email="cleo@example.com", role="member"))
    cleos = await mail.letter(gate, "cleo@example.com")
    await mail.arrives(mail.reply(cleos, "APPROVE"))
    [refused] = await mail.said(contracts.REFUSAL)
    assert refused["place"] == "cleo@example.com"
    assert BEN in refused["payload"]["text"]

    letter = await mail.letter({**gate, "evidence_hash": "0" * 64}, BEN)
    await mail.arrives(mail.reply(letter, "APPROVE"))
    anew = [row for row in await mail.said("gate") if row["payload"].get("anew")]
    assert [row["place"] for row in anew] == [BEN]
    assert "changed since" in anew[0]["payload"]["say"]
    assert await mail.holds() == []

    letter = await mail.letter(gate, BEN)
    await mail.story.decide("launch_approval", "reject", ANA_OR_OWNER, note="not now")
    await mail.arrives(mail.reply(letter, "APPROVE"))
    late = (await mail.said(contracts.REFUSAL))[-1]
    assert ANA_OR_OWNER in late["payload"]["text"]
    assert (await mail.gate(gate["id"]))["status"] == "rejected"


ANA_OR_OWNER = "arun@example.com"


async def test_what_is_not_proven_decides_nothing_and_the_real_person_is_asked_elsewhere(mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    spoofs = {
        "no verdict of our border server": mail.reply(letter, "APPROVE", verified=None),
        "failed": mail.reply(letter, "APPROVE", verified=verdict(BEN, result="fail")),
        "another server's verdict": mail.reply(letter, "APPROVE", verified=verdict(BEN, "mx.evil.test")),
        "forwarded to a stranger": mail.reply(letter, "APPROVE", sender="eve@elsewhere.test"),
        "two authors": mail.reply(letter, "APPROVE").replace(
            b"\r\nSubject:", b"\r\nFrom: eve@elsewhere.test\r\nSubject:", 1
        ),
        "without a token": mail.reply(letter, "APPROVE", To="outcomes@outcome.test"),
    }
    for number, (why, spoof) in enumerate(spoofs.items()):
        raw = spoof.replace(b"\r\nSubject: Re:", f"\r\nSubject: Re: {number}".encode(), 1)
        row = await mail.arrives(raw)
        assert (row["action"], row["handled_at"] is not None) == ("quarantine", True), why
        assert bytes(row["raw"]) == raw
    assert await mail.holds() == []
    assert (await mail.gate(gate["id"]))["status"] == "pending"
    asked = await mail.said(contracts.WAS_IT_YOU)
    assert {row["place"] for row in asked} == {BEN}, "never whoever wrote it"
    assert len(asked) == 5, "five an hour"
    assert not await mail.said(contracts.REFUSAL, contracts.ASK_BACK, contracts.RECEIPT)
    kept = next(row for row in await mail.rows(inbound_mail) if row["proposal"])["proposal"]
    assert (kept["member"], kept["choice"], kept["evidence"]) == (BEN, "approve", gate["evidence_hash"])
    assert {event["actor_kind"] for event in await mail.events("mail.handled")} == {"system"}

    mail.runtime.settings = mail.runtime.settings.model_copy(update={"slack_bot_token": SecretStr("xoxb-1")})
    async with mail.runtime.transaction(mail.org_id) as tx:
        await tx.run(update(inbound_mail).values(handled_at=mail.runtime.now() - timedelta(hours=2)))
    await mail.arrives(mail.reply(letter, "APPROVE now", verified=None).replace(b"APPROVE now", b"REJECT too slow"))
    [in_slack] = await mail.said("was_it_you")
    assert (in_slack["channel"], in_slack["place"]) == ("slack", BEN)


async def test_a_copy_in_somebodys_name_does_not_shut_the_real_letter_out(mail):
    """The spoof has every word of it, and came first."""
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    real = mail.reply(letter, "APPROVE")
    spoof = real.partition(b"\r\n")[2]
    assert (await mail.arrives(spoof))["action"] == "quarantine"
    row = await mail.arrives(real)
    assert (row["action"], row["decision"], len(await mail.holds())) == ("decide", "approve", 1)
    assert await mail.receive(spoof) is None
    assert await mail.receive(real) is None


async def test_nobody_answers_mail_that_belongs_to_nothing(mail):
    row = await mail.arrives(b"From: ana@example.com\r\nTo: outcomes@outcome.test\r\n\r\nAPPROVE\r\n")
    own = await mail.arrives(b"From: outcomes@outcome.test\r\nTo: outcomes@outcome.test\r\n\r\nAPPROVE\r\n")
    assert (row["action"], own["action"], await mail.said()) == ("quarantine", "ignore", [])


def robot(mail, letter, body, **headers):
    return mail.reply(letter, body, quote=False, **headers)


async def test_an_absence_is_believed_and_the_gate_goes_on_to_the_next_person(mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    stranger = robot(
        mail,
        letter,
        "I am away",
        sender="eve@elsewhere.test",
        Auto_Submitted="auto-replied",
        Subject="Out of office: Launch",
    )
    await mail.arrives(stranger)
    nobodys = robot(
        mail, letter, "I am away", verified=None, Auto_Submitted="auto-replied", Subject="Out of office: Re"
    )
    await mail.arrives(nobodys)
    assert (await member_of(mail, BEN))["away_until"] is None, "whoever has his address could send him on holiday"
    row = await mail.arrives(
        robot(mail, letter, "I am away.", Auto_Submitted="auto-replied", Subject="Out of Office: Re: Launch")
    )
    ben = await member_of(mail, BEN)
    assert row["action"] == "ignore"
    assert ben["away_source"] == "mail"
    assert timedelta(hours=23) < ben["away_until"] - mail.runtime.now() <= timedelta(hours=24)
    await fire(mail, "gate_due", gate["id"])
    assert (await mail.gate(gate["id"]))["chain_position"] == 1, "Ana is asked now"
    mine = [row for row in await mail.said() if row["name"] != "gate"]
    assert mine == [], "a machine gets no answer"


BOUNCE = """From: MAILER-DAEMON@mx.example.com
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <b1@mx.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

The mail system could not deliver your message.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; ben@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--x--
"""


async def test_a_bounce_marks_the_address_escalates_and_tells_the_owner(mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    raw = BOUNCE.format(to=mail.address(letter)).replace("\n", "\r\n").encode()
    row = await mail.arrives(raw, sender="", to=[mail.address(letter)])
    ben = await member_of(mail, BEN)
    assert row["action"] == "bounce"
    assert ben["mail_refused_at"] is not None
    assert "550" in ben["mail_refused_why"] or "5.1.1" in ben["mail_refused_why"]
    await fire(mail, "gate_due", gate["id"])
    assert (await mail.gate(gate["id"]))["chain_position"] == 1
    [note] = await mail.said(contracts.NOTE)
    assert note["place"] == "arun@example.com"
    assert BEN in note["payload"]["text"]
