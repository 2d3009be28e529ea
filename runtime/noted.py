"""What a person asked for at a door that acknowledges first: noted before the acknowledgement, closed in the transaction that carries it out."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from runtime.db.tables import inbound_events, journal
from runtime.errors import OutcomeRuntimeError

if TYPE_CHECKING:
    from runtime.db.engine import Tx


class CarriedOutElsewhere(OutcomeRuntimeError):
    """Another process carries this out already, since this one seemed to be gone; look at the message again before you repeat it."""

    code = "CARRIED_OUT_ELSEWHERE"


@dataclass(eq=False, slots=True)
class Note:
    """A noted request. `turn` counts who worked on it: 0 is whoever noted it; `age` is how long ago that was when the turn began."""

    org_id: UUID
    source: str
    external_id: str
    turn: int = 0
    age: timedelta = timedelta()
    written_in: "Tx | None" = None


_current: ContextVar[Note | None] = ContextVar("noted", default=None)


def current() -> Note | None:
    """What the running task works on."""
    return _current.get()


def late() -> bool:
    """Whether another process had begun with what the running task works on."""
    note = _current.get()
    return note is not None and note.turn > 0


def begin(note: Note) -> None:
    """From here on this task, and those it starts, work on this request; within `apart`, so that it ends there."""
    _current.set(note)


@contextmanager
def apart() -> Iterator[None]:
    """What comes next is a request of its own."""
    before = _current.set(None)
    try:
        yield
    finally:
        _current.reset(before)


def moment(now: datetime) -> datetime:
    """When it was asked for: a request that had to wait for another process counts from then."""
    note = _current.get()
    return now - note.age if note is not None else now


def holds(tx: "Tx") -> Note | None:
    """The request that what a person does in this transaction carries out; None when there is none, or it was closed in it already."""
    note = _current.get()
    return note if note is not None and note.org_id == tx.org_id and note.written_in is not tx else None


async def write(tx: "Tx", note: Note, values: dict[str, Any]) -> None:
    """The journal's row and the end of the request in one statement; neither of them if another process took the request over."""
    fence = {"noted_org": note.org_id, "noted_at": note.source, "noted_as": note.external_id, "noted_turn": note.turn}
    done = await tx.run(_ONCE, fence | {f"said_{name}": value for name, value in values.items()})
    if done.rowcount != 1:
        raise CarriedOutElsewhere(noted=note.external_id)
    note.written_in = tx


_e = inbound_events.c
_MINE = (
    (_e.org_id == bindparam("noted_org")) & (_e.source == bindparam("noted_at")) & (_e.external_id == bindparam("noted_as"))
    & (_e.attempts == bindparam("noted_turn"))
)  # fmt: skip
_FENCE = (
    update(inbound_events).where(_MINE).values(sealed=None, lease_until=None).returning(_e.org_id).cte("carried_out")
)
_NAMES = ("org_id", "event", "actor", "actor_kind", "subject_kind", "subject_id", "payload")
_SAID = [bindparam(f"said_{name}", type_=journal.c[name].type).label(name) for name in _NAMES]
_ONCE = insert(journal).from_select(_NAMES, select(*_SAID).select_from(_FENCE))
