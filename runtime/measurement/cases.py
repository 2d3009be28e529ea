"""What is measured together: running experiments with their outcomes, phases and what was read so far, one query each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import select

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiment_phases, experiments, measurement_reads, outcomes
from runtime.experiments.registration import measured_by
from runtime.integrations.contracts import MetricQuery
from runtime.lifecycle.experiment import LIVE
from runtime.measurement.guardrails import limits, quantile_share
from runtime.measurement.query import metric_query

MEASURED = frozenset({"running", "measuring", "scaling"})
"""States in which an experiment is looked at."""
GUARDED = frozenset(LIVE)
"""Users may see the treatment: its guardrails are watched, also while people think. In all other states the timer is stopped."""

_NEEDED = (
    "id", "outcome_id", "status", "version", "feature_flag_key", "plan", "registration", "memory", "data_from", "extended_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One signal of one experiment, and what its source is asked for."""

    signal: str
    source: str
    query: MetricQuery


@dataclass(frozen=True, slots=True)
class Case:
    """One experiment to be measured. `row` holds only the columns that a look needs."""

    row: Row
    outcome: Row
    phases: Sequence[Row]
    asks: Mapping[str, Ask]
    reads: Mapping[str, Row]

    @property
    def id(self) -> UUID:
        found: UUID = self.row["id"]
        return found

    @property
    def primary(self) -> str:
        return str(self.outcome["primary_signal"]["metric"])

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(ask.source for ask in self.asks.values())


async def load(tx: Tx, ids: Sequence[UUID]) -> list[Case]:
    """The experiments of these that are to be measured now."""
    rows = [row for row in await _experiments(tx, ids) if row["status"] in GUARDED]
    found = {row["id"]: row for row in await _outcomes(tx, {row["outcome_id"] for row in rows})}
    phases, reads = await _phases(tx, ids), await _reads(tx, ids)
    return [
        Case(row, outcome, phases[row["id"]], asks_of(row, outcome), reads.get(row["id"], {}))
        for row in rows
        for outcome in (measured_by(row, found[row["outcome_id"]]),)
        if row["id"] in phases
    ]


async def fresh(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The same columns once more, locked against every other change of these experiments until the commit."""
    statement = select(*(experiments.c[name] for name in _NEEDED)).where(experiments.c.id.in_(ids))
    rows = await tx.all(statement.order_by(experiments.c.id).with_for_update(key_share=True))
    return {row["id"]: row for row in rows}


def asks_of(row: Row, outcome: Row) -> dict[str, Ask]:
    """The primary signal and those of the constraints; a signal with several limits is asked for once."""
    key, primary = row["feature_flag_key"], outcome["primary_signal"]
    asks = {primary["metric"]: Ask(primary["metric"], primary["source"], metric_query(primary, experiment=key))}
    for constraint, side, limit in limits(outcome["constraints"]):
        counted = Decimal(str(limit)) if side == "max" and quantile_share(constraint) is not None else None
        if counted is not None or constraint["signal"] not in asks:
            asks[constraint["signal"]] = _guarded(constraint, key, counted)
    return asks


def _guarded(constraint: Mapping[str, Any], key: str, limit: Decimal | None) -> Ask:
    return Ask(constraint["signal"], constraint["source"], metric_query(constraint, experiment=key, limit=limit))


async def _experiments(tx: Tx, ids: Sequence[UUID]) -> Sequence[Row]:
    return await tx.all(select(*(experiments.c[name] for name in _NEEDED)).where(experiments.c.id.in_(ids)))


async def _outcomes(tx: Tx, ids: set[UUID]) -> Sequence[Row]:
    o = outcomes.c
    return await tx.all(select(o.id, o.primary_signal, o.constraints, o.spec).where(o.id.in_(ids)))


async def _phases(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    p = experiment_phases.c
    rows = await tx.all(select(experiment_phases).where(p.experiment_id.in_(ids)).order_by(p.experiment_id, p.position))
    return {key: list(group) for key, group in groupby(rows, key=itemgetter("experiment_id"))}


async def _reads(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, dict[str, Row]]:
    found: dict[UUID, dict[str, Row]] = {}
    for row in await tx.all(select(measurement_reads).where(measurement_reads.c.experiment_id.in_(ids))):
        found.setdefault(row["experiment_id"], {})[row["signal_name"]] = row
    return found
