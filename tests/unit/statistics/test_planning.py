"""Plans: what is worked out from what, what is refused, and power against published and simulated numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower

from runtime.statistics.plan import InvalidPlan, Plan, shares_of_alpha
from runtime.statistics.power import (
    days_needed,
    fixed_units_per_arm,
    futility,
    information_per_unit,
    make_plan,
    power_at_horizon,
    power_curve,
    required_information,
    unit_variance,
)
from runtime.statistics.sequential import critical
from runtime.statistics.spending import boundaries, planned_looks

PLAN = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14)


def test_a_plan_survives_json_with_its_digest():
    for plan in (PLAN, make_plan(minimum_effect=1, metric_kind="mean")):
        stored = Plan.from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False)))
        assert stored == plan
        assert stored.digest() == plan.digest()
    assert len(PLAN.digest()) == 64


def test_whole_numbers_and_floats_are_the_same_plan():
    assert replace(PLAN, horizon_days=14).digest() == replace(PLAN, horizon_days=14.0).digest()


def test_any_change_of_the_plan_changes_its_digest():
    changes = [
        {"tau2": 0.001},
        {"horizon_days": 15.0},
        {"kind": "anytime"},
        {"direction": "decrease"},
        {"hold_days": 4.0},
    ]
    assert len({PLAN.digest(), *(replace(PLAN, **change).digest() for change in changes)}) == 6


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "psychic"}, "kind"),
        ({"metric_kind": "vibe"}, "metric_kind"),
        ({"direction": "sideways"}, "direction"),
        ({"alpha_spend": -0.1}, "alpha_spend"),
        ({"alpha_spend": 0.0, "alpha_any": 0.0}, "alpha_spend"),
        ({"rho": 0.0}, "rho"),
        ({"minimum_effect": 0.0}, "minimum_effect"),
        ({"tau2": float("inf")}, "tau2"),
        ({"planned_information": 0.0}, "planned_information"),
        ({"horizon_days": -1.0}, "horizon_days"),
        ({"allocation": 1.0}, "allocation"),
    ],
)
def test_a_plan_that_does_not_hold_together_is_refused_by_name(change, named):
    with pytest.raises(InvalidPlan, match=named):
        replace(PLAN, **change)


def test_a_little_of_alpha_is_kept_for_ever_and_it_scales_with_confidence():
    assert shares_of_alpha("hybrid", 0.05) == (0.048, 0.002)
    assert shares_of_alpha("hybrid", 0.1) == (0.096, 0.004)
    assert shares_of_alpha("anytime", 0.05) == (0.0, 0.05)
    assert shares_of_alpha("horizon_only", 0.05) == (0.05, 0.0)


def test_a_conversion_needs_only_its_baseline():
    assert unit_variance("conversion", 0.32, None) == pytest.approx(0.32 * 0.68)
    assert unit_variance("mean", 0.32, None) is None
    assert unit_variance("mean", None, 9.0) == 9.0
    assert PLAN.planned_information == pytest.approx(2000 * 14 * 0.25 / (0.32 * 0.68))
    assert pytest.approx(0.02**2) == PLAN.tau2


def test_without_traffic_the_plan_expects_just_enough_information():
    plan = make_plan(minimum_effect=-0.5, metric_kind="mean", horizon_days=10)
    assert plan.minimum_effect == 0.5
    assert plan.planned_information == pytest.approx(required_information(0.5))
    assert power_at_horizon(plan) == pytest.approx(0.8, abs=1e-3)
    assert days_needed(plan) is None


def test_without_a_horizon_the_plan_takes_as_long_as_the_traffic_needs():
    plan = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=1000)
    assert plan.horizon_days == np.ceil(days_needed(plan))
    assert 0.8 <= power_at_horizon(plan) < 0.85
    assert make_plan(minimum_effect=0.2, baseline=0.32, units_per_day=10_000).horizon_days == 7.0
    assert make_plan(minimum_effect=0.0001, baseline=0.32, units_per_day=10).horizon_days == 365.0


def test_a_short_horizon_shortens_the_whole_week_it_would_wait_for():
    assert make_plan(minimum_effect=0.02, baseline=0.32, horizon_days=4).minimum_days == 4.0


@pytest.mark.parametrize("nonsense", [0.0, float("inf"), float("nan")])
def test_a_minimum_effect_of_nothing_is_refused(nonsense):
    with pytest.raises(InvalidPlan, match="minimum effect"):
        make_plan(minimum_effect=nonsense)


def test_impossible_error_rates_are_refused():
    with pytest.raises(InvalidPlan, match=r"0\.05 and 0\.8"):
        make_plan(minimum_effect=0.1, power=1.0)


def test_the_fixed_number_is_the_textbook_s():
    textbook = NormalIndPower().solve_power(0.1, alpha=0.05, power=0.8, alternative="two-sided")
    assert fixed_units_per_arm(1.0, 0.1) == pytest.approx(textbook, abs=1.5)


def test_peeking_with_the_hybrid_plan_costs_nine_percent_more_traffic_than_one_look():
    fixed = required_information(1.0, "horizon_only")
    assert fixed == pytest.approx(2.8016**2, rel=1e-3)
    assert required_information(1.0, "hybrid") / fixed == pytest.approx(1.091, abs=0.005)
    assert required_information(1.0, "anytime") / fixed > 1.6


def test_power_is_what_simulated_paths_show():
    rng = np.random.default_rng(12)
    times = np.arange(1, 29) / 28
    drift = PLAN.minimum_effect * PLAN.planned_information**0.5
    paths = np.cumsum(rng.normal(0, np.sqrt(1 / 28), (20_000, 28)), axis=1) + drift * times
    official = planned_looks(tuple(times))
    where, shares = [index for index, _ in official], [share for _, share in official]
    edge = np.full(28, np.inf)
    edge[where] = boundaries(times[where].tolist(), 0.048, 2.2, shares).boundary
    tau2 = PLAN.tau2 * PLAN.planned_information
    always = np.array([critical(1 / t, tau2, 0.002) * t**0.5 for t in times])
    crossed = np.maximum.accumulate(np.abs(paths) >= np.minimum(edge, always), axis=1).mean(axis=0)
    np.testing.assert_allclose(power_curve(PLAN).power[1:], crossed, atol=0.012)


def test_power_grows_with_days_and_effect():
    curve = power_curve(PLAN)
    assert list(curve.power) == sorted(curve.power)
    assert (curve.days[0], curve.days[-1], curve.power[0]) == (0.0, 14.0, 0.0)
    assert power_at_horizon(PLAN, 0.01) < power_at_horizon(PLAN) < power_at_horizon(PLAN, -0.04)
    assert 0.044 < power_at_horizon(PLAN, 0.0) <= 0.05


def test_futility_says_when_the_target_is_out_of_reach():
    plan = replace(PLAN, success_threshold=0.02)
    assert not futility(plan, estimate=0.0, variance=1e-5, upper=0.012).possible
    assert futility(plan, estimate=0.019, variance=1e-4, upper=0.05).reach < 0.6
    strong, weak = (futility(PLAN, estimate=e, variance=1e-4, upper=0.1).reach for e in (0.03, 0.0))
    assert strong > 0.9
    assert weak < 0.3
    done = futility(PLAN, estimate=0.01, variance=0.5 / PLAN.planned_information, upper=0.1)
    assert (done.reach, done.reason) == (1.0, "nothing is left to predict")


def test_reach_is_the_share_of_futures_that_end_significant():
    rng = np.random.default_rng(3)
    estimate, variance = 0.012, 2.5 / PLAN.planned_information
    ahead = PLAN.planned_information - 1 / variance
    shrink = PLAN.tau2 / (PLAN.tau2 + variance)
    theta = rng.normal(estimate * shrink, (variance * shrink) ** 0.5, 200_000)
    later = rng.normal(theta, ahead**-0.5)
    final = (estimate / variance + later * ahead) / PLAN.planned_information
    share = (final >= 1.959964 * PLAN.planned_information**-0.5).mean()
    assert futility(PLAN, estimate=estimate, variance=variance, upper=0.1).reach == pytest.approx(share, abs=0.01)


def test_uneven_allocation_carries_less_information():
    assert information_per_unit(1.0, 0.1) == pytest.approx(0.09)


def test_a_plan_is_made_of_what_was_given_and_what_follows_from_it():
    plan = make_plan(
        minimum_effect=-0.4, metric_kind="mean", direction="decrease", kind="anytime", alpha=0.1, sigma2=4.0,
        baseline=9.0, units_per_day=100.0, horizon_days=10, allocation=0.2, expected_effect=0.5,
        success_threshold=0.1, hold_days=2.0, minimum_days=5.0,
    )  # fmt: skip
    assert plan.planned_information == pytest.approx(0.2 * 0.8 / 4.0 * 100.0 * 10.0)
    assert replace(plan, planned_information=40.0) == Plan(
        kind="anytime", metric_kind="mean", direction="decrease", alpha_spend=0.0, alpha_any=0.1, tau2=0.25, sigma2=4.0,
        planned_information=40.0, horizon_days=10.0, hold_days=2.0,
        minimum_days=5.0, success_threshold=0.1, minimum_effect=0.4, allocation=0.2, baseline=9.0, units_per_day=100.0,
    )  # fmt: skip
    assert (plan.alpha, plan.sign, plan.floor) == (0.1, -1.0, 0.0)
    assert (replace(plan, direction="increase").sign, replace(plan, success_threshold=-0.3).floor) == (1.0, -0.3)


def test_with_neither_traffic_nor_horizon_two_weeks_are_assumed():
    assert make_plan(minimum_effect=0.02).horizon_days == 14.0
    assert make_plan(minimum_effect=0.02, units_per_day=100).sigma2 is None


@pytest.mark.parametrize("sigma2", [0.0, -1.0, float("inf"), float("nan")])
def test_a_spread_that_cannot_be_is_no_spread(sigma2):
    assert unit_variance("mean", None, sigma2) is None
    assert unit_variance("conversion", 0.5, sigma2) == 0.25


@pytest.mark.parametrize("baseline", [0.0, 1.0, 1.5, -0.1])
def test_a_conversion_that_never_or_always_happens_has_no_planned_spread(baseline):
    assert unit_variance("conversion", baseline, None) is None


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (1.0, 0.8), (0.05, 0.0)])
def test_error_rates_at_the_ends_are_refused(alpha, power):
    with pytest.raises(InvalidPlan, match="must lie between 0 and 1"):
        required_information(1.0, "hybrid", alpha, power)


@pytest.mark.parametrize(
    "change",
    [
        {"alpha_spend": 0.998},
        {"alpha_any": -0.1},
        {"minimum_effect": float("inf")},
        {"planned_information": float("inf")},
        {"horizon_days": 0.0},
        {"horizon_days": float("inf")},
        {"tau2": 0.0},
        {"allocation": 0.0},
        {"minimum_effect": float("nan")},
    ],
)
def test_every_number_of_a_plan_has_two_ends(change):
    with pytest.raises(InvalidPlan, match=next(iter(change))):
        replace(PLAN, **change)


def test_the_error_shares_may_be_zero_one_at_a_time():
    assert replace(PLAN, alpha_spend=0.0).alpha == 0.002
    assert replace(PLAN, alpha_any=0.0).alpha == 0.048


@pytest.mark.parametrize(("kind", "power"), [("hybrid", 0.8), ("anytime", 0.9), ("horizon_only", 0.6)])
def test_required_information_reaches_the_power_it_was_asked_for(kind, power):
    needed = required_information(0.3, kind, 0.05, power)
    spend, always = shares_of_alpha(kind, 0.05)
    plan = replace(
        PLAN, kind=kind, alpha_spend=spend, alpha_any=always, minimum_effect=0.3, tau2=0.09, planned_information=needed
    )
    assert power_at_horizon(plan) == pytest.approx(power, abs=1e-3)
    assert required_information(-0.6, kind, 0.05, power) == pytest.approx(needed / 4.0)


def test_days_needed_are_those_that_bring_the_information():
    days = days_needed(PLAN, 0.9)
    assert days is not None
    assert days * 2000 * 0.25 / (0.32 * 0.68) == pytest.approx(required_information(0.02, "hybrid", 0.05, 0.9))
    assert days_needed(replace(PLAN, sigma2=None)) is None
    assert days_needed(replace(PLAN, units_per_day=0.0)) is None
    assert days > days_needed(PLAN)


def test_a_power_curve_has_a_point_a_look_and_a_horizon_only_plan_a_single_step():
    curve = power_curve(PLAN, -0.03, looks=7)
    assert curve.effect == 0.03
    assert curve.days == pytest.approx((0, 2, 4, 6, 8, 10, 12, 14))
    silent = replace(PLAN, kind="horizon_only", alpha_spend=0.05, alpha_any=0.0)
    assert power_curve(silent, looks=4).power[:4] == pytest.approx((0.0, 0.0, 0.0, 0.0), abs=1e-9)


def test_futility_at_its_edges():
    edge = replace(PLAN, success_threshold=0.02)
    assert futility(edge, estimate=0.015, variance=1e-4, upper=0.02).possible
    hopeless = futility(edge, estimate=0.015, variance=1e-4, upper=0.0199)
    assert (hopeless.possible, hopeless.reach) == (False, 0.0)
    assert hopeless.reason == "even the best value inside the interval misses the target"
    for variance in (0.0, float("inf"), 0.9 / PLAN.planned_information):
        for estimate, reach in ((0.021, 1.0), (0.02, 0.0)):
            done = futility(edge, estimate=estimate, variance=variance, upper=0.1)
            assert (done.possible, done.reach, done.reason) == (True, reach, "nothing is left to predict")
    asked = futility(PLAN, estimate=0.012, variance=2.5 / PLAN.planned_information, upper=0.1)
    assert asked.reason == f"{asked.reach:.0%} chance of a significant result at the horizon"
    ambitious = futility(edge, estimate=0.012, variance=2.5 / PLAN.planned_information, upper=0.1)
    assert ambitious.reach < asked.reach


def test_a_margin_may_still_be_kept_by_an_effect_below_zero():
    """Of a plan that must only not get worse than -0.02: the target in reach is the margin, not zero."""
    margin = replace(PLAN, success_threshold=-0.02)
    slightly_worse = futility(margin, estimate=-0.005, variance=2.5 / PLAN.planned_information, upper=-0.001)
    assert slightly_worse.possible
    assert slightly_worse.reach > 0.5
    assert not futility(margin, estimate=-0.05, variance=1e-6, upper=-0.021).possible
    nothing = futility(PLAN, estimate=0.0, variance=2.5 / PLAN.planned_information, upper=0.02)
    kept = futility(margin, estimate=0.0, variance=2.5 / PLAN.planned_information, upper=0.02)
    assert kept.reach > 0.9
    assert nothing.reach < 0.2


@pytest.mark.parametrize(("estimate", "noise"), [(0.015, 10.0), (0.03, 30.0), (0.004, 4.0)])
def test_early_predictions_are_pulled_towards_nothing_and_stay_unsure(estimate, noise):
    rng = np.random.default_rng(4)
    variance = noise / PLAN.planned_information
    ahead = PLAN.planned_information - 1 / variance
    posterior = 1.0 / (1.0 / variance + 1.0 / PLAN.tau2)
    theta = rng.normal(posterior * estimate / variance, posterior**0.5, 400_000)
    final = (estimate / variance + rng.normal(theta, ahead**-0.5) * ahead) / PLAN.planned_information
    share = (final >= 1.959964 * PLAN.planned_information**-0.5).mean()
    assert futility(PLAN, estimate=estimate, variance=variance, upper=0.1).reach == pytest.approx(share, abs=0.005)


def test_the_plan_nobody_asked_for_otherwise_errs_once_in_twenty():
    plan = Plan(tau2=1.0, planned_information=1.0, horizon_days=14.0, minimum_effect=1.0)
    assert plan.alpha == pytest.approx(0.05)
    assert (plan.alpha_spend, plan.alpha_any) == shares_of_alpha("hybrid", 0.05)
