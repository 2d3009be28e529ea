"""What came in by the ingestion door, for the `webhook` connector: points as they were posted, units from their rollups."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from sqlalchemy import func, select, text

from runtime.db.engine import Row, Tx
from runtime.db.tables import ingested_points, ingested_signals
from runtime.integrations.contracts import Variant, Window
from runtime.integrations.signals.webhook import StoredBucket

if TYPE_CHECKING:
    from runtime.core import Runtime

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_NOTHING = Decimal(0)

# Hours that lie in the window as a whole, and minutes of those that do not.
_ROLLUPS = text("""
select date_trunc('hour', bucket, 'UTC') as hour, variant, signal_name, sum(n) as n, sum(total) as total, sum(total_sq) as total_sq,
  sum(positive) as positive
from ingested_rollups
where experiment_key = cast(:key as text) and signal_name = any(cast(:signals as text[])) and basis = cast(:basis as text)
  and variant = any(array['control', 'treatment'])
  and ((grain = 'hour' and bucket >= cast(:first_hour as timestamptz) and bucket < cast(:last_hour as timestamptz))
    or (grain = 'minute' and bucket >= cast(:first as timestamptz) and bucket < least(cast(:first_hour as timestamptz), cast(:last as timestamptz)))
    or (grain = 'minute' and bucket >= greatest(cast(:first_hour as timestamptz), cast(:last_hour as timestamptz)) and bucket < cast(:last as timestamptz)))
group by 1, 2, 3 order by 1, 2
""")
_LATER_PHASE = text("""
select exists (select from experiment_phases p join experiments e on e.id = p.experiment_id
  where e.feature_flag_key = cast(:key as text) and p.started_at < cast(:start as timestamptz))
""")
Sums: TypeAlias = dict[tuple[datetime, str], dict[str, Row]]


class Stored:
    """One organisation's points and rollups. Raw rows are never read here."""

    def __init__(self, runtime: "Runtime", org_id: UUID) -> None:
        self._runtime, self._org_id = runtime, org_id

    async def rows(self, experiment_key: str | None, metric: str, window: Window) -> Sequence[StoredBucket]:
        p = ingested_points.c
        mine = p.experiment_key == (experiment_key or "")
        overlapping = (p.window_to > window.start) & (p.window_from < window.end)
        statement = (
            select(ingested_points)
            .where(mine, p.signal_name == metric, overlapping)
            .order_by(p.received_at, p.window_to)
        )
        async with self._runtime.transaction(self._org_id) as tx:
            points = [_stored(row) for row in await tx.all(statement)]
            return points + await _units(tx, experiment_key, metric, window) if experiment_key else points

    async def latest_end(self, metric: str | None) -> datetime | None:
        """Of units, the moment of the newest row; rows of other signals and exposures of the same experiments count as news too."""
        points, units = select(func.max(ingested_points.c.window_to)), select(func.max(ingested_signals.c.last_at))
        if metric:
            s = ingested_signals.c
            having = select(s.experiment_key).where(s.signal_name == metric).correlate(None)
            points, units = (
                points.where(ingested_points.c.signal_name == metric),
                units.where(s.experiment_key.in_(having)),
            )
        async with self._runtime.transaction(self._org_id) as tx:
            found = [await tx.value(points), await tx.value(units)]
        return max((moment for moment in found if isinstance(moment, datetime)), default=None)

    async def metrics(self) -> Sequence[str]:
        points = select(ingested_points.c.signal_name).distinct()
        units = select(ingested_signals.c.signal_name).where(ingested_signals.c.signal_name != "").distinct()
        async with self._runtime.transaction(self._org_id) as tx:
            return [row["signal_name"] for row in await tx.all(points.union(units).order_by("signal_name"))]


async def _units(tx: Tx, key: str, metric: str, window: Window) -> list[StoredBucket]:
    """Buckets of an hour, cut where the window is. Of an experiment with exposures all exposed units count, else those with a value."""
    basis = await _basis(tx, key, metric)
    if basis is None or window.start >= window.end:
        return []
    later = bool(await tx.value(_LATER_PHASE, {"key": key, "start": window.start}))
    rows = await tx.all(_ROLLUPS, {"key": key, "signals": [metric, ""], "basis": basis, **_cuts(window, later=later)})
    sums: Sums = {}
    for row in rows:
        sums.setdefault((row["hour"], row["variant"]), {})[row["signal_name"]] = row
    counted = "" if basis == "exposed" else metric
    return [
        _bucket(
            hour, "control" if variant == "control" else "treatment", found[counted]["n"], found.get(metric), window
        )
        for (hour, variant), found in sums.items()
        if counted in found
    ]


async def _basis(tx: Tx, key: str, metric: str) -> str | None:
    """None while the signal has not spoken anywhere: zeros of a signal that nobody sends would be made up."""
    s = ingested_signals.c
    spoken = await tx.value(select(s.signal_name).where(s.signal_name == metric).limit(1))
    known = await tx.first(select(s.exposed).where(s.experiment_key == key, s.signal_name == ""))
    if spoken is None or known is None:
        return None
    return "exposed" if known["exposed"] else "seen"


def _cuts(window: Window, *, later: bool) -> dict[str, Any]:
    """A minute belongs to the phase in which it begins; the first phase has also the minute in which it began itself."""
    first = _floor(window.start, _MINUTE)
    if later and first < window.start:
        first += _MINUTE
    first_hour, last_hour = _floor(window.start, _HOUR), _floor(window.end, _HOUR)
    if first > first_hour:
        first_hour += _HOUR
    return {"first": first, "last": window.end, "first_hour": first_hour, "last_hour": max(last_hour, first_hour)}


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
