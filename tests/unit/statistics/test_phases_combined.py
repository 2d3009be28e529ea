"""Phases combined by information: Welch's degrees of freedom, weights, and what a phase may leave out."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from runtime.statistics.moments import EMPTY, Moments, from_counts, from_summary, merge
from runtime.statistics.phases import PhaseArms, combine, units

RNG = np.random.default_rng(23)
SIZES, SPREADS = st.integers(2, 400), st.floats(0.01, 100.0)


def arm(values: np.ndarray) -> Moments:
    return from_summary(len(values), float(values.mean()), float(values.var(ddof=1)))


@pytest.mark.parametrize(("n_c", "n_t"), [(5, 60), (40, 40), (300, 7)])
def test_one_phase_is_welch_s_test(n_c, n_t):
    control, treatment = RNG.normal(10, 3, n_c), RNG.normal(11, 1, n_t)
    welch = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    found = combine([PhaseArms(arm(control), arm(treatment))], "mean")
    assert found is not None
    assert found.variance**0.5 == pytest.approx(welch.std_meandiff_separatevar)
    assert found.degrees == pytest.approx(welch.dof_satt())
    assert found.estimate == pytest.approx(treatment.mean() - control.mean())
    assert found.effective_n == pytest.approx(n_c * n_t / (n_c + n_t))
    assert (found.variance_control, found.variance_treatment) == pytest.approx(
        (control.var(ddof=1) / n_c, treatment.var(ddof=1) / n_t)
    )


def test_a_conversion_spreads_like_a_conversion_and_needs_no_degrees():
    found = combine([PhaseArms(from_counts(100, 20), from_counts(50, 15))], "conversion")
    assert found is not None
    assert found.variance == pytest.approx(0.2 * 0.8 / 100 + 0.3 * 0.7 / 50)
    assert found.degrees == inf
    assert (found.mean_control, found.mean_treatment) == pytest.approx((0.2, 0.3))


@given(st.lists(st.tuples(SIZES, SIZES, st.floats(-5, 5), SPREADS, SPREADS), min_size=1, max_size=5))
def test_phases_are_weighted_by_their_information(rows):
    phases = [
        PhaseArms(from_summary(n_c, 20.0 + k, v_c), from_summary(n_t, 20.0 + k + gap, v_t))
        for k, (n_c, n_t, gap, v_c, v_t) in enumerate(rows)
    ]
    variances = np.array([v_c / n_c + v_t / n_t for n_c, n_t, _, v_c, v_t in rows])
    weights = 1 / variances / (1 / variances).sum()
    found = combine(phases, "mean")
    assert found is not None
    assert found.estimate == pytest.approx(float(weights @ [row[2] for row in rows]), rel=1e-9, abs=1e-9)
    assert found.variance == pytest.approx(1.0 / (1 / variances).sum())
    assert found.information == pytest.approx((1 / variances).sum())
    assert found.mean_treatment - found.mean_control == pytest.approx(found.estimate, abs=1e-9)
    assert found.variance_control + found.variance_treatment == pytest.approx(found.variance)
    assert found.effective_n == pytest.approx(sum(n_c * n_t / (n_c + n_t) for n_c, n_t, *_ in rows))
    alone = [combine([phase], "mean").degrees for phase in phases]
    assert found.degrees == pytest.approx(1.0 / sum(w * w / d for w, d in zip(weights, alone, strict=True)))


def test_phases_of_conversions_keep_having_no_degrees():
    phases = [PhaseArms(from_counts(100, 20), from_counts(50, 15))] * 2
    found = combine(phases, "conversion")
    assert found is not None
    assert found.degrees == inf


def test_a_phase_with_fewer_than_two_units_an_arm_adds_nothing():
    phase = PhaseArms(from_summary(20, 1.0, 1.0), from_summary(20, 2.0, 1.0))
    for lonely in (
        PhaseArms(from_summary(1, 9.0, 0.0), from_summary(50, 9.0, 1.0)),
        PhaseArms(from_summary(50, 9.0, 1.0), EMPTY),
    ):
        assert combine([phase, lonely], "mean") == combine([phase], "mean")
        assert combine([lonely], "mean") is None
    two = PhaseArms(from_summary(2, 1.0, 1.0), from_summary(2, 2.0, 1.0))
    assert combine([two], "mean") is not None
    assert combine([], "mean") is None


def test_one_arm_that_does_not_vary_is_enough_to_compare_but_two_are_not():
    varied, flat = from_summary(20, 1.0, 1.0), from_summary(20, 2.0, 0.0)
    found = combine([PhaseArms(varied, flat)], "mean")
    assert found is not None
    assert found.degrees == pytest.approx(19.0)
    assert combine([PhaseArms(flat, flat)], "mean") is None
    assert combine([PhaseArms(Moments(20, nan, 1.0), varied)], "mean") is None


def test_units_with_a_value_and_units_assigned_are_counted_apart():
    phases = [PhaseArms(from_counts(10, 1), from_counts(20, 2)), PhaseArms(from_counts(30, 3), from_counts(40, 4))]
    assert units(phases) == (40, 60)
    assert phases[0].counts == (10, 20)
    assert PhaseArms(from_counts(10, 1), from_counts(20, 2), assigned_control=0).counts == (0, 20)
    assert PhaseArms(from_counts(10, 1), from_counts(20, 2), assigned_treatment=0).counts == (10, 0)


def test_splitting_one_phase_in_two_of_the_same_world_changes_little():
    halves = [RNG.normal(10, 2, (4, 500))[k] for k in range(4)]
    first, second = PhaseArms(arm(halves[0]), arm(halves[1])), PhaseArms(arm(halves[2]), arm(halves[3]))
    whole = PhaseArms(merge(first.control, second.control), merge(first.treatment, second.treatment))
    split, pooled = combine([first, second], "mean"), combine([whole], "mean")
    assert split is not None
    assert pooled is not None
    assert split.estimate == pytest.approx(pooled.estimate, abs=0.02)
    assert split.degrees == pytest.approx(pooled.degrees, rel=0.02)
