"""The asymptotic confidence sequence with GrowthBook's numbers, for those who compare or migrate."""

from math import exp, inf, nan, sqrt
from typing import Any, Literal, Self

from pydantic import model_validator

from runtime.analysis.arms import AnyArm, Stated, Strict, TwoValues, contrast, variance_of_mean
from runtime.analysis.fields import Positive, Share, Units, refuse
from runtime.statistics.asymptotic import critical_one_sided, log_p_one_sided
from runtime.statistics.moments import Moments
from runtime.statistics.ratio import (
    UNKNOWN,
    Effect,
    cuped_difference,
    cuped_lift,
    lift_delta,
    ratio_difference,
    ratio_of_sums,
)
from runtime.statistics.sequential import EVERYTHING, Interval, critical, log_e, p_value, usable
from runtime.statistics.tuning import growthbook_tau2

PLANNED = 5000  # units in both arms together; GrowthBook's default
_HALF = 0.5
_TWO_VALUES = {"ratio", "cuped"}


class AsymptoticCs(Strict):
    test: Literal["asymptotic_cs"]
    control: AnyArm
    treatment: AnyArm
    kind: Literal["mean", "proportion", "ratio", "cuped"] = "mean"
    difference: Literal["absolute", "relative"] = "absolute"
    alpha: Share
    planned_n_total: Units | None = None
    rho: Positive | None = None
    side: Literal["two", "greater", "lesser"] = "two"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, arm in (("control", self.control), ("treatment", self.treatment)):
            self._suits(name, arm)
        if self.rho is not None and self.planned_n_total is not None:
            raise refuse("choice", "says again what planned_n_total says; give one of the two", field="rho")
        if self.side != "two" and self.rho is None and self.alpha >= _HALF:
            raise refuse("range", "must be below 0.5 on one side, or give rho", field="alpha")
        return self

    def _suits(self, name: str, arm: Stated | TwoValues) -> None:
        if isinstance(arm, TwoValues) != (self.kind in _TWO_VALUES):
            needed = "sum_y, sumsq_y, sum_x, sumsq_x, sum_xy" if self.kind in _TWO_VALUES else "the sums of one value"
            raise refuse("arm", f"kind {self.kind} needs n and {needed}", field=name)
        if self.kind == "proportion" and isinstance(arm, Stated) and not arm.binary:
            raise refuse("arm", "kind proportion needs values of 0 and 1 only; use mean", field=name)

    def answer(self) -> dict[str, Any]:
        effect, units = self._effect(), self.control.n + self.treatment.n
        known = usable(effect.variance)
        error = sqrt(effect.variance) if known else inf
        tau2 = self._tau2(units, effect.variance) if known else 1.0
        ends = self._interval(effect, error, tau2) if known else EVERYTHING
        return {
            "estimate": effect.estimate if effect.variance < inf else nan,
            "std_error": sqrt(effect.variance),
            "ci_lower": ends.lower,
            "ci_upper": ends.upper,
            "p_value": self._p(effect, error, tau2) if known else 1.0,
        }

    def _effect(self) -> Effect:
        relative = self.difference == "relative"
        if isinstance(self.control, TwoValues) and isinstance(self.treatment, TwoValues):
            return _of_pairs(self.control, self.treatment, self.kind, relative=relative)
        if isinstance(self.control, Stated) and isinstance(self.treatment, Stated):
            control, treatment = self.control.moments, self.treatment.moments
            return _of_means(control, treatment, binary=self.kind == "proportion", relative=relative)
        return UNKNOWN

    def _tau2(self, units: int, variance: float) -> float:
        if self.rho is not None:
            return self.rho**2 * units * variance
        level = self.alpha if self.side == "two" else 2.0 * self.alpha
        return growthbook_tau2(units, variance, level, self.planned_n_total or PLANNED)

    def _interval(self, effect: Effect, error: float, tau2: float) -> Interval:
        if self.side == "two":
            half = critical(effect.variance, tau2, self.alpha) * error
            return Interval(effect.estimate - half, effect.estimate + half)
        half = critical_one_sided(tau2 / effect.variance, self.alpha) * error
        return (
            Interval(effect.estimate - half, inf) if self.side == "greater" else Interval(-inf, effect.estimate + half)
        )

    def _p(self, effect: Effect, error: float, tau2: float) -> float:
        if self.side == "two":
            return p_value(log_e(effect.estimate, effect.variance, tau2))
        z = effect.estimate / error if self.side == "greater" else -effect.estimate / error
        return exp(log_p_one_sided(z, tau2 / effect.variance))


def _of_pairs(control: TwoValues, treatment: TwoValues, kind: str, *, relative: bool) -> Effect:
    below, above = control.pair, treatment.pair
    if kind == "cuped":
        return cuped_lift(below, above) if relative else cuped_difference(below, above)
    if relative:
        return lift_delta(ratio_of_sums(below), ratio_of_sums(above))
    return ratio_difference(below, above)


def _of_means(control: Moments, treatment: Moments, *, binary: bool, relative: bool) -> Effect:
    effect = contrast(control, treatment, binary=binary)
    if not relative or not usable(effect.variance):
        return effect if not relative else UNKNOWN
    below = Effect(control.mean, variance_of_mean(control, binary))
    found = lift_delta(below, Effect(treatment.mean, variance_of_mean(treatment, binary)))
    return Effect(effect.estimate / abs(control.mean), found.variance) if control.mean else UNKNOWN
