"""What is left of log Gamma when its large parts cancel, so that Beta integrals keep their digits up to 10^12 units.

Differences of lgamma at n = 10^12 lose three decimal places; Stirling's remainders and Loader's deviance lose none
(Loader 2000, "Fast and accurate computation of binomial probabilities").
"""

from collections.abc import Sequence
from math import lgamma, log, pi

_LARGE = 16.0
_NEAR = 0.1


def log_dirichlet(sizes: Sequence[float], excesses: Sequence[float]) -> float:
    """Log B(x) - sum x_i log s_i for shares s that sum to one, where excess_i = x_i - s_i sum(x) is handed in exactly."""
    whole = sum(sizes)
    apart = sum(deviance(x, excess) for x, excess in zip(sizes, excesses, strict=True))
    spread = sum(0.5 * log(2.0 * pi / x) for x in sizes) - 0.5 * log(2.0 * pi / whole)
    return apart + spread + sum(stirling(x) for x in sizes) - stirling(whole)


def deviance(x: float, excess: float) -> float:
    """X log(x / m) + m - x for m = x - excess, by series where the two are close."""
    mean = x - excess
    if abs(excess) >= _NEAR * (x + mean):
        return x * log(x / mean) - excess
    v = excess / (x + mean)
    total, term = excess * v, 2.0 * x * v
    for odd in range(3, 60, 2):
        term *= v * v
        if total + term / odd == total:
            break
        total += term / odd
    return total


def stirling(z: float) -> float:
    """Log Gamma(z) less Stirling's approximation."""
    if z < _LARGE:
        return lgamma(z) - (z - 0.5) * log(z) + z - 0.5 * log(2.0 * pi)
    h = 1.0 / (z * z)
    return (1.0 / 12.0 - h * (1.0 / 360.0 - h * (1.0 / 1260.0 - h * (1.0 / 1680.0 - h / 1188.0)))) / z
