"""What was said where: an intent before the first post, Slack's `ts` after it, so that a retry updates instead of repeating."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Row, Tx
from runtime.db.tables import deliveries, human_gates
from runtime.lifecycle.gate import OPEN

CHANNEL = "slack"
ASIDE = ("agent_question",)
"""Gates about an experiment that keep a thread of their own: they may be open beside another one, and words must be clear."""
_d = deliveries.c
_MINE = (_d.subject_kind == bindparam("kind"), _d.subject_id == bindparam("subject"), _d.channel == CHANNEL)
_HERE = (*_MINE, _d.place == bindparam("where"))
_SHOWN = select(deliveries).where(*_MINE)
_ONE = select(deliveries).where(*_HERE)
_PLACED = (
    update(deliveries)
    .where(*_HERE)
    .values(
        {
            _d.delivered_at: func.coalesce(_d.delivered_at, func.clock_timestamp()),
            _d.external_place: bindparam("at"),
            _d.external_id: bindparam("ts"),
            _d.details: bindparam("shows", type_=_d.details.type),
        }
    )
)
"""Made once: they run with every message."""


@dataclass(frozen=True, slots=True)
class Key:
    """One message: its subject and the place it was meant for (not where it ended up)."""

    kind: str
    subject: UUID
    place: str


async def intend(tx: Tx, key: Key) -> tuple[Row, bool]:
    """The delivery's row, and whether it is new; commit before posting."""
    values = {
        "org_id": tx.org_id,
        "subject_kind": key.kind,
        "subject_id": key.subject,
        "channel": CHANNEL,
        "place": key.place,
    }
    found = await tx.first(_ONE, _named(key))
    if found is not None:
        return found, False
    fresh = await tx.first(insert(deliveries).values(values).on_conflict_do_nothing().returning(deliveries))
    if fresh is not None:
        return fresh, True
    found = await tx.first(_ONE, _named(key))
    assert found is not None
    return found, False


async def placed(tx: Tx, key: Key, channel_id: str, ts: str, details: Mapping[str, Any]) -> None:
    """Remember where the message stands and what it shows."""
    await tx.run(_PLACED, {**_named(key), "at": channel_id, "ts": ts, "shows": dict(details)})


async def known(tx: Tx, key: Key) -> tuple[Row | None, Sequence[str]]:
    """The delivery if it was intended before, and other places where this subject was shown: copies that must change with it."""
    found = await tx.all(_SHOWN, _named(key))
    here = next((row for row in found if row["place"] == key.place), None)
    return here, [row["place"] for row in found if row["place"] != key.place and row["external_id"] is not None]


async def stands(tx: Tx, key: Key) -> bool:
    """Whether this message was posted already, so that it would only change."""
    return await tx.first(_ONE.where(_d.external_id.is_not(None)), _named(key)) is not None


async def gate_at(tx: Tx, channel_id: str, ts: str) -> Row | None:
    """The delivery of the gate a thread is about: an experiment's gates share one, in which at most one is open."""
    here = (_d.external_id == ts) | (_d.details["thread"].astext == ts)
    statement = (
        select(deliveries)
        .join(human_gates, human_gates.c.id == _d.subject_id)
        .where(_d.external_place == channel_id, here, _d.channel == CHANNEL, _d.subject_kind == "gate")
        .order_by(human_gates.c.status.in_(OPEN).desc(), human_gates.c.created_at.desc())
    )
    return await tx.first(statement.limit(1))


async def of_gate(tx: Tx, gate_id: UUID) -> Row | None:
    """Where a gate is shown; the newest of several."""
    statement = select(deliveries).where(
        _d.subject_kind == "gate", _d.subject_id == gate_id, _d.channel == CHANNEL, _d.external_id.is_not(None)
    )
    return await tx.first(statement.order_by(_d.intended_at.desc()).limit(1))


async def root(tx: Tx, experiment_id: UUID, place: str) -> Row | None:
    """The one message about an experiment that stands by itself in a place: all else about it goes into its thread."""
    g = human_gates.c
    gates = select(g.id).where(g.experiment_id == experiment_id, g.gate_type.not_in(ASIDE))
    gate = (_d.subject_kind == "gate") & _d.subject_id.in_(gates)
    own = (_d.subject_kind == "experiment") & (_d.subject_id == experiment_id)
    statement = select(deliveries).where(
        gate | own, _d.channel == CHANNEL, _d.place == place, _d.external_id.is_not(None),
        _d.details["thread"].astext.is_(None), _d.details["instead"].astext.is_(None),
    )  # fmt: skip
    return await tx.first(statement.order_by(_d.intended_at).limit(1))


def _named(key: Key) -> dict[str, Any]:
    return {"kind": key.kind, "subject": key.subject, "where": key.place}
