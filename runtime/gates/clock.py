"""What a gate's timers do: remind, look who is away, escalate, and at the end of the chain close without approving."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import timers as timers_table
from runtime.gates import held, opening, policy, rows
from runtime.identity import away
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.lifecycle import GATE, Actor
from runtime.lifecycle.gate import OPEN

_LATE = "gate_remind_late"
AFTER_HOLD = timedelta(seconds=1)
"""How long after a held answer was to be carried out the clock looks again, if it was not."""


async def fire(tx: Tx, timer: Row, now: datetime) -> None:
    """Act on one due timer of a gate; a timer set for an earlier clock, or a gate that is closed, is let go.

    While an answer is held it was given in time: nobody is called, and nothing runs out.
    """
    gate = await rows.get(tx, timer["subject_id"], lock=True)
    if gate["status"] not in OPEN or gate["clock_version"] != timer["version"]:
        return
    waiting = await held.current(tx, gate["id"])
    if waiting is not None:
        later = max(waiting["until"], now) + AFTER_HOLD
        await timers.arm(tx, timer["kind"], gate["id"], version=timer["version"], due_at=later)
        return
    await _DO[timer["kind"]](tx, gate, timer, now)


async def _remind(tx: Tx, gate: Row, timer: Row, now: datetime) -> None:
    if gate["snoozed_until"] is not None and gate["snoozed_until"] > now:
        await _put_off(tx, gate, timer)
        return
    GATE.step(gate["status"], "remind", by=Actor.SYSTEM)
    version = await rows.change(tx, gate, reminder_sent_at=now)
    event = Event(
        "gate.reminded", "gate", gate["id"], {"asked": rows.seat(gate).asked, "due_at": gate["due_at"].isoformat()}
    )
    last = timer["kind"] == _LATE
    await record(tx, event, by=SYSTEM, notices=[rows.redraw(gate, version, remind=True, last=last)])


async def _put_off(tx: Tx, gate: Row, timer: Row) -> None:
    """A reminder that fell into a snooze comes at its end, unless a later reminder or the end of the gate comes first."""
    armed = timers_table.c.subject_id == gate["id"]
    later = select(func.min(timers_table.c.due_at)).where(
        armed, timers_table.c.status == "armed", timers_table.c.kind.in_((_LATE, "gate_due"))
    )
    following, wakes = await tx.value(later), gate["snoozed_until"]
    if following is None or wakes < following:
        await timers.arm(tx, timer["kind"], gate["id"], version=timer["version"], due_at=wakes)


async def _ask_who_is_away(tx: Tx, gate: Row, timer: Row, now: datetime) -> None:
    """Only if there is somebody to go to: the effect asks the channel, and the clock goes on whatever comes of it."""
    if policy.next_in_chain(gate["escalation_chain"], gate["chain_position"], frozenset()) is not None:
        effect = opening.look_for_people(gate["id"], f"c{gate['clock_version']}")
        await record(tx, Event("gate.people_asked_for", "gate", gate["id"]), by=SYSTEM, effects=[effect])


async def _run_out(tx: Tx, gate: Row, timer: Row, now: datetime) -> None:
    chain = gate["escalation_chain"]
    gone = await away.until(tx, chain, now)
    position = policy.next_in_chain(chain, gate["chain_position"], frozenset(gone))
    if position is None:
        await _time_out(tx, gate, now)
    else:
        await _escalate(tx, gate, position, gone, now)


async def _escalate(tx: Tx, gate: Row, position: int, gone: Mapping[str, datetime], now: datetime) -> None:
    chain = gate["escalation_chain"]
    to = chain[position - 1]
    status = GATE.step(gate["status"], "escalate", by=Actor.SYSTEM).to
    anew = await opening.restart(tx, gate, to, now)
    version = await rows.change(tx, gate, status=status, chain_position=position, delegated_to=None, **anew)
    passed = [person for person in chain[gate["chain_position"] : position - 1] if person in gone]
    event = Event("gate.escalated", "gate", gate["id"], {"to": to, "position": position, "passed_over": passed})
    await record(tx, event, by=SYSTEM, notices=[rows.redraw(gate, version, remind=True)])


async def _time_out(tx: Tx, gate: Row, now: datetime) -> None:
    status = GATE.step(gate["status"], "time_out", by=Actor.SYSTEM).to
    note = "nobody answered in time; nothing was approved"
    version = await rows.change(tx, gate, status=status, response_note=note, responded_at=now)
    await timers.disarm(tx, gate["id"])
    await record(
        tx, Event("gate.timed_out", "gate", gate["id"]), by=SYSTEM, notices=[rows.redraw(gate, version, remind=True)]
    )


_DO: Mapping[str, Callable[[Tx, Row, Row, datetime], Awaitable[None]]] = {
    "gate_remind_half": _remind,
    _LATE: _remind,
    "gate_people": _ask_who_is_away,
    "gate_due": _run_out,
}
