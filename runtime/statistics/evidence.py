"""What one look's data say under the plan, before anybody concludes: interval, e-value and p from the same numbers."""

from dataclasses import dataclass
from math import inf, sqrt

from runtime.statistics import spending
from runtime.statistics.look import IntervalKind, Memory, Official, Part
from runtime.statistics.normal import normal_to_student, student_to_normal
from runtime.statistics.phases import Combined
from runtime.statistics.plan import Plan
from runtime.statistics.ratio import Effect, lift_interval
from runtime.statistics.sequential import EVERYTHING, Interval, around, critical, critical_t, log_e, log_e_t, p_value

# Before that a variance that comes out small by chance inflates the z and the clock together, and spends alpha on it.
FEWEST_DEGREES = 30.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Intervals are treatment - control; `looks` and `official` are what the next look must know.

    `firm` says whether the present data alone, not an interval that stands from before, still exclude the null.
    """

    combined: Combined
    log_e: float
    p: float
    difference: Interval
    lift: Interval
    kind: IntervalKind
    part: Part
    looks: spending.Looks
    official: Official | None
    fraction: float
    firm: bool


def weigh(plan: Plan, memory: Memory, combined: Combined, *, at_horizon: bool) -> Evidence:
    last = at_horizon and memory.horizon is None
    fraction = combined.information / plan.planned_information
    looks = _official_looks(plan, memory, combined, last=last)
    official = _official(plan, combined, looks) if looks != memory.looks else _standing(memory)
    anytime = _anytime_multiplier(plan, combined)
    always = _around(plan, combined, anytime)
    difference, lift = _tightest(always, official)
    strength = _log_e(plan, combined)
    return Evidence(
        combined=combined,
        log_e=strength,
        p=_combined_p(plan, p_value(strength), official.p if official else 1.0),
        difference=difference,
        lift=lift,
        kind=_kind(official, last=last),
        part=_part(always[0], difference, last=last),
        looks=looks,
        official=official,
        fraction=fraction,
        firm=_deviation(plan, combined) >= min(anytime, normal_to_student(looks.critical, combined.degrees)),
    )


def _deviation(plan: Plan, combined: Combined) -> float:
    """Distance from the null in standard errors."""
    return abs(combined.estimate - null_effect(plan)) / sqrt(combined.variance)


def silent(plan: Plan, memory: Memory, combined: Combined) -> Evidence:
    """Numbers to show while there are too few events for any interval to be trusted."""
    return Evidence(
        combined=combined,
        log_e=0.0,
        p=1.0,
        difference=EVERYTHING,
        lift=EVERYTHING,
        kind="none",
        part="anytime",
        looks=memory.looks,
        official=memory.official,
        fraction=combined.information / plan.planned_information,
        firm=False,
    )


def null_effect(plan: Plan) -> float:
    """The effect (treatment - control) that everything is tested against."""
    return plan.sign * plan.floor


def _official_looks(plan: Plan, memory: Memory, combined: Combined, *, last: bool) -> spending.Looks:
    fraction = _clock(plan, combined)
    spend = spending.clock(fraction, last=last)
    waits = (plan.kind == "horizon_only" or combined.degrees < FEWEST_DEGREES) and not last
    done = memory.horizon is not None or plan.alpha_spend <= 0.0
    if waits or done or not spending.due(memory.looks, fraction, spend):
        return memory.looks
    return spending.extend(memory.looks, fraction, spend, plan.alpha_spend, plan.rho)


def _clock(plan: Plan, combined: Combined) -> float:
    """Share of the plan that is reached, by the slower of information and, where a spread was planned, of units.

    Information alone is estimated, and runs ahead while a variance comes out small by chance or values still grow.
    """
    information = combined.information / plan.planned_information
    if plan.sigma2 is None:
        return information
    return min(information, combined.effective_n / (plan.sigma2 * plan.planned_information))


def _official(plan: Plan, combined: Combined, looks: spending.Looks) -> Official:
    z = student_to_normal(_deviation(plan, combined), combined.degrees)
    p = spending.p_value(looks, z, plan.rho)
    rejects = z >= looks.critical
    difference, lift = _around(plan, combined, normal_to_student(looks.critical, combined.degrees))
    return Official(difference, lift, min(p, plan.alpha_spend) if rejects else max(p, plan.alpha_spend * (1.0 + 1e-9)))


def _standing(memory: Memory) -> Official | None:
    """The last official interval stands until the horizon; afterwards the anytime interval is alone."""
    return None if memory.horizon is not None else memory.official


def _log_e(plan: Plan, combined: Combined) -> float:
    null = null_effect(plan)
    if combined.degrees == inf:
        return log_e(combined.estimate, combined.variance, plan.tau2, null)
    return log_e_t(combined.estimate, combined.variance, combined.degrees, _weight(plan, combined), null)


def _anytime_multiplier(plan: Plan, combined: Combined) -> float:
    if combined.degrees == inf:
        return critical(combined.variance, plan.tau2, plan.alpha_any)
    return critical_t(combined.degrees, _weight(plan, combined), plan.alpha_any)


def _weight(plan: Plan, combined: Combined) -> float:
    """tau2 / V: from the planned variance where there is one, so that noise in V cannot re-tune the prior."""
    return combined.effective_n * plan.tau2 / plan.sigma2 if plan.sigma2 else plan.tau2 / combined.variance


def _around(plan: Plan, combined: Combined, multiplier: float) -> tuple[Interval, Interval]:
    control = Effect(combined.mean_control, combined.variance_control)
    treatment = Effect(combined.mean_treatment, combined.variance_treatment)
    return around(combined.estimate, combined.variance, multiplier), lift_interval(
        control, treatment, multiplier, combined.estimate
    )


def _tightest(always: tuple[Interval, Interval], official: Official | None) -> tuple[Interval, Interval]:
    """Both families hold at once, so their intersection does too; if it is empty the anytime interval speaks alone."""
    if official is None:
        return always
    difference, lift = _intersect(always[0], official.difference), _intersect(always[1], official.lift)
    return always if difference is None or lift is None else (difference, lift)


def _intersect(a: Interval, b: Interval) -> Interval | None:
    both = Interval(max(a.lower, b.lower), min(a.upper, b.upper))
    return both if both.lower <= both.upper else None


def _combined_p(plan: Plan, p_any: float, p_spend: float) -> float:
    """At most alpha exactly when one part rejects at its own share of alpha."""
    scaled = [
        p * plan.alpha / share for p, share in ((p_any, plan.alpha_any), (p_spend, plan.alpha_spend)) if share > 0.0
    ]
    return min(1.0, *scaled)


def _kind(official: Official | None, *, last: bool) -> IntervalKind:
    if last and official is not None:
        return "horizon"
    return "anytime" if official is None else "hybrid"


def _part(always: Interval, difference: Interval, *, last: bool) -> Part:
    if difference == always:
        return "anytime"
    return "horizon" if last else "spending"
