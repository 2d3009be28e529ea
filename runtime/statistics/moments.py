"""Centred moments of one arm: exact from sums, merged without loss, never subtracted."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from math import inf, isfinite

from runtime.errors import OutcomeRuntimeError

Exact = int | str | Decimal | Fraction | float

_BILLION = 10**9


class InvalidSums(OutcomeRuntimeError):
    """These sums cannot come from real units; check n, sum and sum of squares at the source."""

    code = "INVALID_SUMS"


@dataclass(frozen=True, slots=True)
class Moments:
    """n units, their mean, and m2, the sum of squared distances from it; `rest` is what rounding took off the mean."""

    n: int
    mean: float
    m2: float
    rest: float = 0.0

    @property
    def variance(self) -> float:
        """Unbiased variance between units; infinite below two units, where nothing is known of it."""
        return self.m2 / (self.n - 1) if self.n > 1 else inf

    @property
    def spread(self) -> float:
        """Variance with divisor n: exactly p(1-p) when every unit is 0 or 1."""
        return self.m2 / self.n if self.n > 1 else inf

    @property
    def total(self) -> float:
        return self.n * self.mean + self.n * self.rest


EMPTY = Moments(0, 0.0, 0.0)


def from_sums(n: int, total: Exact, total_sq: Exact) -> Moments:
    """Exact to the last bit for int, str, Decimal and Fraction, whatever the offset of the values."""
    size = _whole(n)
    (first, over), (second, under) = _ratio(total), _ratio(total_sq)
    if size == 0:
        return _nothing(first, second)
    # Whole numbers all the way: dividing two of them rounds once, correctly, and costs a tenth of Fraction's.
    whole = over * size
    m2 = _m2(second * whole * over - first * first * under, second * whole * over)
    try:
        mean = first / whole
        top, bottom = mean.as_integer_ratio()
        return Moments(size, mean, m2 / (under * whole * over), (first * bottom - top * whole) / (whole * bottom))
    except OverflowError as error:
        raise InvalidSums("these sums are larger than any number a computer measures with; check their unit") from error


def from_summary(n: int, mean: float, variance: float) -> Moments:
    """From what other systems publish: the mean and the unbiased (n-1) variance."""
    size = _whole(n)
    if not (isfinite(mean) and isfinite(variance) and variance >= 0):
        raise InvalidSums(
            f"mean {mean} and variance {variance} must be finite and variance not negative; leave the row out"
        )
    return Moments(size, mean if size else 0.0, variance * max(size - 1, 0))


def from_counts(n: int, successes: int) -> Moments:
    return from_sums(n, successes, successes)


def difference(above: Moments, below: Moments) -> float:
    """above.mean - below.mean, kept exact for means that agree in their first sixteen digits."""
    return (above.mean - below.mean) + (above.rest - below.rest)


def merge(*moments: Moments) -> Moments:
    """Chan, Golub & LeVeque 1979; associative up to rounding, and merging nothing is the empty arm."""
    return reduce(_pair, moments, EMPTY)


def _pair(a: Moments, b: Moments) -> Moments:
    if a.n == 0 or b.n == 0:
        return b if a.n == 0 else a
    n = a.n + b.n
    apart = difference(b, a)
    step = apart * (b.n / n)
    mean = a.mean + step
    lost = (a.mean - (mean - (mean - a.mean))) + (step - (mean - a.mean))
    return Moments(n, mean, a.m2 + b.m2 + apart * apart * a.n * (b.n / n), a.rest + lost)


def _whole(n: int) -> int:
    if isinstance(n, bool) or int(n) != n or n < 0:
        raise InvalidSums(f"the number of units must be a whole number from 0 up, not {n!r}; check the source's count")
    return int(n)


def _ratio(value: Exact) -> tuple[int, int]:
    try:
        plain = Decimal(value) if isinstance(value, str) and "/" not in value else value
        return (Fraction(plain) if isinstance(plain, str) else plain).as_integer_ratio()
    except (ValueError, OverflowError, TypeError, ArithmeticError) as error:
        raise InvalidSums(f"{value!r} is not a finite number; check the sums the source sends") from error


def _nothing(total: int, total_sq: int) -> Moments:
    if total or total_sq:
        raise InvalidSums("no units, but sums that are not zero; check the source's count")
    return EMPTY


def _m2(m2: int, total_sq: int) -> int:
    """Both over the same denominator; rounding at the source may leave a billionth less than nothing."""
    if m2 * _BILLION < -total_sq or total_sq < 0:
        raise InvalidSums("sum of squares is smaller than the mean allows; check the source's sums")
    return max(m2, 0)
