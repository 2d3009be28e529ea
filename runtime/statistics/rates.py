"""Exact always-valid test of a rate against a limit from counts alone: truncated-Beta mixture, any n, no approximation."""

from math import exp, inf, lgamma, log, log1p

PRIOR = 0.5
_TINY = 1e-300


def log_e_rate_above(hits: int, n: int, limit: float) -> float:
    """Evidence that the rate is above `limit`, valid for every rate at or below it; speaks from the first unit on."""
    if limit <= 0.0:
        return inf if hits else 0.0
    if limit >= 1.0 or n == 0:
        return 0.0
    prior = _log_upper_beta(PRIOR, PRIOR, limit)
    return _log_upper_beta(PRIOR + hits, PRIOR + n - hits, limit) - prior


def log_e_rate_below(hits: int, n: int, limit: float) -> float:
    return log_e_rate_above(n - hits, n, 1.0 - limit)


def rate_lower(hits: int, n: int, alpha: float) -> float:
    """The smallest limit not rejected from above, so that a rejection and its bound never disagree."""
    if hits == 0 or alpha <= 0.0:
        return 0.0
    low, high, target = 0.0, hits / n, -log(alpha)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if log_e_rate_above(hits, n, middle) >= target else (low, middle)
    return low


def rate_upper(hits: int, n: int, alpha: float) -> float:
    return 1.0 - rate_lower(n - hits, n, alpha)


def _log_upper_beta(a: float, b: float, p: float) -> float:
    """Log of the integral over (p, 1) of t^(a-1) (1-t)^(b-1) dt, less a' log p + b' log(1-p) for the counts in a and b.

    The counts are a and b less the prior's halves; taking them out here is what keeps the far tail free of cancellation.
    """
    q = 1.0 - p
    edge = PRIOR * (log(p) + log(q))
    if q < (b + 1.0) / (a + b + 2.0):
        return edge - log(b) + log(_fraction(b, a, q))
    whole = lgamma(a) + lgamma(b) - lgamma(a + b)
    below = a * log(p) + b * log(q) - log(a) + log(_fraction(a, b, p)) - whole
    return whole + log1p(-min(exp(below), 1.0 - 1e-16)) - (a - PRIOR) * log(p) - (b - PRIOR) * log(q)


def _fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22)."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 200_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d, c = 1.0 / _away(1.0 + term * d), _away(1.0 + term / c)
            value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
