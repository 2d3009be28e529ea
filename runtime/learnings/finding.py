"""From a concluded experiment to one sentence that the next portfolio can use. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runtime.gates import pictures
from runtime.gates.wording import amount, span

FindingType = Literal[
    "confirmed_hypothesis",
    "refuted_hypothesis",
    "unexpected_effect",
    "segment_insight",
    "constraint_discovered",
    "methodology_learning",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """`confidence` is 1 - p of the always-valid test for what was tested, and 0 where nothing was."""

    text: str
    kind: FindingType
    confidence: float
    tags: tuple[str, ...]
    evidence: dict[str, Any]


def finding_of(experiment: Mapping[str, Any], outcome: Mapping[str, Any]) -> Finding | None:
    """None for an experiment that was never launched: nothing was learned from data."""
    result = experiment["final_result"]
    if not result or experiment["launched_at"] is None:
        return None
    kind = _kind(result)
    return Finding(
        _sentence(experiment, outcome, result, kind),
        kind,
        _confidence(result),
        _tags(experiment, outcome),
        dict(result),
    )


def _kind(result: Mapping[str, Any]) -> FindingType:
    if result.get("violated"):
        return "constraint_discovered"
    match result.get("status"):
        case "success":
            return "confirmed_hypothesis"
        case "harm":
            return "refuted_hypothesis"
        case "invalid":
            return "methodology_learning"
        case _:
            return "refuted_hypothesis" if result.get("horizon_reached") else "methodology_learning"


_VERBS: dict[str, str] = {
    "confirmed_hypothesis": "moved {metric} as predicted",
    "refuted_hypothesis": "did not move {metric} as predicted",
    "constraint_discovered": "was stopped because it violated {violated}",
    "methodology_learning": "gave no usable answer on {metric}",
}


def _sentence(experiment: Mapping[str, Any], outcome: Mapping[str, Any], result: Mapping[str, Any], kind: str) -> str:
    metric = outcome["primary_signal"].get("metric", "the metric").replace("_", " ")
    verb = _VERBS[kind].format(metric=metric, violated=result.get("violated", "a constraint"))
    head = f"{experiment['title']} {verb}"
    return f"{head}{_numbers(result, pictures.unit(outcome['primary_signal']))} It was {result['conclusion']}. Mechanism: {experiment['mechanism']}"


def _numbers(result: Mapping[str, Any], unit: str) -> str:
    """Nothing where nobody was measured: no effect of 0 was seen then."""
    delta, low, high = result.get("delta"), result.get("ci_lower"), result.get("ci_upper")
    if not isinstance(delta, int | float) or not result.get("sample_size"):
        return "."
    known = isinstance(low, int | float) and isinstance(high, int | float)
    bounds = f", interval {span(low, high, unit)}" if known else ""
    return f": {amount(delta, unit, signed=True)}{bounds}, on {result['sample_size']:,} units."


def _confidence(result: Mapping[str, Any]) -> float:
    p = result.get("p_value")
    return round(1.0 - p, 4) if isinstance(p, int | float) and 0.0 <= p <= 1.0 else 0.0


def _tags(experiment: Mapping[str, Any], outcome: Mapping[str, Any]) -> tuple[str, ...]:
    segment = (outcome["primary_signal"].get("segment") or {}).values()
    words = [*(experiment["draft"].get("tags") or []), outcome["slug"], *(str(value) for value in segment)]
    return tuple(dict.fromkeys(words))
