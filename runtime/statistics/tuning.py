"""How wide the registered alternative is: the choices of tau2, all made before the first unit is seen."""

from math import exp, inf, isfinite, log, log1p, pi, sqrt

from runtime.statistics.normal import upper_tail


def best_ratio(alpha: float) -> float:
    """tau2 / V that makes the confidence sequence narrowest at V: x - log(1 + x) = 2 log(1/alpha)."""
    target = -2.0 * log(alpha)
    x = target + log1p(target) + 1.0
    for _ in range(50):
        step = (x - log1p(x) - target) * (1.0 + x) / x
        x -= step
        if abs(step) <= 1e-14 * x:
            break
    return x


def tau2_for_variance(planned_variance: float, alpha: float) -> float:
    return best_ratio(alpha) * planned_variance


def registered_tau2(minimum_effect: float, expected_effect: float | None = None) -> float:
    """The planned minimum effect squared, within 3 % of the optimum; a registered prediction counts within 4x of it."""
    smallest = abs(minimum_effect)
    if not expected_effect or not isfinite(expected_effect):
        return smallest**2
    return min(max(abs(expected_effect), smallest / 4.0), 4.0 * smallest) ** 2


def tau2_from_history(prior_variance: float, planned_information: float, alpha: float) -> float:
    """Johari et al. 2022: past effects ~ N(0, prior_variance), at most `planned_information` to be collected."""
    if prior_variance <= 0.0 or planned_information <= 0.0:
        return inf
    b = sqrt(-2.0 * log(alpha) / (planned_information * prior_variance))
    tail, ratio = upper_tail(b), exp(-0.5 * b * b) / sqrt(2.0 * pi) / b
    return prior_variance * tail / (ratio - tail)


def growthbook_tau2(total_units: int, variance: float, alpha: float = 0.05, planned_units: int = 5000) -> float:
    """The tau2 that reproduces GrowthBook's and PostHog's sequential interval at this look."""
    spread = -2.0 * log(alpha)
    return (spread + log(spread + 1.0)) / planned_units * total_units * variance
