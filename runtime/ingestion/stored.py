"""What came in by the ingestion door, for the `webhook` connector: points as they were posted, units from their rollups."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from sqlalchemy import select, text

from runtime.db.engine import Row, Tx
from runtime.db.tables import ingested_points, ingested_signals
from runtime.integrations.contracts import Variant, Window
from runtime.integrations.signals.webhook import StoredBucket, Wanted

if TYPE_CHECKING:
    from runtime.core import Runtime

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_NOTHING = Decimal(0)
Sums: TypeAlias = dict[tuple[int, datetime, Variant], dict[str, Row]]
"""Rollups of a signal and of the exposures, by place in what was wanted, hour and variant."""

_WANTED = """
unnest(cast(:keys as text[]), cast(:metrics as text[]), cast(:starts as timestamptz[]), cast(:ends as timestamptz[]))
  with ordinality as w(key, metric, start, "end", place)
"""
_POINTS = text(f"""
select w.place, p.* from {_WANTED} join ingested_points p on p.experiment_key = w.key and p.signal_name = w.metric
  and p.window_to > w.start and p.window_from < w.end
order by w.place, p.received_at, p.window_to
""")  # noqa: S608  only constants of this module are put in
# A signal that nobody ever sent has not spoken: its zeros would be made up. A minute belongs to the phase that runs when it begins,
# and where none does, to the phase that starts in it.
_FACTS = text(f"""
select w.place, u.exposed,
  exists (select from experiment_phases p join experiments e on e.id = p.experiment_id where e.feature_flag_key = w.key
    and p.started_at < w.start and (p.ended_at is null or p.ended_at > date_trunc('minute', w.start, 'UTC'))) as later
from {_WANTED} join ingested_signals u on u.experiment_key = w.key and u.signal_name = ''
where exists (select from ingested_signals s where s.signal_name = w.metric)
""")  # noqa: S608  only constants of this module are put in
# Hours that lie in the window as a whole, and minutes of those that do not.
_ROLLUPS = text("""
select w.place, date_trunc('hour', r.bucket, 'UTC') as hour, r.variant, r.signal_name, sum(r.n) as n, sum(r.total) as total,
  sum(r.total_sq) as total_sq, sum(r.positive) as positive
from unnest(cast(:places as integer[]), cast(:keys as text[]), cast(:metrics as text[]), cast(:bases as text[]), cast(:firsts as timestamptz[]),
  cast(:lasts as timestamptz[]), cast(:first_hours as timestamptz[]), cast(:last_hours as timestamptz[]))
  as w(place, key, metric, basis, first, last, first_hour, last_hour)
join ingested_rollups r on r.experiment_key = w.key and r.signal_name = any(array[w.metric, '']) and r.basis = w.basis
  and r.variant = any(array['control', 'treatment'])
  and ((r.grain = 'hour' and r.bucket >= w.first_hour and r.bucket < w.last_hour)
    or (r.grain = 'minute' and r.bucket >= w.first and r.bucket < least(w.first_hour, w.last))
    or (r.grain = 'minute' and r.bucket >= greatest(w.first_hour, w.last_hour) and r.bucket < w.last))
group by 1, 2, 3, 4 order by 1, 2, 3
""")
# Rows of other signals and exposures of the same experiments count as news of a signal too. Each is one step into an index.
_LATEST = text("""
select m.metric, greatest(
  (select p.window_to from ingested_points p where p.signal_name = m.metric order by p.window_to desc limit 1),
  (select s.last_at from ingested_signals s where exists (select from ingested_signals o
    where o.experiment_key = s.experiment_key and o.signal_name = m.metric) order by s.last_at desc limit 1)) as latest
from unnest(cast(:metrics as text[])) as m(metric)
""")
_NEWEST = text("""
select greatest((select window_to from ingested_points order by window_to desc limit 1),
  (select last_at from ingested_signals order by last_at desc limit 1))
""")


class Stored:
    """One organisation's points and rollups. Raw rows are never read here."""

    def __init__(self, runtime: "Runtime", org_id: UUID) -> None:
        self._runtime, self._org_id = runtime, org_id

    async def rows_many(self, wanted: Sequence[Wanted]) -> Sequence[Sequence[StoredBucket]]:
        found: list[list[StoredBucket]] = [[] for _ in wanted]
        asked = {
            "keys": [key or "" for key, _, _ in wanted],
            "metrics": [metric for _, metric, _ in wanted],
            "starts": [window.start for _, _, window in wanted],
            "ends": [window.end for _, _, window in wanted],
        }
        async with self._runtime.transaction(self._org_id) as tx:
            for row in await tx.all(_POINTS, asked):
                found[row["place"] - 1].append(_stored(row))
            for place, bucket in await _units(tx, wanted, await tx.all(_FACTS, asked)):
                found[place].append(bucket)
        return found

    async def latest_ends(self, metrics: Collection[str | None]) -> Mapping[str | None, datetime]:
        """Of units, the moment of the newest row."""
        named = sorted(metric for metric in metrics if metric is not None)
        async with self._runtime.transaction(self._org_id) as tx:
            found = {row["metric"]: row["latest"] for row in await tx.all(_LATEST, {"metrics": named})} if named else {}
            if None in metrics:
                found[None] = await tx.value(_NEWEST)
        return {metric: latest for metric, latest in found.items() if latest is not None}

    async def metrics(self) -> Sequence[str]:
        points = select(ingested_points.c.signal_name).distinct()
        units = select(ingested_signals.c.signal_name).where(ingested_signals.c.signal_name != "").distinct()
        async with self._runtime.transaction(self._org_id) as tx:
            return [row["signal_name"] for row in await tx.all(points.union(units).order_by("signal_name"))]


async def _units(tx: Tx, wanted: Sequence[Wanted], facts: Sequence[Row]) -> list[tuple[int, StoredBucket]]:
    """Buckets of an hour, cut where the window is. Of an experiment with exposures all exposed units count, else those with a value."""
    found = {
        row["place"] - 1: row for row in facts if wanted[row["place"] - 1][2].start < wanted[row["place"] - 1][2].end
    }
    if not found:
        return []
    values: dict[str, list[Any]] = {"places": list(found)}
    for place, fact in found.items():
        key, metric, window = wanted[place]
        one = {"keys": key, "metrics": metric, "bases": "exposed" if fact["exposed"] else "seen"}
        for name, value in (one | _cuts(window, later=fact["later"])).items():
            values.setdefault(name, []).append(value)
    sums: Sums = {}
    for row in await tx.all(_ROLLUPS, values):
        sums.setdefault((row["place"], row["hour"], row["variant"]), {})[row["signal_name"]] = row
    return [
        (place, _bucket(hour, variant, counted["n"], arm.get(wanted[place][1]), wanted[place][2]))
        for (place, hour, variant), arm in sums.items()
        if (counted := arm.get("" if found[place]["exposed"] else wanted[place][1]))
    ]


def _cuts(window: Window, *, later: bool) -> dict[str, Any]:
    """`later`: another phase ran when the minute of the window's start began."""
    first = _floor(window.start, _MINUTE)
    if later and first < window.start:
        first += _MINUTE
    first_hour, last_hour = _floor(window.start, _HOUR), _floor(window.end, _HOUR)
    if first > first_hour:
        first_hour += _HOUR
    return {"firsts": first, "lasts": window.end, "first_hours": first_hour, "last_hours": max(last_hour, first_hour)}


def _floor(moment: datetime, span: timedelta) -> datetime:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return moment - since % span


def _bucket(hour: datetime, variant: Variant, n: Any, sums: Row | None, window: Window) -> StoredBucket:
    start, end = max(hour, window.start), min(hour + _HOUR, window.end)
    if sums is None:
        return StoredBucket(start, end, variant, int(n), _NOTHING, _NOTHING, positive=0)
    return StoredBucket(start, end, variant, int(n), sums["total"], sums["total_sq"], positive=int(sums["positive"]))


def _stored(row: Row) -> StoredBucket:
    return StoredBucket(
        row["window_from"],
        row["window_to"],
        row["variant"] or None,
        row["n"],
        row["total"],
        row["total_sq"],
        row["kind"],
        row["beyond_limit"],
    )
