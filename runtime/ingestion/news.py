"""New data bring the next measurement forward, at most once a second; late data are marked so that they are read again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.measurement.store import mark_dirty

if TYPE_CHECKING:
    from runtime.core import Runtime

KIND = "data_arrived"
DEBOUNCE = timedelta(seconds=1)
_AGAIN = timedelta(milliseconds=300)

# A timer that was armed at the last measurement says when that was: a second later the next may be. One that is being acted on
# (leased) may have read already what was there before, so a second timer asks again when it is done.
_FORWARD = text("""
update timers t set due_at = least(t.due_at, greatest(cast(:now as timestamptz), t.due_at - cast(:every as interval) + cast(:debounce as interval)))
where t.kind = 'measure' and t.status = 'armed' and t.subject_id = any(cast(:subjects as uuid[]))
  and t.due_at > cast(:now as timestamptz) + cast(:debounce as interval)
  and (t.lease_until is null or t.lease_until < clock_timestamp())
""")
_BUSY = text("""
select t.subject_id from timers t where t.kind = 'measure' and t.status = 'armed' and t.subject_id = any(cast(:subjects as uuid[]))
  and t.lease_until >= clock_timestamp()
""")
_SUBJECTS = text("select e.id from experiments e where e.feature_flag_key = any(cast(:keys as text[])) order by e.id")
# Reads begin some days before the newest data, so most of what comes in is read anyway. A constraint may call its signal by a
# name of its own, so all signals of the experiment are marked.
_LATE = text("""
select k.key, r.signal_name, min(k.since) as since
from unnest(cast(:keys as text[]), cast(:since as timestamptz[])) as k(key, since)
join experiments e on e.feature_flag_key = k.key
join measurement_reads r on r.experiment_id = e.id and k.since < r.resume_from + interval '1 day'
group by k.key, r.signal_name order by k.key, r.signal_name
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
    for row in await tx.all(_BUSY, {"subjects": subjects}):
        await timers.arm(tx, KIND, row["subject_id"], version=1, due_at=runtime.now() + _AGAIN)


async def fire(runtime: "Runtime", tx: Tx, timer: Row) -> None:
    """Timer `data_arrived`: a measurement was under way when data came in; ask for the next, or wait for it again."""
    await hasten(runtime, tx, [timer["subject_id"]])
    await tx.run(text("select pg_notify('outbox', '')"))


async def _mark(tx: Tx, since: Mapping[tuple[str, str], datetime]) -> None:
    values = {"keys": [key for key, _ in since], "since": list(since.values())}
    for row in await tx.all(_LATE, values):
        await mark_dirty(tx, row["key"], row["signal_name"], row["since"])
