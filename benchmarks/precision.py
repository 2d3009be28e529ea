"""Right digits where doubles run out: far offsets, huge counts, huge evidence, both far tails, and lift against difference."""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from math import sqrt

import numpy as np

from benchmarks.lines import Bench, Line
from runtime.statistics.moments import difference, from_sums, merge
from runtime.statistics.ratio import Effect, lift_interval
from runtime.statistics.sequential import critical, interval, log_e, log_e_above

BAR = 1e-9
OFFSET, UNITS = 10**15, 10**12
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
CASES = 4000
NEAR = 4  # standard deviations, where the series is shorter than the fraction


def precision(bench: Bench) -> Iterator[Line]:
    yield Line("worst error, values at 1e15, n = 1e12", far_offset(), BAR, form=".1e", peer=bench.peer("offset"))
    yield Line("worst error, the same merged from 1,000 shards", shards(), BAR, form=".1e")
    yield Line(
        "worst error, likelihood ratios beyond e^700", huge_evidence(), BAR, form=".1e", peer=bench.peer("ratio")
    )
    yield Line("worst error, one-sided z from -40 to 60", one_sided(), BAR, form=".1e")
    disagreeing = lift_against_difference()
    yield Line(f"lift and difference disagree, of {CASES}", disagreeing, 0.0, form=".0f", peer=bench.peer("lift"))


def far_arm(high: int) -> tuple[int, int, int]:
    """n, sum and sum of squares of units at the offset, `high` of which stand one above it."""
    return UNITS, UNITS * OFFSET + high, UNITS * OFFSET**2 + 2 * OFFSET * high + high


def far_offset() -> float:
    """Estimate and variance of the difference against exact fractions."""
    lower, upper = UNITS // 2, UNITS // 2 + 3_000_001
    control, treatment = from_sums(*far_arm(lower)), from_sums(*far_arm(upper))
    estimate = Fraction(upper - lower, UNITS)
    spread = sum(Fraction(high * (UNITS - high), UNITS * UNITS * (UNITS - 1)) for high in (lower, upper))
    variance = control.variance / control.n + treatment.variance / treatment.n
    return max(_off(difference(treatment, control), float(estimate)), _off(variance, float(spread)))


def shards() -> float:
    size, pieces = UNITS // 1000, []
    for index in range(1000):
        high = size // 2 + index
        pieces.append(from_sums(size, size * OFFSET + high, size * OFFSET**2 + 2 * OFFSET * high + high))
    merged = merge(*pieces)
    highs = sum(size // 2 + index for index in range(1000))
    exact = Fraction(highs * (UNITS - highs), UNITS * (UNITS - 1))
    mean = (merged.mean - OFFSET) + merged.rest
    return max(_off(merged.variance, float(exact)), _off(mean, highs / UNITS))


def huge_evidence() -> float:
    worst = 0.0
    for z in (40.0, 60.0, 200.0, 1e4):
        for ratio in (1e-6, 1.0, 8.0, 1e6):
            with localcontext() as context:
                context.prec = 60
                width = Decimal(ratio)
                exact = (Decimal(z) ** 2 * width / (1 + width) - (1 + width).ln()) / 2
            worst = max(worst, _off(log_e(z * 0.01, 1e-4, ratio * 1e-4), float(exact), 1.0))
    return worst


def one_sided() -> float:
    worst = 0.0
    for ratio in (0.01, 1.0, 8.0, 1e4):
        for z in np.linspace(-40.0, 60.0, 201).tolist():
            worst = max(worst, _off(log_e_above(z, 1.0, ratio), float(_exact_above(z, ratio)), 1.0))
    return worst


def _exact_above(z: float, ratio: float) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        width = Decimal(ratio)
        y = Decimal(z) * (width / (1 + width)).sqrt()
        return Decimal(2).ln() - (1 + width).ln() / 2 + y * y / 2 + _lower_tail(y).ln()


def _lower_tail(y: Decimal) -> Decimal:
    """Phi(y) to more than 30 digits: Taylor's series near nothing, Laplace's continued fraction beyond."""
    bell = (-y * y / 2).exp() / (2 * PI).sqrt()
    if abs(y) < NEAR:
        term = total = y
        for k in range(1, 200):
            term = term * y * y / (2 * k + 1)
            total += term
        return Decimal("0.5") + bell * total
    rest = Decimal(0)
    for k in range(800, 0, -1):
        rest = k / (abs(y) + rest)
    tail = bell / (abs(y) + rest)
    return tail if y < 0 else 1 - tail


def borderline() -> list[tuple[float, float, float, float]]:
    """Noisy baselines: mean, variance of the control's mean, difference in half widths of the interval, and treatment's variance."""
    rng = np.random.default_rng(40)
    spread, near = rng.uniform(0.002, 0.04, (CASES, 2)).tolist(), rng.uniform(0.97, 1.03, CASES)
    times = (near * rng.choice([-1.0, 1.0], CASES)).tolist()
    return [(1.0, v_c, factor, v_t) for (v_c, v_t), factor in zip(spread, times, strict=True)]


def lift_against_difference() -> float:
    count = 0
    for mean, v_c, times, v_t in borderline():
        wide = critical(v_c + v_t, 0.1, 0.05)
        gap = times * wide * sqrt(v_c + v_t)
        direct = interval(gap, v_c + v_t, 0.1, 0.05)
        lift = lift_interval(Effect(mean, v_c), Effect(mean + gap, v_t), wide)
        count += (direct.lower > 0.0 or direct.upper < 0.0) != (lift.lower > 0.0 or lift.upper < 0.0)
    return float(count)


def _off(found: float, exact: float, least: float = 0.0) -> float:
    """Relative error, or absolute below `least`."""
    return abs(found - exact) / max(abs(exact), least)
