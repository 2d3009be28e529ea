"""Ratios, lift and CUPED: delta method and Fieller, from sums that merge."""

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import inf, isfinite, sqrt

from runtime.statistics.moments import EMPTY, Exact, Moments, difference, from_sums, merge
from runtime.statistics.sequential import EVERYTHING, Interval


@dataclass(frozen=True, slots=True)
class Pair:
    """Moments of two values y and x of the same units, and their centred cross moment."""

    y: Moments
    x: Moments
    cross: float

    @property
    def covariance(self) -> float:
        return self.cross / (self.y.n - 1) if self.y.n > 1 else inf


@dataclass(frozen=True, slots=True)
class Effect:
    """An estimate and its variance, ready for the kernel; infinite variance when nothing can be said."""

    estimate: float
    variance: float


UNKNOWN = Effect(0.0, inf)


def pair_from_sums(n: int, *, y: Exact, y_sq: Exact, x: Exact, x_sq: Exact, xy: Exact) -> Pair:
    """Sum and sum of squares of each value, and the sum of their products; exact like from_sums."""
    first, second = from_sums(n, y, y_sq), from_sums(n, x, x_sq)
    cross = Fraction(xy) - Fraction(x) * Fraction(y) / n if n else Fraction(0)
    return Pair(first, second, float(cross))


def merge_pairs(*pairs: Pair) -> Pair:
    return reduce(_join, pairs, Pair(EMPTY, EMPTY, 0.0))


def _join(a: Pair, b: Pair) -> Pair:
    n = a.y.n + b.y.n
    between = difference(b.x, a.x) * difference(b.y, a.y) * a.y.n * (b.y.n / n) if a.y.n and b.y.n else 0.0
    return Pair(merge(a.y, b.y), merge(a.x, b.x), a.cross + b.cross + between)


def ratio_of_sums(arm: Pair) -> Effect:
    """Sum of y over sum of x, with the randomised unit as the unit of analysis (Deng et al. 2018)."""
    if arm.y.n < 2 or arm.x.mean == 0.0:
        return UNKNOWN
    ratio = arm.y.mean / arm.x.mean
    spread = arm.y.variance - 2.0 * ratio * arm.covariance + ratio * ratio * arm.x.variance
    return Effect(ratio, max(0.0, spread) / (arm.x.mean**2 * arm.y.n))


def ratio_difference(control: Pair, treatment: Pair) -> Effect:
    below, above = ratio_of_sums(control), ratio_of_sums(treatment)
    return Effect(above.estimate - below.estimate, above.variance + below.variance)


def lift(mean_control: float, mean_treatment: float) -> float:
    """Relative to the size of control, so that up stays up when the baseline is negative; nan at a baseline of zero."""
    return (mean_treatment - mean_control) / abs(mean_control) if mean_control else float("nan")


def lift_delta(control: Effect, treatment: Effect) -> Effect:
    """The delta-method lift other systems print; at noisy baselines it can contradict the test of the difference."""
    if control.estimate == 0.0:
        return UNKNOWN
    base = abs(control.estimate)
    ratio = treatment.estimate / base
    return Effect(
        lift(control.estimate, treatment.estimate), (treatment.variance + control.variance * ratio**2) / base**2
    )


def lift_interval(control: Effect, treatment: Effect, multiplier: float, gap: float | None = None) -> Interval:
    """Fieller: all lifts that a test `multiplier` standard errors wide does not reject, so lift and difference agree.

    Everything when the baseline itself is not distinguishable from zero. `gap` is the exact difference of the means,
    for means so large that the two rounded ones no longer hold it.
    """
    m_c, v_c, v_t = control.estimate, control.variance, treatment.variance
    gap = treatment.estimate - m_c if gap is None else gap
    c2 = multiplier * multiplier
    if not isfinite(c2) or not isfinite(v_c + v_t) or m_c * m_c - c2 * v_c <= 0.0:
        return EVERYTHING
    bottom = m_c * m_c - c2 * v_c
    root = multiplier * sqrt(max(0.0, m_c * m_c * v_t + treatment.estimate**2 * v_c - c2 * v_t * v_c))
    ends = ((m_c * gap + c2 * v_c - root) / bottom, (m_c * gap + c2 * v_c + root) / bottom)
    return Interval(*ends) if m_c > 0.0 else Interval(-ends[1], -ends[0])


def cuped_slope(control: Pair, treatment: Pair) -> float:
    """Slope theta over both arms together; 0 when the covariate does not vary."""
    both = merge_pairs(control, treatment)
    return both.cross / both.x.m2 if both.x.m2 > 0.0 else 0.0


def cuped_difference(control: Pair, treatment: Pair) -> Effect:
    """Difference of y adjusted for a pre-assignment covariate x (Deng et al. 2013)."""
    if control.y.n < 2 or treatment.y.n < 2:
        return UNKNOWN
    slope = cuped_slope(control, treatment)
    gap = difference(treatment.y, control.y) - slope * difference(treatment.x, control.x)
    return Effect(gap, _adjusted(control, slope) / control.y.n + _adjusted(treatment, slope) / treatment.y.n)


def cuped_lift(control: Pair, treatment: Pair) -> Effect:
    """CUPED difference over the *unadjusted* control mean, with the variance that accounts for that mean's own noise."""
    if control.y.n < 2 or treatment.y.n < 2 or control.y.mean == 0.0:
        return UNKNOWN
    slope, base = cuped_slope(control, treatment), control.y.mean
    k = -treatment.y.mean / base
    noise_c = control.y.variance * k * k + 2.0 * slope * control.covariance * k + slope**2 * control.x.variance
    variance = (_adjusted(treatment, slope) / treatment.y.n + noise_c / control.y.n) / base**2
    return Effect(cuped_difference(control, treatment).estimate / abs(base), variance)


def _adjusted(arm: Pair, slope: float) -> float:
    return max(0.0, arm.y.variance + slope * slope * arm.x.variance - 2.0 * slope * arm.covariance)
