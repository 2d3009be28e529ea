"""Questions about the difference of two means: mSPRT, known sigma, unknown variance, lift, and plain merging."""

from fractions import Fraction
from math import inf, log, nan, sqrt
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from runtime.analysis.arms import Arm, Strict, add, contrast, variance_of_mean
from runtime.analysis.fields import Exact, Positive, Real, Share, refuse
from runtime.statistics.moments import difference as apart
from runtime.statistics.moments import from_sums
from runtime.statistics.ratio import Effect, lift_interval
from runtime.statistics.sequential import (
    EVERYTHING,
    around,
    critical,
    critical_t,
    interval,
    log_e,
    log_e_t,
    p_value,
    usable,
)

Answer = dict[str, Any]
BERNOULLI = "p(1-p)/n"


def tested(effect: Effect, tau2: float, alpha: float, theta0: float) -> Answer:
    """The kernel's answer; without a positive finite variance there is no evidence and no bound."""
    strength = log_e(effect.estimate, effect.variance, tau2, theta0)
    lower, upper = interval(effect.estimate, effect.variance, tau2, alpha)
    return {
        "estimate": effect.estimate,
        "variance_of_estimate": effect.variance,
        "log_lr": strength,
        "p_value": p_value(strength),
        "ci_lower": lower,
        "ci_upper": upper,
        "reject": strength >= -log(alpha),
    }


class Difference(Strict):
    test: Literal["difference"]
    control: Arm
    treatment: Arm
    alpha: Share
    tau2: Positive
    theta0: Real = 0.0
    variance: Literal["unbiased", "p(1-p)/n"] = "unbiased"

    @model_validator(mode="after")
    def _zero_or_one(self) -> Self:
        for name, arm in (("control", self.control), ("treatment", self.treatment)):
            if self.variance == BERNOULLI and not arm.binary:
                raise refuse("variance", f"{BERNOULLI} needs values of 0 and 1 only; use unbiased", field=name)
        return self

    def answer(self) -> Answer:
        binary = self.variance == BERNOULLI
        effect = contrast(self.control.moments, self.treatment.moments, binary=binary)
        return tested(effect, self.tau2, self.alpha, self.theta0)


class Merge(Strict):
    test: Literal["merge"]
    shards: list[Arm]

    def answer(self) -> Answer:
        whole = from_sums(*add(self.shards))
        return {"n": whole.n, "mean": whole.mean if whole.n else nan, "variance_unbiased": whole.variance}


class KnownSigma(Strict):
    """One value in an arm is enough here, because its variance is not estimated."""

    test: Literal["known_sigma"]
    control_values: list[Exact]
    treatment_values: list[Exact]
    sigma: Positive
    alpha: Share
    tau2: Positive
    theta0: Real = 0.0

    def answer(self) -> Answer:
        below, above = len(self.control_values), len(self.treatment_values)
        if not below or not above:
            return tested(Effect(nan, inf), self.tau2, self.alpha, self.theta0)
        gap = sum(self.treatment_values, Fraction(0)) / above - sum(self.control_values, Fraction(0)) / below
        variance = self.sigma**2 * (1.0 / below + 1.0 / above)
        return tested(Effect(float(gap), variance), self.tau2, self.alpha, self.theta0)


class TMixture(Strict):
    test: Literal["t_mixture"]
    control: Arm
    treatment: Arm
    alpha: Share
    rho2: Positive

    def answer(self) -> Answer:
        control, treatment = self.control.moments, self.treatment.moments
        degrees = max(control.n + treatment.n - 2, 0)
        effect = contrast(control, treatment)
        variance, weight = effect.variance, 0.0
        if usable(variance):
            units = control.n * (treatment.n / (control.n + treatment.n))
            variance, weight = (control.m2 + treatment.m2) / degrees / units, units * self.rho2
        strength = log_e_t(effect.estimate, variance, degrees, weight)
        reach = critical_t(degrees, weight, self.alpha)
        lower, upper = around(effect.estimate, variance, reach)
        return {
            "t": effect.estimate / sqrt(variance) if usable(variance) else nan,
            "nu": degrees,
            "log_lr": strength,
            "p_value": p_value(strength),
            "critical_t": reach,
            "ci_lower": lower,
            "ci_upper": upper,
        }


class Lift(Strict):
    test: Literal["lift"]
    control: Arm
    treatment: Arm
    alpha: Share
    tau2_over_V: Positive = Field(default=8.0)  # noqa: N815  the ratio's name in the literature

    def answer(self) -> Answer:
        control, treatment = self.control.moments, self.treatment.moments
        reach = critical(1.0, self.tau2_over_V, self.alpha)
        below, above = (Effect(arm.mean, variance_of_mean(arm, binary=False)) for arm in (control, treatment))
        known = usable(below.variance + above.variance)
        ends = lift_interval(below, above, reach) if known else EVERYTHING
        based = bool(control.mean) and bool(treatment.n)
        return {
            "ratio": treatment.mean / control.mean if based else nan,
            "lift": apart(treatment, control) / abs(control.mean) if based else nan,
            "lift_lower": ends.lower,
            "lift_upper": ends.upper,
            "bounded": ends != EVERYTHING,
        }
