"""Measurements at rest: exact sums, the newest buckets, looks and their history, and marks of what changed late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Row, Tx, to_json
from runtime.db.tables import measurement_rollups, signal_measurements
from runtime.integrations.contracts import Level

MOST_POINTS = 200
"""Points of a curve over time; more cannot be told apart in a picture."""
GRAINS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_KEY = ("org_id", "outcome_id", "experiment_id", "signal_name", "variant", "phase", "kind", "segment_key", "time")


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sums of one variant: units, total, total of squares, and of the `counted` units those beyond the limit."""

    n: int
    total: Decimal
    total_sq: Decimal
    beyond_limit: int | None
    counted: int = 0


Key: TypeAlias = tuple[UUID, str]
"""A signal of an experiment."""
ByPhase: TypeAlias = dict[int, dict[str, Sums]]
NOTHING = Sums(0, Decimal(0), Decimal(0), None)


@dataclass(frozen=True, slots=True)
class Taken:
    """One look as it is kept."""

    experiment_id: UUID
    signal: str
    data_through: datetime
    result: Mapping[str, Any]


async def append_level(tx: Tx, outcome_id: UUID, signal: str, level: Level) -> None:
    """Write the level of an outcome's signal for everybody: progress towards the target, never evidence of an effect."""
    row = {
        "org_id": tx.org_id, "outcome_id": outcome_id, "experiment_id": None, "signal_name": signal, "phase": 0, "kind": "level",
        "source": level.source, "segment_key": "", "time": level.as_of, "window_from": level.as_of, "variant": "",
        "value": level.value, "sample_size": level.n,
    }  # fmt: skip
    statement = insert(signal_measurements).values(row)
    changed = {name: statement.excluded[name] for name in ("value", "sample_size", "source")}
    await tx.run(statement.on_conflict_do_update(index_elements=list(_KEY), set_=changed | {"updated_at": func.now()}))


async def levels(tx: Tx, outcome_id: UUID, signal: str) -> Sequence[Row]:
    """The signal's level over time, oldest first."""
    m = signal_measurements.c
    statement = select(m.time, m.value, m.sample_size).where(
        m.outcome_id == outcome_id, m.signal_name == signal, m.kind == "level"
    )
    return await tx.all(statement.order_by(m.time))


async def sums(tx: Tx, experiment_ids: Sequence[UUID]) -> dict[Key, ByPhase]:
    """Exact totals by phase and variant of every signal, from the rollup of all time: as dear after a year as on day one."""
    r = measurement_rollups.c
    statement = select(
        r.experiment_id, r.signal_name, r.phase, r.variant, r.n, r.total, r.total_sq, r.beyond_limit, r.counted
    ).where(r.grain == "all", r.kind == "delta", r.experiment_id.in_(experiment_ids))
    found: dict[Key, ByPhase] = {}
    for row in await tx.run(statement):
        arms = found.setdefault((row.experiment_id, row.signal_name), {}).setdefault(row.phase, {})
        beyond = int(row.beyond_limit) if row.counted else None
        arms[row.variant] = Sums(int(row.n), row.total, row.total_sq, beyond, int(row.counted))
    return found


async def recent(tx: Tx, signals: Sequence[Key], *, last: int) -> dict[Key, list[tuple[int, float]]]:
    """Phase and mean of the newest filled buckets of the treated arm, oldest first: what the hard-limit breaker looks at."""
    values = {
        "experiments": [experiment_id for experiment_id, _ in signals],
        "signals": [name for _, name in signals],
        "last": last,
    }
    found: dict[Key, list[tuple[int, float]]] = {}
    for row in await tx.run(_RECENT, values):
        found.setdefault((row.experiment_id, row.signal_name), []).insert(0, (row.phase, float(row.mean)))
    return found


_RECENT = text("""
select s.experiment_id, s.signal_name, r.phase, r.total / r.n as mean
from unnest(cast(:experiments as uuid[]), cast(:signals as text[])) as s(experiment_id, signal_name)
cross join lateral (
  select m.total, m.n, m.phase, m.bucket from measurement_rollups m
  where m.grain = 'minute' and m.kind = 'delta' and m.experiment_id = s.experiment_id and m.signal_name = s.signal_name
    and m.variant = 'treatment' and m.n > 0
  order by m.phase desc, m.bucket desc limit cast(:last as integer)) r
order by s.experiment_id, s.signal_name, r.phase desc, r.bucket desc
""")


async def write_looks(tx: Tx, taken: Sequence[Taken]) -> None:
    """A look is unique by its data cut-off: the same data looked at again replace it."""
    values = {
        "experiments": [item.experiment_id for item in taken],
        "signals": [item.signal for item in taken],
        "through": [item.data_through for item in taken],
        "results": [to_json(item.result) for item in taken],
        "org": tx.org_id,
    }
    await tx.run(_WRITE_LOOKS, values)


_WRITE_LOOKS = text("""
insert into looks (org_id, experiment_id, signal_name, data_through, result)
select cast(:org as uuid), l.experiment_id, l.signal_name, l.data_through, cast(l.result as jsonb)
from unnest(cast(:experiments as uuid[]), cast(:signals as text[]), cast(:through as timestamptz[]), cast(:results as text[]))
  as l(experiment_id, signal_name, data_through, result)
on conflict (experiment_id, signal_name, data_through) do update set result = excluded.result
""")


async def write_memories(tx: Tx, kept: Sequence[tuple[UUID, Mapping[str, Any], Mapping[str, Any] | None]]) -> None:
    """What each experiment remembers, and its newest result where there is one."""
    values = {
        "experiments": [experiment_id for experiment_id, _, _ in kept],
        "memories": [to_json(memory) for _, memory, _ in kept],
        "results": [None if result is None else to_json(result) for _, _, result in kept],
    }
    await tx.run(_WRITE_MEMORIES, values)


_WRITE_MEMORIES = text("""
update experiments e set memory = cast(k.memory as jsonb), current_result = coalesce(cast(k.result as jsonb), e.current_result)
from unnest(cast(:experiments as uuid[]), cast(:memories as text[]), cast(:results as text[])) as k(id, memory, result)
where e.id = k.id
""")


async def history(tx: Tx, experiment_id: UUID, signal: str, *, most: int = MOST_POINTS) -> Sequence[Row]:
    """Looks at a signal, oldest first: all of them, or the last of each of `most` equal spans of data time."""
    values = {"experiment": experiment_id, "signal": signal, "most": most}
    return await tx.all(_HISTORY, values)


# One probe of the index for each span, so that a long history is drawn as fast as a short one.
_HISTORY = text("""
with ends as (
  select min(l.data_through) as first, max(l.data_through) as last from looks l
  where l.experiment_id = cast(:experiment as uuid) and l.signal_name = cast(:signal as text))
select l.data_through, l.result
from ends cross join generate_series(0, cast(:most as integer)) as step
cross join lateral (
  select l.data_through, l.result from looks l
  where l.experiment_id = cast(:experiment as uuid) and l.signal_name = cast(:signal as text)
    and l.data_through > case when step = 0 then '-infinity' else ends.first + (ends.last - ends.first) * ((step - 1) / cast(:most as float8)) end
    and l.data_through <= ends.first + (ends.last - ends.first) * (step / cast(:most as float8))
  order by l.data_through desc limit 1) l
order by l.data_through
""")


async def series(
    tx: Tx, experiment_id: UUID, signal: str, since: datetime, until: datetime, *, most: int = MOST_POINTS
) -> Sequence[Row]:
    """Sums by variant over time, from the finest rollup of which the span holds at most `most` buckets."""
    r = measurement_rollups.c
    statement = (
        select(r.bucket, r.variant, func.sum(r.n).label("n"), func.sum(r.total).label("total"))
        .where(r.grain == grain_for(until - since, most), r.kind == "delta")
        .where(r.experiment_id == experiment_id, r.signal_name == signal, r.bucket >= since, r.bucket < until)
        .group_by(r.bucket, r.variant)
    )
    return await tx.all(statement.order_by(r.bucket, r.variant))


def grain_for(span: timedelta, most: int) -> str:
    """The finest that fits; days where none does."""
    return next((name for name, width in GRAINS.items() if span <= width * most), "day")


async def mark_dirty(tx: Tx, experiment_key: str, signal: str, since: datetime) -> None:
    """Data of a signal changed from `since` on: the next look reads at least so far back, and is taken at once.

    Call it in the transaction that stores the data, so that no look can miss both the data and the mark.
    """
    await tx.run(_MARK, {"key": experiment_key, "signal": signal, "since": since})


_MARK = text("""
insert into measurement_reads as r (org_id, experiment_id, signal_name, dirty_from, dirty_marks)
select e.org_id, e.id, cast(:signal as text), cast(:since as timestamptz), 1 from experiments e
where e.feature_flag_key = cast(:key as text)
on conflict (org_id, experiment_id, signal_name) do update
set dirty_from = least(r.dirty_from, excluded.dirty_from), dirty_marks = r.dirty_marks + 1
""")
