"""Reading gates, and the pure values made of their rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update

from runtime.db.engine import Row, Tx
from runtime.db.tables import human_gates
from runtime.errors import NotFound
from runtime.gates.policy import Seat
from runtime.journal import Message
from runtime.lifecycle.gate import OPEN

PAST = {
    "approved": "approved",
    "approved_with_conditions": "approved with conditions",
    "rejected": "rejected",
    "timed_out": "closed without a decision",
    "delegated": "delegated",
}


_GATE = select(human_gates).where(human_gates.c.id == bindparam("gate"))
_LOCKED = _GATE.with_for_update()
_OPEN = _GATE.where(human_gates.c.status.in_(OPEN)).with_for_update()


async def get(tx: Tx, gate_id: UUID, *, lock: bool = False) -> Row:
    row = await tx.first(_LOCKED if lock else _GATE, {"gate": gate_id})
    if row is None:
        raise NotFound(f"There is no gate {gate_id}; `/outcome gates` lists the open ones.", gate_id=gate_id)
    return row


async def pressed(tx: Tx, gate_id: UUID) -> Row:
    """An open gate is locked; a closed one is only read, so that those who come late neither wait for each other nor write."""
    return await tx.first(_OPEN, {"gate": gate_id}) or await get(tx, gate_id)


async def listed(
    tx: Tx, *, status: str = "open", outcome_id: UUID | None = None, experiment_id: UUID | None = None
) -> Sequence[Row]:
    """Gates, oldest first: `open`, `all`, or one status."""
    statement = select(human_gates).order_by(human_gates.c.created_at)
    if status == "open":
        statement = statement.where(human_gates.c.status.in_(OPEN))
    elif status != "all":
        statement = statement.where(human_gates.c.status == status)
    if outcome_id:
        statement = statement.where(human_gates.c.outcome_id == outcome_id)
    if experiment_id:
        statement = statement.where(human_gates.c.experiment_id == experiment_id)
    return await tx.all(statement)


async def open_of_experiment(tx: Tx, experiment_id: UUID) -> Sequence[Row]:
    """Open gates about one experiment, locked."""
    statement = select(human_gates).where(human_gates.c.experiment_id == experiment_id, human_gates.c.status.in_(OPEN))
    return await tx.all(statement.with_for_update())


async def change(tx: Tx, gate: Row, **values: Any) -> int:
    """Write to a locked gate and count its version up; returns the new version."""
    version = int(gate["version"]) + 1
    await tx.run(update(human_gates).where(human_gates.c.id == gate["id"]).values(version=version, **values))
    return version


def seat(gate: Row) -> Seat:
    return Seat(gate["assigned_to"], gate["delegated_to"], tuple(gate["escalation_chain"]), gate["chain_position"])


def subjects(gate: Row) -> list[UUID]:
    """The experiments a gate asks about: one, or all of a portfolio."""
    if gate["experiment_id"]:
        return [gate["experiment_id"]]
    return [UUID(item) for item in gate["context_package"].get("experiment_ids", [])]


def place(gate: Row) -> tuple[str, str]:
    """`slack:#checkout` -> ("slack", "#checkout"); a bare `email` goes to whoever is asked."""
    channel, _, address = str(gate["channel"]).partition(":")
    return channel, address or seat(gate).asked


def redraw(gate: Row, version: int, **payload: Any) -> Message:
    """The message that shows this gate; one per version, so that a retry updates instead of repeating."""
    channel, address = place(gate)
    return Message("gate", gate["id"], channel, address, once=f"v{version}", payload=payload)


def already(gate: Row) -> str:
    """What somebody who comes too late is told."""
    who = gate["decided_by"] or "nobody"
    at = (
        gate["responded_at"].strftime("%Y-%m-%d %H:%M UTC") if isinstance(gate["responded_at"], datetime) else "earlier"
    )
    if gate["status"] == "timed_out":
        return f"This gate was closed without a decision ({gate['response_note'] or 'time ran out'}) at {at}."
    return f"{who} {PAST[gate['status']]} this gate already, at {at}."


def chosen(selection: Sequence[str] | None) -> tuple[UUID, ...] | None:
    """The experiments of a stored selection."""
    return tuple(UUID(str(item)) for item in selection) if selection is not None else None
