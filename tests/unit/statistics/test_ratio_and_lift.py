"""Ratios, lift and CUPED against statsmodels, brute force and each other."""

from math import inf, isnan, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from runtime.statistics.ratio import (
    UNKNOWN,
    Effect,
    Pair,
    cuped_difference,
    cuped_lift,
    cuped_slope,
    lift,
    lift_delta,
    lift_interval,
    merge_pairs,
    pair_from_sums,
    ratio_difference,
    ratio_of_sums,
)

RNG = np.random.default_rng(17)


def pair(y: np.ndarray, x: np.ndarray) -> Pair:
    sums = {"y": y.sum(), "y_sq": (y * y).sum(), "x": x.sum(), "x_sq": (x * x).sum(), "xy": (x * y).sum()}
    return pair_from_sums(len(y), **{name: float(value) for name, value in sums.items()})


def sample(n: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x = RNG.gamma(4, 1, n)
    return x * 0.8 + RNG.normal(0, 1, n) + shift, x


def test_the_ratio_is_the_intercept_of_the_linearised_metric():
    y, x = sample(4000)
    found = ratio_of_sums(pair(y, x))
    linearised = (y - found.estimate * x) / x.mean()
    assert found.estimate == pytest.approx(y.sum() / x.sum())
    assert found.variance == pytest.approx(OLS(linearised, np.ones(4000)).fit().bse[0] ** 2, rel=1e-9)


def test_the_delta_variance_is_what_resampling_units_shows():
    y, x = sample(2000)
    drawn = RNG.integers(0, 2000, (3000, 2000))
    resampled = y[drawn].sum(axis=1) / x[drawn].sum(axis=1)
    assert ratio_of_sums(pair(y, x)).variance == pytest.approx(resampled.var(), rel=0.12)


def test_a_ratio_difference_adds_the_variances():
    control, treatment = pair(*sample(500)), pair(*sample(500, 0.4))
    gap = ratio_difference(control, treatment)
    assert gap.estimate > 0
    assert gap.variance == pytest.approx(ratio_of_sums(control).variance + ratio_of_sums(treatment).variance)
    assert ratio_of_sums(pair(np.array([1.0, 2.0]), np.array([1.0, -1.0]))) == UNKNOWN


def test_pairs_merge_like_pooled_units():
    (y1, x1), (y2, x2), (y3, x3) = sample(30), sample(50, 3.0), sample(20, -2.0)
    merged = merge_pairs(pair(y1, x1), pair(y2, x2), pair(y3, x3))
    pooled = pair(np.concatenate([y1, y2, y3]), np.concatenate([x1, x2, x3]))
    assert merged.cross == pytest.approx(pooled.cross, rel=1e-9)
    assert merged.covariance == pytest.approx(np.cov(np.concatenate([y1, y2, y3]), np.concatenate([x1, x2, x3]))[0, 1])
    assert merge_pairs(merge_pairs(), merged).cross == merged.cross


def test_cross_moments_survive_an_offset_of_ten_to_the_fifteenth():
    y, x = [10**15 + k for k in (0, 1, 3)], [10**15 + k for k in (2, 3, 7)]
    far = pair_from_sums(
        3,
        y=sum(y),
        y_sq=sum(v * v for v in y),
        x=sum(x),
        x_sq=sum(v * v for v in x),
        xy=sum(a * b for a, b in zip(x, y, strict=True)),
    )
    assert far.cross == pytest.approx(float(np.cov([0, 1, 3], [2, 3, 7])[0, 1] * 2), rel=1e-12)


@given(
    st.floats(0.5, 20),
    st.floats(-20, 20),
    st.floats(1e-4, 4),
    st.floats(1e-4, 4),
    st.floats(1, 6),
    st.booleans(),
)
def test_lift_and_difference_never_disagree(m_c, gap, v_c, v_t, multiplier, negative):
    base = -m_c if negative else m_c
    lower, upper = lift_interval(Effect(base, v_c), Effect(base + gap, v_t), multiplier)
    assume(upper < inf)
    edge = abs(gap) - multiplier * sqrt(v_c + v_t)
    assume(abs(edge) > 1e-9)
    assert (edge > 0) == (not lower <= 0.0 <= upper)
    assert lower <= lift(base, base + gap) <= upper


def test_both_ends_of_the_fieller_set_are_exactly_on_the_edge_of_rejection():
    control, treatment, multiplier = Effect(3.0, 0.05), Effect(3.6, 0.04), 3.0
    for end in lift_interval(control, treatment, multiplier):
        ratio = 1.0 + end
        gap = treatment.estimate - ratio * control.estimate
        assert gap**2 == pytest.approx(multiplier**2 * (treatment.variance + ratio**2 * control.variance))


def test_a_baseline_near_zero_has_no_lift_interval():
    assert lift_interval(Effect(0.1, 1.0), Effect(2.0, 1.0), 2.0) == (-inf, inf)
    assert lift_interval(Effect(3.0, 0.1), Effect(4.0, 0.1), inf) == (-inf, inf)
    assert isnan(lift(0.0, 1.0))
    assert lift_delta(Effect(0.0, 1.0), Effect(1.0, 1.0)) == UNKNOWN


def test_with_a_firm_baseline_fieller_meets_the_delta_method():
    control, treatment = Effect(10.0, 1e-4), Effect(10.5, 1e-4)
    lower, upper = lift_interval(control, treatment, 1.96)
    delta = lift_delta(control, treatment)
    assert delta.estimate == pytest.approx(0.05)
    assert (upper - lower) / 2 == pytest.approx(1.96 * sqrt(delta.variance), rel=1e-3)


def test_better_stays_better_with_a_negative_baseline():
    assert lift(-10.0, -9.0) == pytest.approx(0.1)
    assert lift_delta(Effect(-10.0, 0.01), Effect(-9.0, 0.01)).estimate == pytest.approx(0.1)


def test_cuped_is_the_regression_on_arm_and_covariate():
    (y_c, x_c), (y_t, x_t) = sample(3000), sample(3000, 0.2)
    found = cuped_difference(pair(y_c, x_c), pair(y_t, x_t))
    y, x = np.concatenate([y_c, y_t]), np.concatenate([x_c, x_t])
    arm = np.repeat([0.0, 1.0], 3000)
    fit = OLS(y, np.column_stack([np.ones(6000), arm, x])).fit()
    assert found.estimate == pytest.approx(fit.params[1], abs=2e-3)
    assert sqrt(found.variance) == pytest.approx(fit.bse[1], rel=0.02)


def test_cuped_saves_the_share_of_variance_the_covariate_explains():
    control, treatment = sample(5000), sample(5000)
    y = np.concatenate([control[0], treatment[0]])
    correlation = np.corrcoef(y, np.concatenate([control[1], treatment[1]]))[0, 1]
    plain = control[0].var(ddof=1) / 5000 + treatment[0].var(ddof=1) / 5000
    adjusted = cuped_difference(pair(*control), pair(*treatment)).variance
    assert adjusted / plain == pytest.approx(1 - correlation**2, rel=0.03)


def test_a_covariate_that_never_varies_changes_nothing():
    y = RNG.normal(5, 1, 100)
    control, treatment = pair(y, np.ones(100)), pair(y + 1, np.ones(100))
    assert cuped_slope(control, treatment) == 0.0
    assert cuped_difference(control, treatment).estimate == pytest.approx(1.0)


def test_cuped_lift_has_the_spread_that_repetition_shows():
    estimates, variances = [], []
    for _ in range(600):
        found = cuped_lift(pair(*sample(400, 1.0)), pair(*sample(400, 1.4)))
        estimates.append(found.estimate)
        variances.append(found.variance)
    assert np.mean(variances) == pytest.approx(np.var(estimates), rel=0.2)


def test_too_few_units_are_unknown_rather_than_an_error():
    one = pair(np.array([1.0]), np.array([1.0]))
    assert ratio_of_sums(one) == cuped_difference(one, one) == cuped_lift(one, one) == UNKNOWN
    assert one.covariance == inf


def test_one_lonely_unit_in_either_arm_is_enough_to_know_nothing():
    one, many = pair(np.array([1.0]), np.array([1.0])), pair(*sample(50))
    for arms in ((one, many), (many, one)):
        assert cuped_difference(*arms) == cuped_lift(*arms) == UNKNOWN
        assert ratio_difference(*arms).variance == inf
