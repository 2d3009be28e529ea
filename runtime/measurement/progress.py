"""An outcome's level on its way to the target: for everybody, without a control, and therefore never evidence of an effect."""

from collections.abc import Mapping
from datetime import timedelta
from math import sqrt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import outcomes as table
from runtime.errors import OutcomeRuntimeError
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Level
from runtime.journal import Event, record
from runtime.lifecycle import OUTCOME, Actor
from runtime.measurement import append, store
from runtime.measurement.query import is_share, level_window, metric_query
from runtime.outcomes import rows
from runtime.outcomes.connections import connector
from runtime.statistics.sequential import critical

if TYPE_CHECKING:
    from runtime.core import Runtime


async def fire(runtime: "Runtime", org_id: UUID, timer_id: int) -> None:
    """Read the level, write it down, and say `achieved` once the target is passed beyond chance."""
    async with runtime.transaction(org_id) as tx:
        timer = await timers.take(tx, timer_id)
        outcome = await rows.get(tx, timer["subject_id"]) if timer else None
    if outcome is None or outcome["status"] != "active":
        return
    level = await _level(runtime, org_id, outcome)
    async with runtime.transaction(org_id) as tx:
        outcome = await rows.get(tx, outcome["id"], lock=True)
        due = runtime.now() + timedelta(seconds=runtime.settings.level_every_seconds)
        await timers.arm(tx, "outcome_level", outcome["id"], version=1, due_at=due)
        if level is not None:
            await append.ensure_partitions(tx, level.as_of)
            await store.append_level(tx, outcome["id"], outcome["primary_signal"]["metric"], level)
            await _note(runtime, tx, outcome, level)


async def _level(runtime: "Runtime", org_id: UUID, outcome: Row) -> Level | None:
    """A level that cannot be read is missing from the chart and nothing more."""
    signal = outcome["primary_signal"]
    try:
        source = await connector(runtime, org_id, signal["source"])
        try:
            return await source.fetch_metric(metric_query(signal), level_window(signal, await source.now()))
        finally:
            await source.close()
    except OutcomeRuntimeError as error:
        async with runtime.transaction(org_id) as tx:
            await record(tx, Event("level.failed", "outcome", outcome["id"], {"error": error.message}), by=SYSTEM)
        return None


async def _note(runtime: "Runtime", tx: Tx, outcome: Row, level: Level) -> None:
    now = runtime.now()
    signal = dict(outcome["primary_signal"]) | {"current_value": str(level.value)}
    await tx.run(update(table).where(table.c.id == outcome["id"]).values(primary_signal=signal))
    if outcome["status"] == "active" and achieved(outcome["primary_signal"], outcome["target"], level):
        step = OUTCOME.step(outcome["status"], "achieve", by=Actor.SYSTEM)
        values = {"status": step.to, "achieved_at": now, "ended_at": now, "version": outcome["version"] + 1}
        await tx.run(update(table).where(table.c.id == outcome["id"]).values(values))
        from runtime.outcomes.service import notice_to  # noqa: PLC0415  outcomes arm this module's timer by name only

        notice = notice_to(
            outcome,
            f"“{outcome['title']}” has reached its target: {signal['metric']} is {float(level.value):.4g}.",
            once="achieved",
        )
        await record(
            tx,
            Event("outcome.achieve", "outcome", outcome["id"], {"level": str(level.value)}),
            by=SYSTEM,
            notices=[notice],
        )


def achieved(signal: Mapping[str, Any], target: Mapping[str, Any], level: Level) -> bool:
    """Whether the level is past the target by more than an always-valid margin at the outcome's confidence.

    Only shares of a known number of units have a margin without further data; other levels are shown and never declared.
    """
    value = float(level.value)
    if not is_share(signal) or not level.n or not 0.0 < value < 1.0:
        return False
    variance = value * (1.0 - value) / level.n
    alpha = 1.0 - float(target["confidence_required"])
    distance = abs(float(target["to"]) - float(target["from"]))
    margin = critical(variance, distance**2, alpha) * sqrt(variance)
    past = value - float(target["to"])
    return (past if target["direction"] == "increase" else -past) > margin
