"""Snoozing a gate: no reminders for a while, within its SLA; the deadline stays where it is."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from runtime import timers as clock
from runtime.db.engine import Row, Tx
from runtime.db.tables import timers
from runtime.errors import InvalidRequest
from runtime.gates import rows
from runtime.gates.service import Decision, entitled
from runtime.identity.people import By
from runtime.journal import Event, record

if TYPE_CHECKING:
    from runtime.core import Runtime

REMINDERS = ("gate_remind_half", "gate_remind_late")


async def snooze(runtime: "Runtime", org_id: UUID, gate_id: UUID, *, until: datetime, by: By, now: datetime) -> Row:
    """Whoever may decide is left in peace until then; reminders that would have come earlier come once, at its end."""
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, gate_id, lock=True)
        entitled(gate, Decision("", note="snoozing"), by)
        if not now < until < gate["due_at"]:
            raise InvalidRequest(
                f"Snooze until a moment before {gate['due_at']:%Y-%m-%d %H:%M} UTC, when the gate's time ends; that moment stays.",
                gate_id=gate_id, due_at=gate["due_at"].isoformat(),
            )  # fmt: skip
        version = await rows.change(tx, gate, snoozed_until=until, snoozed_by=by.name)
        await _postpone(tx, gate, until)
        event = Event("gate.snoozed", "gate", gate_id, {"until": until.isoformat()})
        await record(tx, event, by=by, notices=[rows.redraw(gate, version)])
        return await rows.get(tx, gate_id)


async def _postpone(tx: Tx, gate: Row, until: datetime) -> None:
    early = await tx.all(
        select(timers.c.kind)
        .where(timers.c.subject_id == gate["id"], timers.c.kind.in_(REMINDERS), timers.c.status == "armed")
        .where(timers.c.due_at < until)
        .order_by(timers.c.due_at)
    )
    kinds = [row["kind"] for row in early]
    if kinds:
        await clock.disarm(tx, gate["id"], *kinds)
        await clock.arm(tx, kinds[-1], gate["id"], version=gate["clock_version"], due_at=until)
