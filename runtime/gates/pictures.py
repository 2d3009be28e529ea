"""What a gate's chart shows, as plain values: the doors draw it, the runtime only says what is true. PURE."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runtime.gates import bounds
from runtime.statistics.plan import Plan
from runtime.statistics.power import power_curve


def unit(signal: Mapping[str, Any]) -> str:
    return str(signal.get("unit") or ("share" if signal.get("method") == "funnel" else ""))


def provenance(
    source: str, *, snapshot_id: str, since: datetime | None, through: datetime | None, simulated: bool = False
) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot_id, "source": source, "simulated": simulated, "timezone": "UTC",
        "data_from": since.isoformat() if since else None, "data_through": through.isoformat() if through else None,
    }  # fmt: skip


def in_zone(chart: Mapping[str, Any] | None, zone: str) -> dict[str, Any] | None:
    """The same chart with its moments in the time zone of whoever it is shown to."""
    return {**chart, "provenance": {**(chart.get("provenance") or {}), "timezone": zone}} if chart else None


def marked(package: Mapping[str, Any], *, simulated: bool) -> dict[str, Any]:
    """The package as it is; of simulated numbers its provenance and its chart say so."""
    if not simulated:
        return dict(package)
    chart = package.get("chart")
    mark = {"provenance": dict(package.get("provenance") or {}) | {"simulated": True}}
    if chart:
        mark["chart"] = dict(chart) | {"provenance": dict(chart["provenance"]) | {"simulated": True}}
    return dict(package) | mark


def portfolio(
    outcome: Mapping[str, Any], proposed: Sequence[Mapping[str, Any]], generated_by: str, origin: Mapping[str, Any]
) -> dict[str, Any]:
    signal, target = outcome["primary_signal"], outcome["target"]
    return {
        "kind": "portfolio", "title": outcome["title"], "outcome": outcome["slug"], "metric": signal["metric"], "unit": unit(signal),
        "direction": target["direction"], "baseline": target["from"], "target": target["to"], "generated_by": generated_by,
        "items": [_item(row) for row in proposed], "provenance": dict(origin),
    }  # fmt: skip


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    prediction = row["prediction"]
    low, high = prediction["delta_range"]
    return {
        "name": row["title"], "low": low, "expected": prediction["expected_delta"], "high": high, "observed": None,
        "confidence": prediction["confidence"], "risk": row["draft"].get("risk_level", "unknown"),
    }  # fmt: skip


def launch(experiment: Mapping[str, Any], outcome: Mapping[str, Any], plan: Plan, mark: str) -> dict[str, Any]:
    """`mark` is the beginning of the digest under which the plan will be registered."""
    signal, curve = outcome["primary_signal"], power_curve(plan)
    return {
        "kind": "launch", "title": experiment["title"], "metric": signal["metric"], "unit": unit(signal), "baseline": plan.baseline or 0.0,
        "minimum_effect": plan.minimum_effect, "days": list(curve.days), "power": list(curve.power), "horizon_days": plan.horizon_days,
        "units_per_day": plan.units_per_day or 0.0, "rollout_percent": experiment["rollout_plan"]["initial_pct"],
        "guardrails": [guardrail(item, outcome) for item in outcome["constraints"] if item.get("signal")], "flag_key": experiment["feature_flag_key"],
        "plan_digest": mark, "provenance": provenance(signal["source"], snapshot_id=mark, since=None, through=None),
    }  # fmt: skip


def guardrail(constraint: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"{constraint['signal']} {bounds.in_words(constraint, outcome)}"


def effect(
    experiment: Mapping[str, Any], outcome: Mapping[str, Any], plan: Plan, looks: Sequence[Mapping[str, Any]], result: Mapping[str, Any],
    *, phases: Sequence[Mapping[str, Any]], horizon: datetime | None, crossed: datetime | None, simulated: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Control against treatment over data time, with the confidence sequence as it stood at each look."""
    signal = outcome["primary_signal"]
    through = looks[-1]["data_through"] if looks else None
    low, high = experiment["prediction"]["delta_range"]
    return {
        "kind": "effect", "title": experiment["title"], "metric": signal["metric"], "unit": unit(signal), "direction": plan.direction,
        "points": [_point(look) for look in looks], "success_threshold": plan.success_threshold or None,
        "predicted": {"low": low, "high": high, "point": experiment["prediction"]["expected_delta"]},
        "horizon": horizon.isoformat() if horizon else None, "crossed_at": crossed.isoformat() if crossed else None,
        "phases": [{"at": phase["started_at"].isoformat(), "label": phase["reason"]} for phase in phases],
        "status": result["status"], "headline": result["headline"], "guardrails": [_strip(item) for item in result["guardrails"]],
        "control_mean": result["mean_control"], "treatment_mean": result["mean_treatment"], "srm_flagged": result["srm_flagged"],
        "confidence": 1.0 - plan.alpha,
        "provenance": provenance(signal["source"], snapshot_id="live", since=experiment["data_from"], through=through, simulated=simulated),
    }  # fmt: skip


def _point(look: Mapping[str, Any]) -> dict[str, Any]:
    result = look["result"]
    return {
        "at": look["data_through"].isoformat(), "estimate": result["delta"], "lower": result["ci_lower"], "upper": result["ci_upper"],
        "n_control": result["n_control"], "n_treatment": result["n_treatment"],
    }  # fmt: skip


def _strip(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item.get(name) for name in ("name", "value", "limit", "side", "state", "unit")}
