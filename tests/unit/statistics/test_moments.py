"""Moments are exact from sums and merge like pooling the units."""

import math
import statistics
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.statistics.moments import (
    EMPTY,
    InvalidSums,
    Moments,
    difference,
    from_counts,
    from_summary,
    from_sums,
    merge,
)

values = st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=30)


def of(sample: list[int], offset: int = 0) -> Moments:
    moved = [value + offset for value in sample]
    return from_sums(len(moved), sum(moved), sum(value * value for value in moved))


@given(values)
def test_sums_give_the_mean_and_variance_of_the_units(sample):
    moments = of(sample)
    assert moments.mean == pytest.approx(statistics.fmean(sample), rel=1e-12, abs=1e-12)
    assert moments.variance == pytest.approx(float(statistics.variance(map(Fraction, sample))), rel=1e-12)


@given(values, values, values)
def test_merging_is_associative_and_equals_pooling_the_units(a, b, c):
    left = merge(merge(of(a), of(b)), of(c))
    right = merge(of(a), merge(of(b), of(c)))
    pooled = of(a + b + c)
    for merged in (left, right, merge(of(a), of(b), of(c))):
        assert merged.n == pooled.n
        assert merged.mean == pytest.approx(pooled.mean, rel=1e-9, abs=1e-9)
        assert merged.m2 == pytest.approx(pooled.m2, rel=1e-9, abs=1e-9)


@given(values, values)
def test_revenue_in_micros_since_the_epoch_loses_nothing(a, b):
    far = 10**15
    assert of(a, far).m2 == pytest.approx(of(a).m2, rel=1e-12)
    assert difference(of(b, far), of(a, far)) == pytest.approx(difference(of(b), of(a)), rel=1e-9, abs=1e-9)
    assert merge(of(a, far), of(b, far)).m2 == pytest.approx(merge(of(a), of(b)).m2, rel=1e-9, abs=1e-6)


def test_decimal_and_text_sums_are_taken_exactly():
    assert from_sums(3, Decimal("0.6"), Decimal("0.14")) == from_sums(3, "0.6", "0.14")
    assert from_sums(3, "0.6", "0.14").m2 == pytest.approx(0.02, rel=1e-15)


def test_the_empty_arm_is_neutral_and_knows_no_variance():
    arm = of([1, 2, 3])
    assert merge() == EMPTY
    assert merge(EMPTY, arm, EMPTY) == arm
    assert EMPTY.variance == math.inf
    assert of([7]).variance == math.inf


def test_a_conversion_arm_spreads_like_p_times_one_minus_p():
    assert from_counts(200, 30).spread == pytest.approx(0.15 * 0.85, rel=1e-14)


def test_published_summaries_can_be_taken_over():
    assert from_summary(3, 2.0, 1.0) == Moments(3, 2.0, 2.0)
    assert from_summary(0, 5.0, 1.0) == EMPTY
    with pytest.raises(InvalidSums, match="must be finite"):
        from_summary(3, 2.0, math.nan)


@pytest.mark.parametrize(
    ("n", "total", "total_sq"),
    [
        (-1, 0, 0),
        (2.5, 1, 1),
        (True, 1, 1),
        (0, 3, 9),
        (2, math.nan, 1),
        (2, math.inf, 1),
        (2, "nonsense", 1),
        (2, 10, 1),
        (2, 0, -1),
    ],
)
def test_impossible_sums_are_refused_by_name(n, total, total_sq):
    with pytest.raises(InvalidSums):
        from_sums(n, total, total_sq)


def test_a_rounding_error_below_zero_is_forgiven():
    assert from_sums(2, 2.0, 2.0 - 1e-12).m2 == 0.0
