"""Sufficient statistics from outside: read them exactly, and refuse those that no data could have produced."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from runtime.errors import SignalUnavailable
from runtime.integrations.contracts import Variant, VariantSums

ROUNDING = Decimal("1e-9")
"""Relative slack for sums that the source has rounded (floating point, averages)."""
LARGEST = Decimal("1e40")
"""Beyond this a number is a mistake, and its square would not fit what we compute with."""


def checked_sums(variant: Any, n: Any, total: Any, total_sq: Any, beyond_limit: Any = None) -> VariantSums:
    """Raises SignalUnavailable naming the rule that is broken; `total_sq >= total^2 / n` is Cauchy's inequality."""
    units = as_count(n, "n")
    sums = VariantSums(
        as_variant(variant),
        units,
        as_decimal(total, "total"),
        as_decimal(total_sq, "total_sq"),
        None if beyond_limit is None else as_count(beyond_limit, "beyond_limit"),
    )
    if units == 0 and (sums.total or sums.total_sq):
        raise SignalUnavailable("n is 0 but total or total_sq is not; count the units whose values are summed.")
    if sums.total_sq < 0 or sums.total**2 > sums.total_sq * units * (1 + ROUNDING):
        raise SignalUnavailable(
            "total_sq is smaller than total^2 / n, which no data can give; sum the squares of each unit's value."
        )
    if sums.beyond_limit is not None and sums.beyond_limit > units:
        raise SignalUnavailable("beyond_limit is larger than n; count units, not events.")
    return sums


def as_variant(value: Any) -> Variant:
    if value == "control":
        return "control"
    if value == "treatment":
        return "treatment"
    shown = repr(str(value)[:40])
    raise SignalUnavailable(f"variant is {shown}; return 'control' or 'treatment' and leave other units out.")


def as_count(value: Any, name: str) -> int:
    number = as_decimal(value, name)
    if number < 0 or number != number.to_integral_value():
        raise SignalUnavailable(f"{name} is {number}; it must be a whole number of units, 0 or more.")
    return int(number)


def as_decimal(value: Any, name: str) -> Decimal:
    """Exact for whole numbers and numeric; a float is read as it prints."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        shown = "NULL" if value is None else type(value).__name__
        raise SignalUnavailable(f"{name} is {shown}; it must be a number (coalesce it, or cast it to numeric).")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise SignalUnavailable(f"{name} is {number}; it must be a finite number.")
    if abs(number) > LARGEST:
        raise SignalUnavailable(f"{name} is larger than {LARGEST:e}; check its unit.")
    return number


def as_moment(value: Any, name: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        shown = "NULL" if value is None else type(value).__name__
        raise SignalUnavailable(f"{name} is {shown} without a time zone; cast it to timestamptz.")
    return value
