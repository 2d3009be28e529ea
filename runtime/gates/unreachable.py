"""People who cannot answer: away by their own mail's word, or at an address that refuses letters; their gates go on to the next person."""

from datetime import datetime

from sqlalchemy import select, update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.mail import letters
from runtime.db.tables import human_gates
from runtime.db.tables import members as members_table
from runtime.gates import opening, policy, rows
from runtime.identity import away
from runtime.identity.away import Seen
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.lifecycle.gate import OPEN


async def refused(tx: Tx, email: str, why: str, now: datetime) -> list[Row]:
    """Mark an address that refuses letters for good, and let its open gates go on; returns the gates that wait for its owner."""
    mine = members_table.c.email == email.lower()
    await tx.run(update(members_table).where(mine).values(mail_refused_at=now, mail_refused_why=why[:500]))
    unsent = (letters.c.recipient == email.lower()) & letters.c.refused_at.is_(None)
    waiting = await _waiting_for(tx, email)
    about = letters.c.gate_id.in_([gate["id"] for gate in waiting])
    await tx.run(update(letters).where(unsent, about).values(refused_at=now, refused_why=why[:500]))
    await record(tx, Event("member.mail_refused", "member", None, {"email": email, "why": why[:500]}), by=SYSTEM)
    for gate in waiting:
        await go_on(tx, gate, email, now, why="their address refuses letters")
    return waiting


async def is_away(tx: Tx, email: str, until: datetime, now: datetime) -> list[Row]:
    """Believe an out-of-office reply: its writer counts as away until then, and their open gates go on."""
    await away.keep(tx, [Seen(email.lower(), until)], "mail", now)
    waiting = await _waiting_for(tx, email)
    for gate in waiting:
        await go_on(tx, gate, email, now, why=f"away until {until:%Y-%m-%d %H:%M} UTC")
    return waiting


async def go_on(tx: Tx, gate: Row, email: str, now: datetime, *, why: str) -> bool:
    """The time of whoever cannot answer is over at once, if somebody comes after them; the gate's clock does the rest."""
    if gate["status"] not in OPEN or rows.seat(gate).asked.casefold() != email.casefold():
        return False
    if policy.next_in_chain(gate["escalation_chain"], gate["chain_position"], frozenset()) is None:
        return False
    await timers.arm(tx, "gate_due", gate["id"], version=gate["clock_version"], due_at=now)
    event = Event("gate.going_on", "gate", gate["id"], {"past": email, "why": why})
    look = opening.look_for_people(gate["id"], f"past:{email}:{gate['clock_version']}")
    await record(tx, event, by=SYSTEM, effects=[look])
    return True


async def _waiting_for(tx: Tx, email: str) -> list[Row]:
    """Open gates that ask this person now, locked in one order."""
    statement = select(human_gates).where(human_gates.c.status.in_(OPEN)).order_by(human_gates.c.id).with_for_update()
    return [gate for gate in await tx.all(statement) if rows.seat(gate).asked.casefold() == email.casefold()]
