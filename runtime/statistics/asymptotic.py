"""One-sided asymptotic confidence sequence as other systems print it, free of scale and without clamps.

Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (arXiv 2103.06476), eq. 134; weight = N rho^2, which is tau2 / V.
"""

from math import expm1, inf, log, log1p, sqrt

from runtime.statistics.sequential import usable


def critical_one_sided(weight: float, alpha: float) -> float:
    """Distance of the bound from the estimate in standard errors."""
    if not usable(weight) or alpha <= 0.0:
        return inf
    return sqrt(2.0 * (1.0 + 1.0 / weight) * log1p(sqrt(1.0 + weight) / (2.0 * alpha)))


def log_p_one_sided(z: float, weight: float) -> float:
    """Log of the alpha at which the bound meets the null; 0 when the estimate is on the null's side, however near."""
    if not usable(weight) or z <= 0.0:
        return 0.0
    strength = 0.5 * z * z / (1.0 + 1.0 / weight)
    if strength <= 0.0:  # too near the null for a double to tell
        return 0.0
    grown = strength if strength > 50.0 else log(expm1(strength))  # where e^x - 1 and e^x are the same double
    return min(0.0, 0.5 * log1p(weight) - log(2.0) - grown)
