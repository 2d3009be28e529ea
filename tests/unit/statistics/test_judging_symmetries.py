"""What must not matter to a judgement: names of arms, units of measurement, the zero of the scale, the order of phases."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.statistics import Look, Memory, Moments, PhaseArms, Plan, judge, make_plan, merge
from runtime.statistics.moments import EMPTY, from_counts, from_summary

MEANS = make_plan(metric_kind="mean", minimum_effect=1.0, sigma2=100.0, units_per_day=400, horizon_days=6)
RATES = make_plan(minimum_effect=0.03, baseline=0.32, units_per_day=1000, horizon_days=6)
KINDS = st.sampled_from(["hybrid", "anytime", "horizon_only"])
Days = list[tuple[Moments, Moments]]


def means(numbers: list[tuple[float, float, float]]) -> Days:
    return [(from_summary(200, 50.0 + c, v), from_summary(200, 50.0 + t, 110.0)) for c, t, v in numbers]


DAYS = st.lists(
    st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(60, 140)), min_size=1, max_size=8
).map(means)  # fmt: skip


def story(plan: Plan, days: Days) -> list[Look]:
    memory, looks = Memory(), []
    control, treatment = EMPTY, EMPTY
    for day, (c, t) in enumerate(days, 1):
        control, treatment = merge(control, c), merge(treatment, t)
        looks.append(judge(plan, memory, [PhaseArms(control, treatment)], float(day), day >= plan.horizon_days))
        memory = looks[-1].memory
    return looks


def of_kind(plan: Plan, kind: str) -> Plan:
    spend = {"hybrid": 0.048, "anytime": 0.0, "horizon_only": 0.05}[kind]
    return replace(plan, kind=kind, alpha_spend=spend, alpha_any=0.05 - spend)


def told(look: Look) -> tuple[object, ...]:
    """Everything a judgement says that has neither unit nor sign."""
    since = look.memory.crossed
    crossed = since and (since.status, since.look, since.day, since.part)
    return (look.status, look.advice, look.detected, look.standing_days, look.interval_kind, look.reasons, crossed)


def strength(look: Look) -> tuple[float, ...]:
    return (look.p_now, look.p_running, look.log_e, look.fraction, look.stability.log_e)


def moved(days: Days, change: Callable[[Moments], Moments]) -> Days:
    return [(change(control), change(treatment)) for control, treatment in days]


@given(DAYS, KINDS, st.floats(-1.0, 1.0))
def test_swapping_the_arms_and_the_direction_tells_the_same_story(days, kind, threshold):
    plan = replace(of_kind(MEANS, kind), success_threshold=threshold)
    one = story(plan, days)
    other = story(replace(plan, direction="decrease"), [(treatment, control) for control, treatment in days])
    for look, mirrored in zip(one, other, strict=True):
        assert told(mirrored) == told(look)
        assert strength(mirrored) == pytest.approx(strength(look), rel=1e-9, abs=1e-12)
        assert mirrored.estimate == -look.estimate
        assert (mirrored.ci_lower, mirrored.ci_upper) == (-look.ci_upper, -look.ci_lower)
        assert mirrored.shrunk_estimate == pytest.approx(-look.shrunk_estimate)
        assert mirrored.stability.trend == look.stability.trend


@given(DAYS, KINDS, st.sampled_from([1e-6, 0.01, 1000.0]), st.floats(-1.0, 1.0))
def test_cents_and_euros_tell_the_same_story(days, kind, unit, threshold):
    plan = replace(of_kind(MEANS, kind), success_threshold=threshold)
    small = replace(
        plan,
        tau2=plan.tau2 * unit**2,
        sigma2=100.0 * unit**2,
        planned_information=plan.planned_information / unit**2,
        minimum_effect=unit,
        success_threshold=threshold * unit,
    )
    rescaled = moved(days, lambda arm: Moments(arm.n, arm.mean * unit, arm.m2 * unit**2))
    for look, same in zip(story(plan, days), story(small, rescaled), strict=True):
        assert told(same) == told(look)
        assert strength(same) == pytest.approx(strength(look), rel=1e-6, abs=1e-6)
        assert (same.ci_lower, same.ci_upper) == pytest.approx(
            (look.ci_lower * unit, look.ci_upper * unit), rel=1e-6, abs=1e-6 * unit
        )
        assert same.lift == pytest.approx(look.lift, rel=1e-6, abs=1e-9)


@given(DAYS, st.floats(-20.0, 1000.0))
def test_adding_the_same_to_every_unit_changes_the_lift_and_nothing_else(days, more):
    raised = moved(days, lambda arm: Moments(arm.n, arm.mean + more, arm.m2))
    for look, same in zip(story(MEANS, days), story(MEANS, raised), strict=True):
        assert told(same) == told(look)
        assert strength(same) == pytest.approx(strength(look), rel=1e-6, abs=1e-6)
        assert (same.estimate, same.ci_lower) == pytest.approx((look.estimate, look.ci_lower), abs=1e-8)
        assert same.mean_control == pytest.approx(look.mean_control + more)


@given(st.permutations([(900, 300, 100, 40, 0.1), (500, 160, 510, 190, 0.5), (200, 60, 800, 260, 0.8)]))
def test_the_order_of_phases_does_not_matter(rows):
    phases = [PhaseArms(from_counts(n_c, c), from_counts(n_t, t), share) for n_c, c, n_t, t, share in rows]
    first, look = (judge(RATES, Memory(), some, 2.0, at_horizon=False) for some in (sorted(phases, key=str), phases))
    assert told(look) == told(first)
    assert strength(look) == pytest.approx(strength(first))
    assert (look.estimate, look.variance) == pytest.approx((first.estimate, first.variance))
    assert (look.n_control, look.n_treatment) == (1600, 1410)


@given(DAYS, KINDS, st.floats(-1.5, 0.5))
def test_what_is_called_is_what_the_interval_excludes(days, kind, threshold):
    plan = replace(of_kind(MEANS, kind), success_threshold=threshold)
    floor, detected = min(0.0, threshold), False
    for look in story(plan, days):
        assert look.ci_lower <= look.ci_upper
        excluded = not look.ci_lower <= floor <= look.ci_upper
        detected = detected or excluded
        assert look.detected == detected
        assert not excluded or look.p_now <= plan.alpha
        if look.ci_upper < floor:
            assert (look.status, look.advice) == ("harm", "kill")
        if look.advice == "ship":
            assert look.detected
            assert look.estimate >= max(threshold, floor)
        if look.ci_lower < look.ci_upper < inf:
            assert (look.ci_lower <= look.estimate <= look.ci_upper) or look.interval_kind == "hybrid"


@given(st.floats(0.0, 2.0), st.floats(0.01, 2.0))
def test_a_larger_effect_is_never_judged_less_clear(effect, more):
    weaker, stronger = (
        judge(MEANS, Memory(), [PhaseArms(from_summary(400, 50.0, 100.0), from_summary(400, 50.0 + gap, 100.0))], 3.0, at_horizon=True)
        for gap in (effect, effect + more)
    )  # fmt: skip
    assert stronger.p_now <= weaker.p_now
    assert stronger.ci_lower > weaker.ci_lower
    order = ["inconclusive", "success"]
    assert order.index(stronger.status) >= order.index(weaker.status)
    assert stronger.shrunk_estimate > weaker.shrunk_estimate
