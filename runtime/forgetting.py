"""Forgetting the text of mail: what is needed to prove who said what stays, the letters themselves go after MAIL_DAYS."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import or_, select, update

from runtime.db.mail import inbound_mail, letters
from runtime.db.tables import human_gates
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from runtime.core import Runtime

BATCH = 500
"""Rows of one transaction."""
MOST_BATCHES = 40
"""What is left is taken the next time: forgetting never holds up the rest of the tidying."""


async def mail(runtime: "Runtime", org_id: UUID, now: datetime, *, batch: int = BATCH) -> int:
    """Drop the bytes of letters that came in and the text of those we sent; returns how many were forgotten.

    Hashes, Message-IDs, sender, reasons, what was read and decided, and the journal stay. A letter that waits to be read, or that is
    about an open gate, is kept however old: replies are still read against it.
    """
    if runtime.settings.mail_days == 0:
        return 0
    before = now - timedelta(days=runtime.settings.mail_days)
    received = await _in_batches(runtime, org_id, inbound_mail, _came_in(before), {"raw": None}, batch)
    sent = await _in_batches(runtime, org_id, letters, _went_out(before), {"said": ""}, batch)
    if received or sent:
        facts = {"received": received, "sent": sent, "before": before.isoformat()}
        async with runtime.transaction(org_id) as tx:
            await record(tx, Event("mail.forgotten", "org", org_id, facts), by=SYSTEM)
    return received + sent


def _came_in(before: datetime) -> Any:
    m = inbound_mail.c
    return m.raw.is_not(None) & m.handled_at.is_not(None) & (m.received_at < before)


def _went_out(before: datetime) -> Any:
    sent = letters.c
    waiting = select(human_gates.c.id).where(human_gates.c.status.in_(OPEN))
    settled = or_(sent.gate_id.is_(None), sent.gate_id.not_in(waiting))
    return (sent.said != "") & (sent.created_at < before) & settled


async def _in_batches(
    runtime: "Runtime", org_id: UUID, table: Any, which: Any, values: dict[str, Any], batch: int
) -> int:
    done = 0
    some = select(table.c.id).where(which).order_by(table.c.id).limit(batch)
    for _ in range(MOST_BATCHES):
        async with runtime.transaction(org_id) as tx:
            found = (await tx.run(update(table).where(table.c.id.in_(some)).values(values))).rowcount
        done += found
        if found < batch:
            break
    return done
