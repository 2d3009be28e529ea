"""One measurement: read the sources, append, judge, and take the step the evidence asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, update

from runtime import timers
from runtime.db.engine import Row, Tx, exclusive
from runtime.db.tables import experiment_phases, experiments
from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.experiments import service
from runtime.experiments.rollout import window_of
from runtime.gates import pictures
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Reading
from runtime.journal import Event, record
from runtime.measurement import conclusion, store
from runtime.measurement.guardrails import Watched, limits, look_at, quantile_share
from runtime.measurement.query import metric_query
from runtime.measurement.result import result_of
from runtime.outcomes.connections import connector
from runtime.statistics.look import Look, Memory
from runtime.statistics.moments import from_sums
from runtime.statistics.phases import PhaseArms
from runtime.statistics.plan import Plan
from runtime.statistics.verdict import judge

if TYPE_CHECKING:
    from runtime.core import Runtime

MEASURED = frozenset({"running", "measuring", "scaling"})
_DAY = timedelta(days=1)
_RECENT = 5


@dataclass(frozen=True, slots=True)
class Read:
    """What the sources said: the primary signal by phase, each constraint's signal by phase, and the data cut-off."""

    through: datetime
    primary: Mapping[int, Reading]
    guarded: Mapping[str, Mapping[int, Reading]]


@dataclass(frozen=True, slots=True)
class Judged:
    """One look with everything that was decided from it."""

    look: Look
    watched: Sequence[Watched]
    result: dict[str, Any]


async def fire(runtime: "Runtime", org_id: UUID, timer_id: int) -> None:
    """A measurement is due. Signal errors never crash an experiment: they are counted, then it is paused and a person asked."""
    async with runtime.transaction(org_id) as tx:
        timer = await timers.take(tx, timer_id)
    if timer is None:
        return
    async with exclusive(runtime.engine, f"measure:{timer['subject_id']}") as mine:
        if mine:
            await measure(runtime, org_id, timer["subject_id"])


async def measure(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Take one measurement and arm the next. Safe to repeat: a bucket replaces itself, a look is unique by its data cut-off."""
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id)
        outcome = await service.outcome_of(tx, row)
        phases = await _phases(tx, experiment_id)
        if row["status"] not in MEASURED or not phases:
            await timers.disarm(tx, experiment_id, "measure")
            return
    try:
        read = await _read(runtime, org_id, row, outcome, phases)
    except OutcomeRuntimeError as error:
        await _missed(runtime, org_id, experiment_id, error)
        return
    await _write(runtime, org_id, experiment_id, read)


async def _phases(tx: Tx, experiment_id: UUID) -> Sequence[Row]:
    statement = select(experiment_phases).where(experiment_phases.c.experiment_id == experiment_id)
    return await tx.all(statement.order_by(experiment_phases.c.position))


async def _read(runtime: "Runtime", org_id: UUID, row: Row, outcome: Row, phases: Sequence[Row]) -> Read:
    signal = outcome["primary_signal"]
    through, primary = await _one(runtime, org_id, signal["source"], signal, row, phases, None)
    guarded = {}
    for constraint, _, limit in limits(outcome["constraints"]):
        beyond = Decimal(str(limit)) if quantile_share(constraint) is not None else None
        _, guarded[constraint["signal"]] = await _one(
            runtime, org_id, constraint["source"], constraint, row, phases, beyond
        )
    return Read(through, primary, guarded)


async def _one(
    runtime: "Runtime",
    org_id: UUID,
    source: str,
    signal: Mapping[str, Any],
    row: Row,
    phases: Sequence[Row],
    limit: Decimal | None,
) -> tuple[datetime, dict[int, Reading]]:
    reader = await connector(runtime, org_id, source)
    try:
        now = await reader.now()
        query = metric_query(signal, experiment=row["feature_flag_key"], limit=limit)
        readings = {
            phase["position"]: await reader.fetch_variant_metric(query, window_of(phase, now)) for phase in phases
        }
    finally:
        await reader.close()
    return max(reading.complete_through for reading in readings.values()), readings


async def _write(runtime: "Runtime", org_id: UUID, experiment_id: UUID, read: Read) -> None:
    now = runtime.now()
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        if row["status"] not in MEASURED:
            return
        outcome = await service.outcome_of(tx, row)
        await _append(tx, row, outcome, read)
        judged = await _judge(tx, row, outcome, read.through)
        await store.write_look(tx, experiment_id, outcome["primary_signal"]["metric"], read.through, judged.result)
        await _remember(tx, row, judged)
        await timers.arm(
            tx,
            "measure",
            experiment_id,
            version=1,
            due_at=now + timedelta(seconds=runtime.settings.measure_every_seconds),
        )
        row = await service.get(tx, experiment_id)
        await conclusion.follow(
            runtime, tx, row, outcome, judged.look, judged.watched, judged.result, await _phases(tx, experiment_id), now
        )


async def _append(tx: Tx, row: Row, outcome: Row, read: Read) -> None:
    await store.ensure_partitions(tx, read.through)
    for phase, reading in read.primary.items():
        await store.append(tx, row, outcome["primary_signal"]["metric"], phase, reading)
    for signal, readings in read.guarded.items():
        for phase, reading in readings.items():
            await store.append(tx, row, signal, phase, reading)


async def _judge(tx: Tx, row: Row, outcome: Row, through: datetime) -> Judged:
    plan, memory = Plan.from_json(row["plan"]), Memory.from_json(row["memory"])
    elapsed = max(0.0, (through - row["data_from"]) / _DAY)
    at_horizon = elapsed >= plan.horizon_days + row["extended_days"]
    look = judge(plan, memory, await _arms(tx, row, outcome), elapsed, at_horizon=at_horizon)
    watched = await _watch(tx, row, outcome)
    unit = pictures.unit(outcome["primary_signal"])
    result = result_of(plan, look, watched, unit=unit, data_through=through, elapsed_days=round(elapsed, 3))
    return Judged(look, watched, result)


async def _arms(tx: Tx, row: Row, outcome: Row) -> list[PhaseArms]:
    sums = await store.sums(tx, row["id"], outcome["primary_signal"]["metric"])
    shares = {phase["position"]: phase["share_treatment"] for phase in await _phases(tx, row["id"])}
    found = []
    for position, arms in sorted(sums.items()):
        control, treatment = arms.get("control", store.NOTHING), arms.get("treatment", store.NOTHING)
        found.append(
            PhaseArms(
                from_sums(control.n, control.total, control.total_sq),
                from_sums(treatment.n, treatment.total, treatment.total_sq),
                shares[position],
            )
        )
    return found


async def _watch(tx: Tx, row: Row, outcome: Row) -> list[Watched]:
    constraints = list(limits(outcome["constraints"]))
    watched = []
    for constraint, side, limit in constraints:
        sums = await store.sums(tx, row["id"], constraint["signal"])
        buckets = await store.buckets(tx, row["id"], constraint["signal"], "treatment", last=_RECENT)
        recent = [float(bucket["value"]) for bucket in reversed(buckets) if bucket["sample_size"]]
        watched.append(look_at(constraint, side, limit, sums, recent, len(constraints)))
    return watched


async def _remember(tx: Tx, row: Row, judged: Judged) -> None:
    memory = judged.look.memory.to_json()
    if row["memory"] and "told" in row["memory"]:
        memory["told"] = row["memory"]["told"]
    values = {"memory": memory, "current_result": judged.result}
    await tx.run(update(experiments).where(experiments.c.id == row["id"]).values(values))


async def _missed(runtime: "Runtime", org_id: UUID, experiment_id: UUID, error: OutcomeRuntimeError) -> None:
    """A source did not answer: try again at the next tick, and pause after as long a silence as the settings allow."""
    now = runtime.now()
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        if row["status"] not in MEASURED:
            return
        memory = dict(row["memory"] or {})
        since = datetime.fromisoformat(memory.setdefault("silent_since", now.isoformat()))
        await record(
            tx,
            Event("signal.failed", "experiment", experiment_id, {"error": error.message, "code": error.code}),
            by=SYSTEM,
        )
        silence = timedelta(hours=runtime.settings.signal_silence_hours)
        if now - since >= silence or not isinstance(error, SignalUnavailable):
            outcome = await service.outcome_of(tx, row)
            await conclusion.pause(runtime, tx, row, outcome, f"its signal cannot be read: {error.message}", now)
            return
        await tx.run(update(experiments).where(experiments.c.id == experiment_id).values(memory=memory))
        await timers.arm(
            tx,
            "measure",
            experiment_id,
            version=1,
            due_at=now + timedelta(seconds=runtime.settings.measure_every_seconds),
        )
