"""What one look's data say: the clock alpha is spent by, which interval speaks, and p at the very edge of a rejection."""

from dataclasses import replace
from math import exp, inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.statistics import Memory, Plan, make_plan
from runtime.statistics.evidence import Evidence, silent, weigh
from runtime.statistics.look import Horizon, Official
from runtime.statistics.normal import normal_to_student
from runtime.statistics.phases import Combined
from runtime.statistics.sequential import EVERYTHING, Interval, critical, log_e, log_e_t
from runtime.statistics.spending import Looks, boundaries

PLAN = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14)
MEANS = make_plan(metric_kind="mean", minimum_effect=2.0, sigma2=100.0, units_per_day=400, horizon_days=14)


def found(estimate: float, variance: float, *, degrees: float = inf, effective_n: float = 1e9) -> Combined:
    half = variance / 2.0
    return Combined(estimate, variance, degrees, effective_n, 10.0, 10.0 + estimate, half, half)


def at(plan: Plan, share: float, deviation: float, **more: float) -> Combined:
    """At a share of the planned information, `deviation` standard errors from no effect."""
    variance = 1.0 / (share * plan.planned_information)
    return found(deviation * sqrt(variance), variance, **more)


def weighed(plan: Plan, combined: Combined, memory: Memory | None = None, *, at_horizon: bool = False) -> Evidence:
    return weigh(plan, memory or Memory(), combined, at_horizon=at_horizon)


def remembering(plan: Plan, combined: Combined) -> Memory:
    evidence = weighed(plan, combined)
    return Memory(looks_taken=1, looks=evidence.looks, official=evidence.official)


@given(st.floats(0.02, 0.85), st.floats(0.02, 0.85))
def test_alpha_is_spent_by_the_slower_of_information_and_units(information, arrived):
    units = arrived * MEANS.sigma2 * MEANS.planned_information
    evidence = weighed(MEANS, at(MEANS, information, 0.5, degrees=200.0, effective_n=units))
    assert evidence.looks.information == (pytest.approx(min(information, arrived)),)
    assert evidence.looks.spent == evidence.looks.information
    assert evidence.fraction == pytest.approx(information)


def test_without_a_planned_spread_information_alone_is_the_clock():
    evidence = weighed(replace(MEANS, sigma2=None), at(MEANS, 0.4, 0.5, degrees=200.0, effective_n=1.0))
    assert evidence.looks.information == (pytest.approx(0.4),)


@pytest.mark.parametrize(("degrees", "looks"), [(29.9, 0), (30.0, 1), (45.0, 1), (inf, 1)])
def test_alpha_is_spent_from_thirty_degrees_of_freedom_on(degrees, looks):
    assert len(weighed(MEANS, at(MEANS, 0.4, 0.5, degrees=degrees)).looks.boundary) == looks


@pytest.mark.parametrize("degrees", [31.0, 400.0, inf])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.55, 0.8])
@pytest.mark.parametrize("earlier", [(), (0.05,), (0.02, 0.07)])
def test_p_reaches_alpha_at_the_official_boundary_and_not_a_hair_before(share, earlier, degrees):
    """P is read from a ladder of levels, right to a thousandth: on the edge the boundary itself has the last word."""
    memory = Memory(looks=boundaries(earlier, MEANS.alpha_spend, MEANS.rho))
    looks = weighed(MEANS, at(MEANS, share, 0.1, degrees=degrees), memory).looks
    edge = normal_to_student(looks.critical, degrees)
    inside, beyond = (weighed(MEANS, at(MEANS, share, edge * k, degrees=degrees), memory) for k in (1 - 1e-9, 1 + 1e-9))
    assert beyond.p <= MEANS.alpha < inside.p
    assert beyond.difference.lower > 0.0 > inside.difference.lower
    assert (beyond.firm, inside.firm) == (True, False)
    assert inside.p == pytest.approx(beyond.p, rel=5e-3)


def test_no_effect_at_all_has_a_p_of_one_and_never_more():
    for plan in (PLAN, replace(PLAN, alpha_spend=0.0, alpha_any=0.05), replace(PLAN, alpha_spend=0.05, alpha_any=0.0)):
        assert weighed(plan, at(plan, 0.3, 0.0)).p == 1.0


def test_the_prior_is_as_wide_as_planned_whatever_spread_is_seen():
    seen = at(MEANS, 0.4, 2.0, degrees=80.0, effective_n=90.0)
    expected = log_e_t(seen.estimate, seen.variance, 80.0, 90.0 * MEANS.tau2 / 100.0)
    assert weighed(MEANS, seen).log_e == pytest.approx(expected, rel=1e-12)
    unplanned = log_e_t(seen.estimate, seen.variance, 80.0, MEANS.tau2 / seen.variance)
    assert weighed(replace(MEANS, sigma2=None), seen).log_e == pytest.approx(unplanned, rel=1e-12)
    assert weighed(PLAN, at(PLAN, 0.4, 2.0)).log_e == pytest.approx(
        log_e(2.0, 1.0, 0.4 * PLAN.tau2 * PLAN.planned_information)
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_both_directions_are_firm_alike_and_measured_from_the_margin(sign):
    direction = "increase" if sign > 0 else "decrease"
    assert weighed(replace(PLAN, direction=direction), at(PLAN, 0.5, sign * 6.0)).firm
    margin = replace(PLAN, direction=direction, success_threshold=-5.0 / sqrt(0.5 * PLAN.planned_information))
    assert weighed(margin, at(PLAN, 0.5, sign * 1.0)).firm
    assert not weighed(margin, at(PLAN, 0.5, sign * -4.0)).firm


def test_firm_looks_at_the_easier_of_the_two_tests():
    memory = Memory(looks=Looks((0.5,), (0.5,), (100.0,)))
    assert weighed(PLAN, at(PLAN, 0.501, 6.0), memory).firm
    assert not weighed(PLAN, at(PLAN, 0.501, 3.0), memory).firm


def test_each_interval_is_called_by_the_part_of_the_plan_that_made_it():
    always = replace(PLAN, kind="anytime", alpha_spend=0.0, alpha_any=0.05)
    for plan, at_horizon, kind, part in (
        (PLAN, False, "hybrid", "spending"),
        (PLAN, True, "horizon", "horizon"),
        (always, False, "anytime", "anytime"),
        (always, True, "anytime", "anytime"),
    ):
        evidence = weighed(plan, at(plan, 0.5, 1.0), at_horizon=at_horizon)
        assert (evidence.kind, evidence.part) == (kind, part)
    cautious = replace(PLAN, alpha_spend=1e-7, alpha_any=0.05)
    evidence = weighed(cautious, at(cautious, 0.5, 1.0))
    assert (evidence.kind, evidence.part) == ("hybrid", "anytime")


def test_the_intersection_of_both_families_is_shown():
    evidence = weighed(PLAN, at(PLAN, 0.5, 1.0))
    assert evidence.official is not None
    reach = min(evidence.looks.critical, critical(1.0, 0.5 * PLAN.tau2 * PLAN.planned_information, PLAN.alpha_any))
    width = 2.0 * reach / sqrt(0.5 * PLAN.planned_information)
    assert evidence.difference.upper - evidence.difference.lower == pytest.approx(width)
    assert evidence.lift.upper - evidence.lift.lower == pytest.approx(width / 10.0, rel=0.01)


@pytest.mark.parametrize(
    ("difference", "lift"),
    [
        (Interval(7.0, 9.0), Interval(-1.0, 1.0)),
        (Interval(-1.0, 1.0), Interval(7.0, 9.0)),
        (Interval(7.0, 9.0), Interval(7.0, 9.0)),
    ],
)
def test_a_standing_interval_the_new_data_contradict_is_set_aside(difference, lift):
    seen = at(PLAN, 0.505, 1.0)
    looks = boundaries((0.5,), PLAN.alpha_spend, PLAN.rho)
    evidence = weighed(PLAN, seen, Memory(looks=looks, official=Official(difference, lift, 0.5)))
    anytime = weighed(replace(PLAN, alpha_spend=0.0), seen)
    assert (evidence.difference, evidence.lift) == (anytime.difference, anytime.lift)
    assert evidence.part == "anytime"


def test_a_standing_interval_still_narrows_what_is_shown():
    looks = boundaries((0.5,), PLAN.alpha_spend, PLAN.rho)
    standing = Official(Interval(-0.001, 0.001), Interval(-0.0001, 0.0001), 0.02)
    evidence = weighed(PLAN, at(PLAN, 0.505, 0.0), Memory(looks=looks, official=standing))
    assert (evidence.difference, evidence.lift) == (standing.difference, standing.lift)
    assert evidence.p == pytest.approx(0.02 * PLAN.alpha / PLAN.alpha_spend)


def test_after_the_horizon_nothing_official_happens_even_if_the_horizon_found_too_few_events():
    memory = Memory(horizon=Horizon(14.0, "inconclusive", -inf, inf))
    evidence = weighed(PLAN, at(PLAN, 0.9, 3.0), memory, at_horizon=True)
    assert evidence.looks == Looks()
    assert (evidence.kind, evidence.part, evidence.official) == ("anytime", "anytime", None)
    assert evidence.p == pytest.approx(min(1.0, exp(-evidence.log_e) * PLAN.alpha / PLAN.alpha_any))


def test_with_too_few_events_nothing_is_claimed_and_nothing_forgotten():
    memory = remembering(PLAN, at(PLAN, 0.3, 1.0))
    seen = at(PLAN, 0.4, 9.0)
    nothing = silent(PLAN, memory, seen)
    assert (nothing.log_e, nothing.p, nothing.kind, nothing.part, nothing.firm) == (0.0, 1.0, "none", "anytime", False)
    assert nothing.difference == nothing.lift == EVERYTHING
    assert (nothing.looks, nothing.official) == (memory.looks, memory.official)
    assert nothing.fraction == pytest.approx(0.4)
    assert nothing.combined is seen


@given(st.floats(0.0, 5.0), st.floats(0.001, 3.0), st.sampled_from([31.0, 200.0, inf]), st.floats(0.02, 1.2))
def test_a_larger_effect_never_has_a_larger_p(deviation, more, degrees, share):
    weaker, stronger = (weighed(MEANS, at(MEANS, share, d, degrees=degrees)) for d in (deviation, deviation + more))
    assert stronger.p <= weaker.p <= 1.0
    assert stronger.log_e > weaker.log_e
    assert stronger.firm >= weaker.firm


@given(st.floats(-6.0, 6.0), st.floats(0.02, 1.2), st.sampled_from([31.0, inf]), st.floats(-0.02, 0.0))
def test_p_is_at_most_alpha_exactly_when_the_interval_excludes_the_null(deviation, share, degrees, margin):
    plan = replace(MEANS, success_threshold=margin)
    evidence = weighed(plan, at(plan, share, deviation, degrees=degrees))
    lower, upper = evidence.difference
    if min(abs(lower - margin), abs(upper - margin)) > 1e-9:
        assert (evidence.p <= plan.alpha) == (not lower <= margin <= upper) == evidence.firm
