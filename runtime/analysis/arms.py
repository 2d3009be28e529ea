"""One arm of an experiment as a request states it: sums, centred moments, conversions, or the sums of two values."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from math import inf
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Discriminator, PrivateAttr, Tag, model_validator

from runtime.analysis.fields import Count, Exact, refuse
from runtime.statistics.moments import InvalidSums, Moments, difference, from_counts, from_sums
from runtime.statistics.ratio import Effect, Pair, pair_from_sums

_SLACK = Fraction(1, 10**9)  # of the sum of squares: what a source that adds in doubles may be off
Totals = tuple[int, int | Fraction, int | Fraction]
NOTHING: Totals = (0, 0, 0)


class Strict(BaseModel):
    """Closed: a field nobody knows is a mistake somebody should hear of."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Stated(Strict, ABC):
    """An arm with its exact totals (n, sum, sum of squares), which add without loss."""

    n: Count
    _moments: Moments = PrivateAttr()

    @property
    def moments(self) -> Moments:
        return self._moments

    @property
    @abstractmethod
    def totals(self) -> Totals: ...

    @property
    def binary(self) -> bool:
        """Whether every unit can have been 0 or 1."""
        _, total, squares = self.totals
        return squares == total or abs(Fraction(squares) - total) <= _SLACK * Fraction(squares)

    def _settle(self, field: str) -> Self:
        n, total, squares = self.totals
        try:
            self._moments = from_sums(n, total, squares)
        except (InvalidSums, OverflowError) as error:
            raise refuse("sums", f"cannot be: {error}", field=field) from error
        if n == 1 and self._moments.m2 > _SLACK * Fraction(squares):
            raise refuse("sums", "cannot be: one unit alone does not vary; check the source's sums", field=field)
        return self


class Sums(Stated):
    sum: Exact
    sumsq: Exact

    @property
    def totals(self) -> Totals:
        return self.n, self.sum, self.sumsq

    @model_validator(mode="after")
    def _possible(self) -> Self:
        return self._settle("sumsq" if self.n else "n")


class Centred(Stated):
    mean: Exact
    m2: Exact

    @property
    def totals(self) -> Totals:
        mean = Fraction(self.mean)
        return self.n, mean * self.n, mean * mean * self.n + self.m2

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.m2 < 0:
            raise refuse("sums", "must be 0 or more: it is a sum of squared distances", field="m2")
        return self._settle("m2")


class Conversions(Stated):
    conversions: Count

    @property
    def totals(self) -> Totals:
        return self.n, self.conversions, self.conversions

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.conversions > self.n:
            raise refuse("sums", f"is more than n ({self.n}); a unit converts once or not at all", field="conversions")
        self._moments = from_counts(self.n, self.conversions)
        return self


class TwoValues(Strict):
    """Sums of two values y and x of the same units: numerator and denominator, or metric and covariate."""

    n: Count
    sum_y: Exact
    sumsq_y: Exact
    sum_x: Exact
    sumsq_x: Exact
    sum_xy: Exact
    _pair: Pair = PrivateAttr()

    @property
    def pair(self) -> Pair:
        return self._pair

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for field, total, squares in (("sumsq_y", self.sum_y, self.sumsq_y), ("sumsq_x", self.sum_x, self.sumsq_x)):
            try:
                from_sums(self.n, total, squares)
            except (InvalidSums, OverflowError) as error:
                raise refuse("sums", f"cannot be: {error}", field=field) from error
        if self._too_related():
            raise refuse("sums", "is more than the two sums of squares allow; check it at the source", field="sum_xy")
        self._pair = pair_from_sums(
            self.n, y=self.sum_y, y_sq=self.sumsq_y, x=self.sum_x, x_sq=self.sumsq_x, xy=self.sum_xy
        )
        return self

    def _too_related(self) -> bool:
        """Cauchy and Schwarz, with room for sums that were added in doubles."""
        if self.n == 0:
            return self.sum_xy != 0
        unit = Fraction(1, self.n)
        cross = self.sum_xy - self.sum_x * self.sum_y * unit
        spread_y = self.sumsq_y - self.sum_y**2 * unit
        spread_x = self.sumsq_x - self.sum_x**2 * unit
        return cross * cross > spread_x * spread_y + _SLACK * self.sumsq_x * self.sumsq_y


def _form(value: Any) -> str:
    keys = value.keys() if isinstance(value, dict) else ()
    if "sum_y" in keys:
        return "<two>"
    if "conversions" in keys:
        return "<conversions>"
    return "<centred>" if "m2" in keys or "mean" in keys else "<sums>"


def _one_value(value: Any) -> str:
    form = _form(value)
    return "<sums>" if form == "<two>" else form


_ONE = (
    Annotated[Sums, Tag("<sums>")] | Annotated[Centred, Tag("<centred>")] | Annotated[Conversions, Tag("<conversions>")]
)
Arm = Annotated[_ONE, Discriminator(_one_value)]
AnyArm = Annotated[_ONE | Annotated[TwoValues, Tag("<two>")], Discriminator(_form)]


def add(arms: Iterable[Stated], start: Totals = NOTHING) -> Totals:
    """Exact, so the order of the arms cannot matter."""
    n, total, squares = start
    for arm in arms:
        more, further, also = arm.totals
        n, total, squares = n + more, total + further, squares + also
    return n, total, squares


def contrast(control: Moments, treatment: Moments, *, binary: bool = False) -> Effect:
    """Treatment - control; infinite variance below two units in an arm, zero where nothing varies."""
    if control.n < 2 or treatment.n < 2:  # noqa: PLR2004  a variance takes two
        return Effect(apart(control, treatment), inf)
    return Effect(apart(control, treatment), variance_of_mean(control, binary) + variance_of_mean(treatment, binary))


def variance_of_mean(arm: Moments, binary: bool) -> float:  # noqa: FBT001  both callers hand it on
    if arm.n == 0:
        return inf
    return (arm.spread if binary else arm.variance) / arm.n


def apart(control: Moments, treatment: Moments) -> float:
    """Not a number while an arm is empty."""
    return difference(treatment, control) if control.n and treatment.n else float("nan")
