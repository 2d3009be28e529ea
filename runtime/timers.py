"""Durable timers as rows: armed in the caller's transaction, claimed with a lease, closed where they act."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Row, Tx
from runtime.db.tables import timers


async def arm(tx: Tx, kind: str, subject_id: UUID, *, version: int, due_at: datetime) -> None:
    """Set a timer for one version of its subject; setting the same one again moves it."""
    statement = insert(timers).values(
        org_id=tx.org_id, kind=kind, subject_id=subject_id, version=version, due_at=due_at
    )
    await tx.run(
        statement.on_conflict_do_update(
            index_elements=["org_id", "kind", "subject_id", "version"],
            set_={"due_at": due_at, "status": "armed", "lease_until": None, "attempts": 0},
        )
    )


async def arm_many(tx: Tx, kind: str, due: Mapping[UUID, datetime]) -> None:
    """Set the timers of many subjects in one statement; see `arm`."""
    values = {"kind": kind, "org": tx.org_id, "subjects": sorted(due), "due": [due[key] for key in sorted(due)]}
    await tx.run(_ARM_MANY, values)


_ARM_MANY = text("""
insert into timers (org_id, kind, subject_id, version, due_at)
select cast(:org as uuid), cast(:kind as text), t.subject_id, 1, t.due_at
from unnest(cast(:subjects as uuid[]), cast(:due as timestamptz[])) as t(subject_id, due_at)
on conflict (org_id, kind, subject_id, version) do update
set due_at = excluded.due_at, status = 'armed', lease_until = null, attempts = 0
""")


async def disarm_many(tx: Tx, kind: str, subject_ids: Sequence[UUID]) -> None:
    """Stop one kind of timer of many subjects."""
    mine = timers.c.subject_id.in_(subject_ids) & (timers.c.kind == kind) & (timers.c.status == "armed")
    await tx.run(update(timers).where(mine).values(status="disarmed"))


async def disarm(tx: Tx, subject_id: UUID, *kinds: str) -> None:
    """Stop all timers of a subject, or those of the given kinds."""
    statement = update(timers).where(timers.c.subject_id == subject_id, timers.c.status == "armed")
    await tx.run((statement.where(timers.c.kind.in_(kinds)) if kinds else statement).values(status="disarmed"))


async def take(tx: Tx, timer_id: int) -> Row | None:
    """Lock a claimed timer for acting on it; None when somebody else has closed it meanwhile."""
    return await tx.first(select(timers).where(timers.c.id == timer_id, timers.c.status == "armed").with_for_update())


async def close(tx: Tx, timer_id: int) -> None:
    """Mark a timer done, in the transaction that did what it was for."""
    await tx.run(update(timers).where(timers.c.id == timer_id).values(status="done", fired_at=func.clock_timestamp()))
