"""How outcomes stand on the way to their targets: the levels that are stored, as plain values any door can draw and say."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import func, select

from runtime.db.engine import Row, Tx
from runtime.db.tables import outcomes as table
from runtime.db.tables import signal_measurements
from runtime.digest import digest
from runtime.gates.pictures import in_zone, provenance, unit
from runtime.outcomes.connections import is_simulated

TITLE = "Outcomes on the way to their targets"
MOST_LEVELS = 300
"""The newest readings of each outcome; more would not be told apart in one picture."""
_DRAWN = 80
_SHOWN = ("active", "achieved")
Levels: TypeAlias = Mapping[UUID, Sequence[Row]]
"""Readings (`time`, `value`, `sample_size`) of each outcome's metric, oldest first."""


@dataclass(frozen=True, slots=True)
class Standings:
    """Some outcomes, the newest readings of each as numbers, and the same readings as a picture: one snapshot."""

    outcomes: Sequence[Row] = ()
    levels: Mapping[UUID, Sequence[float]] = field(default_factory=dict)
    chart: Mapping[str, Any] | None = None


async def of(tx: Tx, outcome_ids: Sequence[UUID], zone: str) -> Standings:
    """Those of them that run or came to their target, in the order they were made."""
    there = table.c.id.in_(outcome_ids) & table.c.status.in_(_SHOWN)
    outcomes = await tx.all(select(table).where(there).order_by(table.c.created_at, table.c.slug))
    levels = await read(tx, outcomes)
    return Standings(outcomes, numbers(levels), await shown(tx, outcomes, levels, zone))


def numbers(levels: Levels) -> dict[UUID, list[float]]:
    return {outcome: [float(one["value"]) for one in found] for outcome, found in levels.items()}


async def read(tx: Tx, outcomes: Sequence[Row]) -> dict[UUID, list[Row]]:
    """What was read of each outcome's metric for everybody; an outcome without a reading is missing."""
    m = signal_measurements.c
    newest = func.row_number().over(partition_by=m.outcome_id, order_by=m.time.desc())
    metric = func.concat(m.outcome_id, ":", m.signal_name)
    wanted = [f"{row['id']}:{row['primary_signal']['metric']}" for row in outcomes]
    inner = (
        select(m.outcome_id, m.time, m.value, m.sample_size, newest.label("newest"))
        .where(m.outcome_id.in_([row["id"] for row in outcomes]), m.kind == "level", m.value.is_not(None))
        .where(metric.in_(wanted))
        .subquery()
    )
    found: dict[UUID, list[Row]] = {}
    for row in await tx.all(select(inner).where(inner.c.newest <= MOST_LEVELS).order_by(inner.c.time)):
        found.setdefault(row["outcome_id"], []).append(row)
    return found


async def shown(tx: Tx, outcomes: Sequence[Row], levels: Levels, zone: str) -> dict[str, Any] | None:
    """Their picture in the reader's zone; None while none of them has a reading."""
    if not any(levels.get(row["id"]) for row in outcomes):
        return None
    simulated = {row["id"] for row in outcomes if await is_simulated(tx, row)}
    return in_zone(chart(outcomes, levels, simulated), zone)


def chart(outcomes: Sequence[Row], levels: Levels, simulated: Collection[UUID] = ()) -> dict[str, Any]:
    """One outcome over time, several beside each other. The snapshot is named by what is in it, so equal data are one picture."""
    rows = [_row(one, levels.get(one["id"], ()), simulated=one["id"] in simulated) for one in outcomes]
    times = [point["time"] for one in outcomes for point in levels.get(one["id"], ())]
    sources = ", ".join(dict.fromkeys(str(one["primary_signal"]["source"]) for one in outcomes))
    measured = [
        [one["id"], row["baseline"], row["target"], row["points"]] for one, row in zip(outcomes, rows, strict=True)
    ]
    origin = provenance(
        sources, snapshot_id=digest(measured)[:16], since=min(times, default=None), through=max(times, default=None),
        simulated=bool(simulated),
    )  # fmt: skip
    if len(rows) == 1:
        only, title = {name: rows[0][name] for name in _OF_ONE}, rows[0]["name"]
        return {"kind": "signal", "title": title, **only, "marks": [], "provenance": origin}
    mixed = 0 < len(simulated) < len(rows)
    told = [row | {"simulated": mixed and row["simulated"]} for row in rows]
    return {"kind": "progress", "title": TITLE, "rows": told, "provenance": origin}


_OF_ONE = ("metric", "unit", "points", "target", "baseline")


def _row(outcome: Row, levels: Sequence[Row], *, simulated: bool) -> dict[str, Any]:
    signal, target = outcome["primary_signal"], outcome["target"]
    points = [
        {"at": one["time"].isoformat(), "value": float(one["value"]), "n": one["sample_size"]}
        for one in _thinned(levels, _DRAWN)
    ]
    return {
        "name": outcome["title"], "metric": signal["metric"], "unit": unit(signal), "baseline": target["from"], "target": target["to"],
        "points": points, "simulated": simulated,
    }  # fmt: skip


def _thinned(levels: Sequence[Row], most: int) -> list[Row]:
    """The first, the last, and of each stretch between them the lowest and the highest, so that no extreme is lost."""
    if len(levels) <= most:
        return list(levels)
    edges = [round(step * len(levels) / (most // 2 - 1)) for step in range(most // 2)]
    kept = {0, len(levels) - 1}
    for start, end in pairwise(edges):
        stretch = range(start, end)
        kept |= {min(stretch, key=lambda i: levels[i]["value"]), max(stretch, key=lambda i: levels[i]["value"])}
    return [levels[i] for i in sorted(kept)]
