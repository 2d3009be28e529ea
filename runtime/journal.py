"""One call writes what happened: the audit row and the outgoing effects and notices, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from runtime import noted
from runtime.db.engine import Tx
from runtime.db.tables import journal, outbox
from runtime.identity.people import By
from runtime.lifecycle import Actor


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a subject; `payload` holds facts, never secrets."""

    name: str
    subject_kind: str
    subject_id: UUID | None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """Work a worker does after the commit; `once` makes it unique, so that a repeated decision can't repeat it."""

    name: str
    subject_id: UUID
    once: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to people by id; the channel renders it from the row as it is when it leaves."""

    kind: str
    subject_id: UUID
    channel: str
    place: str
    once: str
    payload: Mapping[str, Any] = field(default_factory=dict)


async def record(
    tx: Tx, event: Event, *, by: By, effects: Sequence[Effect] = (), notices: Sequence[Message] = ()
) -> None:
    """Append to the journal (hash-chained by the database) and put effects before notices into the outbox.

    What a person does closes the request it came by, in this transaction (runtime/noted.py).
    """
    values = {
        "org_id": tx.org_id, "event": event.name, "actor": by.name, "actor_kind": by.kind.value,
        "subject_kind": event.subject_kind, "subject_id": event.subject_id, "payload": dict(event.payload),
    }  # fmt: skip
    note = noted.holds(tx) if by.kind is Actor.HUMAN else None
    await (tx.run(_JOURNAL, values) if note is None else noted.write(tx, note, values))
    rows = [_effect(tx, effect) for effect in effects] + [_notice(tx, event.name, notice) for notice in notices]
    if rows:
        await tx.run(_OUTBOX, rows if len(rows) > 1 else rows[0])


_JOURNAL = insert(journal).inline()
_OUTBOX = upsert(outbox).on_conflict_do_nothing(index_elements=["org_id", "dedupe"]).inline()


def _effect(tx: Tx, effect: Effect) -> dict[str, Any]:
    return {
        "org_id": tx.org_id, "batch": tx.batch, "position": tx.next_position(), "kind": "effect", "name": effect.name,
        "subject_id": effect.subject_id, "channel": None, "place": None, "payload": dict(effect.payload),
        "dedupe": f"{effect.name}:{effect.subject_id}:{effect.once}",
    }  # fmt: skip


def _notice(tx: Tx, event: str, notice: Message) -> dict[str, Any]:
    return {
        "org_id": tx.org_id, "batch": tx.batch, "position": tx.next_position(), "kind": "notice", "name": notice.kind,
        "subject_id": notice.subject_id, "channel": notice.channel, "place": notice.place,
        "payload": {"event": event, **notice.payload},
        "dedupe": f"{event}:{notice.kind}:{notice.subject_id}:{notice.once}:{notice.channel}:{notice.place}",
    }  # fmt: skip
