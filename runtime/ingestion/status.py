"""What has been posted about an experiment: how many rows and units, and how many units were seen in both variants."""

from typing import Any

from sqlalchemy import func, select

from runtime.db.engine import Tx
from runtime.db.tables import ingested_points, ingested_signals
from runtime.ingestion import waiting


async def of_experiment(tx: Tx, key: str | None) -> dict[str, Any]:
    """Counts as of the last fold. `crossed` units are left out of every sum; `waiting` rows of the organisation are in none yet."""
    s, p = ingested_signals.c, ingested_points.c
    rows = await tx.all(select(ingested_signals).where(s.experiment_key == (key or "")).order_by(s.signal_name))
    units = next((row for row in rows if row["signal_name"] == ""), {"units": 0, "exposed": 0, "crossed": 0})
    points = await tx.all(
        select(p.signal_name, func.count().label("points"), func.max(p.window_to).label("newest"))
        .where(p.experiment_key == (key or ""))
        .group_by(p.signal_name)
        .order_by(p.signal_name)
    )
    return {
        "units": units["units"],
        "exposed": units["exposed"],
        "crossed": units["crossed"],
        "waiting": await waiting.rows(tx),
        "signals": [
            {"signal": row["signal_name"], "rows": row["rows"], "units": row["units"], "newest": row["last_at"]}
            for row in rows
            if row["signal_name"]
        ]
        + [{"signal": row["signal_name"], "points": row["points"], "newest": row["newest"]} for row in points],
    }
