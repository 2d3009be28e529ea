"""Decisions that were given but not carried out yet: reading them, and what everybody else is told meanwhile."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.mail import gate_holds
from runtime.errors import GateAlreadyDecided
from runtime.gates import terms
from runtime.identity.people import By

TIMER = "gate_hold"
DOORS = {"mail": "by e-mail", "page": "on the gate's page", "slack": "in Slack"}
_h = gate_holds.c
_CURRENT = select(gate_holds).where(_h.gate_id == bindparam("gate"), _h.ended_at.is_(None))
_LOCKED = _CURRENT.with_for_update()


async def current(tx: Tx, gate_id: UUID, *, lock: bool = False) -> Row | None:
    """The decision that waits at a gate to be carried out; whoever locks it has locked the gate before."""
    return await tx.first(_LOCKED if lock else _CURRENT, {"gate": gate_id})


async def of(tx: Tx, gates: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What waits at these gates, as every door may show it."""
    waiting = select(gate_holds).where(_h.gate_id.in_(gates), _h.ended_at.is_(None))
    return {row["gate_id"]: shown(row) for row in await tx.all(waiting)} if gates else {}


def shown(hold: Mapping[str, Any]) -> dict[str, Any]:
    """Who answered what and how, when it takes effect, and until when its author can take it back (the same moment)."""
    kept = hold["decision"]
    return {
        "answered_by": hold["member"], "answered_via": hold["via"], "answered_at": hold["created_at"], "choice": kept["choice"],
        "answer": answer(hold), "note": kept.get("note") or "", "percent": kept.get("percent"),
        "conditions": [terms.in_words(term) for term in terms.load(kept.get("terms"))],
        "takes_effect_at": hold["until"], "undo_until": hold["until"], "evidence_hash": hold["evidence_hash"],
    }  # fmt: skip


async def end(tx: Tx, hold: Row, how: str, *, now: datetime, why: str | None = None) -> None:
    await tx.run(update(gate_holds).where(_h.id == hold["id"]).values(ended=how, ended_at=now, why=why))


async def make_way(tx: Tx, gate: Row, choice: str, by: By, now: datetime) -> None:
    """Refuse any answer beside a held one. Only its author may go back on it, by an answer that refuses; that wins at once."""
    hold = await current(tx, gate["id"], lock=True)
    if hold is None:
        return
    if not _is_author(hold, by) or not refusing(gate, choice):
        raise GateAlreadyDecided(said(hold), gate_id=gate["id"], held_until=hold["until"].isoformat())
    await end(tx, hold, "undone", now=now, why="its author refused instead")
    await timers.disarm(tx, hold["id"], TIMER)


def refusing(gate: Row, choice: str) -> bool:
    return any(option["id"] == choice and option["gate_event"] == "reject" for option in gate["options"])


def _is_author(hold: Row, by: By) -> bool:
    return by.member is not None and by.member.email.casefold() == hold["member"].casefold()


def answer(hold: Mapping[str, Any]) -> str:
    """The answer as its button would say it."""
    return str(hold["decision"].get("label") or hold["decision"]["choice"])


def said(hold: Mapping[str, Any]) -> str:
    """Who answered what, and until when it can be taken back."""
    how = DOORS.get(hold["via"], f"by {hold['via']}")
    given, until = f"{hold['created_at']:%Y-%m-%d %H:%M} UTC", f"{hold['until']:%H:%M:%S} UTC"
    return f"{hold['member']} answered {answer(hold)} {how} at {given}; it takes effect at {until} unless they take it back."
