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


def test_sums_may_come_as_written_fractions():
    assert from_sums(3, "1/3", "1/9") == from_sums(3, Fraction(1, 3), Fraction(1, 9))
    with pytest.raises(InvalidSums, match="not a finite number"):
        from_sums(3, "1/0", 1)


def test_one_unit_has_a_mean_and_no_spread_to_speak_of():
    assert (of([7]).mean, of([7]).spread, EMPTY.spread) == (7.0, math.inf, math.inf)
    assert of([7, 7]).spread == 0.0


@given(st.integers(0, 10**6), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_published_mean_is_taken_at_its_word(n, mean, variance):
    moments = from_summary(n, mean, variance)
    assert moments.total == n * mean
    assert difference(moments, EMPTY) == (mean if n else 0.0)
    assert moments.m2 == pytest.approx(variance * max(n - 1, 0))


@given(values, values)
def test_what_merging_rounds_off_a_large_mean_is_kept(a, b):
    """At 10^15 a float counts in eighths; the rest that travels along holds what they lose."""
    far = 10**15
    merged, pooled = merge(of(a, far), of(b, far)), of(a + b, far)
    assert difference(merged, pooled) == pytest.approx(0.0, abs=1e-6)
    assert merged.total == pytest.approx(sum(a + b) + far * len(a + b), rel=1e-15)


@given(values, values)
def test_merging_does_not_mind_the_order(a, b):
    one, other = merge(of(a), of(b)), merge(of(b), of(a))
    assert (one.n, one.mean) == (other.n, pytest.approx(other.mean, rel=1e-12, abs=1e-9))
    assert one.m2 == pytest.approx(other.m2, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("missing", "forgiven"), [(Fraction(1, 10**10), True), (Fraction(1, 10**8), False)])
def test_rounding_at_the_source_may_cost_a_billionth_and_no_more(missing, forgiven):
    total_sq = 50 * (1 - missing)
    if forgiven:
        assert from_sums(2, 10, total_sq).m2 == 0.0
    else:
        with pytest.raises(InvalidSums, match="smaller than the mean allows"):
            from_sums(2, 10, total_sq)


def test_sums_beyond_every_number_are_refused_with_the_unit_to_look_at():
    with pytest.raises(InvalidSums, match="check their unit"):
        from_sums(2, 10**400, 10**800)


@pytest.mark.parametrize(("mean", "variance"), [(math.inf, 1.0), (1.0, math.inf), (1.0, -1.0)])
def test_a_summary_that_cannot_be_is_refused(mean, variance):
    with pytest.raises(InvalidSums, match="must be finite"):
        from_summary(3, mean, variance)


def test_a_negative_sum_of_squares_is_refused():
    with pytest.raises(InvalidSums, match="smaller than the mean allows"):
        from_sums(2, 0, -(10**-12))
    with pytest.raises(InvalidSums, match="no units"):
        from_sums(0, 0, 1)
