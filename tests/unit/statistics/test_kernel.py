"""The always-valid kernel against numerical integration of the mixture, and its promises as properties."""

from itertools import pairwise
from math import exp, inf, log, pi, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, special

from runtime.statistics import normal, sequential, tuning
from runtime.statistics.sequential import (
    critical,
    critical_t,
    interval,
    interval_robust,
    log_e,
    log_e_above,
    log_e_below,
    log_e_robust,
    log_e_t,
    lower_bound,
    p_value,
    upper_bound,
)

estimates = st.floats(-8, 8)
variances = st.floats(1e-3, 1e3)
ratios = st.floats(1e-3, 1e3)
alphas = st.sampled_from([0.001, 0.005, 0.01, 0.05, 0.1, 0.2])


def mixture(d: float, v: float, tau2: float, low: float, mass: float) -> float:
    """E over theta ~ N(0, tau2) above `low` of the likelihood ratio of d, by quadrature."""

    def integrand(theta: float) -> float:
        ratio = exp((d * theta - theta * theta / 2) / v)
        return ratio * exp(-theta * theta / (2 * tau2)) / sqrt(2 * pi * tau2) / mass

    centre, width = d * tau2 / (v + tau2), sqrt(v * tau2 / (v + tau2))
    points = sorted({max(low, centre + k * width) for k in (-12, -6, -2, 0, 2, 6, 12)})
    return sum(integrate.quad(integrand, a, b)[0] for a, b in pairwise(points))


@pytest.mark.parametrize("tau2", [0.1, 1.0, 25.0])
@pytest.mark.parametrize("d", [-3.0, 0.0, 0.4, 2.0, 5.0])
def test_two_sided_e_is_the_integral_over_the_normal_mixture(d, tau2):
    assert log_e(d, 0.7, tau2) == pytest.approx(log(mixture(d, 0.7, tau2, -inf, 1.0)), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("tau2", [0.1, 1.0, 25.0])
@pytest.mark.parametrize("d", [-3.0, 0.0, 0.4, 2.0, 5.0])
def test_one_sided_e_is_the_integral_over_the_half_normal_mixture(d, tau2):
    assert log_e_above(d, 0.7, tau2) == pytest.approx(log(mixture(d, 0.7, tau2, 0.0, 0.5)), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("degrees", [3.0, 20.0, 400.0])
@pytest.mark.parametrize("t", [0.0, 1.0, 3.5])
def test_t_mixture_is_the_ratio_of_noncentral_to_central_densities(degrees, t):
    weight = 4.0

    def student(x: float, scale2: float) -> float:
        return (1 + x * x / (degrees * scale2)) ** (-(degrees + 1) / 2) / sqrt(scale2)

    # Given sigma, t's numerator is N(0, 1 + weight) under the mixture: integrate sigma out by its chi density.
    def integrand(u: float, spread: float) -> float:
        s2 = u / degrees
        density = exp((degrees / 2 - 1) * log(u / degrees) - (u - degrees) / 2)
        return density * sqrt(s2) * exp(-t * t * s2 / (2 * spread)) / sqrt(spread)

    top = integrate.quad(integrand, 0, degrees * 10 + 100, args=(1 + weight,), limit=400, points=[degrees])[0]
    bottom = integrate.quad(integrand, 0, degrees * 10 + 100, args=(1.0,), limit=400, points=[degrees])[0]
    assert log_e_t(t, 1.0, degrees, weight) == pytest.approx(log(top / bottom), abs=1e-7)
    assert log_e_t(t, 1.0, degrees, weight) == pytest.approx(log(student(t, 1 + weight) / student(t, 1.0)), abs=1e-9)


def test_with_many_degrees_the_t_mixture_is_the_normal_one():
    assert log_e_t(0.3, 0.01, 1e9, 8.0) == pytest.approx(log_e(0.3, 0.01, 0.08), rel=1e-6)
    assert critical_t(1e9, 8.0, 0.05) == pytest.approx(critical(1.0, 8.0, 0.05), rel=1e-6)


def test_the_closed_form_of_johari_for_equal_arms():
    n, sigma2, tau2, gap = 500, 2.0, 0.04, 0.2
    v = 2 * sigma2
    published = 0.5 * log(v / (v + n * tau2)) + n * n * tau2 * gap**2 / (2 * v * (v + n * tau2))
    assert log_e(gap, v / n, tau2) == pytest.approx(published, rel=1e-12)


@given(estimates, variances, ratios, alphas, st.floats(-3, 3))
def test_the_test_rejects_exactly_when_the_null_is_outside_the_interval(d, v, w, alpha, null):
    strength = log_e(d, v, w * v, null)
    assume(abs(strength + log(alpha)) > 1e-9)
    lower, upper = interval(d, v, w * v, alpha)
    assert (strength >= -log(alpha)) == (not lower <= null <= upper)


@given(estimates, ratios, alphas, st.floats(1, 1e6))
def test_the_t_test_rejects_exactly_when_zero_is_outside_its_interval(d, w, alpha, degrees):
    strength = log_e_t(d, 1.0, degrees, w)
    assume(abs(strength + log(alpha)) > 1e-6)
    assert (strength >= -log(alpha)) == (abs(d) > critical_t(degrees, w, alpha))


@given(estimates, variances, ratios, alphas, st.floats(-3, 3))
def test_the_one_sided_test_rejects_exactly_below_its_bound(d, v, w, alpha, null):
    strength = log_e_above(d, v, w * v, null)
    assume(abs(strength + log(alpha)) > 1e-7)
    assert (strength >= -log(alpha)) == (null < lower_bound(d, v, w * v, alpha))
    assert upper_bound(-d, v, w * v, alpha) == pytest.approx(-lower_bound(d, v, w * v, alpha), abs=1e-12)


@given(estimates, variances, ratios, st.floats(1e-100, 1e100))
def test_units_of_measurement_do_not_matter(d, v, w, scale):
    for strength in (log_e, log_e_above, log_e_robust):
        before = strength(d, v, w * v)
        assert strength(d * scale, v * scale * scale, w * v * scale * scale) == pytest.approx(
            before, rel=1e-9, abs=1e-9
        )


@given(estimates, variances, ratios, st.floats(-1e3, 1e3))
def test_shifting_estimate_and_null_together_changes_nothing(d, v, w, shift):
    assert log_e(d + shift, v, w * v, shift) == pytest.approx(log_e(d, v, w * v), rel=1e-6, abs=1e-6)


@given(estimates, variances, ratios)
def test_swapping_the_arms_flips_the_sign_and_nothing_else(d, v, w):
    assert log_e(-d, v, w * v) == log_e(d, v, w * v)
    assert log_e_below(-d, v, w * v) == log_e_above(d, v, w * v)
    lower, upper = interval(d, v, w * v, 0.05)
    assert interval(-d, v, w * v, 0.05) == (-upper, -lower)


@given(st.floats(0, 8), st.floats(1e-6, 3), variances, ratios)
def test_more_effect_is_more_evidence(d, more, v, w):
    assert log_e(d + more, v, w * v) >= log_e(d, v, w * v)
    assert log_e_above(d + more, v, w * v) >= log_e_above(d, v, w * v)


def test_evidence_stays_a_number_at_a_trillion_units():
    assert log_e(0.5, 2e-12, 1e-4) == pytest.approx(6.25e10, rel=1e-6)
    assert p_value(log_e(0.5, 2e-12, 1e-4)) == 0.0
    assert p_value(-3.0) == 1.0


@pytest.mark.parametrize("variance", [0.0, -1.0, inf, float("nan")])
def test_without_a_variance_there_is_no_evidence_and_no_interval(variance):
    assert log_e(1.0, variance, 1.0) == log_e_t(1.0, variance, 5.0, 1.0) == log_e_above(1.0, variance, 1.0) == 0.0
    assert interval(1.0, variance, 1.0, 0.05) == interval_robust(1.0, variance, 1.0, 0.05) == (-inf, inf)
    assert lower_bound(1.0, variance, 1.0, 0.05) == -inf


def test_an_alpha_of_zero_never_excludes_anything():
    assert critical(1.0, 1.0, 0.0) == critical_t(5.0, 1.0, 0.0) == inf


def test_one_sided_evidence_keeps_nine_digits_from_minus_forty_to_sixty():
    for z in np.linspace(-40, 60, 41).tolist():
        w = sqrt(8.0 / 9.0)
        oracle = log(2.0) - 0.5 * log(9.0) + (z * w) ** 2 / 2 + float(special.log_ndtr(z * w))
        assert log_e_above(z, 1.0, 8.0) == pytest.approx(oracle, rel=1e-9, abs=1e-9)


def test_far_out_one_sided_equals_two_sided_at_twice_the_level():
    assert critical(1.0, 8.0, 0.02) == pytest.approx(sequential.critical_above(1.0, 8.0, 0.01), rel=1e-4)


@given(estimates, variances, ratios, alphas)
def test_the_robust_prior_rejects_exactly_outside_its_interval(d, v, w, alpha):
    strength = log_e_robust(d, v, w * v)
    assume(abs(strength + log(alpha)) > 1e-9)
    lower, upper = interval_robust(d, v, w * v, alpha)
    assert (strength >= -log(alpha)) == (not lower <= 0.0 <= upper)


def test_arrays_give_what_single_values_give():
    rng = np.random.default_rng(5)
    d, v = rng.normal(0, 4, 200), rng.exponential(1.0, 200)
    v[:3] = (0.0, np.inf, np.nan)
    single = [
        (log_e(a, b, 2.0), log_e_t(a, b, 9.0, 2.0), log_e_above(a, b, 2.0), critical(b, 2.0, 0.05))
        for a, b in zip(d.tolist(), v.tolist(), strict=True)
    ]
    many = np.stack(
        [
            sequential.log_e_many(d, v, 2.0),
            sequential.log_e_t_many(d, v, 9.0, 2.0),
            sequential.log_e_above_many(d, v, 2.0),
            sequential.critical_many(v, 2.0, 0.05),
        ],
        axis=1,
    )
    np.testing.assert_allclose(many, single, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("alpha", "ratio"), [(0.01, 11.756), (0.05, 8.212), (0.10, 6.638), (0.20, 5.013)])
def test_the_best_ratio_is_the_published_one_and_really_the_narrowest(alpha, ratio):
    best = tuning.best_ratio(alpha)
    assert best == pytest.approx(ratio, abs=6e-4)
    assert best == pytest.approx(float(-special.lambertw(-(alpha**2) / np.e, -1).real - 1), rel=1e-9)
    assert critical(1.0, best, alpha) < min(critical(1.0, best * k, alpha) for k in (0.9, 1.1))


def test_the_best_interval_is_three_standard_errors_wide_at_its_plan():
    assert critical(1.0, tuning.tau2_for_variance(1.0, 0.05), 0.05) == pytest.approx(3.035, abs=2e-3)


def test_a_registered_prediction_counts_only_within_four_times_the_minimum_effect():
    assert tuning.registered_tau2(-0.02) == pytest.approx(0.0004)
    assert tuning.registered_tau2(0.02, 0.03) == pytest.approx(0.0009)
    assert tuning.registered_tau2(0.02, 9.0) == pytest.approx(0.08**2)
    assert tuning.registered_tau2(0.02, 1e-9) == pytest.approx(0.005**2)


def test_johari_s_tau_tends_to_the_prior_when_much_will_be_collected():
    assert tuning.tau2_from_history(0.04, 1e6, 0.05) < 0.04 * 40
    assert tuning.tau2_from_history(0.0, 1e6, 0.05) == inf


def test_growthbook_s_interval_is_reproduced():
    # eq 9 of Waudby-Smith et al. 2023 with rho^2 from N* = 5000, written out for the total number of units.
    n, variance, alpha = 3000, 0.002, 0.05
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / 5000
    s2 = variance * n
    published = sqrt(s2) * sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * log(sqrt(n * rho2 + 1) / alpha))
    lower, upper = interval(0.0, variance, tuning.growthbook_tau2(n, variance), alpha)
    assert upper == -lower == pytest.approx(published, rel=1e-12)


def test_normal_and_student_tails_agree_with_scipy():
    for y in (-60.0, -40.0, -9.0, -1.0, 0.0, 2.0, 9.0):
        assert normal.log_cdf_lifted(y) == pytest.approx(float(special.log_ndtr(y)) + y * y / 2, rel=1e-9, abs=1e-9)
    for degrees in (3.0, 10.0, 100.0):
        for t in (0.5, 2.0, 4.0):
            tail = normal.upper_tail(normal.student_to_normal(t, degrees))
            assert tail == pytest.approx(float(special.stdtr(degrees, -t)), rel=0.08)
            assert normal.normal_to_student(normal.student_to_normal(t, degrees), degrees) == pytest.approx(t)
    assert normal.quantile(0.0) == -inf
    assert normal.quantile(1.0) == inf


@pytest.mark.parametrize(("prior", "collected", "alpha"), [(0.04, 1e3, 0.05), (1.0, 50.0, 0.01), (2.0, 3.0, 0.2)])
def test_johari_s_tau_is_the_published_formula(prior, collected, alpha):
    b = sqrt(2.0 * log(1.0 / alpha) / (collected * prior))
    tail, density = float(special.ndtr(-b)), exp(-b * b / 2.0) / sqrt(2.0 * pi)
    assert tuning.tau2_from_history(prior, collected, alpha) == pytest.approx(prior * tail / (density / b - tail))
    assert tuning.tau2_from_history(prior, 0.0, alpha) == inf
