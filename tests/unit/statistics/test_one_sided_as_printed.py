"""The one-sided asymptotic sequence other systems print, and the small tools everything here shares."""

from math import exp, inf, isnan, log, nan, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from runtime.statistics.asymptotic import critical_one_sided, log_p_one_sided
from runtime.statistics.normal import erfcx, normal_to_student, student_to_normal, two_sided
from runtime.statistics.plain import number, numbers, plain
from runtime.statistics.rates import log_e_rate_above, log_e_rate_below, rate_lower, rate_upper
from runtime.statistics.sequential import (
    Interval,
    critical,
    critical_above,
    critical_t,
    log_e,
    log_e_above,
    log_e_robust,
    log_e_t,
    log_mean_exp,
)
from runtime.statistics.spending import boundaries, p_value

ALPHAS = st.sampled_from([0.001, 0.01, 0.05, 0.2])


def test_the_bound_is_the_published_one():
    # eq. 134 of Waudby-Smith et al. (2103.06476v9), for n units of variance 1: weight = n rho^2
    n, rho2, alpha = 700.0, 0.01, 0.05
    published = sqrt(2 * (n * rho2 + 1) / (n * n * rho2) * log(1 + sqrt(n * rho2 + 1) / (2 * alpha)))
    assert critical_one_sided(n * rho2, alpha) / sqrt(n) == pytest.approx(published, rel=1e-12)


@given(st.floats(-5, 45), st.floats(1e-3, 1e4), ALPHAS)
def test_p_is_at_most_alpha_exactly_beyond_the_bound(z, weight, alpha):
    p, reach = log_p_one_sided(z, weight), critical_one_sided(weight, alpha)
    assume(abs(z - reach) > 1e-9)
    assert (p <= log(alpha)) == (z > reach)
    assert p <= 0.0


@given(st.floats(0.01, 30), st.floats(0, 10), st.floats(1e-2, 1e3))
def test_p_never_rises_with_the_estimate(z, more, weight):
    assert log_p_one_sided(z + more, weight) <= log_p_one_sided(z, weight)


def test_p_has_no_seam_where_the_exponential_is_left_out():
    edge = sqrt(100.0 * (1.0 + 1.0 / 8.0))
    below, above = log_p_one_sided(edge * (1 - 1e-9), 8.0), log_p_one_sided(edge * (1 + 1e-9), 8.0)
    assert above == pytest.approx(below, abs=1e-5)
    assert above == pytest.approx(0.5 * log(9.0) - log(2.0) - 50.0, abs=1e-5)


@pytest.mark.parametrize(("z", "weight"), [(1e-200, 1.0), (5e-324, 8.0), (1.0, 1e-310)])
def test_an_estimate_a_hair_above_the_null_is_no_error(z, weight):
    assert log_p_one_sided(z, weight) == 0.0


def test_without_weight_or_alpha_nothing_is_excluded():
    for weight in (0.0, inf, nan):
        assert (critical_one_sided(weight, 0.05), log_p_one_sided(9.0, weight)) == (inf, 0.0)
    assert critical_one_sided(1.0, 0.0) == inf
    assert log_p_one_sided(0.0, 1.0) == log_p_one_sided(-1.0, 1.0) == 0.0


def test_the_scaled_tail_keeps_twelve_digits_across_its_two_formulas():
    for x in (0.0, 0.5, 3.0, 23.9, 24.0, 24.1, 30.0, 300.0):
        assert erfcx(x) == pytest.approx(float(special.erfcx(x)), rel=2e-12)


def test_both_tails_do_not_mind_the_sign():
    assert two_sided(-1.959964) == two_sided(1.959964) == pytest.approx(0.05, abs=1e-7)
    assert normal_to_student(-2.0, inf) == student_to_normal(-2.0, inf) == 2.0
    looks = boundaries((0.2, 0.7), 0.048, 2.2)
    assert p_value(looks, -2.4, 2.2) == p_value(looks, 2.4, 2.2)


def test_without_a_finite_prior_there_is_no_evidence():
    for tau2 in (0.0, inf, nan):
        assert log_e(3.0, 1.0, tau2) == log_e_above(3.0, 1.0, tau2) == log_e_t(3.0, 1.0, 9.0, tau2) == 0.0
        assert critical(1.0, tau2, 0.05) == critical_above(1.0, tau2, 0.05) == critical_t(9.0, tau2, 0.05) == inf


def test_a_mean_of_e_values_may_hold_none_and_infinitely_many():
    assert log_mean_exp((0.0, log(3.0))) == pytest.approx(log(2.0))
    assert log_mean_exp((-inf, -inf)) == -inf
    assert log_mean_exp((inf, 0.0)) == inf
    assert log_mean_exp((-inf, log(4.0))) == pytest.approx(log(2.0))


@given(st.floats(-8, 8), st.floats(1e-3, 1e3))
def test_the_robust_prior_averages_a_quarter_once_and_four_times_tau(z, weight):
    taus = (weight / 16.0, weight, 16.0 * weight)
    expected = log(sum(exp(log_e(z, 1.0, tau2)) for tau2 in taus) / 3.0)
    assert log_e_robust(z, 1.0, weight) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_plain_values_are_what_json_takes_and_come_back():
    assert plain({1: (Interval(1.0, inf), -inf, nan), "n": 3, "word": "x"}) == {
        "1": [[1.0, "inf"], "-inf", None],
        "n": 3,
        "word": "x",
    }
    assert numbers(["inf", "-inf", 2]) == (inf, -inf, 2.0)
    assert isnan(number(None))


def test_at_no_hits_or_no_alpha_a_rate_has_no_lower_bound():
    assert rate_lower(0, 50, 0.05) == rate_lower(5, 50, 0.0) == 0.0
    assert rate_upper(50, 50, 0.05) == rate_upper(5, 50, 0.0) == 1.0
    assert 0.0 < rate_lower(50, 50, 0.05) < 1.0


@given(st.integers(1, 10**6), st.floats(0, 1), st.sampled_from([1e-6, 0.01, 0.1]))
def test_a_rate_s_bound_has_the_evidence_it_was_asked_for(n, share, alpha):
    hits = max(1, round(share * n))
    lower, upper = rate_lower(hits, n, alpha), rate_upper(n - hits, n, alpha)
    assert 0.0 < lower <= hits / n
    assert upper == 1.0 - lower
    assert log_e_rate_above(hits, n, lower) == pytest.approx(-log(alpha), rel=1e-6)
    if lower > 1e-6:  # nearer to one, floats are too coarse for the complement
        assert log_e_rate_below(n - hits, n, upper) == pytest.approx(-log(alpha), rel=1e-4)


@given(st.integers(1, 2000), st.integers(0, 2000), st.floats(0.01, 0.99))
def test_one_hit_more_is_more_evidence_of_a_high_rate(hits, misses, limit):
    fewer, more = (log_e_rate_above(k, hits + misses, limit) for k in (hits - 1, hits))
    assert more > fewer


def test_another_prior_may_be_registered():
    uniform = log_e_rate_above(3, 10, 0.2, (1.0, 1.0))
    # Integral of t^3 (1-t)^7 over (0.2, 1), over its length, over the likelihood at the limit.
    step = 1e-5
    total = sum((0.2 + step * (k + 0.5)) ** 3 * (0.8 - step * (k + 0.5)) ** 7 for k in range(80_000)) * step
    assert exp(uniform) == pytest.approx(total / 0.8 / (0.2**3 * 0.8**7), rel=1e-6)
