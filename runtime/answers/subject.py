"""What a question is about: the rows of one experiment, outcome or gate, read in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from runtime.answers.questions import ordinal_of
from runtime.db.engine import Row, Tx
from runtime.db.tables import experiment_phases, experiments, outcomes, signal_measurements
from runtime.experiments import service
from runtime.gates import pictures, rows
from runtime.identity.people import Member
from runtime.lifecycle import EXPERIMENT
from runtime.measurement.conclusion import picture
from runtime.measurement.store import levels
from runtime.outcomes import rows as outcome_rows

MOST = 200
"""Experiments and outcomes that a question without a thread is held against; the newest."""
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class About:
    """Where a question was asked: in a gate's thread, an experiment's, or nowhere in particular."""

    outcome_id: UUID | None = None
    experiment_id: UUID | None = None
    gate_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Rows as they are now. `others` are what the question might mean as well, when nothing told which."""

    member: Member
    now: datetime
    outcome: Row | None = None
    experiment: Row | None = None
    gates: Sequence[Row] = ()
    mine: Sequence[Row] = ()
    chart: Mapping[str, Any] | None = None
    segments: Sequence[Row] = ()
    level: Row | None = None
    others: Sequence[Row] = field(default=())

    @property
    def unit(self) -> str:
        return pictures.unit(self.outcome["primary_signal"]) if self.outcome else ""

    @property
    def result(self) -> Mapping[str, Any]:
        """The newest look at the experiment; empty before the first one."""
        return (self.experiment["current_result"] or {}) if self.experiment else {}

    @property
    def name(self) -> str:
        """How a query names what it was asked about."""
        if self.experiment:
            return str(self.experiment["feature_flag_key"] or str(self.experiment["id"])[:8])
        return str(self.outcome["slug"]) if self.outcome else "all"


async def gather(tx: Tx, question: str, about: About, member: Member, now: datetime) -> Subject:
    """By the place first; then by what the question names; then the one experiment that is under way."""
    gate = await rows.get(tx, about.gate_id) if about.gate_id else None
    experiment, outcome, others = await _meant(tx, question, about, gate)
    if experiment is not None:
        outcome = await service.outcome_of(tx, experiment)
    elif outcome is None and gate is not None:
        outcome = await outcome_rows.get(tx, gate["outcome_id"])
    mine = [item for item in await rows.listed(tx) if member.email.casefold() in rows.seat(item).entitled]
    return Subject(
        member, now, outcome, experiment, await _gates(tx, gate, outcome, experiment), mine, await _chart(tx, experiment, outcome),
        await _segments(tx, experiment) if experiment else (), await _level(tx, outcome), others,
    )  # fmt: skip


async def _meant(tx: Tx, question: str, about: About, gate: Row | None) -> tuple[Row | None, Row | None, list[Row]]:
    placed = about.experiment_id or (gate["experiment_id"] if gate else None)
    if placed:
        return await service.get(tx, placed), None, []
    outcome_id = about.outcome_id or (gate["outcome_id"] if gate else None)
    inside = experiments.c.outcome_id == outcome_id if outcome_id else experiments.c.id.is_not(None)
    known = await tx.all(select(experiments).where(inside).order_by(experiments.c.created_at.desc()).limit(MOST))
    listed = _in_order_of(gate, known)
    named = [row for row in listed if _named(question, str(row["feature_flag_key"] or ""), row["title"])]
    if not named and (place := ordinal_of(question)) is not None and place < len(listed):
        named = [listed[place]]
    if len(named) == 1:
        return named[0], None, []
    if outcome_id is None and (outcome := await _outcome(tx, question)) is not None:
        return await _meant(tx, question, About(outcome_id=outcome["id"]), None)
    live = [row for row in listed if row["status"] not in EXPERIMENT.final]
    going = named or [row for row in live if row["data_from"]] or live
    if len(going) == 1:
        return going[0], None, []
    outcome = await outcome_rows.get(tx, outcome_id) if outcome_id else await _only(tx)
    return None, outcome, going


def _in_order_of(gate: Row | None, known: Sequence[Row]) -> list[Row]:
    """What the gate's message lists comes first and as numbered there, whatever else the outcome has."""
    shown = rows.subjects(gate) if gate is not None else []
    return sorted(known, key=lambda row: shown.index(row["id"]) if row["id"] in shown else len(shown))


async def _outcome(tx: Tx, question: str) -> Row | None:
    known = await tx.all(select(outcomes).order_by(outcomes.c.created_at.desc()).limit(MOST))
    named = [row for row in known if _named(question, row["slug"], row["title"])]
    return named[0] if len(named) == 1 else None


async def _only(tx: Tx) -> Row | None:
    found = await tx.all(select(outcomes).where(outcomes.c.status == "active").limit(2))
    return found[0] if len(found) == 1 else None


def _named(question: str, *names: str) -> bool:
    said = question.casefold()
    return any(len(name) >= _SHORTEST and name.casefold() in said for name in names)


async def _gates(tx: Tx, gate: Row | None, outcome: Row | None, experiment: Row | None) -> Sequence[Row]:
    """The gate of the thread first; otherwise what is open about the subject."""
    if gate is not None:
        return [gate]
    if experiment is not None:
        return await rows.listed(tx, experiment_id=experiment["id"])
    return await rows.listed(tx, outcome_id=outcome["id"]) if outcome else await rows.listed(tx)


async def _chart(tx: Tx, experiment: Row | None, outcome: Row | None) -> dict[str, Any] | None:
    if experiment is None or outcome is None or not (experiment["current_result"] and experiment["plan"]):
        return None
    phases = experiment_phases.c
    found = await tx.all(
        select(experiment_phases).where(phases.experiment_id == experiment["id"]).order_by(phases.position)
    )
    return await picture(tx, experiment, outcome, experiment["current_result"], found)


async def _level(tx: Tx, outcome: Row | None) -> Row | None:
    """The newest level of the outcome's signal."""
    if outcome is None:
        return None
    found = await levels(tx, outcome["id"], outcome["primary_signal"]["metric"])
    return found[-1] if found else None


async def _segments(tx: Tx, experiment: Row) -> Sequence[Row]:
    """Sums by segment and variant, where any source reported them."""
    m = signal_measurements.c
    mine: ColumnElement[bool] = (m.experiment_id == experiment["id"]) & (m.kind == "delta") & (m.segment_key != "")
    statement = select(
        m.signal_name, m.segment_key, m.variant, func.sum(m.sample_size).label("n"), func.sum(m.total).label("total")
    ).where(mine)
    return await tx.all(
        statement.group_by(m.signal_name, m.segment_key, m.variant).order_by(m.segment_key, m.variant).limit(MOST)
    )
