"""Sample-ratio mismatch: the exact mixture, patience under the null, and who gets flagged."""

from math import exp, factorial, inf, lgamma, log, pi

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, special

from runtime.statistics.balance import check_balance, check_phases, log_bayes_factor
from runtime.statistics.gamma import deviance, stirling
from runtime.statistics.moments import EMPTY, from_counts
from runtime.statistics.phases import PhaseArms


def test_the_bayes_factor_is_the_integral_over_the_beta_prior():
    c, t, share, k = 130, 90, 0.3, 20.0
    a, b = k * share, k * (1 - share)

    def integrand(p: float) -> float:
        likelihood = t * log(p / share) + c * log((1 - p) / (1 - share))
        return exp(likelihood + (a - 1) * log(p) + (b - 1) * log(1 - p) - float(special.betaln(a, b)))

    integral = integrate.quad(integrand, 0, 1, points=[share, t / (c + t)], limit=200)[0]
    assert log_bayes_factor((c, t), (1 - share, share), k) == pytest.approx(log(integral), rel=1e-8)


def test_shares_need_not_sum_to_one_and_arms_may_be_many():
    assert log_bayes_factor((10, 20, 30), (1, 2, 3)) == pytest.approx(
        log_bayes_factor((10, 20, 30), (1 / 6, 1 / 3, 1 / 2))
    )


def test_looking_a_hundred_times_rarely_raises_a_false_alarm():
    rng = np.random.default_rng(3)
    treated = np.cumsum(rng.binomial(100, 0.5, (2000, 100)), axis=1)
    total = np.arange(100, 10_001, 100)
    a = 50.0
    log_e = (
        special.gammaln(a + treated)
        + special.gammaln(a + total - treated)
        - 2 * lgamma(a)
        - special.gammaln(2 * a + total)
        + lgamma(2 * a)
        + total * log(2)
    )
    assert (log_e.max(axis=1) >= log(100)).mean() <= 0.01
    some = check_balance((int(total[40] - treated[7, 40]), int(treated[7, 40])), 0.5)
    assert some.log_e == pytest.approx(log_e[7, 40], abs=1e-6)


def test_a_two_point_imbalance_is_flagged_with_its_size():
    srm = check_balance((52_000, 48_000), 0.5)
    assert srm.flagged
    assert srm.deviation == pytest.approx(-0.02)
    assert not check_balance((50_100, 49_900), 0.5).flagged


def test_a_ramp_is_judged_phase_by_phase_with_its_own_shares():
    ramp = [
        PhaseArms(from_counts(9_000, 900), from_counts(1_000, 100), 0.1),
        PhaseArms(from_counts(5_000, 500), from_counts(5_000, 500), 0.5),
    ]
    srm = check_phases(ramp)
    assert not srm.flagged
    assert srm.planned_share == pytest.approx(0.3)
    assert check_balance((14_000, 6_000), 0.5).flagged


def test_exposures_count_rather_than_units_with_a_value():
    phase = PhaseArms(from_counts(500, 5), from_counts(400, 5), 0.5, assigned_control=1000, assigned_treatment=1000)
    assert not check_phases([phase]).flagged
    assert check_phases([phase]).n == 2000


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_phase_with_everybody_on_one_side_has_no_ratio_to_miss(share):
    assert check_balance((0, 100), share).log_e == 0.0


def test_nobody_yet_is_no_mismatch():
    srm = check_phases([PhaseArms(EMPTY, EMPTY)])
    assert (srm.log_e, srm.flagged, srm.n) == (pytest.approx(0.0, abs=1e-9), False, 0)


def test_billions_of_units_stay_finite():
    assert -inf < check_balance((5 * 10**11, 5 * 10**11), 0.5).log_e < 0


def test_a_mismatch_is_called_from_odds_of_a_hundred_to_one_on():
    """Nobody may be accused at odds of 67 to 1, by a single phase or by many."""
    suspicious, caught = check_balance((5000, 5376), 0.5), check_balance((5000, 5388), 0.5)
    assert log(67) < suspicious.log_e < log(100) < caught.log_e < log(150)
    assert (suspicious.flagged, caught.flagged) == (False, True)
    for counts, flagged in ((5376, False), (5388, True)):
        phase = PhaseArms(from_counts(5000, 5), from_counts(counts, 5))
        assert check_phases([phase]).flagged is flagged
    assert check_balance((5000, 5388), 0.5, alpha=0.001).flagged is False


def test_nobody_yet_has_no_shares_to_compare():
    srm = check_phases([])
    assert (srm.planned_share, srm.observed_share, srm.deviation) == (0.0, 0.0, 0.0)


def test_as_many_counts_as_shares_are_needed():
    with pytest.raises(ValueError, match="shorter"):
        log_bayes_factor((10, 20, 30), (1, 2))


@given(st.integers(0, 3000), st.integers(0, 3000), st.floats(0.05, 0.95))
def test_which_arm_is_called_treatment_makes_no_mismatch(control, treatment, share):
    one, other = check_balance((control, treatment), share), check_balance((treatment, control), 1.0 - share)
    assert one.log_e == pytest.approx(other.log_e, rel=1e-9, abs=1e-9)
    assert (one.n, one.deviation) == (other.n, pytest.approx(-other.deviation, abs=1e-12))


@given(st.integers(1, 500), st.integers(0, 200), st.integers(1, 50), st.floats(0.1, 0.9))
def test_the_further_off_the_plan_the_stronger_the_evidence(units, off, more, share):
    total = 4 * units + 2 * (off + more)
    expected = round(total * share)
    near, far = (min(total, expected + k) for k in (off, off + more))
    assume(near >= total * share and far > near)
    assert check_balance((total - far, far), share).log_e > check_balance((total - near, near), share).log_e - 1e-9


def test_phases_of_different_shares_add_their_evidence_and_average_their_plans():
    phases = [
        PhaseArms(from_counts(900, 9), from_counts(130, 9), 0.1),
        PhaseArms(from_counts(400, 9), from_counts(480, 9), 0.5),
    ]
    both, first, second = check_phases(phases), check_balance((900, 130), 0.1), check_balance((400, 480), 0.5)
    assert both.log_e == pytest.approx(first.log_e + second.log_e)
    assert both.n == 1910
    assert both.observed_share == pytest.approx(610 / 1910)
    assert both.deviation == pytest.approx(610 / 1910 - (103 + 440) / 1910)


def test_what_stirling_leaves_out_is_right_to_thirteen_digits():
    for z in (*range(1, 60), 100, 170):
        exact = log(factorial(z - 1)) - (z - 0.5) * log(z) + z - 0.5 * log(2 * pi)
        assert stirling(float(z)) == pytest.approx(exact, abs=1e-13 if z < 60 else 5e-13)


def test_the_deviance_has_no_seam_between_series_and_logarithm():
    for x, mean in ((100.0, 121.9), (100.0, 122.3), (100.0, 82.0), (100.0, 81.7), (3.0, 3.0), (7.0, 1.0)):
        assert deviance(x, x - mean) == pytest.approx(x * log(x / mean) + mean - x, rel=1e-12, abs=1e-12)
    assert deviance(1e12, 1e3) == pytest.approx(5e-7, rel=1e-8)
