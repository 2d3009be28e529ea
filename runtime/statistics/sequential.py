"""The always-valid kernel: one estimate with one variance in, log e-value and confidence sequence out.

Robbins 1970; Johari, Pekelis & Walsh 2022 (mSPRT); Howard et al. 2021; Lindon et al. 2022 (t). Nothing here raises on
degenerate input: without a positive finite variance the evidence is none (log e = 0) and the interval is everything.
"""

from collections.abc import Callable
from math import exp, expm1, inf, isfinite, log, log1p, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.statistics.normal import log_cdf_lifted, upper_tail

Floats = NDArray[np.float64]
ROBUST = (0.25, 1.0, 4.0)


class Interval(NamedTuple):
    lower: float
    upper: float


EVERYTHING = Interval(-inf, inf)


def p_value(log_e: float) -> float:
    """Always-valid p now; 0.0 stands for less than 1e-300 (keep log_e beside it)."""
    return exp(-log_e) if log_e > 0.0 else 1.0


def usable(variance: float, tau2: float = 1.0) -> bool:
    return 0.0 < variance < inf and 0.0 < tau2 < inf


def log_e(estimate: float, variance: float, tau2: float, null: float = 0.0) -> float:
    """Two-sided normal mixture, effect ~ N(null, tau2) under the alternative."""
    if not usable(variance, tau2):
        return 0.0
    z = (estimate - null) / sqrt(variance)
    return 0.5 * (z * z / (1.0 + variance / tau2) - log1p(tau2 / variance))


def critical(variance: float, tau2: float, alpha: float) -> float:
    """Half width of the confidence sequence in standard errors; infinite at alpha = 0."""
    if not usable(variance, tau2) or alpha <= 0.0:
        return inf
    return sqrt((1.0 + variance / tau2) * (log1p(tau2 / variance) - 2.0 * log(alpha)))


def interval(estimate: float, variance: float, tau2: float, alpha: float) -> Interval:
    return around(estimate, variance, critical(variance, tau2, alpha))


def around(estimate: float, variance: float, multiplier: float) -> Interval:
    """The estimate plus and minus a multiple of its standard error; everything if either is unknown."""
    half = multiplier * sqrt(variance) if 0.0 < variance < inf else inf
    return Interval(estimate - half, estimate + half) if isfinite(half) else EVERYTHING


def log_e_t(estimate: float, variance: float, degrees: float, weight: float, null: float = 0.0) -> float:
    """Unknown variance (Lindon et al. 2022); weight = n_eff rho2, the prior variance in units of `variance`."""
    if not usable(variance, weight) or degrees <= 0.0:
        return 0.0
    t = (estimate - null) / sqrt(variance)
    scaled = t * t / degrees
    gain = log1p(scaled) - log1p(scaled / (1.0 + weight))
    return 0.5 * ((degrees + 1.0) * gain - log1p(weight))


def critical_t(degrees: float, weight: float, alpha: float) -> float:
    """Half width in standard errors; infinite while the data cannot yet exclude anything."""
    if not usable(weight) or degrees <= 0.0 or alpha <= 0.0:
        return inf
    log_q = (2.0 * log(alpha) - log1p(weight)) / (degrees + 1.0)
    room = weight / (1.0 + weight) + expm1(log_q)
    return sqrt(-degrees * expm1(log_q) / room) if room > 0.0 else inf


def log_e_above(estimate: float, variance: float, tau2: float, null: float = 0.0) -> float:
    """One-sided: evidence that the effect is above `null`, valid for every effect at or below it."""
    if not usable(variance, tau2):
        return 0.0
    y = (estimate - null) / sqrt(variance) / sqrt(1.0 + variance / tau2)
    return log(2.0) - 0.5 * log1p(tau2 / variance) + log_cdf_lifted(y)


def log_e_below(estimate: float, variance: float, tau2: float, null: float = 0.0) -> float:
    return log_e_above(-estimate, variance, tau2, -null)


def critical_above(variance: float, tau2: float, alpha: float) -> float:
    """Distance in standard errors from the estimate down to its one-sided always-valid lower bound."""
    if not usable(variance, tau2) or alpha <= 0.0:
        return inf
    target = 0.5 * log1p(tau2 / variance) - log(alpha)
    return _solve_lifted(target) * sqrt(1.0 + variance / tau2)


def lower_bound(estimate: float, variance: float, tau2: float, alpha: float) -> float:
    """Inversion of log_e_above: log_e_above(..., null) >= -log(alpha) exactly when null <= lower_bound."""
    return around(estimate, variance, critical_above(variance, tau2, alpha)).lower


def upper_bound(estimate: float, variance: float, tau2: float, alpha: float) -> float:
    return around(estimate, variance, critical_above(variance, tau2, alpha)).upper


def _solve_lifted(target: float) -> float:
    """The y >= 0 with log 2 Phi(y) + y^2/2 = target; Newton from above, where the convex curve cannot overshoot."""
    y = sqrt(2.0 * target)
    for _ in range(50):
        excess = log(2.0) + log_cdf_lifted(y) - target
        slope = y + exp(-0.5 * y * y) / (sqrt(2.0 * np.pi) * (1.0 - upper_tail(y)))
        y -= excess / slope
        if abs(excess) <= 1e-14 * max(1.0, target):
            break
    return y


def log_mean_exp(values: tuple[float, ...]) -> float:
    top = max(values)
    if not isfinite(top):
        return top
    return top + log(sum(exp(value - top) for value in values) / len(values))


def log_e_robust(estimate: float, variance: float, tau2: float, null: float = 0.0) -> float:
    """Average of e over tau x 1/4, 1, 4: for plans unsure of their scale. An average of e-processes is one."""
    return log_mean_exp(tuple(log_e(estimate, variance, tau2 * scale**2, null) for scale in ROBUST))


def interval_robust(estimate: float, variance: float, tau2: float, alpha: float) -> Interval:
    """Inversion of log_e_robust by bisection in standard errors."""
    if not usable(variance, tau2) or alpha <= 0.0:
        return EVERYTHING
    start = max(critical(variance, tau2 * scale**2, alpha / len(ROBUST)) for scale in ROBUST)
    standard = tau2 / variance
    return around(estimate, variance, _bisect(lambda z: log_e_robust(z, 1.0, standard), -log(alpha), start))


def _bisect(rising: Callable[[float], float], target: float, high: float) -> float:
    low = 0.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return high


def log_e_many(estimates: Floats, variances: Floats, tau2: Floats | float, null: Floats | float = 0.0) -> Floats:
    """log_e over arrays; degenerate rows give 0."""
    good, v, t2 = _clean(variances, tau2)
    z2 = (estimates - null) ** 2 / v
    return np.where(good, 0.5 * (z2 / (1.0 + v / t2) - np.log1p(t2 / v)), 0.0)


def critical_many(variances: Floats, tau2: Floats | float, alpha: float) -> Floats:
    """Half widths in standard errors over arrays; degenerate rows give infinity."""
    good, v, t2 = _clean(variances, tau2)
    return np.where(good, np.sqrt((1.0 + v / t2) * (np.log1p(t2 / v) - 2.0 * np.log(alpha))), np.inf)


def log_e_t_many(
    estimates: Floats, variances: Floats, degrees: Floats | float, weights: Floats | float, null: Floats | float = 0.0
) -> Floats:
    """log_e_t over arrays; degenerate rows give 0."""
    good, v, weight = _clean(variances, weights)
    t2 = (estimates - null) ** 2 / v
    gain = np.log1p(t2 / degrees) - np.log1p(t2 / degrees / (1.0 + weight))
    return np.where(good, 0.5 * ((degrees + 1.0) * gain - np.log1p(weight)), 0.0)


def log_e_above_many(estimates: Floats, variances: Floats, tau2: Floats | float, null: Floats | float = 0.0) -> Floats:
    """log_e_above over arrays; degenerate rows give 0."""
    from scipy.special import erfcx, log_ndtr  # noqa: PLC0415 - scipy costs half a second, and only arrays need it

    good, v, t2 = _clean(variances, tau2)
    y = (estimates - null) / np.sqrt(v) / np.sqrt(1.0 + v / t2)
    lifted = np.where(y < 0.0, np.log(0.5 * erfcx(np.abs(y) / np.sqrt(2.0))), log_ndtr(y) + 0.5 * y * y)
    return np.where(good, np.log(2.0) - 0.5 * np.log1p(t2 / v) + lifted, 0.0)


def _clean(variances: Floats, scale: Floats | float) -> tuple[NDArray[np.bool_], Floats, Floats]:
    spread = np.broadcast_to(np.asarray(scale, dtype=np.float64), np.shape(variances))
    good = (variances > 0.0) & (variances < np.inf) & (spread > 0.0) & (spread < np.inf)
    return good, np.where(good, variances, 1.0), np.where(good, spread, 1.0)
