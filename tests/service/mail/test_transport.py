"""Letters handed to a real SMTP server, to the sandbox, and to servers that speak the providers' documented formats."""

import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from uuid import UUID

import pytest
from aiohttp import ClientSession, web
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from bot.mail import transport
from bot.mail.letter_parts import Chart, Page, Say
from bot.mail.letters import Heading, write
from bot.mail.transports import providers, smtp
from bot.mail.transports.sandbox import SandboxTransport
from bot.slack.sandbox.config import SandboxConfig, parse_people
from bot.slack.sandbox.server import served
from runtime.errors import ChannelFailed, InvalidConfiguration, MailRefused
from runtime.settings import Settings
from tests.postbox import Postbox, listening

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def letter(to="ana@example.com"):
    page = Page(
        "Gate", "May “it” be launched?", "asked", (Say("Please answer."), Chart("Effect +2 pp", "▁▂▃")), "footer"
    )
    heading = Heading(
        "Outcome Runtime <outcomes@outcome.test>", to, "outcomes+x.y@outcome.test", "<gate-a.b.c@outcome.test>", "May “it” be launched?",
        datetime(2026, 11, 23, tzinfo=UTC), name="Ana Diaz", answers="<reply-1@example.com>", references=("<gate-a.a.c@outcome.test>",),
        gate=UUID(int=7), evidence="0" * 64, options=({"id": "approve", "label": "Approve"},),
    )  # fmt: skip
    return write(page, heading, PNG)


def settings(url=None, **more):
    return Settings(_env_file=None, smtp_url=SecretStr(url) if url else None, **more)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A certificate of its own making, as a mail server on this machine has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.outcome.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


@asynccontextmanager
async def sending(url):
    way = transport.open_transport(settings(url))
    try:
        yield way
    finally:
        await way.close()


async def test_letters_share_a_connection_and_carry_their_own_envelope():
    box = Postbox()
    async with listening(box) as port, sending(f"smtp://127.0.0.1:{port}") as way:
        for _ in range(3):
            await way.send(letter())
    assert box.connections == 1
    assert {envelope for envelope, _, _ in box.got} == {"outcomes+x.y@outcome.test"}
    assert len(box.got) == 3


async def test_starttls_and_login_are_used_where_the_server_has_them(tls):
    box, seen = Postbox(), []

    def known(server, session, envelope, mechanism, data):
        assert isinstance(data, LoginPassword)
        seen.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=data.password == b"p@ss", handled=False)

    more = {"tls_context": tls, "require_starttls": True, "authenticator": known, "auth_required": True}
    async with listening(box, **more) as port:
        async with sending(f"smtp://bot:p%40ss@127.0.0.1:{port}") as way:
            await way.send(letter())
        assert seen == [(b"bot", b"p@ss", True)]
        async with sending(f"smtp://bot:wrong@127.0.0.1:{port}") as way:
            with pytest.raises(ChannelFailed, match="name or password"):
                await way.send(letter())
        probe = await transport.probe(settings(f"smtp://bot:wrong@127.0.0.1:{port}"))
        assert not probe.ok
        assert (await transport.probe(settings(f"smtp://bot:p%40ss@127.0.0.1:{port}"))).ok


def test_beyond_this_machine_a_server_without_tls_gets_nothing():
    assert smtp._starttls(smtp.Way("mail.example.com", 587, implicit_tls=False)) is True
    assert smtp._starttls(smtp.Way("127.0.0.1", 25, implicit_tls=False)) is None


@pytest.mark.parametrize(
    ("said", "kind", "later"),
    [
        ("550 5.1.1 no such user", MailRefused, False),
        ("552 5.2.2 mailbox full", MailRefused, False),
        ("451 4.7.1 greylisted, come back", ChannelFailed, True),
        ("554 5.7.1 Relay access denied", ChannelFailed, False),
        ("530 5.7.0 Authentication required", ChannelFailed, False),
    ],
)
async def test_refusals_are_told_apart(said, kind, later):
    box = Postbox(says={"ana@example.com": said})
    async with listening(box) as port, sending(f"smtp://127.0.0.1:{port}") as way:
        with pytest.raises(kind) as refused:
            await way.send(letter())
        assert bool(refused.value.context.get("retry_after")) is later
        await way.send(letter("ben@example.com"))
    assert [to for _, to, _ in box.got] == ["ben@example.com"], "one refusal spoils no other letter"
    assert box.connections == 1


async def test_a_server_that_is_not_there_or_went_away_is_tried_again():
    box = Postbox()
    async with listening(box) as port, sending(f"smtp://127.0.0.1:{port}") as way:
        await way.send(letter())
    async with sending(f"smtp://127.0.0.1:{port}") as way:
        with pytest.raises(ChannelFailed, match=r"cannot be reached|went away"):
            await way.send(letter())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://127.0.0.1", "known are smtp://"),
        ("smtp://", "names no host"),
        ("postmark://", "needs the provider's key"),
        ("mailgun://key@", "needs the sending domain"),
        ("smtp://[bad", "cannot be read"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(url, says):
    with pytest.raises(InvalidConfiguration, match=says):
        transport.open_transport(settings(url))


def test_without_any_way_out_the_setting_is_named():
    with pytest.raises(InvalidConfiguration, match="SMTP_URL is not set"):
        transport.open_transport(settings())


async def test_without_smtp_letters_go_to_the_sandbox_mailbox(tmp_path):
    config = SandboxConfig(
        events_url="http://127.0.0.1:9/slack/events", signing_secret=SecretStr("s" * 32), bot_token=SecretStr("xoxb-sandbox"), data=tmp_path,
        people=parse_people("Ana Diaz <ana@example.com>"), port=0,
    )  # fmt: skip
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with served(config, sock), ClientSession() as http:
        given = settings(slack_base_url=f"{url}/api/", slack_bot_token=SecretStr("xoxb-sandbox"))
        way = transport.open_transport(given)
        assert isinstance(way, SandboxTransport)
        assert (await transport.probe(given)).ok
        await way.send(letter())
        await way.close()
        ana = config.people[0].id
        async with http.get(f"{url}/sandbox/mail/1/html", params={"as": ana}) as page:
            shown = await page.text()
    assert "Please answer." in shown
    assert "data:image/png;base64," in shown


class Api:
    """Remembers requests, answers what it is told."""

    def __init__(self):
        self.asked, self.status, self.body, self.headers = [], 200, {}, {}

    async def handle(self, request):
        if request.content_type.startswith("multipart/"):
            form = await request.post()
            found = {name: value.file.read() if hasattr(value, "file") else value for name, value in form.items()}
        else:
            found = await request.json()
        self.asked.append((request.path, dict(request.headers), found))
        return web.json_response(self.body, status=self.status, headers=self.headers)


@pytest.fixture
async def api() -> AsyncIterator[tuple[Api, str]]:
    here = Api()
    app = web.Application()
    app.router.add_post("/{tail:.*}", here.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield here, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def by(name, api, **answer):
    here, url = api
    here.status, here.body = answer.get("status", 200), answer.get("body", {})
    here.headers = answer.get("headers", {})
    way = providers.made(name, "KEY", "mg.outcome.test", url=url)
    try:
        await way.send(letter())
    finally:
        await way.close()
    return here.asked[-1]


async def test_postmark_gets_its_json_and_keeps_our_message_id(api):
    path, headers, body = await by("postmark", api, body={"ErrorCode": 0, "Message": "OK"})
    assert (path, headers["X-Postmark-Server-Token"]) == ("/email", "KEY")
    assert body["To"] == "Ana Diaz <ana@example.com>"
    assert body["ReplyTo"] == "outcomes+x.y@outcome.test"
    own = {one["Name"]: one["Value"] for one in body["Headers"]}
    assert own["Message-ID"] == "<gate-a.b.c@outcome.test>"
    assert own["X-PM-KeepID"] == "true"
    assert own["In-Reply-To"] == "<reply-1@example.com>"
    assert not {"From", "To", "Subject", "Content-Type"} & set(own)
    [picture] = body["Attachments"]
    assert base64.b64decode(picture["Content"]) == PNG
    assert picture["ContentID"].removeprefix("cid:") in body["HtmlBody"]
    assert body["TrackOpens"] is False


async def test_sendgrid_gets_plain_text_before_html_and_no_reserved_header(api):
    path, headers, body = await by("sendgrid", api, status=202)
    assert (path, headers["Authorization"]) == ("/v3/mail/send", "Bearer KEY")
    assert [one["type"] for one in body["content"]] == ["text/plain", "text/html"]
    assert body["personalizations"] == [{"to": [{"email": "ana@example.com", "name": "Ana Diaz"}]}]
    assert body["reply_to"] == {"email": "outcomes+x.y@outcome.test"}
    assert body["attachments"][0]["disposition"] == "inline"
    assert body["headers"]["Message-ID"] == "<gate-a.b.c@outcome.test>"
    assert not {"from", "to", "subject", "reply-to", "content-type"} & {name.lower() for name in body["headers"]}
    assert body["tracking_settings"]["open_tracking"] == {"enable": False}


async def test_mailgun_gets_the_letters_own_bytes(api):
    path, headers, body = await by("mailgun", api, body={"id": "<x>", "message": "Queued. Thank you."})
    assert path == "/v3/mg.outcome.test/messages.mime"
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"api:KEY"
    assert body["to"] == "ana@example.com"
    parsed = message_from_bytes(body["message"], policy=default)
    assert parsed["Message-ID"] == "<gate-a.b.c@outcome.test>"


async def test_resend_gets_a_key_of_idempotence(api):
    path, headers, body = await by("resend", api, body={"id": "1"})
    assert (path, headers["Authorization"]) == ("/emails", "Bearer KEY")
    assert headers["Idempotency-Key"] == "gate-a.b.c@outcome.test"
    assert body["to"] == ["ana@example.com"]
    assert body["attachments"][0]["content_id"] in body["html"]


@pytest.mark.parametrize(
    ("name", "answer", "kind", "later"),
    [
        ("postmark", {"status": 422, "body": {"ErrorCode": 406, "Message": "Inactive recipient"}}, MailRefused, None),
        ("postmark", {"status": 422, "body": {"ErrorCode": 300, "Message": "Invalid 'To' address: 'x'."}}, MailRefused, None),
        ("postmark", {"status": 422, "body": {"ErrorCode": 400, "Message": "Sender signature not found"}}, ChannelFailed, None),
        ("postmark", {"status": 200, "body": {"ErrorCode": 406, "Message": "Inactive recipient"}}, MailRefused, None),
        ("sendgrid", {"status": 401, "body": {"errors": [{"message": "authorization required"}]}}, ChannelFailed, None),
        ("sendgrid", {"status": 429, "headers": {"Retry-After": "17"}}, ChannelFailed, 17.0),
        ("mailgun", {"status": 400, "body": {"message": "'to' parameter is not a valid address. please check documentation"}}, MailRefused, None),
        ("mailgun", {"status": 503}, ChannelFailed, 60.0),
        ("resend", {"status": 422, "body": {"name": "validation_error", "message": "Invalid `to` field."}}, MailRefused, None),
        ("resend", {"status": 422, "body": {"name": "validation_error", "message": "Invalid `from` field."}}, ChannelFailed, None),
    ],
)  # fmt: skip
async def test_providers_refusals_are_told_apart(api, name, answer, kind, later):
    with pytest.raises(kind) as refused:
        await by(name, api, **answer)
    assert refused.value.context.get("retry_after") == later
    assert "KEY" not in str(refused.value)
