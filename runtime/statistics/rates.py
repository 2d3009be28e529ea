"""Exact always-valid test of a rate against a limit from counts alone: truncated-Beta mixture, any n, no approximation."""

from math import atan2, exp, inf, log, log1p, sqrt

from runtime.statistics.gamma import log_dirichlet

PRIOR = 0.5
_TINY = 1e-300
_SETTLED = 1e-14
"""Relative width at which a bound is found."""


def log_e_rate_above(hits: int, n: int, limit: float, prior: tuple[float, float] = (PRIOR, PRIOR)) -> float:
    """Evidence that the rate is above `limit`, valid for every rate at or below it; speaks from the first unit on.

    `prior` is the Beta(a, b) whose part above the limit is the alternative.
    """
    if limit <= 0.0:
        return inf if hits else 0.0
    if limit >= 1.0 or n == 0:
        return 0.0
    before = _log_prior(limit) if prior == (PRIOR, PRIOR) else _log_upper(0, 0, limit, prior)
    return _log_upper(hits, n - hits, limit, prior) - before


def _log_prior(limit: float) -> float:
    """Log of the prior's mass above the limit, times pi: the arcsine law in closed form."""
    return log(2.0 * atan2(sqrt(1.0 - limit), sqrt(limit)))


def log_e_rate_below(hits: int, n: int, limit: float) -> float:
    return log_e_rate_above(n - hits, n, 1.0 - limit)


def rate_lower(hits: int, n: int, alpha: float) -> float:
    """The smallest limit not rejected from above, so that a rejection and its bound never disagree."""
    if hits == 0 or alpha <= 0.0:
        return 0.0
    low, high, target = 0.0, hits / n, -log(alpha)
    at = high - min(0.9 * high, sqrt(2.0 * (target + 0.5 * log(n + 1.0)) * high * (1.0 - 0.9 * high) / n))
    for _ in range(60):
        log_e = log_e_rate_above(hits, n, at)
        low, high = (at, high) if log_e >= target else (low, at)
        step = (target - log_e) / _slope(hits, n, at, log_e)
        if abs(step) <= _SETTLED * at or high - low <= _SETTLED * high:
            return max(low, at - 2.0 * abs(step) - _SETTLED * at)
        at = at + step if low < at + step < high else 0.5 * (low + high)
    return low


def _slope(hits: int, n: int, limit: float, log_e: float) -> float:
    """Of `log_e_rate_above` by its limit: falling and convex below the rate, so that Newton's steps come from the left."""
    prior = _log_prior(limit)
    density = (exp(-prior) - exp(-prior - log_e)) / sqrt(limit * (1.0 - limit))
    return density - hits / limit + (n - hits) / (1.0 - limit)


def rate_upper(hits: int, n: int, alpha: float) -> float:
    return 1.0 - rate_lower(n - hits, n, alpha)


def _log_upper(hits: int, misses: int, p: float, prior: tuple[float, float]) -> float:
    """Log of the integral over (p, 1) of t^(a-1) (1-t)^(b-1) dt, less hits log p + misses log(1-p).

    Taking the counts out here is what keeps the far tail free of cancellation.
    """
    q = 1.0 - p
    a, b = prior[0] + hits, prior[1] + misses
    edge = prior[0] * log(p) + prior[1] * log(q)
    if q < (b + 1.0) / (a + b + 2.0):
        return edge - log(b) + log(_fraction(b, a, q))
    excess = a * q - b * p
    whole = edge + log_dirichlet((a, b), (excess, -excess))
    below = edge - log(a) + log(_fraction(a, b, p))
    return whole + log1p(-min(exp(below - whole), 1.0 - 1e-16))


def _fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22)."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 200_000):
        twice = a + 2 * m
        term = m * (b - m) * x / ((twice - 1.0) * twice)
        d, c = 1.0 / (1.0 + term * d or _TINY), 1.0 + term / c or _TINY
        value *= d * c
        term = -(a + m) * (a + b + m) * x / (twice * (twice + 1.0))
        d, c = 1.0 / (1.0 + term * d or _TINY), 1.0 + term / c or _TINY
        ratio = d * c
        value *= ratio
        if -1e-15 < ratio - 1.0 < 1e-15:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
