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
DEBOUNCE = timedelta(seconds=1)
AHEAD = timedelta(minutes=1)
"""By so much what has news goes before what only has its turn."""

# The moment a timer is due says what goes first; until when it is leased, that it is claimed or shall rest a little. What has news goes
# ahead, and rests for a second since its last look, which is known from its timer if the settings are the same. One that is claimed may
# be read already: its timer is moved, be it by a microsecond, and whoever measures sees by that, in `timers.rearm`, that there is
# something left to read. All stay locked until the commit: nobody can claim one and read before the data are there. They are locked in
# order, in a statement of its own, so that two of many timers never lock each other out.
_LOCK = text("""
select t.id from timers t where t.kind = 'measure' and t.status = 'armed' and t.subject_id = any(cast(:subjects as uuid[]))
order by t.subject_id for update
""")
_FORWARD = text("""
update timers t set due_at = least(t.due_at + interval '1 microsecond', cast(:now as timestamptz) - cast(:ahead as interval)),
  lease_until = case when t.lease_until is null and t.due_at > cast(:now as timestamptz) + cast(:every as interval) - cast(:debounce as interval)
    then clock_timestamp() + least(t.due_at - cast(:every as interval) - cast(:now as timestamptz), interval '0') + cast(:debounce as interval)
    else t.lease_until end
where t.kind = 'measure' and t.status = 'armed' and t.subject_id = any(cast(:subjects as uuid[]))
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
    values = {"now": runtime.now(), "every": every, "debounce": DEBOUNCE, "ahead": AHEAD, "subjects": subjects}
    await tx.run(_LOCK, {"subjects": subjects})
    await tx.run(_FORWARD, values)


async def fire(runtime: "Runtime", tx: Tx, timer: Row) -> None:
    """Timer `data_arrived`, of earlier versions: what came in is measured soon."""
    await hasten(runtime, tx, [timer["subject_id"]])


async def _mark(tx: Tx, since: Mapping[tuple[str, str], datetime]) -> None:
    values = {"keys": [key for key, _ in since], "since": list(since.values())}
    for row in await tx.all(_LATE, values):
        await mark_dirty(tx, row["key"], row["signal_name"], row["since"])
