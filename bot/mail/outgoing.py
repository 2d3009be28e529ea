"""Letters as rows: written before they are sent, sent once by their dedupe key, threaded by what was sent before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.mail.letter_parts import Option, Page
from runtime.db.engine import Row, Tx
from runtime.db.mail import letters
from runtime.db.tables import members
from runtime.identity.people import Member

_l = letters.c


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter that is to go out, drawn from the rows as they are now. `dedupe` says what it is: nobody gets it twice."""

    kind: str
    subject_kind: str
    subject_id: UUID
    recipient: str
    dedupe: str
    page: Page
    title: str
    """The subject of its thread."""
    gate: UUID | None = None
    chart: Mapping[str, Any] | None = None
    options: Sequence[Option] = ()
    evidence: str | None = None
    """Of a letter that shows a gate's evidence or takes answers to it."""
    answers: str = ""
    """The Message-ID of somebody's letter that this one replies to."""
    details: Mapping[str, Any] = field(default_factory=dict)
    unsubscribe: str = ""
    secret: str = ""
    """Words in it that are kept nowhere."""
    tokenless: bool = False
    """Whether a reply to it must not be able to answer."""

    @property
    def proposal(self) -> UUID | None:
        found = self.details.get("reading")
        return UUID(str(found)) if found else None


@dataclass(frozen=True, slots=True)
class Thread:
    """What one person was sent about one gate before this letter."""

    root: str = ""
    ids: tuple[str, ...] = ()
    title: str = ""


async def intend(tx: Tx, draft: Draft, message_id: str, said: str) -> Row:
    """The letter's row, as new as the draft until it is sent; commit before handing anything over."""
    fresh = {
        "title": draft.title, "said": said, "evidence_hash": draft.evidence, "answers": draft.answers or None,
        "details": dict(draft.details),
    }  # fmt: skip
    values = {
        "org_id": tx.org_id, "kind": draft.kind, "subject_kind": draft.subject_kind, "subject_id": draft.subject_id,
        "gate_id": draft.gate, "recipient": draft.recipient, "dedupe": draft.dedupe, "message_id": message_id, **fresh,
    }  # fmt: skip
    unsent = _l.sent_at.is_(None) & _l.refused_at.is_(None)
    await tx.run(
        insert(letters)
        .values(values)
        .on_conflict_do_update(index_elements=["org_id", "dedupe"], set_=fresh, where=unsent)
    )
    found = await tx.first(select(letters).where(_l.dedupe == draft.dedupe))
    assert found is not None
    return found


async def thread(tx: Tx, gate: UUID | None, recipient: str, own: str) -> Thread:
    """Letters that went out before, oldest first."""
    if gate is None:
        return Thread()
    mine = (_l.gate_id == gate) & (_l.recipient == recipient) & _l.sent_at.is_not(None) & (_l.message_id != own)
    found = await tx.all(select(_l.message_id, _l.title).where(mine).order_by(_l.sent_at, _l.created_at))
    if not found:
        return Thread()
    return Thread(found[0]["message_id"], tuple(row["message_id"] for row in found), found[0]["title"])


async def sent(tx: Tx, row: Row) -> None:
    """An address that takes letters again is no longer marked as one that doesn't."""
    await tx.run(update(letters).where(_l.id == row["id"]).values(sent_at=func.clock_timestamp()))
    mended = (members.c.email == row["recipient"]) & members.c.mail_refused_at.is_not(None)
    await tx.run(update(members).where(mended).values(mail_refused_at=None, mail_refused_why=None))


async def refused(tx: Tx, row: Row, why: str, now: datetime) -> None:
    await tx.run(update(letters).where(_l.id == row["id"]).values(refused_at=now, refused_why=why[:500]))


async def about(tx: Tx, gate: UUID) -> Sequence[Row]:
    """Every letter of a gate, oldest first."""
    return await tx.all(select(letters).where(_l.gate_id == gate).order_by(_l.created_at, _l.id))


async def name_of(tx: Tx, email: str) -> str:
    """Empty for somebody who is no member."""
    return str(await tx.value(select(members.c.name).where(members.c.email == email)) or "")


async def people(tx: Tx) -> dict[str, Member]:
    """Members by address."""
    return {row["email"]: Member.of(row) for row in await tx.all(select(members))}
