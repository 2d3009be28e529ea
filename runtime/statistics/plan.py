"""The registered plan of one experiment: everything the verdict depends on, frozen and hashed before the first unit."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from runtime.errors import OutcomeRuntimeError
from runtime.statistics.phases import MetricKind
from runtime.statistics.plain import number, plain

PlanKind = Literal["hybrid", "anytime", "horizon_only"]
Direction = Literal["increase", "decrease"]


RHO = 2.2  # alpha_spend t^rho is spent by information fraction t; chosen in docs/adr/0028-spending.md
KEPT_FOR_EVER = 0.04  # of alpha, for the anytime part
_WORDS = {"kind", "metric_kind", "direction"}


class InvalidPlan(OutcomeRuntimeError):
    """The measurement plan does not hold together; mend the value named here before launch."""

    code = "INVALID_PLAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Effects are treatment - control in metric units, but `success_threshold` and `minimum_effect` count *improvement*.

    `planned_information` is 1 / variance of the estimate expected at the horizon. Days are days of data time.
    """

    kind: PlanKind = "hybrid"
    metric_kind: MetricKind = "conversion"
    direction: Direction = "increase"
    alpha_spend: float = 0.048
    alpha_any: float = 0.002
    rho: float = RHO
    tau2: float
    sigma2: float | None = None
    planned_information: float
    horizon_days: float
    hold_days: float = 3.0
    minimum_days: float = 7.0
    success_threshold: float = 0.0
    minimum_effect: float
    allocation: float = 0.5
    srm_alpha: float = 0.01
    baseline: float | None = None
    units_per_day: float | None = None

    def __post_init__(self) -> None:
        for problem, broken in _rules(self).items():
            if broken:
                raise InvalidPlan(problem, plan=plain(self))

    @property
    def alpha(self) -> float:
        """The error everything together may make, under any peeking."""
        return self.alpha_spend + self.alpha_any

    @property
    def sign(self) -> float:
        return 1.0 if self.direction == "increase" else -1.0

    @property
    def floor(self) -> float:
        """The improvement that must be excluded to call anything: 0, or the margin of a non-inferiority plan."""
        return min(0.0, self.success_threshold)

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        return {name: float(value) if isinstance(value, int) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        known: dict[str, Any] = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        for name in known.keys() - _WORDS:
            known[name] = None if known[name] is None else number(known[name])
        return cls(**known)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: sorted keys, no spaces, floats at shortest round-trip."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _rules(plan: Plan) -> dict[str, bool]:
    return {
        "kind must be hybrid, anytime or horizon_only": plan.kind not in ("hybrid", "anytime", "horizon_only"),
        "metric_kind must be conversion or mean": plan.metric_kind not in ("conversion", "mean"),
        "direction must be increase or decrease": plan.direction not in ("increase", "decrease"),
        "alpha_spend and alpha_any must be 0 or more and sum to between 0 and 1": not (
            plan.alpha_spend >= 0.0 and plan.alpha_any >= 0.0 and 0.0 < plan.alpha < 1.0
        ),
        "rho must be positive": not plan.rho > 0.0,
        "minimum_effect must be a positive improvement": not 0.0 < plan.minimum_effect < float("inf"),
        "tau2 must be positive and finite": not 0.0 < plan.tau2 < float("inf"),
        "planned_information must be positive and finite": not 0.0 < plan.planned_information < float("inf"),
        "horizon_days must be positive and finite": not 0.0 < plan.horizon_days < float("inf"),
        "allocation must be a share between 0 and 1": not 0.0 < plan.allocation < 1.0,
    }


def shares_of_alpha(kind: PlanKind, alpha: float) -> tuple[float, float]:
    """(alpha_spend, alpha_any): nearly all spent up to the horizon, a little kept for ever, unless the kind says all."""
    if kind == "anytime":
        return 0.0, alpha
    if kind == "horizon_only":
        return alpha, 0.0
    return round((1.0 - KEPT_FOR_EVER) * alpha, 12), round(KEPT_FOR_EVER * alpha, 12)
