"""Gauges by variant: whole-day blocks are honest where points are not."""

from math import inf

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runtime.statistics.blocks import block_test, neighbours
from runtime.statistics.sequential import log_e_t


def test_independent_blocks_are_a_one_sample_t_mixture():
    values = [0.3, 0.1, 0.4, -0.2, 0.5, 0.2, -0.1, 0.3]
    look = block_test(values)
    assert look.length == 1
    assert look.log_e == pytest.approx(log_e_t(np.mean(values), np.var(values, ddof=1) / 8, 7.0, 8.0))


def test_a_clear_shift_is_found_and_its_interval_excludes_zero():
    look = block_test((1.0 + np.random.default_rng(4).normal(0, 0.3, 14)).tolist())
    assert look.p < 0.01
    assert 0 < look.lower < 1.0 < look.upper


def test_four_blocks_are_too_few():
    look = block_test([1.0, 2.0, 1.5, 1.2])
    assert (look.p, look.lower, look.upper) == (1.0, -inf, inf)
    assert "5 are needed" in look.reason
    assert block_test([]).blocks == 0


def test_a_slow_drift_is_joined_into_longer_blocks_or_left_undecided():
    drift = np.cumsum(np.random.default_rng(8).normal(0, 1, 64)).tolist()
    look = block_test(drift)
    assert look.length > 1
    assert look.p == 1.0


def test_values_that_never_change_say_nothing():
    assert block_test([2.0] * 9).p == 1.0
    assert neighbours([1.0, 1.0, 1.0]) == 0.0


def test_five_minute_points_with_a_memory_stay_honest_as_daily_blocks():
    rng = np.random.default_rng(6)
    runs, days, per_day = 300, 28, 288
    noise = rng.normal(size=(runs, days * per_day))
    points = np.empty_like(noise)
    points[:, 0] = noise[:, 0]
    for t in range(1, points.shape[1]):
        points[:, t] = 0.95 * points[:, t - 1] + noise[:, t]
    daily = points.reshape(runs, days, per_day).mean(axis=2)
    called = [any(block_test(row[:k].tolist()).p <= 0.05 for k in range(5, days + 1)) for row in daily]
    assert np.mean(called) <= 0.05 + 3 * 0.0126


def test_five_blocks_are_enough():
    look = block_test([1.0, 1.2, 1.1, 0.9, 1.3])
    assert (look.blocks, look.length, look.reason) == (5, 1, "blocks of equal length")
    assert look.estimate == pytest.approx(1.1)
    assert -inf < look.lower < 1.1 < look.upper < inf


def test_ten_blocks_that_resemble_their_neighbours_become_five_of_twice_the_length():
    pairs = [2.0, 3.0, 1.0, 1.5, 2.5]
    look = block_test([value for value in pairs for _ in range(2)])
    alone = block_test(pairs)
    assert (look.length, look.blocks) == (2, 5)
    assert (look.estimate, look.lower, look.upper, look.log_e) == (
        alone.estimate,
        alone.lower,
        alone.upper,
        alone.log_e,
    )
    fours = block_test([value for value in pairs for _ in range(4)])
    assert (fours.length, fours.estimate) == (4, 2.0)


def test_undecided_blocks_still_show_their_mean():
    few = block_test([1.0, 2.0, 1.5, 1.2])
    assert (few.estimate, few.blocks, few.log_e) == (pytest.approx(1.425), 4, 0.0)
    assert block_test([]).estimate == 0.0
    alike = block_test([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert (alike.estimate, alike.p) == (3.5, 1.0)
    assert alike.reason == "neighbouring blocks resemble each other too much; read on for longer"
    assert alike.autocorrelation == pytest.approx(0.5)


@given(st.lists(st.floats(-10, 10), min_size=5, max_size=9), st.sampled_from([1e-6, 1000.0]))
def test_units_and_sign_of_a_gauge_do_not_matter(values, scale):
    assume(np.std(values) > 1e-3)
    look, other = block_test(values), block_test([-scale * value for value in values])
    assert other.log_e == pytest.approx(look.log_e, rel=1e-6, abs=1e-6)
    assert other.length == look.length
    assert (other.lower, other.upper) == pytest.approx((-scale * look.upper, -scale * look.lower), rel=1e-6)


def test_a_block_test_rejects_exactly_when_zero_is_outside_its_interval():
    rng = np.random.default_rng(12)
    for shift in np.linspace(0.0, 3.0, 60):
        look = block_test((shift + rng.normal(0, 1, 8)).tolist(), rho2=2.0, alpha=0.1)
        assert (look.p <= 0.1) == (not look.lower <= 0.0 <= look.upper)
