"""Letters as the usual providers post them: believed by their signature, kept, and only then acknowledged."""

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote_to_bytes

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.mail import signed
from bot.mail.intake import LARGEST, TOO_LARGE, receive
from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.integrations.http import Call
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

PATH = "/mail/inbound"
_LARGEST_POST = 2 * LARGEST
"""Base64 and the provider's own fields around a letter."""
_AT_ONCE, _SECONDS = 8, 60.0
Certificate = Callable[[str], Awaitable[bytes]]
Wake = Callable[[], None]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Posted:
    """One letter out of a post."""

    raw: bytes
    envelope_from: str | None
    envelope_to: Sequence[str]


class _Outside(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Postmark(_Outside):
    raw: str = Field(alias="RawEmail", min_length=1)
    recipient: str = Field("", alias="OriginalRecipient")


class _SendgridEnvelope(_Outside):
    to: list[str] = []
    sender: str | None = Field(None, alias="from")


class _SesAction(_Outside):
    encoding: str = ""


class _SesReceipt(_Outside):
    recipients: list[str] = []
    action: _SesAction = _SesAction()


class _SesMail(_Outside):
    source: str | None = None


class _Ses(_Outside):
    content: str = Field(min_length=1)
    mail: _SesMail = _SesMail()
    receipt: _SesReceipt = _SesReceipt()

    @property
    def raw(self) -> bytes:
        """The rule's action says how it wrote the letter; base64 keeps every byte."""
        if self.receipt.action.encoding.upper() != "BASE64":
            return self.content.encode()
        try:
            return b64decode(self.content)
        except ValueError as error:
            raise web.HTTPBadRequest(text="The letter is not base64, as its receipt says.\n") from error


def secrets(settings: Settings) -> dict[str, str]:
    """`provider=secret` by provider, from MAIL_INBOUND_SECRETS; a secret may hold anything but a comma."""
    pairs = (item.partition("=") for item in (secret(settings.mail_inbound_secrets) or "").split(","))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value.strip()}


@dataclass(frozen=True, slots=True)
class Inbound:
    """The providers' door. `certificate` fetches what Amazon signs with, `wake` tells the desk that there is mail."""

    runtime: "Runtime"
    wake: Wake
    certificate: Certificate | None = None
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def routes(self) -> list[web.RouteDef]:
        """Mailgun posts the letter as it came only to an address that ends in `mime`."""
        return [
            web.post(PATH + "/postmark", self.postmark),
            web.post(PATH + "/sendgrid", self.sendgrid),
            web.post(PATH + "/mailgun", self.mailgun),
            web.post(PATH + "/mailgun/mime", self.mailgun),
            web.post(PATH + "/ses", self.ses),
        ]

    def secret(self, *names: str) -> str:
        """Of the first name that MAIL_INBOUND_SECRETS knows."""
        known = secrets(self.runtime.settings)
        found = next((known[name] for name in names if name in known), None)
        if found is None:
            raise web.HTTPNotFound(text=f"MAIL_INBOUND_SECRETS names no {names[-1]}.\n")
        return found

    def by_basic(self, request: web.Request, wanted: str) -> None:
        if not signed.basic(request.headers.get("Authorization", ""), wanted):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="mail"'})

    async def postmark(self, request: web.Request) -> web.Response:
        """JSON with `RawEmail`, which the server's setting "Include raw email content" adds; basic authentication."""
        self.by_basic(request, self.secret("postmark"))
        found = _parsed(_Postmark, await self.body(request))
        to = [found.recipient] if found.recipient else []
        return await self._kept("postmark", Posted(found.raw.encode(), None, to))

    async def mailgun(self, request: web.Request) -> web.Response:
        """A form with `body-mime`; signed in its own fields."""
        key = self.secret("mailgun")
        form = fields_of(request.headers.get("Content-Type", ""), await self.body(request))
        texts = {name: value.decode("utf-8", "replace") for name, value in form.items() if name != "body-mime"}
        if not signed.mailgun(texts, key, self.runtime.now()):
            # 406 is the answer after which Mailgun does not try again.
            raise web.HTTPNotAcceptable(text="The signature does not hold.\n")
        if not form.get("body-mime"):
            raise web.HTTPNotAcceptable(
                text=f"Forward to {PATH}/mailgun/mime, so that the letter is posted as it came.\n"
            )
        to = [item.strip() for item in texts.get("recipient", "").split(",") if item.strip()]
        return await self._kept("mailgun", Posted(form["body-mime"], texts.get("sender"), to))

    async def sendgrid(self, request: web.Request) -> web.Response:
        """A form with `email`, which "POST the raw, full MIME message" adds; signed over the body, or basic authentication."""
        wanted, body = self.secret("sendgrid"), await self.body(request)
        self.by_sendgrid(request, wanted, body)
        form = fields_of(request.headers.get("Content-Type", ""), body)
        if not form.get("email"):
            raise web.HTTPBadRequest(text="Switch on “POST the raw, full MIME message” for this address.\n")
        envelope = _parsed(_SendgridEnvelope, form.get("envelope") or b"{}")
        return await self._kept("sendgrid", Posted(form["email"], envelope.sender, envelope.to))

    def by_sendgrid(self, request: web.Request, wanted: str, body: bytes) -> None:
        stamp = request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
        given = request.headers.get("X-Twilio-Email-Event-Webhook-Signature", "")
        if ":" in wanted:
            holds = signed.basic(request.headers.get("Authorization", ""), wanted)
        else:
            holds = signed.sendgrid(wanted, given, stamp, body, self.runtime.now())
        if not holds:
            raise web.HTTPForbidden(text="The signature does not hold.\n")

    async def ses(self, request: web.Request) -> web.Response:
        """Amazon's receipt rule by its notification service; only the topic whose ARN is the secret, and it confirms itself."""
        message = await self.by_amazon(texts(await self.body(request)), self.secret("ses"))
        try:
            notice = _Ses.model_validate_json(message)
        except ValidationError:
            # The topic's own test messages and other events carry no letter.
            return web.Response(text="ok")
        return await self._kept("ses", Posted(notice.raw, notice.mail.source, notice.receipt.recipients))

    async def by_amazon(self, found: Mapping[str, str], topic: str) -> str:
        """The message of a notification; of anything else that Amazon signed nothing, and a subscription is confirmed."""
        if found.get("TopicArn") != topic or not await self._signed_by_amazon(found):
            raise web.HTTPForbidden(text="The signature does not hold, or it is another topic's.\n")
        if found.get("Type") == "Notification":
            return found.get("Message", "")
        await self._subscribe(found)
        return ""

    async def _signed_by_amazon(self, found: Mapping[str, str]) -> bool:
        url = found.get("SigningCertURL", "")
        if not signed.amazons(url):
            return False
        fetch = self.certificate or self._certificate
        return signed.sns(found, await fetch(url))

    async def _certificate(self, url: str) -> bytes:
        call = Call("GET", url, SignalUnavailable, who="Amazon's certificate")
        return (await self.runtime.http.ask(call)).body

    async def _subscribe(self, found: Mapping[str, str]) -> None:
        url = found.get("SubscribeURL", "")
        if found.get("Type") == "SubscriptionConfirmation" and signed.amazons(url):
            await self.runtime.http.ask(Call("GET", url, SignalUnavailable, who="Amazon's subscription"))
            log.info("mail.ses_confirmed", topic=found.get("TopicArn"))

    async def body(self, request: web.Request) -> bytes:
        """The post as it was sent, up to what a letter can become in transport; a few at once, since nobody is proven before it was read."""
        found = bytearray()
        async with self.room, asyncio.timeout(_SECONDS):
            async for chunk in request.content.iter_chunked(64 * 1024):
                found += chunk
                if len(found) > _LARGEST_POST:
                    raise web.HTTPRequestEntityTooLarge(_LARGEST_POST, len(found), text=TOO_LARGE)
        return bytes(found)

    async def _kept(self, way: str, posted: Posted) -> web.Response:
        """200 only after the commit; anything else makes the provider post it again."""
        if len(posted.raw) > LARGEST:
            raise web.HTTPRequestEntityTooLarge(LARGEST, len(posted.raw), text=TOO_LARGE)
        try:
            await receive(
                self.runtime, posted.raw, way=way, envelope_from=posted.envelope_from, envelope_to=posted.envelope_to
            )
        except OutcomeRuntimeError as error:
            log.warning("mail.not_kept", way=way, error=error.message)
            raise web.HTTPServiceUnavailable(text=error.message) from error
        self.wake()
        return web.Response(text="ok")


def _parsed(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        named = ", ".join(sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]}))
        raise web.HTTPBadRequest(text=f"Not a letter as the provider documents it: {named or 'no JSON'}.\n") from error


def texts(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise web.HTTPBadRequest(text="Not JSON.\n") from error
    return (
        {str(name): value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
    )


def fields_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """A form's fields, byte for byte: a letter inside must not be decoded on the way, or its signature breaks."""
    if content_type.lower().startswith("application/x-www-form-urlencoded"):
        # parse_qsl of bytes fails before Python 3.11.4 on what is not ASCII.
        plain = [
            unquote_to_bytes(part.replace(b"+", b" "))
            for pair in body.split(b"&")
            for part in pair.partition(b"=")[::2]
        ]
        return {name.decode("utf-8", "replace"): value for name, value in zip(plain[::2], plain[1::2], strict=True)}
    boundary = re.search(r'boundary="?([^";,]+)"?', content_type)
    if boundary is None:
        raise web.HTTPBadRequest(text="Not a form.\n")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    found: dict[str, bytes] = {}
    for part in parts[1:]:
        head, separator, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if separator and name:
            found[name[1].decode("utf-8", "replace")] = value
    return found
