"""Sums from outside: exact where they can be, refused where no data could have produced them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SignalUnavailable
from runtime.integrations.signals.sums import as_moment, checked_sums

VALUES = st.lists(st.decimals(min_value=-10_000, max_value=10_000, places=3), max_size=40)


@given(VALUES)
def test_the_sums_of_any_data_are_accepted_exactly(values: list[Decimal]) -> None:
    total, total_sq = sum(values, Decimal(0)), sum((value * value for value in values), Decimal(0))
    sums = checked_sums("treatment", len(values), total, total_sq)
    assert (sums.n, sums.total, sums.total_sq) == (len(values), total, total_sq)


@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 9)), min_size=1, max_size=40))
def test_sums_made_in_floating_point_are_accepted_in_spite_of_rounding(values: list[float]) -> None:
    constant = [values[0]] * len(values)
    for data in (values, constant):
        checked_sums("control", len(data), sum(data), sum(value * value for value in data))


def test_a_float_is_read_as_it_prints_not_as_it_is_stored() -> None:
    assert checked_sums("control", 1, 0.1, 0.01).total == Decimal("0.1")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("control", -1, 0, 0), "n is -1"),
        (("control", Decimal("1.5"), 1, 1), r"n is 1\.5"),
        (("control", None, 1, 1), "n is NULL"),
        (("control", True, 1, 1), "n is bool"),
        (("control", 0, 1, 1), "n is 0 but"),
        (("control", 10, 10, 9), "smaller than total"),
        (("control", 10, 0, -1), "smaller than total"),
        (("control", 10, float("nan"), 1), "finite"),
        (("control", 10, Decimal("Infinity"), 1), "finite"),
        (("control", Decimal("1e999999"), 1, 1), "n is larger"),
        (("control", 10, Decimal("-1e999999"), 1), "total is larger"),
        (("control", 10, "12", 20), "total is str"),
        (("control", 10, 5, 5, 11), "beyond_limit is larger"),
        (("control", 10, 5, 5, -1), "beyond_limit is -1"),
        (("Control", 10, 5, 5), "'control' or 'treatment'"),
        ((None, 10, 5, 5), "'control' or 'treatment'"),
        (("<script>" * 50, 10, 5, 5), "variant is '<script><script>"),
    ],
)
def test_sums_that_no_data_could_give_are_refused_by_name(row: tuple[Any, ...], complaint: str) -> None:
    with pytest.raises(SignalUnavailable, match=complaint):
        checked_sums(*row)


@pytest.mark.parametrize("value", [None, "2026-01-01", datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC).date()])  # noqa: DTZ001  the case
def test_a_time_without_a_zone_is_refused(value: Any) -> None:
    with pytest.raises(SignalUnavailable, match="timestamptz"):
        as_moment(value, "bucket")
