"""How much traffic and how many days a plan takes before anything is launched."""

from math import ceil
from typing import Any, Literal, Self

from pydantic import model_validator

from runtime.analysis.arms import Strict
from runtime.analysis.fields import Positive, Real, Share, refuse
from runtime.statistics.power import information_per_unit, required_information, unit_variance
from runtime.statistics.tuning import registered_tau2

_ROUNDING = 1e-9


class Baseline(Strict):
    """A rate, or a mean with its standard deviation between units."""

    mean: Real | None = None
    sd: Positive | None = None
    rate: Share | None = None


class Plan(Strict):
    """`mde` is the smallest effect worth seeing, in metric units; `allocation` is the share of treatment."""

    test: Literal["plan"]
    baseline: Baseline
    mde: Real
    alpha: Share = 0.05
    power: Share = 0.8
    traffic_per_day: Positive | None = None
    allocation: Share = 0.5
    plan: Literal["hybrid", "anytime", "horizon_only"] = "hybrid"

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, values: Any) -> Any:
        """The baseline may also be written flat, or as the number itself beside `sd`."""
        if not isinstance(values, dict):
            return values
        given = values.get("baseline")
        rest = {key: value for key, value in values.items() if key not in {"mean", "sd", "rate"}}
        flat = {key: values[key] for key in ("mean", "sd", "rate") if key in values}
        if not isinstance(given, dict | None):
            given = {"mean" if "sd" in flat else "rate": given}
        return {**rest, "baseline": {**(given or {}), **flat}}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if (self.baseline.rate is None) == (self.baseline.sd is None):
            raise refuse("choice", "needs either rate, or mean and sd", field="baseline")
        if self.mde == 0.0:
            raise refuse("range", "must not be 0; give the smallest effect worth seeing", field="mde")
        return self

    def answer(self) -> dict[str, Any]:
        sigma2 = self.baseline.sd**2 if self.baseline.sd is not None else None
        variance = unit_variance("conversion", self.baseline.rate, sigma2) or 0.0
        needed = required_information(self.mde, self.plan, self.alpha, self.power)
        units = needed / information_per_unit(variance, self.allocation)
        treatment, control = ceil(units * self.allocation), ceil(units * (1.0 - self.allocation))
        days = ceil(units / self.traffic_per_day - _ROUNDING) if self.traffic_per_day else None
        return {
            "n_per_arm": max(control, treatment),
            "n_control": control,
            "n_treatment": treatment,
            "days": days,
            "tau2": registered_tau2(self.mde),
        }
