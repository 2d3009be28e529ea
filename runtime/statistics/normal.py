"""The normal and Student tails we need, accurate in logarithms, without importing scipy."""

from math import erfc, exp, expm1, inf, isinf, log, log1p, pi, sqrt
from statistics import NormalDist

ROOT_2 = sqrt(2.0)
_STANDARD = NormalDist()
_ASYMPTOTIC_FROM = 24.0


def quantile(probability: float) -> float:
    """The z with P(Z <= z) = probability; infinite at 0 and 1."""
    if probability <= 0.0 or probability >= 1.0:
        return -inf if probability <= 0.0 else inf
    return _STANDARD.inv_cdf(probability)


def upper_tail(z: float) -> float:
    return 0.5 * erfc(z / ROOT_2)


def two_sided(z: float) -> float:
    return erfc(abs(z) / ROOT_2)


def log_cdf_lifted(y: float) -> float:
    """Log Phi(y) + y^2/2, the part of the one-sided mixture that would cancel if it were summed from its terms."""
    if y >= 0.0:
        return log1p(-upper_tail(y)) + 0.5 * y * y
    return log(0.5 * erfcx(-y / ROOT_2))


def erfcx(x: float) -> float:
    """exp(x^2) erfc(x) for x >= 0; relative error below 1e-12."""
    if x < _ASYMPTOTIC_FROM:
        return exp(x * x) * erfc(x)
    h = 1.0 / (2.0 * x * x)
    return (1.0 - h * (1.0 - 3.0 * h * (1.0 - 5.0 * h * (1.0 - 7.0 * h)))) / (x * sqrt(pi))


def student_to_normal(t: float, degrees: float) -> float:
    """The |z| with the same tail as |t| (Wallace 1959); two decimals good from one degree of freedom up."""
    if isinf(degrees):
        return abs(t)
    return _wallace(degrees) * sqrt(degrees * log1p(t * t / degrees))


def normal_to_student(z: float, degrees: float) -> float:
    """Exact inverse of student_to_normal, so that a test and its interval never disagree."""
    if isinf(degrees) or isinf(z):
        return abs(z)
    scaled = (z / _wallace(degrees)) ** 2 / degrees
    return sqrt(degrees * expm1(scaled)) if scaled < 700.0 else inf


def _wallace(degrees: float) -> float:
    return (8.0 * degrees + 1.0) / (8.0 * degrees + 3.0)
