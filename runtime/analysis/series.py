"""Questions about many looks at one experiment: the anytime sequence, spending boundaries and the hybrid plan."""

from dataclasses import dataclass, field
from math import inf, log, nan, sqrt
from typing import Annotated, Any, Literal, Self

from annotated_types import Len
from pydantic import model_validator

from runtime.analysis.arms import NOTHING, Arm, Strict, add, contrast
from runtime.analysis.fields import Part, Positive, Real, Share, refuse
from runtime.statistics.moments import Moments, from_sums
from runtime.statistics.ratio import Effect
from runtime.statistics.sequential import EVERYTHING, Interval, around, critical, interval, log_e, p_value, usable
from runtime.statistics.spending import Looks, boundaries, due, extend

Answer = dict[str, Any]
MOST_LOOKS = 1000
_CLOSEST = 1e-4  # between planned fractions; nearer ones would need a finer grid than is used
Fractions = Annotated[list[Positive], Len(1, MOST_LOOKS)]


class Bucket(Strict):
    control: Arm
    treatment: Arm


class Sequence(Strict):
    test: Literal["sequence"]
    buckets: list[Bucket]
    alpha: Share
    tau2: Positive
    theta0: Real = 0.0

    def answer(self) -> Answer:
        below = above = NOTHING
        running, ends, first = 1.0, EVERYTHING, None
        per_look: list[Answer] = []
        for index, bucket in enumerate(self.buckets):
            below, above = add((bucket.control,), below), add((bucket.treatment,), above)
            effect = contrast(from_sums(*below), from_sums(*above))
            strength = log_e(effect.estimate, effect.variance, self.tau2, self.theta0)
            now = interval(effect.estimate, effect.variance, self.tau2, self.alpha)
            running = min(running, p_value(strength))
            ends = Interval(max(ends.lower, now.lower), min(ends.upper, now.upper))
            if first is None and strength >= -log(self.alpha):
                first = index
            per_look.append(_look(strength, running, now, ends))
        totals = {"control": _total(from_sums(*below)), "treatment": _total(from_sums(*above))}
        return {"per_look": per_look, "first_crossing_index": first, "final_totals": totals}


def _look(strength: float, running: float, now: Interval, ends: Interval) -> Answer:
    return {
        "log_lr": strength,
        "p_now": p_value(strength),
        "p_always_valid": running,
        "ci_now": now,
        "ci_running": ends,
        "running_empty": ends.lower > ends.upper,
    }


def _total(arm: Moments) -> Answer:
    return {"n": arm.n, "mean": arm.mean, "m2": arm.m2}


class Boundaries(Strict):
    test: Literal["boundaries"]
    fractions: Fractions
    alpha: Share
    rho: Positive

    @model_validator(mode="after")
    def _rising(self) -> Self:
        before = 0.0
        for index, now in enumerate(self.fractions):
            if now > 1.0 or now - before < (_CLOSEST if before else 0.0):
                reason = f"must rise by {_CLOSEST} or more up to 1; {now:g} follows {before:g}"
                raise refuse("order", reason, field=f"fractions.{index}")
            before = now
        return self

    def answer(self) -> Answer:
        looks = boundaries(self.fractions, self.alpha, self.rho)
        return {"z": [edge / sqrt(time) for edge, time in zip(looks.boundary, looks.information, strict=True)]}


class Cumulative(Strict):
    """All data up to a look, and the share of the planned information they are."""

    control: Arm
    treatment: Arm
    fraction: Positive


class Hybrid(Strict):
    test: Literal["hybrid"]
    looks: Annotated[list[Cumulative], Len(0, MOST_LOOKS)]
    alpha_spend: Part
    alpha_any: Part
    rho: Positive
    tau2: Positive
    direction: Literal["increase", "decrease"] = "increase"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not 0.0 < self.alpha_spend + self.alpha_any < 1.0:
            raise refuse("sum", "and alpha_any must sum to between 0 and 1", field="alpha_spend")
        for index in range(1, len(self.looks)):
            if self.looks[index].fraction < self.looks[index - 1].fraction:
                reason = "is smaller than the look before; arms are cumulative, so give the looks in order"
                raise refuse("order", reason, field=f"looks.{index}.fraction")
        return self

    def answer(self) -> Answer:
        course, per_look = _Course(), []
        for index, look in enumerate(self.looks):
            effect = contrast(look.control.moments, look.treatment.moments)
            per_look.append(self._at(course, index, effect, look.fraction))
        return {"per_look": per_look, "stop_index": course.stop_index, "stopped_by": course.stopped_by}

    def _at(self, course: "_Course", index: int, effect: Effect, fraction: float) -> Answer:
        known = usable(effect.variance)
        z = effect.estimate / sqrt(effect.variance) if known else nan
        edge = course.edge(self, fraction) if known else inf
        always = critical(effect.variance, self.tau2, self.alpha_any)
        if edge < inf:
            course.official = around(effect.estimate, effect.variance, edge)
        course.note(index, any_rejects=known and abs(z) >= always, spending_rejects=known and abs(z) >= edge)
        ends = _within(around(effect.estimate, effect.variance, always), course.official)
        return {
            "estimate": effect.estimate,
            "z": z,
            "boundary_z": edge,
            "ci_lower": ends.lower,
            "ci_upper": ends.upper,
            "verdict": self._word(ends),
        }

    def _word(self, ends: Interval) -> str:
        if ends.lower <= 0.0 <= ends.upper:
            return "inconclusive"
        return "success" if (ends.lower > 0.0) == (self.direction == "increase") else "harm"


@dataclass(slots=True)
class _Course:
    """What one look hands to the next: boundaries used, the interval that stands, and where it stopped."""

    looks: Looks = field(default_factory=Looks)
    official: Interval = EVERYTHING
    stop_index: int | None = None
    stopped_by: Literal["anytime", "spending"] | None = None

    def edge(self, plan: Hybrid, fraction: float) -> float:
        """|z| from which this look rejects; infinite unless it is an official one."""
        if self.looks.closed:
            self.official = EVERYTHING
        spend = min(1.0, fraction)
        if plan.alpha_spend <= 0.0 or not due(self.looks, fraction, spend):
            return inf
        self.looks = extend(self.looks, fraction, spend, plan.alpha_spend, plan.rho)
        return self.looks.critical

    def note(self, index: int, *, any_rejects: bool, spending_rejects: bool) -> None:
        if self.stop_index is None and (any_rejects or spending_rejects):
            self.stop_index, self.stopped_by = index, "anytime" if any_rejects else "spending"


def _within(always: Interval, official: Interval) -> Interval:
    both = Interval(max(always.lower, official.lower), min(always.upper, official.upper))
    return both if both.lower <= both.upper else always
