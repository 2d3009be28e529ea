"""What providers post about letters they took: bounces and complaints, signed and shaped as each vendor documents it."""

import base64
import hmac
import json
import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import SecretStr
from sqlalchemy import update

from bot.mail import contracts
from bot.mail.webhook_events import Events
from bot.mail.webhooks import Inbound
from runtime.db.mail import letters
from runtime.db.tables import members, timers
from runtime.integrations.webhooks import signature
from tests.mail_story import MailStory, mail_settings
from tests.service.mail.test_webhooks import AMAZON, CERTIFICATE_URL, TOPIC, certificate
from workers import timers as timer_worker

BEN = "ben@example.com"
CURVE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    CURVE.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
SVIX = "whsec_" + base64.b64encode(b"s" * 24).decode()
KEYS = f"postmark=hook:s3cret,mailgun=key-1,sendgrid=inbound:only,sendgrid-events={PUBLIC},ses={TOPIC},resend={SVIX}"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"hook:s3cret").decode()}


@pytest.fixture
def settings(settings):
    return mail_settings(settings, mail_inbound_secrets=SecretStr(KEYS))


@pytest.fixture
def mail(story):
    return MailStory(story)


@pytest.fixture
async def door(runtime, org_id):
    async def fetch(url):
        return certificate()

    app = web.Application()
    app.add_routes(Events(Inbound(runtime, lambda: None, fetch)).routes())
    async with TestClient(TestServer(app)) as client:
        yield client


def postmark(letter, **more):
    body = {
        "RecordType": "Bounce", "MessageStream": "outbound", "ID": 4323372036854775807, "Type": "HardBounce", "TypeCode": 1,
        "Name": "Hard bounce", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "ServerID": 23, "Tag": None, "Metadata": {},
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.", "Email": "Ben@Example.com",
        "From": "outcomes@outcome.test", "BouncedAt": "2026-11-23T16:33:54.9070259Z", "DumpAvailable": True, "Inactive": True,
        "CanActivate": True, "Subject": "Launch?",
    } | more  # fmt: skip
    return "postmark", json.dumps(body).encode(), BASIC


def sendgrid(letter, key=CURVE, **more):
    event = {
        "email": BEN, "timestamp": 1513299569, "smtp-id": letter["message_id"], "event": "bounce", "category": "cat facts",
        "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "reason": "500 unknown recipient", "status": "5.0.0", "type": "bounce",
    } | more  # fmt: skip
    delivered = {"email": BEN, "event": "delivered", "timestamp": 1, "response": "250 OK"}
    body, stamp = json.dumps([delivered, event]).encode(), str(int(time.time()))
    made = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    names = ("X-Twilio-Email-Event-Webhook-Timestamp", "X-Twilio-Email-Event-Webhook-Signature")
    return "sendgrid", body, dict(zip(names, (stamp, made), strict=True))


def mailgun(letter, key="key-1", **more):
    stamp, token = str(int(time.time())), "a" * 50
    event = {
        "event": "failed", "severity": "permanent", "reason": "bounce", "recipient": BEN, "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "timestamp": 1521233195.375624, "log-level": "error", "user-variables": {}, "tags": [],
        "message": {"headers": {"to": BEN, "message-id": letter["message_id"].strip("<>"), "from": "o@outcome.test"}},
        "delivery-status": {"attempt-no": 1, "code": 550, "message": "5.1.1 No such user", "description": "", "tls": True},
    } | more  # fmt: skip
    made = hmac.new(key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
    body = {"signature": {"timestamp": stamp, "token": token, "signature": made}, "event-data": event}
    return "mailgun", json.dumps(body).encode(), {}


def ses(letter, key=AMAZON, **more):
    message = {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "reportingMTA": "dns; email.example.com", "feedbackId": "x",
            "bouncedRecipients": [{"emailAddress": BEN, "status": "5.1.1", "action": "failed", "diagnosticCode": "smtp; 550 5.1.1 User unknown"}],
        },
        "mail": {"messageId": "00000138111222aa", "destination": [BEN], "commonHeaders": {"messageId": letter["message_id"]}},
    } | more  # fmt: skip
    fields = {
        "Type": "Notification", "MessageId": "19ba9823", "TopicArn": TOPIC, "Message": json.dumps(message) + "\n",
        "Timestamp": "2026-11-23T10:00:00.000Z", "SignatureVersion": "2", "SigningCertURL": CERTIFICATE_URL,
    }  # fmt: skip
    said = "".join(
        f"{name}\n{fields[name]}\n" for name in sorted(fields) if name not in {"SignatureVersion", "SigningCertURL"}
    )
    made = base64.b64encode(key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return "ses", json.dumps(fields | {"Signature": made}).encode(), {}


def resend(letter, key=SVIX, **more):
    data = {"email_id": "56761188-7520", "from": "o@outcome.test", "to": [BEN], "subject": "Launch?"}
    bounce = {
        "message": "The recipient's email address is on the suppression list",
        "subType": "Suppressed",
        "type": "Permanent",
    }
    body = {
        "type": "email.bounced",
        "created_at": "2026-11-22T23:41:12.126Z",
        "data": {**data, "bounce": bounce},
    } | more
    raw, stamp = json.dumps(body).encode(), int(time.time())
    made = {"svix-id": "msg_1", "svix-timestamp": str(stamp), "svix-signature": signature(key, "msg_1", stamp, raw)}
    return "resend", raw, made


async def post(door, event):
    provider, body, headers = event
    return (await door.post(f"/mail/events/{provider}", data=body, headers=headers)).status


async def ben(mail):
    return next(row for row in await mail.rows(members) if row["email"] == BEN)


async def forget(mail):
    async with mail.runtime.transaction(mail.org_id) as tx:
        await tx.run(update(members).values(mail_refused_at=None, mail_refused_why=None))
        await tx.run(update(letters).values(refused_at=None, refused_why=None))


async def test_a_bounce_for_good_marks_the_address_whoever_tells_it_and_the_gate_goes_on(door, mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    await mail.letter(gate, "ana@example.com")
    harmless = (
        postmark(letter, Type="SoftBounce", TypeCode=4096, Inactive=False), postmark(letter, RecordType="Delivery", Recipient=BEN),
        postmark(letter, RecordType="SubscriptionChange", Recipient=BEN, SuppressSending=False, SuppressionReason=None),
        sendgrid(letter, type="blocked"), sendgrid(letter, event="deferred"), sendgrid(letter, event="dropped", reason="SMTPAPI error"),
        mailgun(letter, severity="temporary"), mailgun(letter, event="delivered"), mailgun(letter, recipient="nobody@elsewhere.test"),
        ses(letter, bounce={"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": BEN}]}), ses(letter, bounce=None),
        ses(letter, bounce=None, complaint={"complaintFeedbackType": "not-spam", "complainedRecipients": [{"emailAddress": BEN}]}),
        resend(letter, type="email.delivered"),
    )  # fmt: skip
    for event in harmless:
        assert await post(door, event) == 200, event
    assert (await ben(mail))["mail_refused_at"] is None

    told = (
        (postmark(letter), "550 5.1.1"), (postmark(letter, RecordType="SpamComplaint", Type="SpamComplaint", TypeCode=512), "SpamComplaint"),
        (postmark(letter, RecordType="SubscriptionChange", Recipient=BEN, SuppressSending=True, SuppressionReason="HardBounce"), "HardBounce"),
        (sendgrid(letter), "unknown recipient"), (sendgrid(letter, event="dropped", reason="Bounced Address"), "Bounced Address"),
        (sendgrid(letter, event="spamreport", reason=None), "spamreport"), (mailgun(letter), "No such user"), (mailgun(letter, event="complained"), "complained"),
        (ses(letter), "User unknown"), (ses(letter, bounce=None, complaint={"complaintFeedbackType": "abuse", "complainedRecipients": [{"emailAddress": BEN}]}), "abuse"),
        (resend(letter), "suppression list"), (resend(letter, type="email.complained"), "complained"),
    )  # fmt: skip
    for event, why in told:
        assert await post(door, event) == 200
        marked = await ben(mail)
        assert marked["mail_refused_at"] is not None, event
        assert why in marked["mail_refused_why"]
        assert marked["mail_refused_why"].startswith(event[0].capitalize())
        await forget(mail)

    assert [await post(door, ses(letter)), await post(door, ses(letter))] == [200, 200]
    about = [row for row in await mail.events("letter.refused") if row["payload"]["letter"] == str(letter["id"])]
    assert len(about) == len(told) + 1, "posted twice it is told once"
    [note] = await mail.said(contracts.NOTE)
    assert (note["place"], BEN in note["payload"]["text"]) == ("arun@example.com", True)
    due = [row for row in await mail.rows(timers) if (row["kind"], row["status"]) == ("gate_due", "armed")]
    for row in due:
        if row["subject_id"] == gate["id"]:
            await timer_worker.fire(mail.runtime, mail.org_id, row["id"], "gate_due")
    assert (await mail.gate(gate["id"]))["chain_position"] == 1, "Ana is asked now"


async def test_what_is_not_signed_as_its_vendor_signs_is_refused(door, runtime):
    letter = {"message_id": "<x@outcome.test>"}
    stranger, other = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    wrong = (
        (("postmark", b"{}", {}), 401), (sendgrid(letter, stranger), 403), (mailgun(letter, "key-2"), 406), (ses(letter, other), 403),
        (resend(letter, "whsec_" + base64.b64encode(b"t" * 24).decode()), 403), (("mailgun", b"[]", {}), 400),
        (("postmark", b"not json", BASIC), 400),
    )  # fmt: skip
    for event, status in wrong:
        assert await post(door, event) == status, event[0]
    runtime.settings = runtime.settings.model_copy(update={"mail_inbound_secrets": None})
    for provider in ("postmark", "sendgrid", "mailgun", "ses", "resend"):
        assert await post(door, (provider, b"{}", BASIC)) == 404
