"""No Slack anywhere: from gate 1 to gate 3, an outcome is run by replies, over real servers where there are any."""

import asyncio
import re
import smtplib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import Any, Protocol

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from sqlalchemy import select, update

from bot.mail import serve
from bot.mail.channel import EmailChannel
from runtime.db.mail import inbound_mail, letters
from runtime.db.tables import human_gates, outbox
from runtime.integrations.contracts import Notice
from runtime.local.ports import free_port
from runtime.settings import Settings
from tests.mail_corpus.clients import gmail_web, outlook_desktop, send, thunderbird_german
from tests.mail_corpus.letter import AUTHSERV, Person, Sent, sent
from tests.mail_story import BY_MAIL
from tests.real_mail import mail_server, why_not
from tests.story import Story

ANA, BEN = Person("Ana Diaz", "ana@example.com"), Person("Ben Okri", "ben@example.com")
SOON = 20.0


class Post(Protocol):
    """How letters get to people, and replies back."""

    def settings(self) -> dict[str, Any]: ...
    def letters(self, person: Person) -> list[bytes]: ...
    def reply(self, raw: bytes, to: str, sender: str) -> None: ...


@dataclass
class RealPost:
    """OpenSMTPD in between, Dovecot's mailboxes at both ends."""

    server: Any

    def settings(self) -> dict[str, Any]:
        return {"smtp_url": SecretStr(self.server.smtp_url), "imap_url": SecretStr(self.server.imap_url())}

    def letters(self, person: Person) -> list[bytes]:
        return list(self.server.letters(person.address.partition("@")[0]))

    def reply(self, raw: bytes, to: str, sender: str) -> None:
        self.server.post(raw, [to], sender)


class LoopPost:
    """A catcher for letters, and the product's own listener for replies."""

    def __init__(self) -> None:
        self.caught: list[tuple[str, bytes]] = []
        self.listener = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        self.caught += [(to.lower(), envelope.content) for to in envelope.rcpt_tos]
        return "250 kept"

    def settings(self) -> dict[str, Any]:
        return {
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{self.controller.port}"),
            "mail_listen": f"127.0.0.1:{self.listener}",
        }

    def letters(self, person: Person) -> list[bytes]:
        return [raw for to, raw in self.caught if to == person.address]

    def reply(self, raw: bytes, to: str, sender: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.listener, timeout=10) as client:
            client.sendmail(sender, [to], raw)


@pytest.fixture
def post() -> Iterator[Post]:
    """Real servers where they can be had; tests of them say loudly where they cannot."""
    if not why_not():
        with mail_server() as server:
            yield RealPost(server)
        return
    loop = LoopPost()
    loop.controller.start()
    yield loop
    loop.controller.stop()


@pytest.fixture
def settings(settings: Settings, post: Post) -> Settings:
    own = {
        "mail_from": "Outcome Runtime <outcomes@outcome.test>",
        "mail_reply_to": "outcomes@outcome.test",
        "mail_authserv_id": AUTHSERV,
        "mail_undo_seconds": 0,
        "slack_bot_token": None,
    }
    return settings.model_copy(update=own | post.settings())


@dataclass
class Town:
    """The worker's hands for what is said by letter, and people at their mail clients."""

    story: Story
    post: Post
    channel: EmailChannel

    async def deliver(self) -> None:
        """Effects, then letters, as workers do it; then they count as done."""
        await self.story.work()
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            due = await tx.all(
                select(outbox).where(outbox.c.kind == "notice", outbox.c.status == "due").order_by(outbox.c.id)
            )
        for row in due:
            assert row["channel"] == "email", f"{row['name']} wants to leave by {row['channel']}"
            event, payload = row["payload"].get("event", ""), row["payload"]
            await self.channel.deliver(
                Notice(row["org_id"], row["name"], row["subject_id"], event, row["place"], payload)
            )
            async with self.story.runtime.transaction(self.story.org_id) as tx:
                await tx.run(update(outbox).where(outbox.c.id == row["id"]).values(status="done"))

    async def letter(self, person: Person, wanted: Callable[[Sent], bool]) -> Sent:
        """The newest such letter, once it lands."""

        async def landed() -> Sent | None:
            found = [sent(raw) for raw in await asyncio.to_thread(self.post.letters, person)]
            return next((one for one in reversed(found) if wanted(one)), None)

        return await eventually(landed, f"no such letter for {person.name}")

    async def asked(self, person: Person, gate_type: str) -> Sent:
        await self.deliver()
        gate = await self.story.gate(gate_type)
        return await self.letter(person, lambda one: header(one, "X-Outcome-Gate") == str(gate["id"]))

    async def answer(self, client: Any, letter: Sent, person: Person, said: str) -> None:
        raw = send(client, letter, said, person).replace(b"<CAF4k9reply@", f"<{time.monotonic_ns()}@".encode())
        # What the last server adds is left to the real one, which takes its own Delivered-To for a loop.
        raw = raw[raw.index(b"Authentication-Results") :]
        await asyncio.to_thread(self.post.reply, raw, letter.reply_to, person.address)

    async def decided(self, gate_type: str) -> Any:
        async def now() -> Any:
            async with self.story.runtime.transaction(self.story.org_id) as tx:
                return await tx.first(
                    select(human_gates)
                    .where(human_gates.c.gate_type == gate_type, human_gates.c.status != "pending")
                    .order_by(human_gates.c.responded_at.desc())
                )

        return await eventually(now, f"the {gate_type} was not decided")


def header(letter: Sent, name: str) -> str:
    return str(message_from_bytes(letter.raw, policy=default)[name] or "")


async def eventually(there: Callable[[], Any], otherwise: str) -> Any:
    end = time.monotonic() + SOON
    while (found := await there()) is None:
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.05)
    return found


@pytest.fixture
async def town(story: Story, post: Post) -> AsyncIterator[Town]:
    channel = EmailChannel(story.runtime)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asynccontextmanager(serve.running)(story.runtime, serve.Desk(story.runtime)))
        stack.push_async_callback(channel.close)
        yield Town(story, post, channel)


async def test_an_outcome_goes_from_its_first_gate_to_shipped_by_replies_alone(town: Town) -> None:
    story = town.story
    await story.apply(BY_MAIL)
    first = await town.asked(ANA, "portfolio_review")
    await town.answer(gmail_web, first, ANA, "Hi,\n\napproved.\n\nBest,\nAna")
    assert (await town.decided("portfolio_review"))["decided_by"] == ANA.address

    await town.deliver()
    await story.built()
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))
    second = await town.asked(BEN, "launch_approval")
    await town.answer(outlook_desktop, second, BEN, "APPROVE IF cap 50%\n\nLet us watch the refunds.")
    launch = await town.decided("launch_approval")
    assert (launch["decided_by"], launch["status"]) == (BEN.address, "approved_with_conditions")

    await town.deliver()
    await days(story)
    third = await town.asked(ANA, "analysis_review")
    await she_asks_first(town, third)
    await town.answer(thunderbird_german, third, ANA, "SHIP AND LIFT THE CAP: it held for two weeks")
    assert (await town.decided("analysis_review"))["decided_by"] == ANA.address
    await town.deliver()
    row = await story.experiment()
    assert (row["status"], row["final_result"]["conclusion"]) == ("shipped", "shipped")
    await everybody_was_told(town)


async def she_asks_first(town: Town, third: Sent) -> None:
    """How sure are we? Answered in her thread, with numbers and their picture; the gate waits on."""
    await town.answer(gmail_web, third, ANA, "Hi,\n\nhow sure are we?\n\nBest,\nAna")
    await eventually(lambda: handled(town, "question"), "her question was not read")
    await town.deliver()
    told = await town.letter(ANA, lambda one: "You asked" in one.text)
    assert "how sure are we?" in told.text
    assert re.search(r"\d[\d.]* ?%", told.text), told.text
    assert "certainty(" in told.text, "from which stored numbers"
    message = message_from_bytes(told.raw, policy=default)
    [picture] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content().startswith(b"\x89PNG")
    assert picture["Content-ID"].strip("<>") in told.html
    assert third.message_id in str(message["References"]), "in the gate's thread"
    assert (await town.story.gate("analysis_review"))["status"] == "pending", "a question decides nothing"


async def handled(town: Town, decision: str) -> Any:
    async with town.story.runtime.transaction(town.story.org_id) as tx:
        return await tx.first(
            select(inbound_mail).where(inbound_mail.c.decision == decision, inbound_mail.c.handled_at.is_not(None))
        )


async def days(story: Story) -> None:
    """Two weeks of traffic in which the change works."""
    for day in range(1, 15):
        await story.tell("checkout_completed", day, (2000, 640), (2000, 700))
        await story.tell("slow_share", day, (2000, 40), (2000, 40))
    await story.measure()


async def everybody_was_told(town: Town) -> None:
    """Each reply was handled once, each decision confirmed in its thread, and no letter was sent twice."""
    async with town.story.runtime.transaction(town.story.org_id) as tx:
        mails = await tx.all(select(inbound_mail))
        written = await tx.all(select(letters))
    assert sorted(row["action"] for row in mails) == ["answer", "decide", "decide", "decide"]
    assert {row["kind"] for row in written} >= {"gate", "mail_receipt", "mail_answer"}
    for person in (ANA, BEN):
        ids = [sent(raw).message_id for raw in await asyncio.to_thread(town.post.letters, person)]
        assert len(ids) == len(set(ids))
