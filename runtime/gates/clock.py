"""What a gate's timers do: remind, escalate, and at the end of the chain close without approving."""

from datetime import datetime, timedelta

from sqlalchemy import select

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import members
from runtime.gates import opening, policy, rows
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.lifecycle import GATE, Actor
from runtime.lifecycle.gate import OPEN


async def fire(tx: Tx, timer: Row, now: datetime) -> None:
    """Act on one due timer of a gate; a timer set for an earlier clock, or a gate that is closed, is let go."""
    gate = await rows.get(tx, timer["subject_id"], lock=True)
    if gate["status"] not in OPEN or gate["clock_version"] != timer["version"]:
        return
    if timer["kind"] == "gate_due":
        await _run_out(tx, gate, now)
    else:
        await _remind(tx, gate, now)


async def _remind(tx: Tx, gate: Row, now: datetime) -> None:
    GATE.step(gate["status"], "remind", by=Actor.SYSTEM)
    version = await rows.change(tx, gate, reminder_sent_at=now)
    event = Event(
        "gate.reminded", "gate", gate["id"], {"asked": rows.seat(gate).asked, "due_at": gate["due_at"].isoformat()}
    )
    await record(tx, event, by=SYSTEM, notices=[rows.redraw(gate, version, remind=True)])


async def _run_out(tx: Tx, gate: Row, now: datetime) -> None:
    chain = gate["escalation_chain"]
    position = policy.next_in_chain(chain, gate["chain_position"], await _away(tx, chain, now))
    if position is None:
        await _time_out(tx, gate, now)
    else:
        await _escalate(tx, gate, position, now)


async def _escalate(tx: Tx, gate: Row, position: int, now: datetime) -> None:
    status = GATE.step(gate["status"], "escalate", by=Actor.SYSTEM).to
    clock_version, sla = gate["clock_version"] + 1, timedelta(hours=gate["sla_hours"])
    version = await rows.change(
        tx,
        gate,
        status=status,
        chain_position=position,
        clock_version=clock_version,
        delegated_to=None,
        due_at=now + sla,
    )
    await opening.arm_clock(tx, gate["id"], version=clock_version, opened=now, sla=sla)
    event = Event(
        "gate.escalated", "gate", gate["id"], {"to": gate["escalation_chain"][position - 1], "position": position}
    )
    await record(tx, event, by=SYSTEM, notices=[rows.redraw(gate, version, remind=True)])


async def _time_out(tx: Tx, gate: Row, now: datetime) -> None:
    status = GATE.step(gate["status"], "time_out", by=Actor.SYSTEM).to
    note = "nobody answered in time; nothing was approved"
    version = await rows.change(tx, gate, status=status, response_note=note, responded_at=now)
    await timers.disarm(tx, gate["id"])
    await record(
        tx, Event("gate.timed_out", "gate", gate["id"]), by=SYSTEM, notices=[rows.redraw(gate, version, remind=True)]
    )


async def _away(tx: Tx, chain: list[str], now: datetime) -> frozenset[str]:
    statement = select(members.c.email).where(members.c.email.in_(chain), members.c.away_until > now)
    return frozenset(row["email"] for row in await tx.all(statement))
