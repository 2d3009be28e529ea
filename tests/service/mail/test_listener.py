"""The SMTP listener: only for our addresses, never larger than it may be, and 250 only after the commit."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import aiosmtplib
import asyncpg
import pytest
from aiosmtplib.errors import SMTPDataError, SMTPRecipientRefused, SMTPRecipientsRefused, SMTPSenderRefused
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.mail import intake
from bot.mail.listener import address_of, listening
from bot.mail.listener_tls import probe
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


def certificate(folder, *, days=90, name="mx.outcome.test"):
    """A certificate that signed itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=400))
    made = made.not_valid_after(now + timedelta(days=days))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(secret)
    return {"mail_tls_cert": str(folder / "cert.pem"), "mail_tls_key": str(folder / "key.pem")}


def dialled(port, folder, **how):
    trusted = ssl.create_default_context(cafile=folder / "cert.pem")
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=10, start_tls=False, tls_context=trusted, **how)


async def test_with_a_certificate_letters_are_taken_after_starttls_alone(runtime, org_id, mail, woken, tmp_path):
    runtime.settings = runtime.settings.model_copy(update=certificate(tmp_path))
    async with listening(runtime, lambda: woken.append(1)) as port:
        smtp = dialled(port, tmp_path)
        await smtp.connect()
        with pytest.raises(SMTPSenderRefused) as clear:
            await smtp.sendmail("ana@example.com", ["outcomes@outcome.test"], RAW)
        assert (clear.value.code, "STARTTLS" in clear.value.message) == (530, True)
        await smtp.starttls(server_hostname="mx.outcome.test")
        assert "auth" not in smtp.esmtp_extensions, "nobody is asked for a password"
        await smtp.sendmail("ana@example.com", ["outcomes@outcome.test"], RAW)
        smtp.close()
        assert (len(await mail.rows(inbound_mail)), woken) == (1, [1])

        (tmp_path / "renewed").mkdir()
        certificate(tmp_path / "renewed")
        for name in ("key.pem", "cert.pem"):
            (tmp_path / "renewed" / name).rename(tmp_path / name)
        again = dialled(port, tmp_path)
        await again.connect()
        await again.starttls(server_hostname="mx.outcome.test")
        again.close()

        (tmp_path / "cert.pem").write_text("half a file")
        with_the_old = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=10, start_tls=False)
        await with_the_old.connect()
        assert with_the_old.is_connected, "a broken renewal shuts nobody out"
        with_the_old.close()
        await asyncio.sleep(0)


def test_doctor_says_how_long_the_certificate_holds_and_what_is_wrong_with_it(settings, tmp_path):
    now = datetime.now(UTC)

    def said(**more):
        found = probe(settings.model_copy(update=more), now)
        return found.ok, found.detail

    assert said() == (True, "without TLS; set MAIL_TLS_CERT and MAIL_TLS_KEY where letters cross a network")
    good = certificate(tmp_path)
    assert said(**good)[0]
    assert f"{now + timedelta(days=90):%Y-%m-%d}" in said(**good)[1]
    assert said(mail_tls_cert=good["mail_tls_cert"]) == (
        False,
        "MAIL_TLS_CERT and MAIL_TLS_KEY go together: the paths of two PEM files.",
    )
    assert "nowhere.pem cannot be read" in said(**{**good, "mail_tls_key": str(tmp_path / "nowhere.pem")})[1]
    assert "no certificate and its key" in said(**{**good, "mail_tls_key": good["mail_tls_cert"]})[1]
    assert "renew it now" in said(**certificate(tmp_path, days=3))[1]
    ok, detail = said(**certificate(tmp_path, days=-1))
    assert (ok, "was valid until" in detail) == (False, True)
