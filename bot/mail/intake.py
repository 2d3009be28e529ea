"""Mail that came in, kept before anything acknowledges it: once by Message-ID and once by content, whatever the way it took."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from bot.mail import message
from bot.mail.addresses import carried, storable
from bot.mail.contracts import Incoming
from runtime.db.engine import Tx
from runtime.db.mail import inbound_mail
from runtime.errors import InvalidRequest

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

LARGEST = 10 * 1024 * 1024
"""Bytes of a letter that is taken; every way in refuses a larger one before it is read."""
TOO_LARGE = "Letters of up to 10 MiB are taken; answer without attachments."
NULL_SENDER = "<>"
"""How an empty envelope sender is kept; an empty column says that the way in did not tell it."""
_RECIPIENTS, _ANSWERED, _LONG = 100, 50, 500
MOST_TOKENS = 10
"""Reply addresses of a letter that are looked up: nobody answers more gates at once."""
_UNREAD = (RecursionError, ValueError, LookupError, AttributeError, TypeError, AssertionError)
"""What the standard library raises on a letter that was made to break it."""
_LASTING = ("From", "To", "Subject", "Date", "In-Reply-To")
"""Headers that no server on the way writes or moves; a gateway may even change the Message-ID."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a letter says about which conversation it belongs to."""

    message_id: str
    content_hash: str
    gates: tuple[UUID, ...]
    answers: tuple[str, ...]


async def receive(
    runtime: "Runtime", raw: bytes, *, way: str, envelope_from: str | None, envelope_to: Sequence[str]
) -> UUID | None:
    """Keep a letter; committed when this returns. None when it was here before. What is done with it is the desk's (bot/mail/desk.py)."""
    if len(raw) > LARGEST:
        raise InvalidRequest(TOO_LARGE, size=len(raw))
    names = await asyncio.to_thread(named, raw, envelope_to)
    org_id = await organisation(runtime, names)
    values = {
        "org_id": org_id, "message_id": names.message_id, "content_hash": names.content_hash, "way": way, "raw": raw,
        "envelope_from": kept_sender(envelope_from), "envelope_to": [storable(item) for item in envelope_to[:_RECIPIENTS]],
        "received_at": runtime.now(),
    }  # fmt: skip
    async with runtime.transaction(org_id) as tx:
        statement = insert(inbound_mail).values(values).on_conflict_do_nothing().returning(inbound_mail.c.id)
        kept = await tx.value(statement) or await _again(tx, values)
    log.info("mail.received", way=way, kept=bool(kept), message_id=names.message_id[:200])
    return UUID(str(kept)) if kept else None


async def _again(tx: Tx, values: Mapping[str, Any]) -> UUID | None:
    """The same words with other headers than when they could not be proven: a copy in somebody's name must not shut the real letter out."""
    m = inbound_mail.c
    unproven = (m.content_hash == values["content_hash"]) & (m.action == "quarantine") & m.ended.is_(None)
    fresh = {name: values[name] for name in ("raw", "way", "envelope_from", "envelope_to")}
    statement = update(inbound_mail).where(unproven, m.raw != values["raw"])
    anew = statement.values(**fresh, handled_at=None, lease_until=None, attempts=0, action=None)
    found: UUID | None = await tx.value(anew.returning(m.id))
    return found


def kept_sender(envelope_from: str | None) -> str:
    return "" if envelope_from is None else (storable(envelope_from) or NULL_SENDER)


def read(raw: bytes, envelope_from: str, envelope_to: Sequence[str]) -> Incoming:
    """A stored letter, parsed; `envelope_from` as it is kept in its row."""
    sender = None if not envelope_from else envelope_from.replace(NULL_SENDER, "")
    return message.read(raw, envelope_from=sender, envelope_to=tuple(envelope_to))


def named(raw: bytes, envelope_to: Sequence[str]) -> Names:
    incoming = read(raw, "", envelope_to)
    found = [token.gate_id for address in incoming.recipients if (token := carried(address))]
    content = content_hash(raw)
    own = storable(incoming.message_id)
    message_id = own if own and len(own) < _LONG else f"<{sha256(own.encode()).hexdigest() if own else content}@none>"
    return Names(message_id, content, tuple(dict.fromkeys(found))[:MOST_TOKENS], incoming.in_reply_to[:_ANSWERED])


async def organisation(runtime: "Runtime", names: Names) -> UUID:
    """Whose gate its address names, else whose letter it answers; all else belongs to the organisation at home."""
    async with runtime.engine.connect() as conn:
        for gate_id in names.gates:
            if found := (await conn.execute(text("select org_by_gate(:gate)"), {"gate": gate_id})).scalar():
                return UUID(str(found))
        for message_id in names.answers:
            if found := (await conn.execute(text("select org_by_letter(:id)"), {"id": storable(message_id)})).scalar():
                return UUID(str(found))
    return await runtime.home()


def content_hash(raw: bytes) -> str:
    """The same for every copy of a letter: by its lasting headers and its decoded parts, not by how they travelled.

    One that was made to break or to delay its readers counts as it stands: it must be kept, and stop nobody else's.
    """
    try:
        return sha256(raw).hexdigest() if message.costly(raw) else _content_hash(raw)
    except _UNREAD:
        return sha256(raw).hexdigest()


def _content_hash(raw: bytes) -> str:
    letter = message_from_bytes(raw)
    digest = sha256()
    for name in _LASTING:
        for value in letter.get_all(name, []):
            digest.update(f"{name}:{_squeezed(str(value))}\n".encode("utf-8", "surrogateescape"))
    for part in letter.walk():
        if not part.is_multipart():
            digest.update(part.get_content_type().encode("utf-8", "surrogateescape") + b"\n" + _body(part) + b"\n")
    return digest.hexdigest()


def _squeezed(value: str) -> str:
    return re.sub(r"\s+", " ", value).strip()


def _body(part: Message) -> bytes:
    """What cannot be decoded counts as it stands."""
    decoded = part.get_payload(decode=True) or str(part.get_payload()).encode("utf-8", "surrogateescape")
    lines = (decoded if isinstance(decoded, bytes) else b"").replace(b"\r\n", b"\n").split(b"\n")
    return b"\n".join(line.rstrip() for line in lines).strip()
