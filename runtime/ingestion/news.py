"""New data bring the next measurement forward, at most once a second; late data are marked so that they are read again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from runtime.db.engine import Row, Tx
from runtime.measurement.store import mark_dirty

if TYPE_CHECKING:
    from runtime.core import Runtime

KIND = "data_arrived"
"""A timer of earlier versions; rows of it may still be there."""
DEBOUNCE = timedelta(seconds=1)

# A timer that was armed at the last measurement says when that was: a second later the next may be. One that is claimed may be read
# already: it is moved although it is due, and whoever measures sees by that, in `timers.rearm`, that there is something left to
# read. All are locked until the commit, also those that need no change: nobody can claim one and read before the data are there.
_FORWARD = text("""
with locked as (
  select t.id from timers t where t.kind = 'measure' and t.status = 'armed' and t.subject_id = any(cast(:subjects as uuid[]))
  order by t.subject_id for update)
update timers t set due_at = case when t.lease_until is null
  then greatest(cast(:now as timestamptz), t.due_at - cast(:every as interval) + cast(:debounce as interval)) else cast(:now as timestamptz) end
from locked where t.id = locked.id
  and (t.lease_until is not null or t.due_at > cast(:now as timestamptz) + cast(:debounce as interval))
""")
_SUBJECTS = text("select e.id from experiments e where e.feature_flag_key = any(cast(:keys as text[])) order by e.id")
# Reads begin some days before the newest data, so most of what comes in is read anyway. A constraint may call its signal by a
# name of its own, so all signals of the experiment are marked.
_LATE = text("""
select e.id, k.key, r.signal_name, min(k.since) as since
from unnest(cast(:keys as text[]), cast(:since as timestamptz[])) as k(key, since)
join experiments e on e.feature_flag_key = k.key
join measurement_reads r on r.experiment_id = e.id and k.since < r.resume_from + interval '1 day'
group by e.id, k.key, r.signal_name order by e.id, r.signal_name
""")


async def tell(runtime: "Runtime", tx: Tx, since: Mapping[tuple[str, str], datetime]) -> None:
    """Say what changed, by flag key and signal, from which moment on. Last in its transaction: it holds locks on timers."""
    await _mark(tx, since)
    subjects = [row["id"] for row in await tx.all(_SUBJECTS, {"keys": sorted({key for key, _ in since})})]
    if subjects:
        await hasten(runtime, tx, subjects)
        await tx.run(text("select pg_notify('outbox', '')"))


async def hasten(runtime: "Runtime", tx: Tx, subjects: list[UUID]) -> None:
    """Measure these experiments as soon as may be."""
    every = timedelta(seconds=runtime.settings.measure_every_seconds)
    values = {"now": runtime.now(), "every": every, "debounce": DEBOUNCE, "subjects": subjects}
    await tx.run(_FORWARD, values)


async def fire(runtime: "Runtime", tx: Tx, timer: Row) -> None:
    await hasten(runtime, tx, [timer["subject_id"]])


async def _mark(tx: Tx, since: Mapping[tuple[str, str], datetime]) -> None:
    values = {"keys": [key for key, _ in since], "since": list(since.values())}
    for row in await tx.all(_LATE, values):
        await mark_dirty(tx, row["key"], row["signal_name"], row["since"])
