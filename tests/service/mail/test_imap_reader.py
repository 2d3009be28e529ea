"""Replies out of a real IMAP server: pushed, resumed, read once, and never lost."""

import asyncio
import time
from datetime import date

import pytest
from pydantic import SecretStr

from bot.mail.imap import POLL_SECONDS, Reader
from bot.mail.imap_line import Line, Mailbox
from bot.mail.intake import LARGEST
from runtime.db.mail import inbound_mail, mail_cursors
from runtime.errors import ChannelFailed, InvalidConfiguration
from tests.mail_story import MailStory, mail_settings
from tests.real_mail import WITHOUT_IDLE, mail_server, mailboxes_alone


@pytest.fixture(scope="module")
def server():
    with mail_server() as running:
        yield running


@pytest.fixture
def user(request):
    """A mailbox of its own for each test."""
    return f"box{abs(hash(request.node.name)) % 10_000}"


@pytest.fixture
def settings(settings, server, user):
    return mail_settings(settings, imap_url=SecretStr(server.imap_url(user)))


@pytest.fixture
def mail(story):
    return MailStory(story)


def raw(name):
    return f"From: Ana <ana@example.com>\r\nTo: outcomes@outcome.test\r\nMessage-ID: <{name}@example.com>\r\n\r\nAPPROVE {name}\r\n".encode()


class Reading:
    """A reader that runs beside the test."""

    def __init__(self, runtime, **options):
        self.woken = asyncio.Event()
        self.task = asyncio.create_task(Reader(runtime, self.woken.set, pause_seconds=0.05, **options).run())

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def kept(mail, many):
    """The letters there are, as soon as there are so many."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        found = [row["message_id"] for row in await mail.rows(inbound_mail)]
        if len(found) >= many:
            return sorted(name.strip("<>").partition("@")[0] for name in found)
        await asyncio.sleep(0.02)
    raise AssertionError(f"{found} instead of {many}")


async def test_letters_are_pushed_marked_seen_and_resumed_after(server, mail, runtime, org_id, user):
    to = [f"{user}@outcome.test"]
    server.post(raw("before"), to, "ana@example.com")
    server.wait_for(user, lambda found: b"<before@" in found)
    async with Reading(runtime):
        assert await kept(mail, 1) == ["before"]
        began = time.monotonic()
        server.post(raw("pushed"), to, "ana@example.com")
        assert await kept(mail, 2) == ["before", "pushed"]
        assert time.monotonic() - began < 5, "pushed, not polled"
    server.post(raw("while-away"), to, "ana@example.com")
    server.wait_for(user, lambda found: b"<while-away@" in found)
    async with Reading(runtime) as reading:
        assert await kept(mail, 3) == ["before", "pushed", "while-away"]
        await asyncio.wait_for(reading.woken.wait(), 5)
    [cursor] = await mail.rows(mail_cursors)
    assert cursor["last_uid"] == 3
    assert "secret" not in cursor["mailbox"]
    with server.mailbox(user) as client:
        assert len(client.uid("search", "SEEN")[1][0].split()) >= 2
        assert len(client.uid("search", "ALL")[1][0].split()) == 3, "nothing is deleted"


async def test_uids_given_anew_and_a_server_that_goes_away_lose_and_repeat_nothing(server, mail, runtime, org_id, user):
    to = [f"{user}@outcome.test"]
    async with Reading(runtime):
        for name in ("one", "two"):
            server.post(raw(name), to, "ana@example.com")
        assert await kept(mail, 2) == ["one", "two"]
        server.recreate(user)
        for name in ("two", "three"):
            server.post(raw(name), to, "ana@example.com")
        assert await kept(mail, 3) == ["one", "three", "two"]
    assert len(await mail.rows(inbound_mail)) == 3


async def test_of_two_bots_one_reads_and_the_other_takes_over(server, mail, runtime, org_id, user):
    to = [f"{user}@outcome.test"]
    async with Reading(runtime, renew_seconds=0.2) as first, Reading(runtime, renew_seconds=0.2) as second:
        server.post(raw("a"), to, "ana@example.com")
        assert await kept(mail, 1) == ["a"]
        reader, other = (first, second) if first.woken.is_set() else (second, first)
        assert not other.woken.is_set()
        reader.task.cancel()
        server.post(raw("b"), to, "ana@example.com")
        assert await kept(mail, 2) == ["a", "b"]
        assert other.woken.is_set()


async def test_a_server_that_pushes_nothing_is_asked_again_and_again(mail, runtime, org_id, user):
    """It has no IDLE (RFC 2177 is an extension); a restart in between loses nothing."""
    with mailboxes_alone(WITHOUT_IDLE) as quiet:
        url = quiet.imap_url(user)
        line = Line(Mailbox.of(url), largest=LARGEST)
        assert not line.pushes
        with pytest.raises(ChannelFailed, match="no IDLE"):
            line.wait(0.1)
        line.close()
        runtime.settings = runtime.settings.model_copy(update={"imap_url": SecretStr(url)})
        quiet.append(user, raw("before"))
        async with Reading(runtime, renew_seconds=0.1):
            assert await kept(mail, 1) == ["before"]
            quiet.append(user, raw("polled"))
            assert await kept(mail, 2) == ["before", "polled"]
            quiet.stop("dovecot")
            quiet.start("dovecot")
            quiet.append(user, raw("restarted"))
            assert await kept(mail, 3) == ["before", "polled", "restarted"]
        with quiet.mailbox(user) as client:
            assert len(client.uid("search", "SEEN")[1][0].split()) >= 2, "the last one's mark may have been cut off"
    assert POLL_SECONDS <= 15, "what docs/email.md promises"


async def test_of_a_letter_that_is_too_large_the_head_is_read(server, user):
    server.post(raw("big") + b"x" * 5000, [f"{user}@outcome.test"], "ana@example.com")
    server.wait_for(user, lambda found: b"<big@" in found)
    line = Line(Mailbox.of(server.imap_url(user)), largest=2000)
    try:
        [letter] = line.new(0, date(2020, 1, 1))
    finally:
        line.close()
    assert b"Message-ID: <big@example.com>" in letter.raw
    assert b"APPROVE" not in letter.raw


async def test_a_wrong_password_names_the_setting_and_not_the_password(server, runtime, org_id, user):
    wrong = server.imap_url(user).replace(":secret@", ":hunter2@")
    runtime.settings = runtime.settings.model_copy(update={"imap_url": SecretStr(wrong)})
    with pytest.raises(ChannelFailed, match="IMAP_URL") as refused:
        await Reader(runtime, lambda: None)._turn()
    assert "hunter2" not in str(refused.value)


def test_a_mailbox_is_named_by_its_url_without_the_password():
    found = Mailbox.of("imaps://a%40b.test:p%2Fw@mail.b.test/Replies/Gates")
    assert (found.host, found.port, found.user, found.password, found.folder) == (
        "mail.b.test",
        993,
        "a@b.test",
        "p/w",
        "Replies/Gates",
    )
    assert found.name == "a@b.test@mail.b.test:993/Replies/Gates"
    for wrong in ("https://a:b@c/INBOX", "imaps:///INBOX", "imap://host"):
        with pytest.raises(InvalidConfiguration, match="IMAP_URL"):
            Mailbox.of(wrong)
