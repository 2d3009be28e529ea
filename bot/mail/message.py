"""Any bytes to a message: a tolerant parse that never raises and says what was wrong."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from email.utils import parsedate_to_datetime
from typing import Any

from bot.mail.contracts import Incoming
from bot.mail.mailboxes import Mailbox, decoded, lowered, mailboxes, named_otherwise
from bot.mail.parts import words

MOST_BYTES = 12 * 1024 * 1024
"""What stands beyond is left unread; the ways in refuse such mail anyhow."""
MOST_LINES = 200_000
"""A letter of 10 MiB in base64 has 140,000; parsing takes its time for each line, not for each byte."""
_MOST_NESTED, _MOST_IDS, _MOST_HEADERS, _MOST_HEAD_LINES = 60, 200, 2000, 5000
AUTHOR_FAULTS = frozenset({
    "no_from", "two_from", "several_authors", "group", "not_an_address", "text_after_address", "hidden_from",
    "bare_carriage_return", "unparsable", "control_character",
})  # fmt: skip
"""With one of these nobody can say who wrote; `sender` is empty."""
DOUBTFUL_FAULTS = frozenset({"name_is_another_address", "another_sender"})
"""The author is known, and the message tries to look like somebody else's, or was sent for somebody."""
_FOR = (
    "x-gm-original-to", "delivered-to", "envelope-to", "x-original-to", "x-forwarded-to", "x-envelope-to", "resent-to",
    "to", "cc",
)  # fmt: skip
_ONCE = ("to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "content-type")


class _Line(str):
    """A header as it stands; the standard library asks only Content-Disposition for more than its text."""

    __slots__ = ()

    @property
    def content_disposition(self) -> str:
        return self.partition(";")[0].strip().lower()


class _Tolerant(EmailPolicy):
    """Reads headers as plain lines: the structured parsers raise on hostile ones, and are slow on long ones."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return _Line(re.sub(r"[\r\n]+[ \t]*", " ", str(value)))


_POLICY = _Tolerant()


def read(raw: bytes, *, envelope_from: str | None = None, envelope_to: Sequence[str] = ()) -> Incoming:
    """Whatever the bytes are. Without an envelope sender the topmost Return-Path is taken: servers on the way add more below."""
    message, faults = _parsed(raw)
    head = Headers(message)
    author, author_faults = _author(head, raw)
    said = words(message)
    return Incoming(
        message=message,
        sender=author.address,
        sender_name=author.name,
        recipients=_recipients(head, envelope_to),
        envelope_from=_envelope(head, envelope_from),
        message_id=next(iter(ids(head.first("message-id"))), ""),
        in_reply_to=_answered(head),
        subject=decoded(head.first("subject")),
        text=said.text,
        html=said.html,
        date=_date(head.first("date")),
        faults=tuple(dict.fromkeys([*faults, *author_faults, *_repeated(head), *said.faults])),
    )


class Headers:
    """Header values by lower-case name, from the top, as they stand."""

    def __init__(self, message: Message) -> None:
        self._found: dict[str, list[str]] = {}
        for name, value in list(message.raw_items())[:_MOST_HEADERS]:
            self._found.setdefault(name.lower().strip(), []).append(re.sub(r"[\r\n]+[ \t]*", " ", str(value)).strip())

    def all(self, name: str) -> list[str]:
        return self._found.get(name, [])

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def names(self) -> Iterable[str]:
        return self._found.keys()


def ids(value: str) -> tuple[str, ...]:
    """Message-IDs in angles; Exchange and iOS put commas between them, some clients fold inside one."""
    found = [re.sub(r"\s+", "", item) for item in re.findall(r"<[^<>]{1,998}>", value[:100_000])]
    bare = [] if found else [f"<{item}>" for item in re.split(r"[\s,]+", value[:2000]) if "@" in item]
    return tuple(dict.fromkeys(item for item in found or bare if len(item) > 2))[-_MOST_IDS:]  # noqa: PLR2004  "<>"


def _parsed(raw: bytes) -> tuple[EmailMessage, list[str]]:
    whole = raw
    raw = _bounded(raw)
    faults = ["cut"] if len(raw) < len(whole) else []
    head = _head(raw)
    if re.search(rb"\r(?!\n)", head):
        faults.append("bare_carriage_return")
    if re.search(rb"[\x00\x0b\x0c\x1c-\x1e]", head):
        faults.append("control_character")
    if head.count(b"\n") > _MOST_HEAD_LINES:
        return _read(b"".join(head.splitlines(keepends=True)[:_MOST_HEAD_LINES])), [*faults, "too_many_headers"]
    if nested_too_deep(raw):
        return _read(head), [*faults, "nested_too_deep"]
    try:
        return _read(raw), faults
    except (RecursionError, ValueError, LookupError, AttributeError, IndexError, TypeError, AssertionError):
        return _bare(head), [*faults, "unparsable"]


def _bounded(raw: bytes) -> bytes:
    short = raw[:MOST_BYTES]
    return b"\n".join(short.split(b"\n", MOST_LINES)[:MOST_LINES]) if short.count(b"\n") > MOST_LINES else short


def nested_too_deep(raw: bytes) -> bool:
    """Whether the standard library's parser, which goes down by recursion, had better not begin."""
    lowered_ = raw.lower()
    return lowered_.count(b"multipart/") + lowered_.count(b"message/rfc822") > _MOST_NESTED


def costly(raw: bytes) -> bool:
    """Whether a letter is made to take long: no client writes so many lines, headers or parts."""
    many = raw.count(b"\n") > MOST_LINES or _head(raw).count(b"\n") > _MOST_HEAD_LINES
    return many or nested_too_deep(raw)


def _read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=_POLICY)
    assert isinstance(message, EmailMessage)
    return message


def _bare(head: bytes) -> EmailMessage:
    try:
        return _read(head)
    except Exception:  # noqa: BLE001  whatever the standard library trips over, a message must come out
        return EmailMessage(policy=_POLICY)


def _head(raw: bytes) -> bytes:
    """The header block with the empty line that ends it; a bare carriage return ends none."""
    end = re.search(rb"\r?\n\r?\n", raw)
    return raw[: end.end()] if end else raw[:1_000_000]


def _author(head: Headers, raw: bytes) -> tuple[Mailbox, list[str]]:
    nobody, lines = Mailbox("", ""), head.all("from")
    # A server that ends the header elsewhere, or allows a blank before the colon, sees another From than we do.
    written = len(re.findall(rb"^from[ \t]*:", _head(raw), re.IGNORECASE | re.MULTILINE))
    if not lines:
        return nobody, ["no_from"] if not written else ["hidden_from"]
    found = [mailbox for line in lines for mailbox in mailboxes(line)]
    name = found[0].name if found else ""
    faults = [mailbox.fault for mailbox in found if mailbox.fault]
    faults += ["two_from"] if len(lines) > 1 else ["hidden_from"] if written > 1 else []
    faults += ["several_authors"] if len(found) > 1 and len(lines) == 1 else [] if found else ["not_an_address"]
    if re.search(rb"\r(?!\n)|[\x00\x0b\x0c\x1c-\x1e]", _head(raw)) or faults:
        return Mailbox(name, ""), faults
    return found[0], _doubts(found[0], head)


def _doubts(author: Mailbox, head: Headers) -> list[str]:
    senders = {mailbox.address for line in head.all("sender") for mailbox in mailboxes(line)}
    faults = ["name_is_another_address"] if named_otherwise(author) else []
    return [*faults, "another_sender"] if senders - {author.address, ""} else faults


def _recipients(head: Headers, envelope_to: Sequence[str]) -> tuple[str, ...]:
    found = [mailbox.address for line in envelope_to for mailbox in mailboxes(line)]
    found += [mailbox.address for name in _FOR for line in head.all(name)[:20] for mailbox in mailboxes(line)]
    return tuple(dict.fromkeys(address for address in found if address))


def _envelope(head: Headers, told: str | None) -> str | None:
    """Empty for a null sender, `<>`; None where nothing tells it."""
    if told is not None:
        return lowered(told.strip().strip("<>"))
    paths = head.all("return-path")
    return lowered(paths[0].strip().strip("<>").strip()) if paths else None


def _answered(head: Headers) -> tuple[str, ...]:
    first = [item for line in head.all("in-reply-to") for item in ids(line)]
    older = [item for line in head.all("references") for item in ids(line)]
    return tuple(dict.fromkeys([*first, *reversed(older)]))[:_MOST_IDS]


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _repeated(head: Headers) -> list[str]:
    return [f"repeated_{name.replace('-', '_')}" for name in _ONCE if len(head.all(name)) > 1]
