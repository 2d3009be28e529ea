"""Letters of gates, as a worker sends them through the real outbox to a real SMTP server on loopback."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from aiohttp import ClientSession, web
from pydantic import SecretStr
from sqlalchemy import select, text, update

from bot.mail import contracts, letters, sent, tokens, unsubscribe
from bot.mail.channel import EmailChannel
from bot.mail.house import House
from bot.slack.sample_rows import RESULT
from runtime import digests
from runtime.db.mail import letters as letters_table
from runtime.db.tables import experiments, human_gates, members, outbox, outcomes
from runtime.errors import ChannelFailed
from runtime.gates import clock, holding
from runtime.gates.service import Decision, delegate, withdraw
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Level, Notice
from runtime.journal import Event, Message, record
from runtime.measurement import append, store
from tests.postbox import Postbox, listening
from tests.story import FILE, Story

BY_MAIL = FILE.replace('"slack:#checkout"', "email")
SECRET = "s" * 40


@dataclass
class Household:
    """The story, its letters and the worker's hands."""

    story: Story
    box: Postbox
    channel: EmailChannel

    async def notices(self) -> list[tuple[UUID, Notice]]:
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            due = (outbox.c.kind == "notice") & (outbox.c.status == "due") & (outbox.c.channel == "email")
            rows = await tx.all(select(outbox).where(due).order_by(outbox.c.id))
        return [
            (
                row["id"],
                Notice(
                    row["org_id"], row["name"], row["subject_id"], row["payload"]["event"], row["place"], row["payload"]
                ),
            )
            for row in rows
        ]

    async def deliver(self, *, twice: bool = False) -> None:
        for row_id, notice in await self.notices():
            for _ in range(2 if twice else 1):
                await self.channel.deliver(notice)
            async with self.story.runtime.transaction(self.story.org_id) as tx:
                await tx.run(update(outbox).where(outbox.c.id == row_id).values(status="done"))

    async def tx(self, work):
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            return await work(tx)

    async def rows(self):
        return await self.tx(lambda tx: tx.all(select(letters_table).order_by(letters_table.c.created_at)))

    async def tell(self, kind, gate_id, to, **payload):
        notice = Message(kind, gate_id, "email", to, once=str(payload), payload=payload)
        await self.tx(lambda tx: record(tx, Event("test.told", "gate", gate_id), by=SYSTEM, notices=[notice]))


@pytest.fixture
def box():
    return Postbox()


@pytest.fixture
async def house(runtime, org_id, box) -> AsyncIterator[Household]:
    async with listening(box) as port:
        given = {
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{port}"),
            "mail_from": "Outcome Runtime <outcomes@outcome.test>",
        }
        runtime.settings = runtime.settings.model_copy(update=given)
        channel = EmailChannel(runtime)
        yield Household(Story(runtime, org_id), box, channel)
        await channel.close()


async def opened(house, file=BY_MAIL):
    async def walk():
        await house.story.apply(file)
        await house.story.work()
        return await house.story.gate("portfolio_review")

    return await house.story.reach("opened by mail", walk) if file == BY_MAIL else await walk()


async def at_launch(house):
    """A launch gate that asks Ben, then Ana; what was said before is forgotten."""
    await opened(house)
    gate = await house.story.gate("portfolio_review")
    first = UUID(gate["context_package"]["experiment_ids"][0])
    await house.story.decide("portfolio_review", "approve", "ana@example.com", selection=(first,))
    await house.story.work()
    await house.story.built()
    await house.story.work()
    await house.deliver()
    house.box.got.clear()
    return await house.story.gate("launch_approval")


async def fire(house, gate, kind, now):
    async def work(tx):
        row = await tx.first(select(human_gates).where(human_gates.c.id == gate["id"]))
        timer = {"kind": kind, "subject_id": gate["id"], "version": row["clock_version"], "due_at": now}
        await clock.fire(tx, timer, now)

    await house.tx(work)


async def test_a_gate_by_mail_is_one_letter_to_whoever_is_asked_with_their_own_token(house, box):
    gate = await opened(house)
    await house.deliver(twice=True)
    [(envelope, to, raw)] = box.got
    [letter] = box.letters()
    assert to == "ana@example.com"
    token = tokens.read(envelope, "outcomes@outcome.test")
    assert token.gate_id == gate["id"]
    assert tokens.owner(token, ["ben@example.com", "ana@example.com"], SECRET) == "ana@example.com"
    assert letter["Reply-To"] == envelope
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["List-Unsubscribe"] is None
    assert letter["In-Reply-To"] is None
    read = sent.sent_letter(raw)
    assert (read.gate_id, read.recipient, read.evidence) == (gate["id"], "ana@example.com", gate["evidence_hash"])
    assert [option["id"] for option in read.options] == [option["id"] for option in gate["options"]]
    [row] = await house.rows()
    assert row["message_id"] == letter["Message-ID"]
    assert row["sent_at"] is not None
    assert "APPROVE IF condition; condition" in row["said"]
    assert letter.get_body(("plain",)).get_content().splitlines() == row["said"].splitlines()
    shown = await house.tx(lambda tx: tx.first(select(human_gates).where(human_gates.c.id == gate["id"])))
    assert shown["notification_sent_at"] is not None


async def test_reminder_escalation_and_decision_stand_in_one_thread_for_each_reader(house, box):
    gate = await at_launch(house)
    now = house.story.now
    # Ben's letter went out with the gate; he is reminded, then Ana is asked.
    await fire(house, gate, "gate_remind_half", now)
    await house.deliver(twice=True)
    await fire(house, gate, "gate_due", now)
    await house.deliver(twice=True)
    ben = box.letters("ben@example.com")
    ana = box.letters("ana@example.com")
    assert [one.get_body(("plain",)).get_content().count("still waits for you") for one in ben] == [1, 0]
    assert "is asked now" in ben[1].get_body(("plain",)).get_content()
    assert len(ana) == 1
    assert "in place of Ben" in ana[0].get_body(("plain",)).get_content()
    row = await house.tx(lambda tx: tx.first(select(human_gates).where(human_gates.c.id == gate["id"])))
    await withdraw_now(house, row)
    await house.deliver(twice=True)
    closed = box.letters("ben@example.com")[-1], box.letters("ana@example.com")[-1]
    for letter in closed:
        assert "Closed without a decision" in letter.get_body(("plain",)).get_content()
    rows = [row for row in await house.rows() if row["gate_id"] == gate["id"]]
    first = {row["recipient"]: row["message_id"] for row in reversed(rows) if row["kind"] == "gate"}
    for letter in [*ben, *closed, *ana]:
        to = letter["To"].addresses[0].addr_spec
        if letter["Message-ID"] != first[to]:
            assert letter["Subject"].startswith("Re: ")
            assert first[to] in letter["References"]
            assert letter["In-Reply-To"] in [one["message_id"] for one in rows]
    assert len({one["Subject"].removeprefix("Re: ") for one in [*ben, *ana, *closed]}) == 1


async def withdraw_now(house, gate):
    async def work(tx):
        await withdraw(tx, gate, "the experiment is gone", by=SYSTEM, now=house.story.now)

    await house.tx(work)


async def test_a_redraw_that_changes_nothing_for_the_reader_sends_nothing(house, box):
    gate = await opened(house)
    await house.deliver()
    box.got.clear()
    for version in (7, 8):
        await house.tell("gate", gate["id"], "ana@example.com", version=version)
    await house.deliver()
    assert box.got == []


async def test_delegating_tells_the_colleague_and_whoever_was_asked(house, box):
    gate = await opened(house)
    await house.deliver()
    ben = (await house.story.person("ben@example.com")).member
    by = await house.story.person("ana@example.com")
    await delegate(house.story.runtime, house.story.org_id, gate["id"], to=ben, by=by, now=house.story.now)
    await house.deliver(twice=True)
    assert [one["Subject"][:4] == "Re: " for one in box.letters("ben@example.com")] == [False]
    [_, moved] = box.letters("ana@example.com")
    assert "Ben (ben@example.com) is asked now" in moved.get_body(("plain",)).get_content()


async def test_a_held_answer_is_receipted_undone_and_the_gate_asks_again_only_in_words(house, box):
    gate = await opened(house)
    await house.deliver()
    box.got.clear()
    by = replace(await house.story.person("ana@example.com"), via="mail")
    held = await holding.hold(
        house.story.runtime, house.story.org_id, gate["id"], Decision("approve", evidence=gate["evidence_hash"][:16]), by=by, now=house.story.now,
    )  # fmt: skip
    await house.deliver(twice=True)
    [receipt] = box.letters()
    said = receipt.get_body(("plain",)).get_content()
    assert "Reply UNDO until then" in said
    assert gate["evidence_hash"][:12] in said
    assert "Ana (ana@example.com)" in said
    assert held.at_once is False
    await holding.undo(house.story.runtime, house.story.org_id, gate["id"], by=by, now=house.story.now)
    await house.deliver(twice=True)
    undone = box.letters()[1:]
    assert ["Undone." in one.get_body(("plain",)).get_content() for one in undone] == [True]


async def test_a_refusal_takes_effect_at_once_and_its_author_gets_one_letter_about_it(house, box):
    gate = await opened(house)
    await house.deliver()
    box.got.clear()
    by = replace(await house.story.person("ana@example.com"), via="mail")
    decision = Decision("reject", "too early", gate["evidence_hash"][:16])
    await holding.hold(house.story.runtime, house.story.org_id, gate["id"], decision, by=by, now=house.story.now)
    await house.deliver(twice=True)
    [receipt] = box.letters("ana@example.com")
    said = " ".join(receipt.get_body(("plain",)).get_content().split())
    assert "Recorded. Reject: decided by you via e-mail" in said
    assert "too early" in said
    assert "UNDO" not in said


async def test_kinds_of_the_desk_reply_into_the_thread_and_a_suspicious_one_carries_no_token(house, box):
    gate = await opened(house)
    await house.deliver()
    box.got.clear()
    inbound = "00000000-0000-0000-0000-0000000000aa"
    to = "ana@example.com"
    await house.tell(
        contracts.ANSWER,
        gate["id"],
        to,
        inbound=inbound,
        question="How sure?",
        text="95 % sure.",
        query="x",
        chart=None,
    )
    await house.tell(
        contracts.ASK_BACK, gate["id"], to, inbound=inbound, question="ok?", say="Say APPROVE when you are sure."
    )
    reading = "00000000-0000-0000-0000-0000000000bb"
    await house.tell(
        contracts.PROPOSAL, gate["id"], to, inbound=inbound, question="fine", says="Approve", reading=reading
    )
    await house.tell(contracts.REFUSAL, gate["id"], to, inbound=inbound, question="no", text="Not yours.")
    await house.tell(contracts.WAS_IT_YOU, gate["id"], to, inbound=inbound, reasons=["forged"])
    await house.tell(contracts.NOTE, gate["id"], to, text="Ben's letters come back.")
    said = {"question": "ok", "text": "Nothing is asked of you there.", "nothing": True}
    await house.tell(
        contracts.ASTRAY, house.story.org_id, to, inbound=inbound, subject_kind="org", title="Daily digest", **said
    )
    await house.deliver(twice=True)
    *found, astray = box.letters()
    assert (astray["Subject"], astray["Reply-To"]) == ("Daily digest", "outcomes@outcome.test"), "it has no token"
    assert "Waiting for you (1)" in astray.get_body(("plain",)).get_content()
    assert "List-Unsubscribe" not in astray
    assert len(found) == 6
    assert all(one["Subject"].startswith("Re: ") for one in found)
    words = ["95 % sure", "nothing yet", "I understand", "Not yours", "Was that you?", "come back"]
    for letter, word in zip(found, words, strict=True):
        assert word in letter.get_body(("plain",)).get_content()
    assert [tokens.read(one["Reply-To"], "outcomes@outcome.test") is None for one in found] == [
        False,
        False,
        False,
        False,
        True,
        False,
    ]
    rows = {row["kind"]: row for row in await house.rows()}
    assert rows[contracts.PROPOSAL]["details"]["reading"] == reading
    assert found[2]["X-Outcome-Proposal"] == reading


async def test_an_address_that_refuses_is_marked_and_the_gate_goes_on(house, box):
    box.says["ben@example.com"] = "550 5.1.1 no such user"
    await at_launch_refused(house)
    gate = await house.story.gate("launch_approval")
    ben = await house.tx(lambda tx: tx.first(select(members).where(members.c.email == "ben@example.com")))
    assert ben["mail_refused_why"].startswith("550 5.1.1")
    [row] = [row for row in await house.rows() if row["recipient"] == "ben@example.com"]
    assert row["refused_at"] is not None
    assert row["sent_at"] is None
    async with house.story.runtime.engine.begin() as conn:
        due = (
            await conn.execute(text("select * from claim_timers(now() + interval '1 minute', interval '0', 100)"))
        ).all()
    assert [timer.kind for timer in due if timer.kind == "gate_due"] == ["gate_due"], "their time is over at once"
    await fire(house, gate, "gate_due", house.story.now)
    await house.deliver()
    asked = [
        one for one in box.letters("ana@example.com") if "in place of Ben" in one.get_body(("plain",)).get_content()
    ]
    assert len(asked) == 1


async def at_launch_refused(house):
    await opened(house)
    gate = await house.story.gate("portfolio_review")
    first = UUID(gate["context_package"]["experiment_ids"][0])
    await house.story.decide("portfolio_review", "approve", "ana@example.com", selection=(first,))
    await house.story.work()
    await house.story.built()
    await house.deliver()


async def test_a_server_that_says_later_is_tried_again_with_the_same_message_id(house, box):
    await opened(house)
    box.says["ana@example.com"] = "451 4.7.1 greylisted"
    [(_, notice)] = await house.notices()
    with pytest.raises(ChannelFailed) as later:
        await house.channel.deliver(notice)
    assert later.value.context["retry_after"] > 0
    [before] = await house.rows()
    assert before["sent_at"] is None
    box.says.clear()
    await house.deliver()
    [after] = await house.rows()
    assert after["message_id"] == before["message_id"] == box.letters()[0]["Message-ID"]
    assert after["sent_at"] is not None


async def test_a_refusal_of_us_is_nobodys_address_and_stays_in_the_outbox(house, box):
    await opened(house)
    box.at_data = "554 5.7.1 relay access denied"
    [(_, notice)] = await house.notices()
    with pytest.raises(ChannelFailed, match="takes no letters from us"):
        await house.channel.deliver(notice)
    [row] = await house.rows()
    assert row["refused_at"] is None


async def test_a_reader_leaves_their_digest_by_one_press_and_opening_the_page_changes_nothing(house):
    runtime, org_id = house.story.runtime, house.story.org_id
    await house.story.apply(BY_MAIL)
    url = unsubscribe.url(House.of(runtime.settings), org_id, "ana@example.com")
    assert unsubscribe.read(SECRET, url.rsplit("/", 1)[1]) == (org_id, "ana@example.com")
    assert unsubscribe.read("x" * 40, url.rsplit("/", 1)[1]) is None
    gate = {"id": org_id}
    values = {
        "org_id": org_id, "kind": "digest", "subject_kind": "digest", "subject_id": gate["id"], "recipient": "ana@example.com",
        "dedupe": "digest:1", "message_id": "<1@outcome.test>", "title": "Daily digest", "said": "…",
    }  # fmt: skip
    await house.tx(lambda tx: tx.run(letters_table.insert().values(values)))
    app = web.Application()
    app.add_routes(unsubscribe.routes(runtime))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    here = f"http://127.0.0.1:{port}/mail/unsubscribe/{url.rsplit('/', 1)[1]}"
    async with ClientSession() as http:
        async with http.get(here) as page:
            assert "ana@example.com" in await page.text()
        assert not await house.tx(lambda tx: unsubscribe.left(tx, "ana@example.com"))
        async with http.post(here, data={"List-Unsubscribe": "One-Click"}) as done:
            assert done.status == 200
    assert await house.tx(lambda tx: unsubscribe.left(tx, "ana@example.com"))
    await runner.cleanup()


def test_options_survive_the_header_they_travel_in():
    options = [{"id": "approve", "label": "Genehmigt ✓", "terms": ["cap"], "needs_reason": True}, {"id": "x"}]
    assert letters.unpacked(letters.packed(options)) == tuple(options)
    with pytest.raises(ValueError, match="no options"):
        letters.unpacked(letters.packed([]).replace("W10=", "e30="))


async def test_a_named_address_reads_along_and_the_person_asked_gets_their_own_letter(house, box):
    gate = await opened(house, FILE.replace('"slack:#checkout"', '"email:team@example.com"'))
    await house.deliver(twice=True)
    assert sorted(to for _, to, _ in box.got) == ["ana@example.com", "team@example.com"]
    [copy] = box.letters("team@example.com")
    assert "Ana (ana@example.com) is asked to decide" in copy.get_body(("plain",)).get_content()
    token = tokens.read(copy["Reply-To"], "outcomes@outcome.test")
    assert tokens.owner(token, ["ana@example.com"], SECRET) is None, "nobody decides with the copy"
    assert gate["channel"] == "email:team@example.com"


async def test_the_result_stands_in_the_thread_of_its_gate_and_figures_between_send_nothing(house, box):
    gate = await at_launch(house)
    row = await house.story.experiment()
    await house.tell("gate", gate["id"], "ben@example.com")
    await house.deliver()

    async def told(**values):
        change = update(experiments).where(experiments.c.id == row["id"]).values(**values)
        await house.tx(lambda tx: tx.run(change))
        notice = Message("experiment", row["id"], "email", "ben@example.com", once=str(values), payload={})
        event = Event("test.told", "experiment", row["id"])
        await house.tx(lambda tx: record(tx, event, by=SYSTEM, notices=[notice]))
        box.got.clear()
        await house.deliver(twice=True)
        return box.letters()

    assert await told(current_result={**RESULT, "status": "inconclusive", "guardrails": []}) == []
    [paused] = await told(status="paused", pause_reason="the signal is silent")
    [ended] = await told(status="killed", final_result={"violated": "slow_share is 6.1 %"})
    assert "the signal is silent" in paused.get_body(("plain",)).get_content()
    assert "Killed by a hard constraint." in ended.get_body(("plain",)).get_content()
    first = next(one for one in await house.rows() if one["recipient"] == "ben@example.com")
    for one in (paused, ended):
        assert one["Subject"] == f"Re: {first['title']}"
        assert first["message_id"] in one["References"]


async def test_an_owner_without_slack_gets_the_digest_by_letter_until_they_leave_it(house, box):
    await opened(house)
    runtime, now = house.story.runtime, house.story.runtime.now()

    async def one(day):
        async def work(tx):
            [reader] = [one for one in await digests.readers(tx, runtime.settings) if "@" in one.place]
            assert digests._channels(runtime.settings, reader) == ["slack", "email"]
            span = {"since": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(minutes=1)).isoformat()}
            payload = {"day": day, "reader": reader.email, **span}
            notice = Message("digest", reader.id, "email", reader.place, once=f"d{day}", payload=payload)
            await record(tx, Event("digest.told", "org", tx.org_id), by=SYSTEM, notices=[notice])

        await house.tx(work)
        box.got.clear()
        await house.deliver(twice=True)
        return [letter for letter in box.letters() if letter["Subject"].startswith("Daily digest")]

    async with runtime.transaction(house.story.org_id) as tx:
        for day, value in ((2, "0.33"), (3, "0.385")):
            level = Level(Decimal(value), 4000, datetime(2026, 3, day, 12, tzinfo=UTC), "door")
            await append.ensure_partitions(tx, level.as_of)
            await store.append_level(tx, await tx.value(select(outcomes.c.id)), "checkout_completed", level)
    [digest] = await one(1)
    said = " ".join(digest.get_body(("plain",)).get_content().split())
    assert "checkout_completed 38.5 %, 50 % of the way ↗ towards the target, from 32 % to 45 %" in said
    assert "6.5 pp below the target of 45 %" in digest.get_body(("html",)).get_content()
    assert [part.get_content_type() for part in digest.walk()].count("image/png") == 1
    assert "Waiting for a decision (1)" in digest.get_body(("plain",)).get_content()
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert digest["X-Outcome-Gate"] is None
    to = digest["To"].addresses[0].addr_spec
    await house.tx(lambda tx: unsubscribe.leave(tx, to))
    assert await one(2) == []
