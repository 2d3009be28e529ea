"""Readings into rows: unchanged buckets cost nothing, changed ones move their rollups by the difference, in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import text

from runtime.db.engine import Row, Tx
from runtime.integrations.contracts import Reading
from runtime.measurement.spans import Span

Given: TypeAlias = tuple[Row, str, Sequence[tuple[Span, Reading]]]
"""An experiment, a signal's name, and what was read of it."""

_ROWS = {
    "place": "integer", "variant": "text", "time": "timestamptz", "n": "bigint", "total": "numeric", "total_sq": "numeric",
    "beyond_limit": "bigint",
}  # fmt: skip
_SPANS = {
    "place": "integer", "outcome_id": "uuid", "experiment_id": "uuid", "signal_name": "text", "phase": "integer", "source": "text",
    "since": "timestamptz", "until": "timestamptz",
}  # fmt: skip
_KEY = ("outcome_id", "experiment_id", "signal_name", "variant", "phase", "time")
_SAME = " and ".join(f"m.{name} = w.{name}" for name in _KEY) + " and m.kind = 'delta' and m.segment_key = ''"


def _unnest(columns: Mapping[str, str], alias: str) -> str:
    arrays = ", ".join(f"cast(:{alias}_{name} as {kind}[])" for name, kind in columns.items())
    return f"unnest({arrays}) as {alias}({', '.join(columns)})"


# `offset 0` keeps the look-ups what they are: one probe of the index for each row, however large the table has grown.
_APPEND_SQL = f"""
with spans as materialized (select * from {_unnest(_SPANS, "s")}),
given as materialized (
  select s.outcome_id, s.experiment_id, s.signal_name, s.phase, g.variant, g.time, g.n, g.total, g.total_sq, g.beyond_limit, s.source
  from {_unnest(_ROWS, "g")} join spans s on s.place = g.place),
vanished as (
  select m.outcome_id, m.experiment_id, m.signal_name, m.phase, m.variant, m.time, 0::bigint, 0::numeric, 0::numeric, null::bigint, s.source
  from spans s
  cross join lateral (
    select m.* from signal_measurements m
    where m.outcome_id = s.outcome_id and m.experiment_id = s.experiment_id and m.signal_name = s.signal_name and m.phase = s.phase
      and m.variant in ('control', 'treatment') and m.kind = 'delta' and m.segment_key = ''
      and m.time >= coalesce(s.since, '-infinity') and m.time < s.until and (m.sample_size <> 0 or m.beyond_limit is not null)
    offset 0) m
  where not exists (select from given w where {_SAME})),
wanted as (select * from given union all select * from vanished),
changed as materialized (
  select w.*, w.n - coalesce(m.sample_size, 0) as more_n, w.total - coalesce(m.total, 0) as more_total,
    w.total_sq - coalesce(m.total_sq, 0) as more_total_sq, coalesce(w.beyond_limit, 0) - coalesce(m.beyond_limit, 0) as more_beyond,
    case when w.beyond_limit is null then 0 else w.n end
      - case when m.beyond_limit is null then 0 else coalesce(m.sample_size, 0) end as more_counted
  from wanted w
  left join lateral (select m.* from signal_measurements m where {_SAME} offset 0) m on true
  where m.time is null or (m.sample_size, m.total, m.total_sq, m.beyond_limit)
    is distinct from (w.n, w.total, w.total_sq, w.beyond_limit)),
written as (
  insert into signal_measurements (org_id, outcome_id, experiment_id, signal_name, phase, variant, kind, segment_key, time, window_from,
    value, sample_size, total, total_sq, beyond_limit, source)
  select cast(:org as uuid), outcome_id, experiment_id, signal_name, phase, variant, 'delta', '', time, time, coalesce(total / nullif(n, 0), 0), n,
    total, total_sq, beyond_limit, source
  from changed
  on conflict (org_id, outcome_id, experiment_id, signal_name, variant, phase, kind, segment_key, time) do update
  set value = excluded.value, sample_size = excluded.sample_size, total = excluded.total, total_sq = excluded.total_sq,
    beyond_limit = excluded.beyond_limit, source = excluded.source, updated_at = now()),
rolled as (
  insert into measurement_rollups as r (org_id, outcome_id, experiment_id, signal_name, phase, variant, kind, grain, bucket, n, total,
    total_sq, beyond_limit, counted)
  select cast(:org as uuid), outcome_id, experiment_id, signal_name, phase, variant, 'delta', g.grain, g.bucket, sum(more_n), sum(more_total),
    sum(more_total_sq), sum(more_beyond), sum(more_counted)
  from changed
  cross join lateral (values ('minute', date_trunc('minute', time, 'UTC')), ('hour', date_trunc('hour', time, 'UTC')),
    ('day', date_trunc('day', time, 'UTC')), ('all', timestamptz 'epoch')) as g(grain, bucket)
  group by outcome_id, experiment_id, signal_name, phase, variant, g.grain, g.bucket
  on conflict (org_id, grain, kind, experiment_id, signal_name, variant, phase, bucket) do update
  set n = r.n + excluded.n, total = r.total + excluded.total, total_sq = r.total_sq + excluded.total_sq,
    beyond_limit = r.beyond_limit + excluded.beyond_limit, counted = r.counted + excluded.counted)
select count(*) from changed
"""  # noqa: S608  made of the names above, never of data
_APPEND = text(_APPEND_SQL)


async def append(tx: Tx, given: Sequence[Given]) -> int:
    """Write what was read; returns how many buckets are new or corrected. A bucket that is there already is replaced.

    Hold the experiments' rows locked: the differences are taken from what is stored at this moment.
    """
    spans = [(experiment, signal, span, reading) for experiment, signal, read in given for span, reading in read]
    if not spans:
        return 0
    rows = [row for place, (*_, reading) in enumerate(spans) for row in _rows(place, reading)]
    if rows:
        await ensure_partitions(tx, max(row[2] for row in rows))
    values = _columns(_ROWS, "g", rows) | _columns(
        _SPANS, "s", [_span(place, *item) for place, item in enumerate(spans)]
    )
    return int(await tx.value(_APPEND, values | {"org": tx.org_id}))


async def ensure_partitions(tx: Tx, around: datetime) -> None:
    await tx.run(text("select ensure_measurement_partitions(:around)"), {"around": around})


def _rows(place: int, reading: Reading) -> Iterable[tuple[Any, ...]]:
    """Of two buckets with the same start the later one in the answer counts."""
    return {
        (bucket.start, sums.variant): (
            place, sums.variant, bucket.start, sums.n, sums.total, sums.total_sq, sums.beyond_limit,
        )
        for bucket in reading.buckets
        for sums in bucket.variants
    }.values()  # fmt: skip


def _span(place: int, experiment: Row, signal: str, span: Span, reading: Reading) -> tuple[Any, ...]:
    named = (experiment["outcome_id"], experiment["id"], signal, span.phase, reading.source)
    return (place, *named, span.since, span.window.end)


def _columns(columns: Mapping[str, str], alias: str, rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {f"{alias}_{name}": [row[at] for row in rows] for at, name in enumerate(columns)}
