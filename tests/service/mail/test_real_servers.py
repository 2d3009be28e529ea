"""Between our SMTP transport and our IMAP reader stand real servers: what they do to letters, and what none of it may change."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.mail.contracts import Letter
from bot.mail.imap import Reader
from bot.mail.message import read
from bot.mail.transport import open_transport
from runtime.core import Runtime
from runtime.db.mail import inbound_mail
from runtime.settings import Settings
from tests.mail_story import MailStory, mail_settings
from tests.real_mail import MailServer, mail_server
from tests.story import Story

TOKEN = "outcomes+aaaaaaaaaaaaaaaaaaaaaaaaa4.v7g7gqdvl3hcavm3@outcome.test"
PUSHED, SOON = 2.0, 15.0


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, server: MailServer) -> Settings:
    return mail_settings(settings, smtp_url=SecretStr(server.smtp_url), imap_url=SecretStr(server.imap_url()))


@pytest.fixture
def mail(story: Story, server: MailServer) -> MailStory:
    server.post(written("first"), [TOKEN], "ana@example.com")
    return MailStory(story)


def written(name: str, to: str = TOKEN) -> bytes:
    return f"From: Ana <ana@example.com>\r\nTo: {to}\r\nMessage-ID: <{name}.{time.monotonic_ns()}@example.com>\r\n\r\nAPPROVE {name}\r\n".encode()


@asynccontextmanager
async def reading(runtime: Runtime) -> AsyncIterator[None]:
    task = asyncio.create_task(Reader(runtime, lambda: None, pause_seconds=0.05).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def kept(mail: MailStory, name: str) -> list[Any]:
    async with mail.runtime.transaction(mail.org_id) as tx:
        rows = await tx.all(select(inbound_mail))
    return [row for row in rows if f"APPROVE {name}\r\n".encode() in row["raw"]]


async def until(there: Callable[[], Any], patience: float = SOON) -> float:
    """Seconds until something is there."""
    began = time.monotonic()
    while not await there():
        assert time.monotonic() - began < patience, "it did not come"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_our_letters_land_as_they_were_written(server: MailServer, settings: Settings) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Outcomes <outcomes@outcome.test>",
        "Ana <ana@example.com>",
        "Größe prüfen",
    )
    message["Reply-To"], message["Message-ID"] = TOKEN, make_msgid(domain="outcome.test")
    message.set_content("Zeile eins\n.\n..zwei Punkte\nFrom hier\n" + "x" * 1200 + "\n")
    transport = open_transport(settings)
    await transport.send(Letter("ana@example.com", TOKEN, message))
    await transport.close()
    raw = await asyncio.to_thread(server.wait_for, "ana", lambda raw: message["Message-ID"].encode() in raw)
    got = read(raw)
    assert (got.subject, got.text.replace("\r\n", "\n")) == (message["Subject"], message.get_content())
    assert got.envelope_from == TOKEN, "a bounce would not name the gate"


async def test_a_reply_is_pushed_within_two_seconds_and_keeps_its_plus_address(
    server: MailServer, mail: MailStory
) -> None:
    async with reading(mail.runtime):
        await until(lambda: kept(mail, "first"))
        took = []
        for number in range(3):
            await asyncio.to_thread(server.post, written(f"pushed{number}"), [TOKEN], "ana@example.com")
            took.append(await until(lambda number=number: kept(mail, f"pushed{number}")))  # type: ignore[misc]
        assert min(took) < PUSHED
        [row] = await kept(mail, "pushed0")
    assert TOKEN in read(row["raw"]).recipients


async def test_a_plus_address_only_the_envelope_knows_is_found(server: MailServer, mail: MailStory) -> None:
    async with reading(mail.runtime):
        await asyncio.to_thread(server.post, written("blind", "outcomes@outcome.test"), [TOKEN], "ana@example.com")
        await until(lambda: kept(mail, "blind"))
        [row] = await kept(mail, "blind")
    assert TOKEN in read(row["raw"]).recipients


async def test_a_mailbox_made_anew_and_servers_restarted_lose_and_repeat_nothing(
    server: MailServer, mail: MailStory
) -> None:
    async with reading(mail.runtime):
        again = written("before")
        await asyncio.to_thread(server.post, again, [TOKEN], "ana@example.com")
        await until(lambda: kept(mail, "before"))
        await asyncio.to_thread(server.recreate, "outcomes")
        for raw in (again, written("after")):
            await asyncio.to_thread(server.post, raw, [TOKEN], "ana@example.com")
        await until(lambda: kept(mail, "after"), 30)
        await asyncio.to_thread(server.restart)
        await asyncio.to_thread(server.post, written("restarted"), [TOKEN], "ana@example.com")
        await until(lambda: kept(mail, "restarted"), 30)
    assert [len(await kept(mail, name)) for name in ("before", "after", "restarted")] == [1, 1, 1]


async def test_two_readers_keep_a_reply_once(server: MailServer, mail: MailStory) -> None:
    async with reading(mail.runtime), reading(mail.runtime):
        await asyncio.to_thread(server.post, written("both"), [TOKEN], "ana@example.com")
        await until(lambda: kept(mail, "both"))
        await asyncio.to_thread(server.post, written("later"), [TOKEN], "ana@example.com")
        await until(lambda: kept(mail, "later"))
    assert len(await kept(mail, "both")) == 1
