"""Judging one look: evidence in, status and advice out; what must be remembered travels in the Look."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, nan

from runtime.statistics.balance import Srm, check_phases
from runtime.statistics.evidence import Evidence, silent, weigh
from runtime.statistics.look import Advice, Call, Crossing, Horizon, Look, Memory, Stability, Status
from runtime.statistics.moments import Moments, difference, merge
from runtime.statistics.phases import Combined, PhaseArms, combine, units
from runtime.statistics.plan import Plan
from runtime.statistics.ratio import lift
from runtime.statistics.sequential import EVERYTHING
from runtime.statistics.stability import hold, mark, must_persist, remember, remember_split, stability

FEWEST_CONVERSIONS = 5
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Case:
    """Everything one judgement is made from."""

    plan: Plan
    memory: Memory
    phases: Sequence[PhaseArms]
    srm: Srm
    day: float
    at_horizon: bool


def judge(
    plan: Plan,
    memory: Memory,
    phases: Sequence[PhaseArms],
    elapsed_days: float,
    at_horizon: bool,  # noqa: FBT001 - every caller names it, and a Look is nothing without it
) -> Look:
    """One look at everything up to `elapsed_days` of data time; `at_horizon` from the look that has reached it on.

    Degenerate data never raise: the Look is `invalid`, p is 1 and the interval is everything.
    """
    case = Case(plan, memory, phases, check_phases(phases, plan.srm_alpha), elapsed_days, at_horizon)
    combined = combine(phases, plan.metric_kind)
    if combined is None:
        return _invalid(case, _why_nothing(case))
    if case.srm.flagged:
        return _invalid(case, _why_unbalanced(case.srm), combined)
    if _too_few_conversions(case):
        return _conclude(
            case,
            silent(plan, memory, combined),
            f"too few events: {FEWEST_CONVERSIONS} of each kind are needed in each arm",
        )
    return _conclude(case, weigh(plan, memory, combined, at_horizon=at_horizon))


def _conclude(case: Case, evidence: Evidence, *reasons: str) -> Look:
    plan, combined = case.plan, evidence.combined
    memory = _remembered(case, evidence)
    status = _status(case, memory, combined)
    n_control, n_treatment = units(case.phases)
    since = memory.standing_since
    standing = 0.0 if since is None else case.day - since
    wait = _hold(case, combined)
    advice = _advice(case, status, held=since is not None and (case.at_horizon or _over(wait, standing, case.day)))
    return Look(
        status=status,
        reasons=(*reasons, *_reasons(case, evidence, memory, status, advice, wait)),
        estimate=combined.estimate,
        variance=combined.variance,
        ci_lower=evidence.difference.lower,
        ci_upper=evidence.difference.upper,
        interval_kind=evidence.kind,
        lift=lift(combined.mean_control, combined.mean_treatment),
        lift_lower=evidence.lift.lower,
        lift_upper=evidence.lift.upper,
        log_e=evidence.log_e,
        p_now=evidence.p,
        p_running=memory.p_running,
        n_control=n_control,
        n_treatment=n_treatment,
        mean_control=combined.mean_control,
        mean_treatment=combined.mean_treatment,
        srm=case.srm,
        detected=memory.crossed is not None,
        standing_days=standing,
        advice=advice,
        horizon_reached=case.at_horizon,
        shrunk_estimate=combined.estimate / (1.0 + combined.variance / plan.tau2),
        stability=stability(plan, memory.marks, memory.split, mark(combined, case.day)),
        fraction=evidence.fraction,
        memory=memory,
    )


def _remembered(case: Case, evidence: Evidence) -> Memory:
    plan, memory = case.plan, case.memory
    now = mark(evidence.combined, case.day)
    called = _called(plan, evidence)
    return Memory(
        looks_taken=memory.looks_taken + 1,
        p_running=min(memory.p_running, evidence.p),
        crossed=_crossed(case, evidence, called),
        looks=evidence.looks,
        official=evidence.official or memory.official,
        standing_since=_standing_since(case, evidence, called),
        marks=remember(memory.marks, plan, now),
        split=remember_split(memory.split, plan, now),
        horizon=memory.horizon or (_at_horizon(case, evidence, called) if case.at_horizon else None),
    )


def _called(plan: Plan, evidence: Evidence) -> Call:
    """What the present interval excludes, read in the direction of improvement."""
    ends = (plan.sign * evidence.difference.lower, plan.sign * evidence.difference.upper)
    if min(ends) > plan.floor:
        return "success"
    return "harm" if max(ends) < plan.floor else "inconclusive"


def _crossed(case: Case, evidence: Evidence, called: Call) -> Crossing | None:
    """The first rejection latches; only the opposite rejection replaces it."""
    before = case.memory.crossed
    if called == "inconclusive" or (before is not None and before.status == called):
        return before
    return Crossing(called, case.memory.looks_taken + 1, case.day, evidence.part)


def _standing_since(case: Case, evidence: Evidence, called: Call) -> float | None:
    before = case.memory.standing_since
    if not _stands(case, evidence, called):
        return None
    return case.day if before is None else before


def _stands(case: Case, evidence: Evidence, called: Call) -> bool:
    """The present data, not an older interval, support shipping; past the horizon its frozen result counts as well."""
    if not evidence.firm or not _reaches(case.plan, evidence.combined):
        return False
    frozen = case.memory.horizon is not None and case.memory.horizon.status == "success"
    return called == "success" or frozen


def _reaches(plan: Plan, combined: Combined) -> bool:
    return plan.sign * combined.estimate >= max(plan.success_threshold, plan.floor)


def _at_horizon(case: Case, evidence: Evidence, called: Call) -> Horizon:
    return Horizon(case.day, called, evidence.difference.lower, evidence.difference.upper)


def _status(case: Case, memory: Memory, combined: Combined) -> Status:
    if memory.crossed is None:
        return "inconclusive"
    if memory.crossed.status == "harm":
        return "harm"
    return "success" if _reaches(case.plan, combined) else "inconclusive"


def _advice(case: Case, status: Status, *, held: bool) -> Advice:
    """Harm never waits; shipping waits until the evidence has stood for the hold, or for the horizon."""
    if status == "harm":
        return "kill"
    if status == "success" and held:
        return "ship"
    return "iterate" if case.at_horizon else "continue"


def _hold(case: Case, combined: Combined) -> tuple[float, float]:
    """Days to stand and first day of advice: shorter the more of the effect the rest of the experiment could lose."""
    plan = case.plan
    distance = plan.sign * combined.estimate - plan.floor
    fraction = combined.information / plan.planned_information
    return hold(plan, must_persist(plan, distance, fraction, case.day))


def _days(number: float) -> str:
    return f"{number:.2g} day{'' if number == 1.0 else 's'}"


def _over(wait: tuple[float, float], standing: float, day: float) -> bool:
    return standing >= wait[0] - _SAME and day >= wait[1] - _SAME


def _reasons(
    case: Case, evidence: Evidence, memory: Memory, status: Status, advice: Advice, wait: tuple[float, float]
) -> tuple[str, ...]:
    plan = case.plan
    found = memory.crossed is not None and memory.crossed.status == "success"
    best = max(plan.sign * evidence.difference.lower, plan.sign * evidence.difference.upper)
    worst = min(plan.sign * evidence.difference.lower, plan.sign * evidence.difference.upper)
    standing = case.day - (memory.standing_since if memory.standing_since is not None else case.day)
    said = {
        f"an effect of zero is excluded, and has been for {_days(standing)}": advice == "ship" and standing > 0.0,
        "an effect of zero is excluded at the horizon": advice == "ship" and standing <= 0.0,
        "the effect is in the harmful direction": status == "harm",
        "an effect was detected, but the estimate is short of the success threshold": found
        and status == "inconclusive",
        "the estimate reaches the success threshold; the interval does not exclude less": status == "success"
        and worst <= plan.success_threshold
        and plan.success_threshold > 0.0,
        "the effect was detected earlier, but the present evidence no longer excludes no effect": status == "success"
        and memory.standing_since is None,
        f"waiting until the evidence has stood for {_days(wait[0])} and day {wait[1]:.2g}": status == "success"
        and advice == "continue"
        and memory.standing_since is not None,
        "even the best value inside the interval misses the target": best < max(plan.success_threshold, plan.floor)
        and status != "harm",
        "the baseline is not distinguishable from zero, so the lift has no interval": evidence.lift == EVERYTHING
        and evidence.difference != EVERYTHING,
        "the horizon is reached without a call": case.at_horizon and status == "inconclusive",
    }
    return tuple(reason for reason, holds in said.items() if holds)


def _too_few_conversions(case: Case) -> bool:
    if case.plan.metric_kind != "conversion":
        return False
    return any(
        min(successes, arm.n - successes) < FEWEST_CONVERSIONS
        for arm in _arms(case.phases)
        for successes in (round(arm.total),)
    )


def _arms(phases: Sequence[PhaseArms]) -> tuple[Moments, Moments]:
    return merge(*(phase.control for phase in phases)), merge(*(phase.treatment for phase in phases))


def _why_nothing(case: Case) -> str:
    control, treatment = units(case.phases)
    if not any(phase.control.n > 1 and phase.treatment.n > 1 for phase in case.phases):
        return f"insufficient: at least two units are needed in each arm, there are {control} in control and {treatment} in treatment"
    return "degenerate: the values do not vary, so there is nothing to compare"


def _why_unbalanced(srm: Srm) -> str:
    return (
        f"srm: treatment got {srm.observed_share:.2%} of units instead of {srm.planned_share:.2%}; "
        "mend the assignment and start again"
    )


def _invalid(case: Case, reason: str, combined: Combined | None = None) -> Look:
    """Shows what was counted and concludes nothing; the horizon look is not used up."""
    memory = replace(case.memory, looks_taken=case.memory.looks_taken + 1, standing_since=None)
    control, treatment = _arms(case.phases)
    broken = combined is not None
    return Look(
        status="invalid",
        reasons=(reason,),
        estimate=combined.estimate if combined else _plain_difference(control, treatment),
        variance=combined.variance if combined else inf,
        ci_lower=-inf,
        ci_upper=inf,
        interval_kind="none",
        lift=lift(control.mean, treatment.mean) if control.n and treatment.n else nan,
        lift_lower=-inf,
        lift_upper=inf,
        log_e=0.0,
        p_now=1.0,
        p_running=memory.p_running,
        n_control=control.n,
        n_treatment=treatment.n,
        mean_control=control.mean,
        mean_treatment=treatment.mean,
        srm=case.srm,
        detected=memory.crossed is not None,
        standing_days=0.0,
        advice="iterate" if case.at_horizon or broken else "continue",
        horizon_reached=case.at_horizon,
        shrunk_estimate=0.0,
        stability=Stability(),
        fraction=combined.information / case.plan.planned_information if combined else 0.0,
        memory=memory,
    )


def _plain_difference(control: Moments, treatment: Moments) -> float:
    return difference(treatment, control) if control.n and treatment.n else 0.0
