"""Pictures of outcomes and experiments on request: what is stored, as plain values that any door can draw."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from math import exp
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from runtime.db.engine import Row, Tx
from runtime.db.tables import human_gates, journal, measurement_rollups, outcomes
from runtime.errors import NotFound
from runtime.experiments import service as experiments
from runtime.gates.pictures import provenance, unit
from runtime.outcomes import standing
from runtime.outcomes.connections import is_simulated

PROMISED = 0.8  # the share of effects that a prediction's range is meant to hold
EVERY = "all"
_ENDED = frozenset({"shipped", "killed"})
Draw = Callable[[Tx, Row], Awaitable[dict[str, Any]]]


async def _effect(tx: Tx, row: Row) -> dict[str, Any]:
    chart = (row["current_result"] or {}).get("chart")
    if not chart:
        raise NotFound(f"“{row['title']}” has not been measured yet; `launch` shows its plan.", experiment_id=row["id"])
    return dict(chart)


async def _launch(tx: Tx, row: Row) -> dict[str, Any]:
    return await _of_gate(tx, (human_gates.c.experiment_id == row["id"]), "launch_approval", row["title"])


async def _guardrails(tx: Tx, row: Row) -> dict[str, Any]:
    result = _measured(row)
    return {
        "kind": "guardrails", "title": f"Guardrails of {row['title']}", "rows": [_guardrail(item) for item in result["guardrails"]],
        "provenance": await _origin(tx, row, result),
    }  # fmt: skip


def _guardrail(item: Mapping[str, Any]) -> dict[str, Any]:
    level = {"low": item.get("lower"), "high": item.get("upper"), "point": item.get("value")}
    return {
        "name": item["name"], "level": level, "limit": item["limit"], "side": item["side"], "state": shown_state(item), "unit": item.get("unit") or "",
    }  # fmt: skip


def shown_state(item: Mapping[str, Any]) -> str:
    """A guardrail's state as pictures call it."""
    return "safe" if item.get("safe") else _STATES.get(str(item["state"]), str(item["state"]))


_STATES = {"kill": "violated", "pause": "violated", "warn": "warning", "ok": "inconclusive"}


async def _split(tx: Tx, row: Row) -> dict[str, Any]:
    """The randomisation test's own numbers; its p is one over the e-value, so it is valid at every look."""
    result = _measured(row)
    srm = result["look"]["srm"]
    share = float(srm["planned_share"])
    arms = [
        {"name": "control", "planned": 1.0 - share, "count": result["n_control"]},
        {"name": "treatment", "planned": share, "count": result["n_treatment"]},
    ]
    return {
        "kind": "split", "title": f"Randomisation of {row['title']}", "arms": arms, "flagged": result["srm_flagged"],
        "p_value": min(1.0, exp(-max(0.0, float(srm["log_e"])))), "provenance": await _origin(tx, row, result),
    }  # fmt: skip


def _measured(row: Row) -> Mapping[str, Any]:
    if not row["current_result"]:
        raise NotFound(f"“{row['title']}” has not been measured yet.", experiment_id=row["id"])
    result: Mapping[str, Any] = row["current_result"]
    return result


async def _origin(tx: Tx, row: Row, result: Mapping[str, Any]) -> dict[str, Any]:
    outcome = await experiments.outcome_of(tx, row)
    through = datetime.fromisoformat(result["data_through"])
    return provenance(
        outcome["primary_signal"]["source"], snapshot_id="live", since=row["data_from"], through=through,
        simulated=await is_simulated(tx, outcome),
    )  # fmt: skip


async def _portfolio(tx: Tx, outcome: Row) -> dict[str, Any]:
    return await _of_gate(tx, (human_gates.c.outcome_id == outcome["id"]), "portfolio_review", outcome["title"])


async def _of_gate(tx: Tx, whose: Any, gate_type: str, title: str) -> dict[str, Any]:
    """The picture of the newest such gate, as it was shown there."""
    statement = select(human_gates.c.context_package).where(whose, human_gates.c.gate_type == gate_type)
    package = await tx.value(statement.order_by(human_gates.c.created_at.desc()).limit(1))
    if not package or not package.get("chart"):
        raise NotFound(f"“{title}” has had no such gate yet.", gate_type=gate_type)
    return dict(package["chart"])


async def _progress(tx: Tx, outcome: Row) -> dict[str, Any]:
    """The outcome's level by day over all units that were measured, whatever they were shown."""
    signal, target = outcome["primary_signal"], outcome["target"]
    r = measurement_rollups.c
    statement = (
        select(r.bucket, func.sum(r.n).label("n"), func.sum(r.total).label("total"))
        .where(r.outcome_id == outcome["id"], r.signal_name == signal["metric"], r.grain == "day", r.kind == "delta")
        .group_by(r.bucket)
        .order_by(r.bucket)
    )
    days = [day for day in await tx.all(statement) if day["n"]]
    return {
        "kind": "signal", "title": outcome["title"], "metric": signal["metric"], "unit": unit(signal), "target": target["to"],
        "baseline": target["from"], "marks": await _marks(tx, outcome),
        "points": [{"at": day["bucket"].isoformat(), "value": float(day["total"] / day["n"]), "n": int(day["n"])} for day in days],
        "provenance": await _outcome_origin(tx, outcome, [day["bucket"] for day in days]),
    }  # fmt: skip


async def _marks(tx: Tx, outcome: Row) -> list[dict[str, Any]]:
    """When users first saw a change, and when one was shipped; in the source's time where it is known."""
    runs = await experiments.of_outcome(tx, outcome["id"])
    return [{"at": row["data_from"].isoformat(), "label": row["title"]} for row in runs if row["data_from"]]


async def _outcome_origin(tx: Tx, outcome: Row, moments: Sequence[datetime]) -> dict[str, Any]:
    return provenance(
        outcome["primary_signal"]["source"], snapshot_id="live", since=min(moments, default=None), through=max(moments, default=None),
        simulated=await is_simulated(tx, outcome),
    )  # fmt: skip


async def _calibration(tx: Tx, outcome: Row) -> dict[str, Any]:
    """Every concluded experiment of the outcome with a prediction and a measured effect."""
    runs = [row for row in await experiments.of_outcome(tx, outcome["id"]) if row["final_result"] and row["prediction"]]
    known = [row for row in runs if row["final_result"].get("delta") is not None]
    signal = outcome["primary_signal"]
    return {
        "kind": "calibration", "title": "Predicted and measured effects", "metric": signal["metric"], "unit": unit(signal), "promised": PROMISED,
        "forecasts": [_forecast(row) for row in known],
        "provenance": await _outcome_origin(tx, outcome, [row["concluded_at"] for row in known]),
    }  # fmt: skip


def _forecast(row: Row) -> dict[str, Any]:
    prediction, final = row["prediction"], row["final_result"]
    low, high = prediction["delta_range"]
    return {
        "name": row["title"], "predicted": {"low": low, "high": high, "point": prediction["expected_delta"]},
        "observed": {"low": final.get("ci_lower"), "high": final.get("ci_upper"), "point": final["delta"]},
    }  # fmt: skip


async def _timeline(tx: Tx, outcome: Row) -> dict[str, Any]:
    """States from the journal, gates from their rows; wall time, since it is people's time that is shown."""
    runs = await experiments.of_outcome(tx, outcome["id"])
    steps = await _steps(tx, [row["id"] for row in runs])
    gates = await tx.all(
        select(human_gates).where(human_gates.c.outcome_id == outcome["id"]).order_by(human_gates.c.created_at)
    )
    now: datetime = await tx.value(select(func.now()))
    origin = provenance("the journal", snapshot_id="live", since=outcome["created_at"], through=now)
    origin["simulated"] = await is_simulated(tx, outcome)
    return {
        "kind": "gantt", "title": outcome["title"], "now": now.isoformat(), "horizon": None, "provenance": origin,
        "rows": [{"name": row["title"], "spans": _spans(row, steps), "gates": _gates(row, gates)} for row in runs],
    }  # fmt: skip


async def _steps(tx: Tx, ids: Sequence[UUID]) -> Sequence[Row]:
    statement = select(journal).where(journal.c.subject_kind == "experiment", journal.c.subject_id.in_(ids))
    return [row for row in await tx.all(statement.order_by(journal.c.seq)) if row["payload"].get("to")]


def _spans(row: Row, steps: Sequence[Row]) -> list[dict[str, Any]]:
    own = [(step["at"], step["payload"]["to"]) for step in steps if step["subject_id"] == row["id"]]
    changes = [(at, state) for i, (at, state) in enumerate(own) if i == 0 or own[i - 1][1] != state]
    ends: list[datetime | None] = [at for at, _ in changes[1:]]
    ends.append(changes[-1][0] if changes and changes[-1][1] in _ENDED else None)
    return [
        {"state": state, "start": at.isoformat(), "end": end.isoformat() if end else None}
        for (at, state), end in zip(changes, ends, strict=True)
    ]


def _gates(row: Row, gates: Sequence[Row]) -> list[dict[str, Any]]:
    mine = [gate for gate in gates if gate["experiment_id"] == row["id"] or str(row["id"]) in _subjects(gate)]
    return [
        {
            "name": gate["gate_type"].replace("_", " "), "opened": gate["created_at"].isoformat(), "status": gate["status"],
            "answered": gate["responded_at"].isoformat() if gate["responded_at"] else None,
        }
        for gate in mine
    ]  # fmt: skip


def _subjects(gate: Row) -> Sequence[str]:
    return [str(one) for one in gate["context_package"].get("experiment_ids", [])]


OF_EXPERIMENT: Mapping[str, Draw] = {
    "effect": _effect,
    "guardrails": _guardrails,
    "split": _split,
    "launch": _launch,
}
OF_OUTCOME: Mapping[str, Draw] = {
    "progress": _progress,
    "portfolio": _portfolio,
    "timeline": _timeline,
    "calibration": _calibration,
}


async def chart_of(tx: Tx, name: str, kind: str | None = None) -> dict[str, Any]:
    """The chart of an outcome (by its id in the file), of `all` running outcomes, or of an experiment (by id or flag), by default its most telling kind.

    Raises NotFound when there is no such thing, or nothing to show of it yet; the message names what there is.
    """
    if name == EVERY and kind in {None, "progress"} and not await _named(tx, name):
        return await _every(tx)
    row, kinds = await _found(tx, name)
    wanted = kind or next(iter(kinds))
    if wanted not in kinds:
        raise NotFound(f"There is no '{wanted}' chart of {name}; there are {', '.join(kinds)}.", kind=wanted)
    return await kinds[wanted](tx, row)


async def _every(tx: Tx) -> dict[str, Any]:
    """All running outcomes in one picture, as Home and the daily digest show it."""
    ids = [row["id"] for row in await tx.all(select(outcomes.c.id))]
    chart = (await standing.of(tx, ids, "UTC")).chart
    if chart is None:
        raise NotFound("No running outcome has a reading yet; its picture comes with the first.")
    return dict(chart)


async def _named(tx: Tx, slug: str) -> Row | None:
    return await tx.first(select(outcomes).where(outcomes.c.slug == slug))


async def _found(tx: Tx, name: str) -> tuple[Row, Mapping[str, Draw]]:
    outcome = await _named(tx, name)
    if outcome is not None:
        return outcome, OF_OUTCOME
    run = await experiments.by_flag(tx, name) or await _by_id(tx, name)
    if run is None:
        raise NotFound(f"There is no outcome or experiment “{name}”; `outcome-runtime status` lists them.", name=name)
    return run, OF_EXPERIMENT


async def _by_id(tx: Tx, name: str) -> Row | None:
    try:
        wanted = UUID(name)
    except ValueError:
        return None
    return await experiments.get(tx, wanted)
