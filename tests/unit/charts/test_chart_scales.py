import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts import scales

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
STEADY = settings(database=None, derandomize=True, deadline=None, max_examples=100)


@STEADY
@given(st.lists(FLOATS, max_size=6))
def test_any_values_get_a_ruler_with_round_ticks_inside(values):
    scale = scales.ruler(values, 0.0, 700.0)
    found, step = scales.ticks(scale)
    slack = step * 1e-6
    assert scale.high > scale.low
    assert step > 0
    assert len(found) <= 6
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in found)
    assert all(math.isfinite(scale(value)) for value in [*values, math.inf, -math.inf])


def test_values_that_are_all_alike_stand_in_the_middle():
    assert scales.ruler([7.0, 7.0], 0.0, 100.0)(7.0) == pytest.approx(50.0)
    assert scales.ruler([0.0], 0.0, 100.0)(0.0) == pytest.approx(50.0)


def test_thinning_a_band_keeps_every_extreme():
    at = np.arange(100_000.0)
    low, high = np.zeros(100_000), np.ones(100_000)
    low[4_321], high[77_777] = -9.0, 9.0
    short, lows, highs = scales.thinned(at, 320, low=low, high=high)
    assert len(short) == len(lows) == len(highs) <= 321
    assert (lows.min(), highs.max()) == (-9.0, 9.0)
    assert (short[0], short[-1]) == (0.0, 99_999.0)


def test_thinning_a_line_keeps_its_spikes_and_both_ends():
    at, values = np.arange(100_000.0), np.zeros(100_000)
    values[50_001], values[50_002], values[-1] = 5.0, -5.0, 2.0
    short, kept = scales.zigzag(at, values, 320)
    assert len(short) <= 4 * 320
    assert {5.0, -5.0} <= set(kept.tolist())
    assert (short[0], short[-1], kept[-1]) == (0.0, 99_999.0, 2.0)


def test_thinning_copes_with_a_hundred_thousand_readings_of_one_moment():
    short, kept = scales.zigzag(np.zeros(100_000), np.arange(100_000.0), 320)
    assert {0.0, 99_999.0} <= set(kept.tolist())
    assert len(short) < 10


@STEADY
@given(st.lists(st.floats(min_value=0, max_value=200), min_size=1, max_size=8))
def test_labels_never_overlap_and_stay_inside(wanted):
    placed = sorted(scales.spread(wanted, 20.0, 0.0, 200.0))
    assert all(b - a >= 20.0 - 1e-9 for a, b in pairwise(placed))
    assert placed[0] >= -1e-9
    assert placed[-1] <= 200.0 + 1e-9
