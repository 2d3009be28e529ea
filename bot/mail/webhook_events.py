"""Events of the providers that send our letters: bounces for good and complaints, each signed and shaped as its vendor documents it."""

# Postmark https://postmarkapp.com/developer/webhooks/bounce-webhook, …/spam-complaint-webhook, …/subscription-change-webhook
# SendGrid https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
# Mailgun  https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
# SES      https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
# Resend   https://resend.com/docs/webhooks/emails/bounced

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.mail import signed, undelivered
from bot.mail.undelivered import Undelivered
from bot.mail.webhooks import Inbound, texts
from runtime.errors import NotAuthenticated, OutcomeRuntimeError
from runtime.integrations import webhooks as standard

PATH = "/mail/events"
MOST = 1000
"""Events of one post that are read; SendGrid batches them."""
_GONE = frozenset({"HardBounce", "BadEmailAddress", "SpamNotification", "SpamComplaint", "ManuallyDeactivated", "ManualSuppression"})  # fmt: skip
"""Postmark's types after which it stops sending to the address; others it may still deliver to."""
_DROPPED = ("bounced address", "invalid", "spam reporting address", "unsubscribed address")
"""SendGrid's reasons for not even trying that are about the address; the rest is about the letter or the account."""


class _Outside(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Postmark(_Outside):
    record: str = Field("", alias="RecordType")
    kind: str = Field("", alias="Type")
    email: str = Field("", alias="Email")
    recipient: str = Field("", alias="Recipient")
    inactive: bool = Field(default=False, alias="Inactive")
    suppressed: bool = Field(default=False, alias="SuppressSending")
    suppressed_for: str | None = Field(None, alias="SuppressionReason")
    details: str | None = Field(None, alias="Details")
    description: str | None = Field(None, alias="Description")

    def told(self) -> list[Undelivered]:
        if self.record == "SubscriptionChange":
            gone, why, to = self.suppressed, f"it sends them nothing more ({self.suppressed_for})", self.recipient
        else:
            gone = self.record == "SpamComplaint" or (self.record == "Bounce" and (self.inactive or self.kind in _GONE))
            why, to = f"{self.kind or self.record}: {self.details or self.description or ''}", self.email
        return [Undelivered(to, why)] if gone and to else []


class _Sendgrid(_Outside):
    email: str = ""
    event: str = ""
    kind: str = Field("", alias="type")
    reason: str | None = None
    status: str | None = None
    smtp_id: str = Field("", alias="smtp-id")

    def told(self) -> list[Undelivered]:
        """A bounce of the type `blocked` is another server's no to this letter for now, not to the address."""
        said = (self.reason or "").strip()
        gone = (
            (self.event == "bounce" and self.kind != "blocked")
            or (self.event == "dropped" and said.lower().startswith(_DROPPED))
            or self.event == "spamreport"
        )
        why = " ".join(part for part in (self.event, self.status or "", said) if part)
        return [Undelivered(self.email, why, self.smtp_id)] if gone and self.email else []


class _MailgunSignature(_Outside):
    timestamp: str = ""
    token: str = ""
    signature: str = ""


class _MailgunStatus(_Outside):
    code: int | None = None
    message: str | None = None
    description: str | None = None


class _MailgunMessage(_Outside):
    headers: dict[str, Any] = {}


class _MailgunEvent(_Outside):
    event: str = ""
    severity: str = ""
    recipient: str = ""
    reason: str | None = None
    status: _MailgunStatus = Field(_MailgunStatus(), alias="delivery-status")
    message: _MailgunMessage = _MailgunMessage()


class _Mailgun(_Outside):
    signature: _MailgunSignature
    data: _MailgunEvent = Field(alias="event-data")

    def told(self) -> list[Undelivered]:
        found = self.data
        gone = (found.event == "failed" and found.severity == "permanent") or found.event == "complained"
        said = found.status.message or found.status.description or found.reason or ""
        why = f"{found.event} {found.status.code or ''} {said}".strip()
        message_id = str(found.message.headers.get("message-id") or "")
        return [Undelivered(found.recipient, why, message_id)] if gone and found.recipient else []


class _SesRecipient(_Outside):
    address: str = Field("", alias="emailAddress")
    diagnostic: str | None = Field(None, alias="diagnosticCode")


class _SesBounce(_Outside):
    kind: str = Field("", alias="bounceType")
    detail: str = Field("", alias="bounceSubType")
    recipients: list[_SesRecipient] = Field([], alias="bouncedRecipients")


class _SesComplaint(_Outside):
    kind: str | None = Field(None, alias="complaintFeedbackType")
    recipients: list[_SesRecipient] = Field([], alias="complainedRecipients")


class _SesHeaders(_Outside):
    message_id: str | None = Field(None, alias="messageId")


class _SesMail(_Outside):
    common: _SesHeaders = Field(_SesHeaders(messageId=None), alias="commonHeaders")


class _Ses(_Outside):
    mail: _SesMail = _SesMail()
    bounce: _SesBounce | None = None
    complaint: _SesComplaint | None = None

    def told(self) -> list[Undelivered]:
        """One notification may be about several recipients. `not-spam` takes a complaint back."""
        message_id = self.mail.common.message_id or ""
        if self.bounce is not None and self.bounce.kind == "Permanent":
            why = f"{self.bounce.kind} {self.bounce.detail}"
            return [Undelivered(one.address, one.diagnostic or why, message_id) for one in self.bounce.recipients]
        if self.complaint is not None and self.complaint.kind != "not-spam":
            why = f"complaint ({self.complaint.kind or 'of no kind'})"
            return [Undelivered(one.address, why, message_id) for one in self.complaint.recipients]
        return []


class _ResendBounce(_Outside):
    kind: str = Field("", alias="type")
    message: str | None = None


class _ResendMail(_Outside):
    to: list[str] = []
    bounce: _ResendBounce | None = None


class _Resend(_Outside):
    kind: str = Field("", alias="type")
    data: _ResendMail = _ResendMail()

    def told(self) -> list[Undelivered]:
        bounce = self.data.bounce
        temporary = bounce is not None and bounce.kind in {"Transient", "Temporary", "Undetermined"}
        gone = (self.kind == "email.bounced" and not temporary) or self.kind == "email.complained"
        why = f"{self.kind} {(bounce.message or bounce.kind) if bounce else ''}".strip()
        return [Undelivered(to, why) for to in self.data.to] if gone else []


_SENDGRID = TypeAdapter(list[_Sendgrid])


@dataclass(frozen=True, slots=True)
class Events:
    """The providers' second door, under the secrets of the first one or its own `provider-events=`."""

    inbound: Inbound

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"{PATH}/{name}", getattr(self, name)) for name in ("postmark", "sendgrid", "mailgun", "ses", "resend")]  # fmt: skip

    async def postmark(self, request: web.Request) -> web.Response:
        """JSON, one event a post; basic authentication in the address."""
        self.inbound.by_basic(request, self._secret("postmark"))
        found = _read(TypeAdapter(_Postmark), await self.inbound.body(request))
        return await self._heeded("postmark", found.told())

    async def sendgrid(self, request: web.Request) -> web.Response:
        """A list of events; the Signed Event Webhook's own key, or basic authentication."""
        wanted, body = self._secret("sendgrid"), await self.inbound.body(request)
        self.inbound.by_sendgrid(request, wanted, body)
        events = _read(_SENDGRID, body)[:MOST]
        return await self._heeded("sendgrid", [one for event in events for one in event.told()])

    async def mailgun(self, request: web.Request) -> web.Response:
        """JSON that carries its own signature."""
        key = self._secret("mailgun")
        found = _read(TypeAdapter(_Mailgun), await self.inbound.body(request))
        if not signed.mailgun(found.signature.model_dump(), key, self.inbound.runtime.now()):
            raise web.HTTPNotAcceptable(text="The signature does not hold.\n")
        return await self._heeded("mailgun", found.told())

    async def ses(self, request: web.Request) -> web.Response:
        """Bounce and Complaint notifications of the topic that is the secret; any others of it are taken and left."""
        notice = await self.inbound.by_amazon(texts(await self.inbound.body(request)), self._secret("ses"))
        try:
            found = _Ses.model_validate_json(notice) if notice else _Ses()
        except ValidationError:
            # The topic's own test messages are plain words.
            found = _Ses()
        return await self._heeded("ses", found.told())

    async def resend(self, request: web.Request) -> web.Response:
        """Signed by Svix, which is Standard Webhooks under other header names."""
        key, body = self._secret("resend"), await self.inbound.body(request)
        headers = {name.lower().replace("svix-", "webhook-"): value for name, value in request.headers.items()}
        try:
            standard.verify(key, headers, body, self.inbound.runtime.now())
        except NotAuthenticated as error:
            raise web.HTTPForbidden(text=f"{error.message}\n") from error
        return await self._heeded("resend", _read(TypeAdapter(_Resend), body).told())

    def _secret(self, provider: str) -> str:
        return self.inbound.secret(f"{provider}-events", provider)

    async def _heeded(self, way: str, found: Sequence[Undelivered]) -> web.Response:
        """200 only after the commit; anything else makes the provider post it again."""
        try:
            for one in found:
                await undelivered.heed(self.inbound.runtime, way, one)
        except OutcomeRuntimeError as error:
            raise web.HTTPServiceUnavailable(text=error.message) from error
        return web.Response(text="ok")


def _read(model: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return model.validate_json(body)
    except ValidationError as error:
        raise web.HTTPBadRequest(text="Not an event as the provider documents it.\n") from error
