"""Mail is kept before anything acknowledges it: once, whatever way it took, in the organisation it belongs to."""

import asyncio

import pytest

from bot.mail import intake
from runtime.db.mail import inbound_mail
from runtime.errors import InvalidRequest
from tests.mail_story import MailStory, mail_settings


@pytest.fixture
def settings(settings):
    return mail_settings(settings)


@pytest.fixture
def mail(story):
    return MailStory(story)


def plain(message_id="<a1@example.com>", text="APPROVE", **headers):
    lines = {
        "From": "Ana <ana@example.com>",
        "To": "outcomes@outcome.test",
        "Subject": "Re: Launch",
        "Message-ID": message_id,
    }
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in (lines | headers).items())
    return f"{head}\r\n{text}\r\n".encode()


async def test_a_letter_is_kept_once_whatever_way_and_however_often_it_comes(mail):
    """By Message-ID; by content where a gateway wrote a new one, or there is none; by several processes at once."""
    first = await mail.receive(plain(), way="imap")
    assert first is not None
    assert await mail.receive(b"Received: by another server\r\n" + plain(), way="postmark") is None
    moved = b"X-Scanned: yes\r\n" + plain("<rewritten@gateway.example>").replace(b"APPROVE\r\n", b"APPROVE  \r\n\r\n")
    assert await mail.receive(moved) is None
    [row] = await mail.rows(inbound_mail)
    assert (row["id"], row["way"], row["handled_at"]) == (first, "imap", None)

    later = plain("<a2@example.com>", Date="Mon, 23 Nov 2026 10:05:00 +0000")
    kept = await asyncio.gather(*(mail.receive(later) for _ in range(6)))
    assert len([found for found in kept if found]) == 1, "the same words in another letter are another letter"

    bare = plain(text="REJECT no").replace(b"Message-ID: <a1@example.com>\r\n", b"")
    assert await mail.receive(bare) is not None
    assert await mail.receive(bare) is None


async def test_a_letter_goes_to_the_organisation_whose_gate_its_address_names(mail, runtime):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, "ben@example.com")
    kept = await mail.receive(mail.reply(letter, "APPROVE"))
    names = intake.named(mail.reply(letter, "APPROVE"), [])
    assert names.gates == (gate["id"],)
    assert letter["message_id"] in names.answers
    assert kept in {row["id"] for row in await mail.rows(inbound_mail)}


async def test_the_envelope_is_kept_and_an_empty_sender_is_told_from_an_unknown_one(mail):
    await mail.receive(plain("<a1@example.com>"), sender="", to=["outcomes@outcome.test"])
    await mail.receive(plain("<a2@example.com>", "other"), sender=None)
    kept = {row["message_id"]: row for row in await mail.rows(inbound_mail)}
    assert kept["<a1@example.com>"]["envelope_from"] == intake.NULL_SENDER
    assert kept["<a1@example.com>"]["envelope_to"] == ["outcomes@outcome.test"]
    assert intake.read(plain(), intake.NULL_SENDER, []).envelope_from == ""
    assert kept["<a2@example.com>"]["envelope_from"] == ""


HOSTILE = (
    b"", b"\x00\xff\xfe", b"From: a\x00b@c\r\nMessage-ID: <\xff\x00@x>\r\n\r\n\x00", b"Message-ID: <" + b"a" * 5000 + b"@x>\r\n\r\nhi",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%\r\n",
)  # fmt: skip


async def test_any_bytes_can_be_kept_but_not_any_number_of_them(mail):
    for raw in HOSTILE:
        assert await mail.receive(raw, sender="\x00evil\udcff", to=["x" * 5000]) is not None
    with pytest.raises(InvalidRequest, match="10 MiB"):
        await mail.receive(b"x" * (intake.LARGEST + 1))
    assert len(await mail.rows(inbound_mail)) == len(HOSTILE)
