"""Measurements at rest: idempotent buckets in, exact sums per variant and phase out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Row, Tx
from runtime.db.tables import ingested_points, looks, signal_measurements
from runtime.integrations.contracts import Level, Reading, Window
from runtime.integrations.signals.webhook import StoredBucket

if TYPE_CHECKING:
    from runtime.core import Runtime

_KEY = ("org_id", "outcome_id", "experiment_id", "signal_name", "variant", "phase", "kind", "segment_key", "time")


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sums of one variant: units, total, total of squares, and units beyond the limit where the source counts them."""

    n: int
    total: Decimal
    total_sq: Decimal
    beyond_limit: int | None


NOTHING = Sums(0, Decimal(0), Decimal(0), None)


async def append(tx: Tx, experiment: Row, signal: str, phase: int, reading: Reading) -> int:
    """Write a reading's buckets; a bucket that is there already is replaced, so late and corrected data re-merge."""
    shared = {
        "org_id": tx.org_id, "outcome_id": experiment["outcome_id"], "experiment_id": experiment["id"], "signal_name": signal,
        "phase": phase, "source": reading.source, "segment_key": "", "kind": "delta",
    }  # fmt: skip
    rows = [
        shared
        | {"time": bucket.start, "window_from": bucket.start, "variant": sums.variant, "value": _mean(sums.n, sums.total),
           "sample_size": sums.n, "total": sums.total, "total_sq": sums.total_sq, "beyond_limit": sums.beyond_limit}
        for bucket in reading.buckets
        for sums in bucket.variants
    ]  # fmt: skip
    if rows:
        await _upsert(tx, rows)
    return len(rows)


async def append_level(tx: Tx, outcome_id: UUID, signal: str, level: Level) -> None:
    """Write the level of an outcome's signal for everybody: progress towards the target, never evidence of an effect."""
    row = {
        "org_id": tx.org_id, "outcome_id": outcome_id, "experiment_id": None, "signal_name": signal, "phase": 0, "kind": "level",
        "source": level.source, "segment_key": "", "time": level.as_of, "window_from": level.as_of, "variant": "",
        "value": level.value, "sample_size": level.n, "total": None, "total_sq": None, "beyond_limit": None,
    }  # fmt: skip
    await _upsert(tx, [row])


async def _upsert(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = insert(signal_measurements)
    changed = {
        name: statement.excluded[name]
        for name in ("value", "sample_size", "total", "total_sq", "beyond_limit", "source")
    }
    await tx.run(
        statement.on_conflict_do_update(index_elements=list(_KEY), set_=changed | {"updated_at": func.now()}),
        list(rows),
    )


def _mean(n: int, total: Decimal) -> Decimal:
    return total / n if n else Decimal(0)


async def sums(tx: Tx, experiment_id: UUID, signal: str) -> dict[int, dict[str, Sums]]:
    """Exact totals by phase and variant."""
    m = signal_measurements.c
    statement = (
        select(
            m.phase, m.variant, func.sum(m.sample_size).label("n"), func.sum(m.total).label("total"),
            func.sum(m.total_sq).label("total_sq"), func.sum(m.beyond_limit).label("beyond"),
        )
        .where(m.experiment_id == experiment_id, m.signal_name == signal, m.kind == "delta")
        .group_by(m.phase, m.variant)
    )  # fmt: skip
    found: dict[int, dict[str, Sums]] = {}
    for row in await tx.all(statement):
        beyond = None if row["beyond"] is None else int(row["beyond"])
        found.setdefault(row["phase"], {})[row["variant"]] = Sums(
            int(row["n"] or 0), row["total"] or Decimal(0), row["total_sq"] or Decimal(0), beyond
        )
    return found


async def buckets(tx: Tx, experiment_id: UUID, signal: str, variant: str, *, last: int) -> Sequence[Row]:
    """The newest buckets of one variant, newest first: what the hard-limit breaker looks at."""
    m = signal_measurements.c
    statement = (
        select(m.time, m.sample_size, m.total, m.beyond_limit, m.value)
        .where(m.experiment_id == experiment_id, m.signal_name == signal, m.variant == variant, m.kind == "delta")
        .order_by(m.time.desc())
        .limit(last)
    )
    return await tx.all(statement)


async def levels(tx: Tx, outcome_id: UUID, signal: str) -> Sequence[Row]:
    """The signal's level over time, oldest first."""
    m = signal_measurements.c
    statement = select(m.time, m.value, m.sample_size).where(
        m.outcome_id == outcome_id, m.signal_name == signal, m.kind == "level"
    )
    return await tx.all(statement.order_by(m.time))


async def write_look(
    tx: Tx, experiment_id: UUID, signal: str, data_through: datetime, result: Mapping[str, Any]
) -> None:
    statement = insert(looks).values(
        org_id=tx.org_id,
        experiment_id=experiment_id,
        signal_name=signal,
        data_through=data_through,
        result=dict(result),
    )
    await tx.run(
        statement.on_conflict_do_update(
            index_elements=["experiment_id", "signal_name", "data_through"], set_={"result": statement.excluded.result}
        )
    )


async def history(tx: Tx, experiment_id: UUID, signal: str) -> Sequence[Row]:
    """All looks at a signal, oldest first."""
    statement = select(looks.c.data_through, looks.c.result).where(
        looks.c.experiment_id == experiment_id, looks.c.signal_name == signal
    )
    return await tx.all(statement.order_by(looks.c.data_through))


async def ensure_partitions(tx: Tx, around: datetime) -> None:
    await tx.run(text("select ensure_measurement_partitions(:around)"), {"around": around})


class Stored:
    """What came in by the ingestion door, for the `webhook` connector."""

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
            return [_stored(row) for row in await tx.all(statement)]

    async def latest_end(self, metric: str | None) -> datetime | None:
        statement = select(func.max(ingested_points.c.window_to))
        async with self._runtime.transaction(self._org_id) as tx:
            latest = await tx.value(statement.where(ingested_points.c.signal_name == metric) if metric else statement)
        return latest if isinstance(latest, datetime) else None

    async def metrics(self) -> Sequence[str]:
        async with self._runtime.transaction(self._org_id) as tx:
            found = await tx.all(
                select(ingested_points.c.signal_name).distinct().order_by(ingested_points.c.signal_name)
            )
        return [row["signal_name"] for row in found]


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
