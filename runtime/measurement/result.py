"""From a look's numbers to the result a row, a message and an API answer carry. PURE."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runtime.gates.wording import amount, percent, span
from runtime.measurement.guardrails import Watched
from runtime.statistics.look import Look
from runtime.statistics.plan import Plan

_HEADLINES = {
    "success": "Better than control: {effect}",
    "harm": "Worse than control: {effect}",
    "inconclusive": "No difference shown yet: {effect}",
    "invalid": "No valid result: {reason}",
}


def result_of(
    plan: Plan, look: Look, watched: Sequence[Watched], *, unit: str, data_through: datetime, elapsed_days: float
) -> dict[str, Any]:
    """The specification's result fields, the look itself, the guardrails, and one sentence."""
    plain = look.to_json()
    memory = plain.pop("memory")
    return {
        "delta": plain["estimate"], "ci_lower": plain["ci_lower"], "ci_upper": plain["ci_upper"], "p_value": plain["p_running"],
        "sample_size": look.n_control + look.n_treatment, "significant": look.detected, "status": look.status, "advice": look.advice,
        "reasons": list(look.reasons), "headline": _headline(look, unit), "confidence": percent(1.0 - plan.alpha),
        "n_control": look.n_control, "n_treatment": look.n_treatment, "mean_control": plain["mean_control"],
        "mean_treatment": plain["mean_treatment"], "lift": plain["lift"], "lift_lower": plain["lift_lower"], "lift_upper": plain["lift_upper"],
        "srm_flagged": look.srm.flagged, "horizon_reached": look.horizon_reached, "elapsed_days": elapsed_days,
        "shrunk_estimate": plain["shrunk_estimate"], "data_through": data_through.isoformat(),
        "guardrails": [item.to_json() for item in watched], "crossed": memory["crossed"], "look": plain,
    }  # fmt: skip


def _headline(look: Look, unit: str) -> str:
    effect = f"{amount(look.estimate, unit, signed=True)} ({span(look.ci_lower, look.ci_upper, unit)})"
    return _HEADLINES[look.status].format(effect=effect, reason="; ".join(look.reasons))


def violated(watched: Sequence[Watched], state: str) -> str | None:
    """The guardrails in a state, in words; None when there is none."""
    found = [f"{item.name}: {item.look.reason}" for item in watched if item.look.state == state]
    return "; ".join(found) or None


def notable(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether people should hear of a look at once: its status, a guardrail's state or the balance of arms changed."""
    if before is None:
        return True
    return _gist(before) != _gist(after)


def _gist(result: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        result["status"],
        result["srm_flagged"],
        tuple((item["name"], item["state"]) for item in result["guardrails"]),
    )
