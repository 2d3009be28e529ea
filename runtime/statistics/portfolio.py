"""Many experiments, variants or segments at once: decisions from e-values that hold under any dependence."""

from collections.abc import Callable, Sequence
from math import inf, log

from runtime.statistics.sequential import log_mean_exp

_ROUNDING = 1e-13


def e_bh(log_es: Sequence[float], alpha: float = 0.05) -> tuple[bool, ...]:
    """Wang & Ramdas 2022: false discovery rate <= alpha for *current* e-values, whatever their dependence."""
    count = len(log_es)
    ranked = sorted(log_es, reverse=True)
    passing = [k for k, value in enumerate(ranked, 1) if _reaches(value, log(count / (k * alpha)))]
    threshold = log(count / (passing[-1] * alpha)) if passing else inf
    return tuple(_reaches(value, threshold) for value in log_es)


def needed(others: Sequence[float], alpha: float = 0.05) -> float:
    """Log of the e-value with which one more experiment is among those that e-BH rejects beside these."""
    count = len(others) + 1
    levels = (log(count / (k * alpha)) for k in range(count, 0, -1))
    ranks = zip(levels, range(count, 0, -1), strict=True)
    return next(level for level, k in ranks if sum(_reaches(value, level) for value in others) >= k - 1)


def _reaches(log_e: float, threshold: float) -> bool:
    """An e-value that equals its threshold counts, whatever the last digit of the two logarithms says."""
    return log_e >= threshold - _ROUNDING


def unit_share(turn: int) -> float:
    """Share gamma_t = 1 / (t (t + 1)), which sums to one over an endless stream."""
    return 1.0 / (turn * (turn + 1.0))


def e_lond(
    log_es: Sequence[float], alpha: float = 0.05, share: Callable[[int], float] = unit_share
) -> tuple[bool, ...]:
    """Xu & Ramdas 2024: experiments decided one after another, each once, at false discovery rate <= alpha."""
    found: list[bool] = []
    for turn, value in enumerate(log_es, 1):
        level = alpha * share(turn) * (sum(found) + 1)
        found.append(_reaches(value, -log(level)))
    return tuple(found)


def any_segment(log_es: Sequence[float]) -> float:
    """Log e against "no segment has an effect": the mean of the segments' e-values, dependent or not."""
    return log_mean_exp(tuple(log_es)) if log_es else 0.0


def from_running_p(p: float) -> float:
    """Log of the e-value 1 / (2 sqrt p) that a running minimum p may be exchanged for (Vovk & Wang 2021)."""
    return -log(2.0) - 0.5 * log(p) if p > 0.0 else inf
