"""Quiet hours: what calls nobody passes, a guardrail's kill and a gate's last reminder pass, everything else waits for its reader's morning."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Table, select

from bot.slack import deliveries
from bot.slack.deliveries import Key
from bot.slack.pictures import DISCARDED
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments, members, outcomes
from runtime.errors import ChannelFailed
from runtime.gates import rows
from runtime.gates.calendar import quiet_until
from runtime.identity.members import owner
from runtime.integrations.contracts import Notice


async def wait(runtime: Runtime, notice: Notice) -> None:
    """Raises ChannelFailed, with `retry_after` until the reader's quiet hours end, for what must not be said now."""
    hours, now = runtime.settings.quiet_hours, runtime.now()
    if not hours or notice.payload.get("last"):
        return
    async with runtime.transaction(notice.org_id) as tx:
        if await _passes(tx, notice):
            return
        zone = await _zone(tx, notice)
    ends = quiet_until(hours, zone, now)
    if ends is not None:
        raise _later(ends, now)


def _later(ends: datetime, now: datetime) -> ChannelFailed:
    seconds = (ends - now).total_seconds()
    return ChannelFailed(f"Quiet hours: it is said at {ends:%Y-%m-%d %H:%M} UTC.", retry_after=seconds)


async def _passes(tx: Tx, notice: Notice) -> bool:
    """A message that is there already only changes, which calls nobody, nor does Home or a file that goes; a kill cannot wait."""
    if notice.kind == "experiment":
        row = await _row(tx, experiments, notice.subject_id)
        if row and (row["final_result"] or {}).get("violated"):
            return True
    if notice.kind in {"home", DISCARDED}:
        return True
    if notice.kind not in {"gate", "experiment"} or notice.payload.get("remind"):
        return False
    return await deliveries.stands(tx, Key(notice.kind, notice.subject_id, notice.place))


async def _zone(tx: Tx, notice: Notice) -> str:
    """The zone of whoever is meant: who is asked at the gate, the person written to, else the outcome's owner."""
    email = str(notice.payload.get("reader") or (notice.place if "@" in notice.place else ""))
    if notice.kind == "gate":
        email = rows.seat(await rows.get(tx, notice.subject_id)).asked
    elif not email:
        email = await _owner(tx, notice.subject_id)
    zone = await tx.value(select(members.c.timezone).where(members.c.email == email.casefold()))
    return str(zone or "UTC")


async def _owner(tx: Tx, subject_id: UUID) -> str:
    experiment = await _row(tx, experiments, subject_id)
    outcome = await _row(tx, outcomes, experiment["outcome_id"] if experiment else subject_id)
    if outcome:
        return str(outcome["owner"])
    first = await owner(tx)
    return first.email if first else ""


async def _row(tx: Tx, table: Table, row_id: UUID) -> Row | None:
    return await tx.first(select(table).where(table.c.id == row_id))
