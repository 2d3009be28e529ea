# ruff: noqa: RUF001 - the true minus sign and dash are what is tested
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts import amounts

STEADY = settings(database=None, derandomize=True, deadline=None, max_examples=150)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (12345, "", "12,345"),
        (0.034, "share", "3.4 %"),
        (0.32, "share", "32 %"),
        (3.4, "%", "3.4 %"),
        (812.4, "ms", "812 ms"),
        (1.25, "orders", "1.25 orders"),
        (-12.5, "$", "−$12.50"),
        (0.0004, "", "0.0004"),
        (2.5e18, "", "2.5e18"),
        (3e-9, "", "3.0e−9"),
        (-0.0, "ms", "0 ms"),
        (math.nan, "ms", "unknown"),
        (math.inf, "ms", "unknown"),
        (None, "ms", "unknown"),
        (10**400, "", "unknown"),
    ],
)
def test_a_level_is_written_as_a_person_would_write_it(value, unit, written):
    assert amounts.level(value, unit) == written


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.012, "share", "+1.2 pp"),
        (-0.012, "share", "−1.2 pp"),
        (1.2, "%", "+1.2 pp"),
        (-35.0, "ms", "−35.0 ms"),
        (1234.5, "ms", "+1,234 ms"),
        (3.2, "€", "+€3.2"),
        (0.0, "share", "0 pp"),
        (math.nan, "share", "unknown"),
    ],
)
def test_a_change_carries_its_sign_and_percentage_points(value, unit, written):
    assert amounts.change(value, unit) == written


def test_a_value_beside_its_limit_keeps_the_decimals_that_tell_them_apart():
    assert amounts.level(0.97004, "share", beside=(0.97,)) == "97.004 %"
    assert amounts.level(0.97, "share", beside=(0.97,)) == "97 %"


def test_a_range_says_which_end_is_not_bounded():
    assert amounts.between(0.012, 0.05, "share") == "+1.2 to +5.0 pp"
    assert amounts.between(-math.inf, 0.05, "share") == "at most +5.0 pp"
    assert amounts.between(0.012, math.nan, "share") == "at least +1.2 pp"
    assert amounts.between(-math.inf, math.inf, "share") == "not bounded yet"


def test_certainty_is_never_claimed_by_rounding():
    assert amounts.chance(0.9996) == "> 99 %"
    assert amounts.chance(0.0004) == "< 1 %"
    assert [amounts.chance(p) for p in (0.0, 0.83, 1.0, math.nan)] == ["0 %", "83 %", "100 %", "unknown"]


def test_labels_of_one_axis_share_their_decimals_and_shorten_millions():
    assert [amounts.tick(v, 0.025, "share", change=True) for v in (-0.025, 0.0, 0.05)] == ["−2.5", "0", "+5.0"]
    assert [amounts.tick(v, 5e6, "$", change=False) for v in (-5e6, 0.0, 1e7)] == ["−$5M", "$0", "$10M"]


def test_a_unit_cannot_smuggle_in_line_breaks_or_direction_marks():
    assert amounts.level(3, "a\n\u202eb") == "3 a b"


@STEADY
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["share", "", "ms", "$", "%"]))
def test_the_sign_on_paper_is_the_sign_of_the_number(value, unit):
    written = amounts.change(value, unit, beside=(1e6,))
    assert written.startswith("−") == (value < 0)
    assert written.startswith("+") == (value > 0)


@STEADY
@given(st.floats(min_value=1e-290, max_value=1e290))
def test_a_number_that_is_not_zero_is_never_written_as_zero(value):
    assert any(digit in amounts.change(value, "") for digit in "123456789")
    assert any(digit in amounts.level(value, "") for digit in "123456789")
