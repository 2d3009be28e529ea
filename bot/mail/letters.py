"""A page becomes a letter: text and HTML part, chart inline, and headers that thread, answer to one person only and stop robots."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any
from uuid import UUID

from bot.mail.contracts import Letter
from bot.mail.letter_html import PICTURE, html_of
from bot.mail.letter_parts import Chart, Option, Page, line
from bot.mail.letter_text import text_of
from bot.slack.words import clean
from runtime.errors import MailRefused

_ID = re.compile(r"<[^<>\s\x00-\x20\x7f-\uffff]{1,240}@[^<>\s\x00-\x20\x7f-\uffff]{1,200}>")
_KEPT = ("id", "label", "needs_reason", "needs_percent", "terms", "gate_event")
_MOST_REFERENCES = 12
POLICY = SMTP.clone(max_line_length=78)


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above a letter. Addresses are bare; `subject` stays the same in a thread."""

    sender: str
    """MAIL_FROM, with or without a name."""
    recipient: str
    reply_to: str
    message_id: str
    subject: str
    date: datetime
    name: str = ""
    answers: str = ""
    references: Sequence[str] = ()
    gate: UUID | None = None
    evidence: str = ""
    options: Sequence[Option] = ()
    proposal: UUID | None = None
    unsubscribe: str = ""
    """Where one press ends a digest (RFC 8058); no gate's letter has it."""


def write(page: Page, heading: Heading, picture: bytes | None = None) -> Letter:
    """`picture` is the chart's PNG; its words stand in the text part, and in the HTML part where there is no picture."""
    message = EmailMessage(policy=POLICY)
    _head(message, heading)
    message.set_content(text_of(page), cte="quoted-printable" if not page_is_ascii(page) else "7bit")
    shown = next((block for block in page.blocks if isinstance(block, Chart)), None)
    cid = f"{PICTURE}.{_digits(heading.message_id)}@{domain_of(heading.sender)}" if picture and shown else ""
    message.add_alternative(html_of(page, cid), subtype="html", cte="quoted-printable")
    if picture and cid:
        _illustrate(message, picture, cid)
    return Letter(heading.recipient, heading.reply_to, message)


def page_is_ascii(page: Page) -> bool:
    return text_of(page).isascii()


def _illustrate(message: EmailMessage, picture: bytes, cid: str) -> None:
    part = message.get_body(preferencelist=("html",))
    assert isinstance(part, EmailMessage)
    part.add_related(
        picture, maintype="image", subtype="png", cid=f"<{cid}>", filename="chart.png", disposition="inline"
    )


def _head(message: EmailMessage, heading: Heading) -> None:
    """Nothing that came from outside reaches a header unwashed: `line` leaves no line break and no control character."""
    name, own = parseaddr(heading.sender)
    message["From"] = _address(name or "Outcome Runtime", own)
    message["To"] = _address(heading.name, heading.recipient)
    message["Reply-To"] = _address("", heading.reply_to)
    message["Subject"] = line(heading.subject, 180)
    message["Date"] = format_datetime(heading.date)
    message["Message-ID"] = heading.message_id
    if _ID.fullmatch(heading.answers):
        message["In-Reply-To"] = heading.answers
    if known := _threaded(heading):
        message["References"] = " ".join(known)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    for header, value in _marks(heading):
        message[header] = value
    if heading.unsubscribe:
        message["List-Unsubscribe"] = f"<{heading.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _threaded(heading: Heading) -> list[str]:
    """The first letter of the thread stays, whatever is left out of a long one."""
    found = [one for one in dict.fromkeys((*heading.references, heading.answers)) if _ID.fullmatch(one)]
    return found if len(found) <= _MOST_REFERENCES else [found[0], *found[1 - _MOST_REFERENCES :]]


def _marks(heading: Heading) -> list[tuple[str, str]]:
    """What `mail interpret` reads in the letter itself, where there is no database."""
    if heading.gate is None:
        return []
    found = [("X-Outcome-Gate", str(heading.gate)), ("X-Outcome-Options", packed(heading.options))]
    found += [("X-Outcome-Evidence", heading.evidence)] if heading.evidence else []
    return found + ([("X-Outcome-Proposal", str(heading.proposal))] if heading.proposal else [])


def packed(options: Sequence[Option]) -> str:
    """Options as base64 of their JSON, in pieces that a header can be folded between."""
    kept: list[dict[str, Any]] = [{name: option[name] for name in _KEPT if option.get(name)} for option in options]
    found = base64.b64encode(json.dumps(kept, separators=(",", ":")).encode()).decode()
    return " ".join(found[start : start + 60] for start in range(0, len(found), 60))


def unpacked(header: str) -> tuple[Option, ...]:
    """What `packed` wrote; ValueError for anything else."""
    found = json.loads(base64.b64decode("".join(header.split()), validate=True))
    if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
        raise ValueError("These are no options of a gate.")
    return tuple(found)


def subject(first: str, *, again: bool) -> str:
    """One subject a thread; `Re: ` after its first letter, as mail programs expect of a conversation."""
    return f"Re: {first}" if again else first


def domain_of(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2] or "localhost"


def _address(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    if not local or not domain or not address.isascii() or clean(address) != address:
        raise MailRefused(
            f"“{line(address, 120)}” is no e-mail address that letters can be sent with; correct it.", recipient=address
        )
    return Address(line(name, 80), local, domain)


def _digits(message_id: str) -> str:
    """A short name of the letter for its picture's Content-ID, which must be unique in the world."""
    return hashlib.sha256(message_id.encode()).hexdigest()[:16]
