"""Questions with one number at their centre: one-sided bounds, rate limits, sample ratios, tuning, and the verdict."""

from math import inf, log
from typing import Annotated, Any, Literal, Self

from annotated_types import Len
from pydantic import BeforeValidator, model_validator

from runtime.analysis.arms import Strict
from runtime.analysis.fields import Bound, Count, NotNegative, Positive, Real, Share, refuse, whole
from runtime.statistics.balance import CONCENTRATION, log_bayes_factor
from runtime.statistics.rates import log_e_rate_above
from runtime.statistics.sequential import (
    critical,
    critical_above,
    log_e_above,
    log_e_below,
    lower_bound,
    p_value,
    upper_bound,
)
from runtime.statistics.tuning import best_ratio

Answer = dict[str, Any]
_HALF = 0.5
_SUM = 1e-6


class OneSided(Strict):
    test: Literal["one_sided"]
    estimate: Real
    variance_of_estimate: NotNegative
    theta0: Real = 0.0
    tau2: Positive
    alpha: Share
    side: Literal["greater", "lesser"]

    def answer(self) -> Answer:
        above = self.side == "greater"
        strength = (log_e_above if above else log_e_below)(
            self.estimate, self.variance_of_estimate, self.tau2, self.theta0
        )
        known = (self.estimate, self.variance_of_estimate, self.tau2, self.alpha)
        return {
            "log_e": strength,
            "p_value": p_value(strength),
            "lower_bound": lower_bound(*known) if above else -inf,
            "upper_bound": inf if above else upper_bound(*known),
        }


class RateLimit(Strict):
    test: Literal["rate_limit"]
    n: Count
    events: Count
    max_rate: Share
    a: Positive = 0.5
    b: Positive = 0.5

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.events > self.n:
            raise refuse("sums", f"is more than n ({self.n}); a unit counts once", field="events")
        return self

    def answer(self) -> Answer:
        strength = log_e_rate_above(self.events, self.n, self.max_rate, (self.a, self.b))
        return {"log_e": strength, "p_value": p_value(strength)}


class Srm(Strict):
    test: Literal["srm"]
    counts: Annotated[list[Count], Len(2)]
    expected_share: Annotated[list[Share], Len(2)]
    concentration_k: Positive = CONCENTRATION
    alpha: Share

    @model_validator(mode="after")
    def _matching(self) -> Self:
        if len(self.counts) != len(self.expected_share):
            reason = f"has {len(self.expected_share)} shares for {len(self.counts)} counts; give one for each arm"
            raise refuse("length", reason, field="expected_share")
        if abs(sum(self.expected_share) - 1.0) > _SUM:
            raise refuse("sum", "must sum to 1; give the planned share of each arm", field="expected_share")
        return self

    def answer(self) -> Answer:
        strength = log_bayes_factor(self.counts, self.expected_share, self.concentration_k)
        return {"log_bf": strength, "p_value": p_value(strength), "srm": strength >= -log(self.alpha)}


class Tuning(Strict):
    test: Literal["tuning"]
    alpha: Share
    sides: Annotated[Literal[1, 2], BeforeValidator(whole)] = 2

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if self.sides == 1 and self.alpha >= _HALF:
            raise refuse("range", "must be below 0.5 on one side", field="alpha")
        return self

    def answer(self) -> Answer:
        if self.sides == 1:
            ratio = best_ratio(2.0 * self.alpha)
            return _tuned(ratio, critical_above(1.0, ratio, self.alpha))
        ratio = best_ratio(self.alpha)
        return _tuned(ratio, critical(1.0, ratio, self.alpha))


def _tuned(ratio: float, reach: float) -> Answer:
    return {"tau2_over_V_planned": ratio, "ci_halfwidth_over_se_at_plan": reach}


class Verdict(Strict):
    """`success_threshold_abs` is a size of improvement in metric units; a decrease may be written with its sign."""

    test: Literal["verdict"]
    direction: Literal["increase", "decrease"]
    ci_lower: Bound
    ci_upper: Bound
    success_threshold_abs: Real = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ci_lower > self.ci_upper:
            raise refuse("order", "is below ci_lower; swap the two", field="ci_upper")
        if self.direction == "increase" and self.success_threshold_abs < 0.0:
            reason = "must be 0 or more: it is the size of the improvement that counts as success"
            raise refuse("range", reason, field="success_threshold_abs")
        return self

    def answer(self) -> Answer:
        up = self.direction == "increase"
        worst, best = (self.ci_lower, self.ci_upper) if up else (-self.ci_upper, -self.ci_lower)
        return {"verdict": _word(worst, best, abs(self.success_threshold_abs))}


def _word(worst: float, best: float, threshold: float) -> str:
    """The interval read as improvement; an effect on one of its ends is not excluded."""
    if best < 0.0:
        return "harm"
    if worst <= 0.0:
        return "inconclusive"
    if worst > threshold:
        return "success"
    return "significant_below_threshold" if best < threshold else "significant_threshold_undecided"
