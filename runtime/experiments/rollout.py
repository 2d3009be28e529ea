"""Effects on the feature flag: rollout, pause, kill, finalise. Each reads what the row wants now, so it may run twice or late."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import experiment_phases, experiments, measurement_reads
from runtime.errors import SignalUnavailable
from runtime.experiments import registration, service
from runtime.gates import terms
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import FlagState, Window
from runtime.journal import Event, record
from runtime.lifecycle.experiment import LIVE
from runtime.measurement.query import metric_query
from runtime.outcomes.connections import connector, flags

if TYPE_CHECKING:
    from runtime.core import Runtime

_ON = frozenset({"running", "measuring", "scaling", "awaiting_analysis_gate", "awaiting_scale_gate", "shipped"})
_EVERYBODY = 100
_GAP = timedelta(microseconds=1)
"""A pause leaves a gap between two phases, also where data time stood still meanwhile: by it the looks know what was resumed."""


def wanted_percent(row: Row) -> int:
    """What the flag should show for a row: its rollout while it may be on, everybody once shipped, nobody otherwise.

    Every path to the flag asks here, so that no rollout can exceed a cap, whatever the other columns say.
    """
    wished = _EVERYBODY if row["status"] == "shipped" else int(row["rollout_percent"]) if row["status"] in _ON else 0
    bound = terms.ceiling(row)
    return wished if bound is None else min(wished, bound)


async def apply(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Make the flag service show what the row wants, verify it, and open a new phase of measurement if the share changed."""
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id)
    state = await _set(runtime, org_id, row)
    started = await _source_now(runtime, org_id, row) if row["status"] in LIVE else None
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        facts = {"flag": state.key, "enabled": state.enabled, "percent": state.percentage, "version": state.version}
        await record(tx, Event("flag.set", "experiment", experiment_id, facts), by=SYSTEM)
        if started is not None and state.enabled:
            await _open_phase(tx, row, state.percentage, started, runtime.now())


async def _set(runtime: "Runtime", org_id: UUID, row: Row) -> FlagState:
    key, percent = row["feature_flag_key"], wanted_percent(row)
    service_ = await flags(runtime, org_id)
    try:
        if percent == 0:
            return await service_.kill_flag(key) if await service_.read_flag(key) else FlagState(key, False, 0)
        if await service_.read_flag(key) is None:
            await service_.create_flag(key, row["title"])
        return await service_.set_rollout_percentage(key, percent, terms.segment(row["terms"]) or None)
    finally:
        await service_.close()


async def _source_now(runtime: "Runtime", org_id: UUID, row: Row) -> datetime:
    """The data time from which units count. A source that cannot say keeps the effect waiting: a launch without a start can't be measured."""
    async with runtime.transaction(org_id) as tx:
        outcome = await service.outcome_of(tx, row)
    source = await connector(runtime, org_id, outcome["primary_signal"]["source"])
    try:
        return await source.now()
    finally:
        await source.close()


async def _open_phase(tx: Tx, row: Row, percent: int, started: datetime, now: datetime) -> None:
    latest = await tx.first(
        select(experiment_phases)
        .where(experiment_phases.c.experiment_id == row["id"])
        .order_by(experiment_phases.c.position.desc())
        .limit(1)
    )
    share = percent / _EVERYBODY
    asked = latest is not None and latest["position"] < registration.latest_phase(row["registration"])
    if latest is None or asked or latest["share_treatment"] != share or latest["ended_at"] is not None:
        if latest is not None and latest["ended_at"] is not None:
            started = max(started, latest["ended_at"] + _GAP)
        await _close_phase(tx, row["id"], started)
        position = 0 if latest is None else latest["position"] + 1
        values = {
            "org_id": tx.org_id,
            "experiment_id": row["id"],
            "position": position,
            "share_treatment": share,
            "started_at": started,
        }
        await tx.run(insert(experiment_phases).values(**values, reason=f"rollout {percent} %"))
    if row["data_from"] is None:
        await tx.run(update(experiments).where(experiments.c.id == row["id"]).values(data_from=started))
    await timers.arm(tx, "measure", row["id"], version=1, due_at=now)


async def _close_phase(tx: Tx, experiment_id: UUID, at: datetime) -> None:
    open_phase = (experiment_phases.c.experiment_id == experiment_id) & experiment_phases.c.ended_at.is_(None)
    await tx.run(
        update(experiment_phases).where(open_phase).values(ended_at=func.greatest(at, experiment_phases.c.started_at))
    )


async def pause(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Effect `flag.pause`: nobody sees the treatment until a person resumes it; the running phase ends where it is."""
    await apply(runtime, org_id, experiment_id)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id)
    ended = await _last_moment(runtime, org_id, row)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        if row["status"] == "paused":
            await _close_phase(tx, experiment_id, ended)


async def _last_moment(runtime: "Runtime", org_id: UUID, row: Row) -> datetime:
    """The data time at which the flag went off. A source that cannot say, which may be why it is paused, ends the phase where it was last read."""
    try:
        return await _source_now(runtime, org_id, row)
    except SignalUnavailable:
        reads, phases = measurement_reads.c, experiment_phases.c
        read = select(func.max(reads.data_through)).where(reads.experiment_id == row["id"])
        begun = select(func.max(phases.started_at)).where(phases.experiment_id == row["id"])
        async with runtime.transaction(org_id) as tx:
            known = await tx.value(select(func.coalesce(read.scalar_subquery(), begun.scalar_subquery())))
        return known or runtime.now()


async def capture_baseline(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Effect `baseline.capture`: the level before launch, for planning and progress; never an effect's comparison."""
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id)
        outcome = await service.outcome_of(tx, row)
    found = await level(runtime, org_id, outcome)
    async with runtime.transaction(org_id) as tx:
        values = {"baseline_value": found["value"], "baseline_captured_at": found["as_of"]}
        await tx.run(
            update(experiments)
            .where(experiments.c.id == experiment_id, experiments.c.baseline_value.is_(None))
            .values(values)
        )


async def level(runtime: "Runtime", org_id: UUID, outcome: Row) -> dict[str, Any]:
    """The outcome's level now, or the baseline its file states when the source knows none."""
    from runtime.measurement.query import level_window  # noqa: PLC0415  one name, one place

    source = await connector(runtime, org_id, outcome["primary_signal"]["source"])
    try:
        now = await source.now()
        found = await source.fetch_metric(
            metric_query(outcome["primary_signal"]), level_window(outcome["primary_signal"], now)
        )
    except SignalUnavailable:
        return {"value": outcome["target"]["from"], "as_of": runtime.now(), "stated": True}
    finally:
        await source.close()
    return {"value": found.value, "as_of": found.as_of, "stated": False}


def window_of(phase: Row, now: datetime) -> Window:
    """Empty rather than inverted while a source's own clock is behind the phase's start."""
    return Window(phase["started_at"], max(phase["started_at"], phase["ended_at"] or now))
