"""Letters by the HTTP APIs of the usual providers, in the formats their documentation gives; they sign with DKIM themselves."""

# Postmark https://postmarkapp.com/developer/api/email-api
# SendGrid https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
# Mailgun  https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages
# Resend   https://resend.com/docs/api-reference/emails/send-email

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import aiohttp

from bot.mail.contracts import Letter, Transport
from bot.mail.transports.web import Said, Wire, judged
from runtime.errors import InvalidConfiguration

ADDRESSES = {
    "postmark": "https://api.postmarkapp.com",
    "sendgrid": "https://api.sendgrid.com",
    "mailgun": "https://api.mailgun.net",
    "resend": "https://api.resend.com",
}
_OWN = frozenset(
    {
        "from",
        "to",
        "reply-to",
        "subject",
        "date",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "dkim-signature",
    }
)
"""Headers that the APIs have fields for, or refuse as custom ones."""
_INACTIVE, _NO_ADDRESS = 406, 300
_ABOUT_TO = re.compile(
    r"\b(?:to|recipient)\b.*\b(?:invalid|not (?:a )?valid)\b|\binvalid\b.*\b(?:`?to`?|recipient)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted: `body` are the arguments of the HTTP client, JSON or a form."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class ProviderTransport:
    """One provider; `ask` makes the request of a letter, `never` reads from a refusal whether the recipient is the matter."""

    def __init__(self, name: str, url: str, ask: Callable[[Letter], Request], never: Callable[[Said], bool]) -> None:
        self._name, self._url, self._ask, self._never = name.capitalize(), url.rstrip("/"), ask, never
        self._wire = Wire(self._name)

    async def send(self, letter: Letter) -> None:
        request = self._ask(letter)
        said = await self._wire.post(self._url + request.path, headers=request.headers, **request.body)
        if not said.ok or _code(said) not in {None, 0}:
            raise judged(self._name, said, letter.recipient, never=self._never(said))

    async def close(self) -> None:
        await self._wire.close()


def made(name: str, key: str, domain: str = "", *, url: str = "") -> Transport:
    """`url` is the API's address where it isn't the usual one."""
    if name not in _MAKE:
        raise InvalidConfiguration(f"There is no mail provider '{name}'; known are {', '.join(_MAKE)}.")
    ask, never = _MAKE[name]
    return ProviderTransport(name, url or ADDRESSES[name], lambda letter: ask(letter, key, domain), never)


def _postmark(letter: Letter, key: str, domain: str) -> Request:
    """`X-PM-KeepID` keeps our Message-ID, without which replies could not be told to letters."""
    message = letter.message
    headers = [{"Name": name, "Value": value} for name, value in _custom(message)] + [
        {"Name": "X-PM-KeepID", "Value": "true"}
    ]
    inline = [
        {"Name": name, "Content": content, "ContentType": kind, "ContentID": f"cid:{cid}"}
        for name, kind, cid, content in _inline(message)
    ]
    body = {
        "From": str(message["From"]), "To": str(message["To"]), "ReplyTo": str(message["Reply-To"]), "Subject": str(message["Subject"]),
        "TextBody": _body(message, "plain"), "HtmlBody": _body(message, "html"), "Headers": headers, "Attachments": inline,
        "MessageStream": "outbound", "TrackOpens": False, "TrackLinks": "None",
    }  # fmt: skip
    return Request("/email", {"X-Postmark-Server-Token": key, "Accept": "application/json"}, {"json": body})


def _sendgrid(letter: Letter, key: str, domain: str) -> Request:
    message = letter.message
    inline = [
        {"content": content, "type": kind, "filename": name, "disposition": "inline", "content_id": cid}
        for name, kind, cid, content in _inline(message)
    ]
    off = {"enable": False}
    body = {
        "personalizations": [{"to": [_person(message, "To")]}], "from": _person(message, "From"),
        "reply_to": _person(message, "Reply-To"), "subject": str(message["Subject"]),
        "content": [{"type": f"text/{kind}", "value": _body(message, kind)} for kind in ("plain", "html")],
        "headers": dict(_custom(message)), **({"attachments": inline} if inline else {}),
        "tracking_settings": {"click_tracking": {**off, "enable_text": False}, "open_tracking": off},
    }  # fmt: skip
    return Request("/v3/mail/send", {"Authorization": f"Bearer {key}"}, {"json": body})


def _mailgun(letter: Letter, key: str, domain: str) -> Request:
    """The letter's own bytes, as a file."""
    form = aiohttp.FormData()
    form.add_field("to", letter.recipient)
    form.add_field("message", letter.message.as_bytes(), filename="letter.eml", content_type="message/rfc822")
    form.add_field("o:tracking", "no")
    login = base64.b64encode(f"api:{key}".encode()).decode()
    return Request(f"/v3/{domain}/messages.mime", {"Authorization": f"Basic {login}"}, {"data": form})


def _resend(letter: Letter, key: str, domain: str) -> Request:
    """The key of idempotence is the Message-ID: the same letter twice within a day is sent once."""
    message = letter.message
    inline = [
        {"filename": name, "content": content, "content_type": kind, "content_id": cid}
        for name, kind, cid, content in _inline(message)
    ]
    body = {
        "from": str(message["From"]), "to": [letter.recipient], "reply_to": str(message["Reply-To"]), "subject": str(message["Subject"]),
        "text": _body(message, "plain"), "html": _body(message, "html"), "headers": dict(_custom(message)), "attachments": inline,
    }  # fmt: skip
    once = str(message["Message-ID"]).strip("<>")[:256]
    return Request("/emails", {"Authorization": f"Bearer {key}", "Idempotency-Key": once}, {"json": body})


def _custom(message: EmailMessage) -> Sequence[tuple[str, str]]:
    """Message-ID and threading among them; unfolded, since JSON needs no folding."""
    return [(name, " ".join(str(value).split())) for name, value in message.items() if name.lower() not in _OWN]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def _inline(message: EmailMessage) -> list[tuple[str, str, str, str]]:
    """Name, type, Content-ID and base64 of each picture."""
    return [
        (
            part.get_filename() or "chart.png",
            part.get_content_type(),
            str(part["Content-ID"]).strip("<> "),
            _base64(part),
        )
        for part in message.walk()
        if part.get_content_maintype() == "image"
    ]


def _base64(part: Any) -> str:
    return base64.b64encode(part.get_payload(decode=True)).decode()


def _person(message: EmailMessage, header: str) -> dict[str, str]:
    name, address = parseaddr(str(message[header]))
    return {"email": address, **({"name": name} if name else {})}


def _code(said: Said) -> int | None:
    """Postmark's own code beside the status; 0 is well."""
    found = said.body.get("ErrorCode") if isinstance(said.body, dict) else None
    return found if isinstance(found, int) else None


def _postmark_never(said: Said) -> bool:
    """406: the address bounced or complained before. 300: no valid address, which is the recipient's if the words say so."""
    return _code(said) == _INACTIVE or (_code(said) == _NO_ADDRESS and _names_recipient(said))


def _names_recipient(said: Said) -> bool:
    """A 4xx that speaks of the recipient's address."""
    return said.status in {400, 422} and bool(_ABOUT_TO.search(said.text))


_MAKE: Mapping[str, tuple[Callable[[Letter, str, str], Request], Callable[[Said], bool]]] = {
    "postmark": (_postmark, _postmark_never),
    "sendgrid": (_sendgrid, _names_recipient),
    "mailgun": (_mailgun, _names_recipient),
    "resend": (_resend, _names_recipient),
}
