"""Durable timers as rows: armed in the caller's transaction, claimed with a lease, closed where they act."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, literal, select, text, update
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


async def dues(tx: Tx, kind: str, subject_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When each armed timer is due, for `rearm`: ask before reading what the next moment depends on."""
    t = timers.c
    mine = t.subject_id.in_(subject_ids) & (t.kind == kind) & (t.status == "armed")
    return {row["subject_id"]: row["due_at"] for row in await tx.all(select(t.subject_id, t.due_at).where(mine))}


async def rearm(tx: Tx, kind: str, due: Mapping[UUID, tuple[datetime | None, datetime]], *, rest: timedelta) -> None:
    """Set timers to `(seen, due)`. One that somebody moved since it was `seen` has news that were not read yet: it only rests a little."""
    keys = sorted(due)
    values = {
        "kind": kind, "org": tx.org_id, "rest": rest, "subjects": keys,
        "seen": [due[key][0] for key in keys], "due": [due[key][1] for key in keys],
    }  # fmt: skip
    await tx.run(_REARM, values)


# Locked in the order of subjects, as by whoever brings timers forward, so that two of many timers never lock each other out.
_REARM = text("""
with wanted as (
  select * from unnest(cast(:subjects as uuid[]), cast(:seen as timestamptz[]), cast(:due as timestamptz[])) as w(subject_id, seen, due)),
locked as (
  select t.id, t.subject_id from timers t
  where t.kind = cast(:kind as text) and t.version = 1 and t.subject_id = any(cast(:subjects as uuid[])) order by t.subject_id for update),
moved as (
  update timers t set status = 'armed', attempts = 0,
    due_at = case when t.status = 'armed' and t.due_at is distinct from w.seen then least(w.due, t.due_at) else w.due end,
    lease_until = case when t.status = 'armed' and t.due_at is distinct from w.seen then clock_timestamp() + cast(:rest as interval) end
  from locked l join wanted w using (subject_id) where t.id = l.id)
insert into timers (org_id, kind, subject_id, version, due_at)
select cast(:org as uuid), cast(:kind as text), w.subject_id, 1, w.due from wanted w
where not exists (select from locked l where l.subject_id = w.subject_id)
on conflict (org_id, kind, subject_id, version) do nothing
""")


async def rest(tx: Tx, kind: str, subject_ids: Sequence[UUID], span: timedelta) -> None:
    """Claimed timers whose subjects are busy: not to be claimed for a while, and then in their order as before."""
    claimed = await _claimed(tx, kind, subject_ids)
    if claimed:
        until = func.clock_timestamp() + span
        await tx.run(update(timers).where(timers.c.id.in_(claimed)).values(lease_until=until))


async def disarm_claimed(tx: Tx, kind: str, subject_ids: Sequence[UUID]) -> None:
    """Stop the claimed timers of many subjects. One armed anew since its claim, by whoever resumed its subject, stays armed."""
    claimed = await _claimed(tx, kind, subject_ids)
    if claimed:
        await tx.run(update(timers).where(timers.c.id.in_(claimed)).values(status="disarmed"))


async def _claimed(tx: Tx, kind: str, subject_ids: Sequence[UUID]) -> list[int]:
    """Those of the timers that are claimed, locked in the order in which everybody locks many."""
    if not subject_ids:
        return []
    t = timers.c
    mine = t.subject_id.in_(subject_ids) & (t.kind == kind) & (t.status == "armed") & t.lease_until.is_not(None)
    rows = await tx.all(select(t.id).where(mine).order_by(t.subject_id).with_for_update())
    return [row["id"] for row in rows]


async def disarm(tx: Tx, subject_id: UUID, *kinds: str) -> None:
    """Stop all timers of a subject, or those of the given kinds."""
    statement = _DISARM.where(timers.c.kind.in_(kinds)) if kinds else _DISARM
    await tx.run(statement, {"subject": subject_id})


_DISARM = (
    update(timers)
    .where(timers.c.subject_id == bindparam("subject"), timers.c.status == "armed")
    .values({timers.c.status: literal("disarmed")})
)


async def take(tx: Tx, timer_id: int) -> Row | None:
    """Lock a claimed timer for acting on it; None when somebody else has closed it meanwhile."""
    return await tx.first(select(timers).where(timers.c.id == timer_id, timers.c.status == "armed").with_for_update())


async def close(tx: Tx, timer_id: int) -> None:
    """Mark a timer done, in the transaction that did what it was for."""
    await tx.run(update(timers).where(timers.c.id == timer_id).values(status="done", fired_at=func.clock_timestamp()))
