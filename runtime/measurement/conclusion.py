"""What a look leads to: kill, pause, a gate, or simply going on; all of it in the transaction of the measurement."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments
from runtime.experiments import service
from runtime.gates import briefing, opening, pictures
from runtime.gates.consequences import final_result
from runtime.gates.service import withdraw_all
from runtime.identity.people import SYSTEM
from runtime.journal import Event, Message, record
from runtime.measurement import store
from runtime.measurement.early import early
from runtime.measurement.guardrails import Watched
from runtime.measurement.portfolio import among
from runtime.measurement.result import notable, violated
from runtime.outcomes.connections import is_simulated
from runtime.settings import Settings
from runtime.statistics.look import Look
from runtime.statistics.plan import Plan

if TYPE_CHECKING:
    from runtime.core import Runtime

_GATE = {"measuring": "analysis_review", "running": "analysis_review", "scaling": "scale_approval"}


async def follow(
    runtime: "Runtime", tx: Tx, row: Row, outcome: Row, look: Look, watched: Sequence[Watched], result: Mapping[str, Any],
    phases: Sequence[Row], now: datetime,
) -> None:  # fmt: skip
    """Guardrails first: they act even when the result itself is invalid."""
    if (reason := violated(watched, "kill")) is not None:
        await _violate(runtime, tx, row, outcome, reason, now)
    elif (reason := violated(watched, "pause")) is not None:
        await pause(runtime, tx, row, outcome, f"a guardrail shows harm: {reason}", now)
    elif look.advice != "continue" and not _hasty(runtime.settings, look, result):
        await _conclude(runtime, tx, row, outcome, result, phases, now)
    else:
        await _go_on(runtime, tx, row, outcome, look, result, phases, now)


async def _violate(runtime: "Runtime", tx: Tx, row: Row, outcome: Row, reason: str, now: datetime) -> None:
    """A violated hard constraint: the flag goes off before anything is drawn, sent or asked."""
    result = final_result(row, "killed", SYSTEM.name, f"constraint violated: {reason}") | {"violated": reason}
    changes = {"final_result": result, "rollout_percent": 0}
    notices = [message(runtime, outcome, row, f"v{row['version']}-violated")]
    await service.advance(
        tx, row, "violate", by=SYSTEM, now=now, changes=changes, facts={"reason": reason}, notices=notices
    )
    await withdraw_all(tx, row["id"], f"killed: {reason}", by=SYSTEM, now=now)


async def pause(runtime: "Runtime", tx: Tx, row: Row, outcome: Row, reason: str, now: datetime) -> None:
    """Turn the flag off and ask a person; nothing resumes by itself."""
    changes = {"paused_from": row["status"], "pause_reason": reason}
    await service.advance(tx, row, "pause", by=SYSTEM, now=now, changes=changes, facts={"reason": reason})
    await withdraw_all(tx, row["id"], f"paused: {reason}", by=SYSTEM, now=now)
    paused = await service.get(tx, row["id"])
    ask = briefing.resume(paused, outcome, reason)
    await opening.open_gate(tx, outcome, ask, default_channel=runtime.settings.slack_default_channel, now=now)


async def _conclude(
    runtime: "Runtime",
    tx: Tx,
    row: Row,
    outcome: Row,
    result: Mapping[str, Any],
    phases: Sequence[Row],
    now: datetime,
) -> None:
    gate_type = _GATE[row["status"]]
    await service.advance(
        tx,
        row,
        "conclude",
        by=SYSTEM,
        now=now,
        facts={name: result[name] for name in ("advice", "headline", "data_through", "outlook")},
    )
    fresh = await service.get(tx, row["id"])
    chart = await picture(tx, fresh, outcome, result, phases)
    snapshot = {
        "result": dict(result), "prediction": row["prediction"], "plan": row["plan"], "chart": chart,
        "portfolio": await among(tx, row, result, Plan.from_json(row["plan"]).alpha),
    }  # fmt: skip
    frozen = await briefing.freeze(
        tx,
        "analysis",
        snapshot,
        outcome_id=outcome["id"],
        experiment_id=row["id"],
        data_through=datetime.fromisoformat(result["data_through"]),
    )
    ask = briefing.analysis(gate_type, fresh, outcome, frozen, snapshot, ())
    await opening.open_gate(tx, outcome, ask, default_channel=runtime.settings.slack_default_channel, now=now)


async def picture(tx: Tx, row: Row, outcome: Row, result: Mapping[str, Any], phases: Sequence[Row]) -> dict[str, Any]:
    """The effect chart of an experiment as the looks stored so far tell it."""
    plan, history = Plan.from_json(row["plan"]), await store.history(tx, row["id"], outcome["primary_signal"]["metric"])
    start: datetime = row["data_from"]
    crossed = result.get("crossed")
    return pictures.effect(
        row, outcome, plan, history, result, phases=phases,
        horizon=start + timedelta(days=plan.horizon_days + row["extended_days"]),
        crossed=start + timedelta(days=crossed["day"]) if crossed else None, simulated=await is_simulated(tx, outcome),
    )  # fmt: skip


async def _go_on(
    runtime: "Runtime",
    tx: Tx,
    row: Row,
    outcome: Row,
    look: Look,
    result: Mapping[str, Any],
    phases: Sequence[Row],
    now: datetime,
) -> None:
    if _first_data(row, look):
        await service.advance(tx, row, "first_data", by=SYSTEM, now=now)
        row = await service.get(tx, row["id"])
    if not _worth_telling(runtime.settings, row, result, now):
        return
    chart = await picture(tx, row, outcome, result, phases)
    gist = {"status": result["status"], "srm_flagged": result["srm_flagged"], "guardrails": result["guardrails"]}
    memory = dict(row["memory"] or {}) | {"told": {"at": now.isoformat(), "result": gist}}
    values = {"memory": memory, "current_result": dict(result) | {"chart": chart}}
    await tx.run(update(experiments).where(experiments.c.id == row["id"]).values(values))
    event = Event(
        "experiment.progress",
        "experiment",
        row["id"],
        {"headline": result["headline"], "data_through": result["data_through"]},
    )
    await record(tx, event, by=SYSTEM, notices=[message(runtime, outcome, row, result["data_through"])])


def due(settings: Settings, row: Row, look: Look, result: Mapping[str, Any], now: datetime) -> bool:
    """Whether a look without a violation leads to anything: a gate, the first data, or news for people."""
    concludes = look.advice != "continue" and not _hasty(settings, look, result)
    return concludes or _first_data(row, look) or _worth_telling(settings, row, result, now)


def _hasty(settings: Settings, look: Look, result: Mapping[str, Any]) -> bool:
    """Good news wait for the grace period and the least sample; harm, the horizon and what is invalid do not."""
    return look.advice == "ship" and not look.horizon_reached and early(result, settings) is not None


def _first_data(row: Row, look: Look) -> bool:
    return row["status"] == "running" and bool(look.n_control and look.n_treatment)


def _worth_telling(settings: Settings, row: Row, result: Mapping[str, Any], now: datetime) -> bool:
    told = (row["memory"] or {}).get("told")
    if not told or (now - datetime.fromisoformat(told["at"])).total_seconds() >= settings.progress_every_seconds:
        return True
    return notable(told.get("result"), result)


def message(runtime: "Runtime", outcome: Row, row: Row, once: str) -> Message:
    """The living message of an experiment: one place, updated as the data come in."""
    settings = opening.terms(outcome, "analysis_review", default_channel=runtime.settings.slack_default_channel)
    channel, _, place = settings.channel.partition(":")
    return Message("experiment", row["id"], channel, place or settings.assigned_to, once=once)
