"""The SMTP listener: only for our addresses, never larger than it may be, and 250 only after the commit."""

import asyncio

import aiosmtplib
import asyncpg
import pytest
from aiosmtplib.errors import SMTPDataError, SMTPRecipientRefused, SMTPRecipientsRefused, SMTPSenderRefused

from bot.mail import intake
from bot.mail.listener import address_of, listening
from runtime.db.mail import inbound_mail
from runtime.errors import InvalidConfiguration
from tests.mail_story import MailStory, mail_settings

RAW = b"From: ana@example.com\r\nTo: outcomes+x.y@outcome.test\r\nMessage-ID: <s1@example.com>\r\n\r\nAPPROVE\r\n"


@pytest.fixture
def settings(settings):
    return mail_settings(settings, mail_listen="127.0.0.1:0")


@pytest.fixture
def mail(story):
    return MailStory(story)


@pytest.fixture
def woken():
    return []


@pytest.fixture
async def client(runtime, org_id, woken):
    async with listening(runtime, lambda: woken.append(1)) as port:
        smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=10, start_tls=False)
        await smtp.connect()
        yield smtp
        smtp.close()
        await asyncio.sleep(0)


async def test_a_letter_that_was_acknowledged_is_in_the_database_and_wakes_the_desk(client, mail, woken):
    _, answer = await client.sendmail("ana@example.com", ["outcomes+x.y@outcome.test"], RAW)
    [row] = await mail.rows(inbound_mail)
    assert "OK" in answer
    assert (row["way"], row["envelope_from"], row["envelope_to"]) == (
        "smtp",
        "ana@example.com",
        ["outcomes+x.y@outcome.test"],
    )
    assert intake.read(bytes(row["raw"]), row["envelope_from"], row["envelope_to"]).text.strip() == "APPROVE"
    assert woken == [1]


async def test_what_is_not_for_us_or_too_large_is_refused_and_a_bounce_taken(client, mail):
    with pytest.raises((SMTPRecipientRefused, SMTPRecipientsRefused)):
        await client.sendmail("ana@example.com", ["victim@elsewhere.test"], RAW)
    with pytest.raises((SMTPDataError, SMTPSenderRefused)) as refused:
        await client.sendmail("ana@example.com", ["outcomes@outcome.test"], RAW + (b"y" * 900 + b"\r\n") * 12_000)
    assert refused.value.code == 552
    assert await mail.rows(inbound_mail) == []

    await client.sendmail("", ["outcomes@outcome.test"], RAW)
    [row] = await mail.rows(inbound_mail)
    assert row["envelope_from"] == intake.NULL_SENDER


async def test_what_could_not_be_committed_is_to_be_sent_again(client, settings, mail, woken):
    owner = await asyncpg.connect(settings.migration_database_url.get_secret_value())
    try:
        await owner.execute("alter table inbound_mail rename to away")
        with pytest.raises(SMTPDataError) as refused:
            await client.sendmail("ana@example.com", ["outcomes@outcome.test"], RAW)
        assert (refused.value.code, woken) == (451, [])
        await owner.execute("alter table away rename to inbound_mail")
    finally:
        await owner.close()
    await client.sendmail("ana@example.com", ["outcomes@outcome.test"], RAW)
    assert len(await mail.rows(inbound_mail)) == 1


@pytest.mark.parametrize("wrong", ["", "25", "localhost", "localhost:smtp", ":25", "localhost:70000"])
def test_where_to_listen_is_a_host_and_a_port(wrong):
    with pytest.raises(InvalidConfiguration, match="host:port"):
        address_of(wrong)
