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
