"""Sums that were posted: kept by their span, the newest of a span wins."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Tx
from runtime.db.tables import ingested_points
from runtime.ingestion import news
from runtime.ingestion.rows import Sums

if TYPE_CHECKING:
    from runtime.core import Runtime

_KEY = ["org_id", "experiment_key", "signal_name", "variant", "kind", "window_from", "window_to"]


async def store(runtime: "Runtime", tx: Tx, found: Sequence[Sums], key_id: UUID) -> None:
    statement = insert(ingested_points)
    corrected = {name: statement.excluded[name] for name in ("n", "total", "total_sq", "beyond_limit", "key_id")}
    # Sorted, so that two messages about the same spans wait for each other instead of locking each other out; the sort keeps order.
    values = [_values(tx.org_id, one, key_id) for one in sorted(found, key=_span)]
    await tx.run(
        statement.on_conflict_do_update(index_elements=_KEY, set_=corrected | {"received_at": func.clock_timestamp()}),
        values,
    )
    since: dict[tuple[str, str], datetime] = {}
    for one in found:
        key = (one.experiment, one.signal)
        since[key] = min(since.get(key, one.point.start), one.point.start)
    await news.tell(runtime, tx, since)


def _span(one: Sums) -> tuple[object, ...]:
    return (one.experiment, one.signal, one.point.variant, one.point.kind, one.point.start, one.point.end)


def _values(org_id: UUID, one: Sums, key_id: UUID) -> dict[str, object]:
    point = one.point
    return {
        "org_id": org_id, "experiment_key": one.experiment, "signal_name": one.signal, "variant": point.variant, "kind": point.kind,
        "window_from": point.start, "window_to": point.end, "n": point.n, "total": point.total, "total_sq": point.total_sq,
        "beyond_limit": point.beyond_limit, "key_id": key_id,
    }  # fmt: skip
