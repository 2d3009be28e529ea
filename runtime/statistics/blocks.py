"""When a source gives only a gauge by variant: paired blocks of whole days, tested as single observations."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from runtime.statistics.moments import Moments
from runtime.statistics.sequential import around, critical_t, log_e_t, p_value

FEWEST_BLOCKS = 5
TOO_ALIKE = 0.2


@dataclass(frozen=True, slots=True)
class BlockLook:
    """`length` is how many of the given blocks were joined into one until neighbours no longer resembled each other."""

    estimate: float
    lower: float
    upper: float
    log_e: float
    p: float
    blocks: int
    length: int
    autocorrelation: float
    reason: str


def block_test(differences: Sequence[float], rho2: float = 1.0, alpha: float = 0.05) -> BlockLook:
    """Treatment - control by block of at least a day, never overlapping; shared shocks cancel in the pairing.

    rho2 is the prior variance of effect over block spread, fixed beforehand.
    """
    length, joined = 1, [float(value) for value in differences]
    while len(joined) >= 2 * FEWEST_BLOCKS and neighbours(joined) > TOO_ALIKE:
        length, joined = length * 2, _halved(joined)
    alike = neighbours(joined)
    if len(joined) < FEWEST_BLOCKS:
        return _nothing(joined, length, f"{len(joined)} blocks; {FEWEST_BLOCKS} are needed")
    if alike > TOO_ALIKE:
        return _nothing(joined, length, "neighbouring blocks resemble each other too much; read on for longer")
    return _tested(joined, length, rho2, alpha)


def neighbours(values: Sequence[float]) -> float:
    """Lag-1 autocorrelation; 0 when there is none to speak of."""
    if len(values) < 3:
        return 0.0
    middle = sum(values) / len(values)
    spread = sum((value - middle) ** 2 for value in values)
    joint = sum((a - middle) * (b - middle) for a, b in pairwise(values))
    return joint / spread if spread > 0.0 else 0.0


def _halved(values: Sequence[float]) -> list[float]:
    return [0.5 * (a + b) for a, b in zip(values[0::2], values[1::2], strict=False)]


def _tested(values: Sequence[float], length: int, rho2: float, alpha: float) -> BlockLook:
    seen = _moments(values)
    variance, degrees, weight = seen.variance / seen.n, seen.n - 1.0, seen.n * rho2
    strength = log_e_t(seen.mean, variance, degrees, weight)
    lower, upper = around(seen.mean, variance, critical_t(degrees, weight, alpha))
    return BlockLook(
        seen.mean,
        lower,
        upper,
        strength,
        p_value(strength),
        seen.n,
        length,
        neighbours(values),
        "blocks of equal length",
    )


def _nothing(values: Sequence[float], length: int, reason: str) -> BlockLook:
    mean = sum(values) / len(values) if values else 0.0
    return BlockLook(mean, -inf, inf, 0.0, 1.0, len(values), length, neighbours(values), reason)


def _moments(values: Sequence[float]) -> Moments:
    mean = sum(values) / len(values)
    return Moments(len(values), mean, sum((value - mean) ** 2 for value in values))
