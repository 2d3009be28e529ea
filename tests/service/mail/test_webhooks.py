"""Inbound-parse webhooks, signed as each vendor documents it; whatever is not signed, or not switched on, is refused."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import SecretStr

from bot.mail.webhooks import Inbound, fields_of
from runtime.db.mail import inbound_mail
from tests.mail_story import MailStory, mail_settings

RAW = "From: Ana <ana@example.com>\r\nTo: outcomes+a.b@outcome.test\r\nSubject: Re: Launch\r\nMessage-ID: <{}@example.com>\r\n\r\nAPPROVE ü {}\r\n"
CURVE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    CURVE.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
AMAZON = rsa.generate_private_key(65537, 2048)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:replies"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"


def letter(name):
    return RAW.format(name, name).encode()


def certificate():
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(AMAZON.public_key())
    made = (
        made.serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    )
    return made.sign(AMAZON, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def settings(settings):
    keys = f"postmark=hook:s3cret,mailgun=key-1,sendgrid={PUBLIC},ses={TOPIC}"
    return mail_settings(settings, mail_inbound_secrets=SecretStr(keys))


@pytest.fixture
def mail(story):
    return MailStory(story)


@pytest.fixture
def asked():
    """Addresses that a certificate was fetched from."""
    return []


@pytest.fixture
async def door(runtime, org_id, asked):
    async def fetch(url):
        asked.append(url)
        return certificate()

    app = web.Application()
    app.add_routes(Inbound(runtime, lambda: None, fetch).routes())
    async with TestClient(TestServer(app)) as client:
        yield client


def basic(words):
    return {"Authorization": "Basic " + base64.b64encode(words.encode()).decode()}


def form(**fields):
    """As providers write it: the letter's own line ends and bytes inside."""
    parts = [
        f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--xYz--\r\n", {"Content-Type": "multipart/form-data; boundary=xYz"}


async def kept(mail):
    return {row["message_id"]: row for row in await mail.rows(inbound_mail)}


async def test_postmark_posts_json_with_basic_authentication(door, mail):
    body = {
        "From": "ana@example.com",
        "OriginalRecipient": "outcomes+a.b@outcome.test",
        "RawEmail": letter("pm").decode(),
        "TextBody": "x",
    }
    assert (await door.post("/mail/inbound/postmark", json=body)).status == 401
    assert (await door.post("/mail/inbound/postmark", json=body, headers=basic("hook:wrong"))).status == 401
    assert (await door.post("/mail/inbound/postmark", json={"From": "x"}, headers=basic("hook:s3cret"))).status == 400
    assert await kept(mail) == {}
    assert (await door.post("/mail/inbound/postmark", json=body, headers=basic("hook:s3cret"))).status == 200
    assert (await door.post("/mail/inbound/postmark", json=body, headers=basic("hook:s3cret"))).status == 200, (
        "a repeated post is taken"
    )
    [row] = (await kept(mail)).values()
    assert (bytes(row["raw"]), row["way"], row["envelope_to"]) == (
        letter("pm"),
        "postmark",
        ["outcomes+a.b@outcome.test"],
    )


def by_mailgun(at, key="key-1", **fields):
    stamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), f"{stamp}tok".encode(), "sha256").hexdigest()
    return {
        "timestamp": stamp,
        "token": "tok",
        "signature": signature,
        "recipient": "outcomes+a.b@outcome.test",
        "sender": "ana@example.com",
    } | fields


async def test_mailgun_signs_a_time_stamp_and_a_token(door, mail, runtime):
    now = runtime.now()
    wrong = [
        by_mailgun(now, "key-2"),
        by_mailgun(now - timedelta(hours=1)),
        by_mailgun(now, token="other"),
        {"body-mime": "x"},
    ]
    for fields in wrong:
        posted = urlencode({**fields, "body-mime": letter("mg")})
        answer = await door.post(
            "/mail/inbound/mailgun/mime", data=posted, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status == 406
    assert (await door.post("/mail/inbound/mailgun", data=by_mailgun(now))).status == 406, "parsed, not as it came"
    assert await kept(mail) == {}
    plain = urlencode(by_mailgun(now, **{"body-mime": letter("mg1")}))
    assert (
        await door.post(
            "/mail/inbound/mailgun/mime", data=plain, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
    ).status == 200
    body, headers = form(
        **{name: value.encode() for name, value in by_mailgun(now).items()}, **{"body-mime": letter("mg2")}
    )
    assert (await door.post("/mail/inbound/mailgun/mime", data=body, headers=headers)).status == 200
    found = await kept(mail)
    assert {name: bytes(row["raw"]) for name, row in found.items()} == {
        f"<{n}@example.com>": letter(n) for n in ("mg1", "mg2")
    }
    assert found["<mg1@example.com>"]["envelope_from"] == "ana@example.com"


def by_sendgrid(body, at, key=CURVE):
    stamp = str(int(at.timestamp()))
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return {"X-Twilio-Email-Event-Webhook-Timestamp": stamp, "X-Twilio-Email-Event-Webhook-Signature": signature}


async def test_sendgrid_signs_the_whole_post(door, mail, runtime):
    envelope = json.dumps({"to": ["outcomes+a.b@outcome.test"], "from": "ana@example.com"}).encode()
    body, headers = form(email=letter("sg"), envelope=envelope)
    now = runtime.now()
    stranger = ec.generate_private_key(ec.SECP256R1())
    for proof in (
        {},
        by_sendgrid(body + b" ", now),
        by_sendgrid(body, now, stranger),
        by_sendgrid(body, now - timedelta(hours=1)),
    ):
        assert (await door.post("/mail/inbound/sendgrid", data=body, headers=headers | proof)).status == 403
    parsed, _ = form(text=b"APPROVE")
    assert (
        await door.post("/mail/inbound/sendgrid", data=parsed, headers=headers | by_sendgrid(parsed, now))
    ).status == 400
    assert await kept(mail) == {}
    assert (
        await door.post("/mail/inbound/sendgrid", data=body, headers=headers | by_sendgrid(body, now))
    ).status == 200
    [row] = (await kept(mail)).values()
    assert (bytes(row["raw"]), row["envelope_from"], row["envelope_to"]) == (
        letter("sg"),
        "ana@example.com",
        ["outcomes+a.b@outcome.test"],
    )


def by_amazon(message, **more):
    fields = {
        "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": message, "Timestamp": "2026-11-23T10:00:00.000Z",
        "SignatureVersion": "2", "SigningCertURL": CERTIFICATE_URL,
    } | more  # fmt: skip
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    said = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    algorithm = hashes.SHA1() if fields["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303  as topics sign by default
    return fields | {"Signature": base64.b64encode(AMAZON.sign(said.encode(), padding.PKCS1v15(), algorithm)).decode()}


def received(raw):
    return json.dumps({
        "notificationType": "Received", "mail": {"source": "ana@example.com"}, "content": base64.b64encode(raw).decode(),
        "receipt": {"recipients": ["outcomes+a.b@outcome.test"], "action": {"type": "SNS", "encoding": "BASE64"}},
    })  # fmt: skip


async def test_amazon_signs_with_a_certificate_of_its_own(door, mail, asked):
    good = by_amazon(received(letter("ses")))
    wrong = [
        good | {"Message": received(letter("other"))}, good | {"Signature": "AAAA"}, by_amazon(received(letter("ses")), TopicArn=TOPIC + "x"),
        good | {"SignatureVersion": "3"}, good | {"Type": "Other"}, {"TopicArn": TOPIC},
    ]  # fmt: skip
    elsewhere = (
        "https://sns.eu-west-1.amazonaws.com.evil.test/x.pem", "http://sns.eu-west-1.amazonaws.com/x.pem", "https://evil.test/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.test/x.pem", "https://sns.eu-west-1.amazonaws.com:8443/x.pem", "https://s3.amazonaws.com/x.pem",
    )  # fmt: skip
    for fields in (*wrong, *(good | {"SigningCertURL": url} for url in elsewhere)):
        assert (await door.post("/mail/inbound/ses", data=json.dumps(fields))).status == 403, fields
    assert set(asked) == {CERTIFICATE_URL}, "no other host is asked for a certificate"
    assert (await door.post("/mail/inbound/ses", data=b"[]")).status == 403
    assert await kept(mail) == {}
    for fields in (
        good,
        by_amazon(received(letter("ses1")), SignatureVersion="1", Subject="Amazon SES"),
        by_amazon('{"event": "test"}'),
    ):
        assert (await door.post("/mail/inbound/ses", data=json.dumps(fields))).status == 200
    found = await kept(mail)
    assert {bytes(row["raw"]) for row in found.values()} == {letter("ses"), letter("ses1")}


async def test_a_provider_without_a_secret_is_off_and_a_huge_post_is_cut_off(door, runtime):
    async def endless():
        for _ in range(23):
            yield b"x" * (1 << 20)

    assert (await door.post("/mail/inbound/postmark", data=endless(), headers=basic("hook:s3cret"))).status == 413
    runtime.settings = runtime.settings.model_copy(update={"mail_inbound_secrets": None})
    for path in ("postmark", "sendgrid", "mailgun", "mailgun/mime", "ses"):
        assert (await door.post(f"/mail/inbound/{path}", data=b"{}", headers=basic("hook:s3cret"))).status == 404


def test_a_letter_in_a_form_keeps_every_byte():
    raw = b'Subject: \xff\xfe\r\n\r\nline\n--inner\r\n\r\nContent-Disposition: form-data; name="email"\r\n\x00 end\r\n'
    body, headers = form(email=raw, to=b"x")
    assert fields_of(headers["Content-Type"], body) == {"email": raw, "to": b"x"}
