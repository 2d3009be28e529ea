"""How long an analysis takes: one, a thousand and a hundred thousand, and a look of the whole verdict."""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import Bench, Line
from runtime.statistics import Memory, PhaseArms, judge, make_plan, spending
from runtime.statistics.moments import Moments, from_counts, from_sums
from runtime.statistics.phases import combine
from runtime.statistics.sequential import around, critical, critical_many, log_e, log_e_many, p_value

MICRO, MILLI = 1e6, 1e3


def best(work: Callable[[], object], repeat: int, loops: int = 1) -> float:
    """Seconds for one call, the best of some tries, as other programs on the machine only ever add."""
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        for _ in range(loops):
            work()
        taken.append((time.perf_counter() - began) / loops)
    return min(taken)


def speed(bench: Bench) -> Iterator[Line]:
    one = best(one_analysis, 30, 300) * MICRO
    yield Line("one analysis, from stored moments", one, 10.0, form=".1f", unit="us", peer=bench.peer("speed 1"))
    sums = best(lambda: (from_sums(5000, 1602, 1602), from_sums(5000, 1689, 1689)), 30, 100) * MICRO
    yield Line("exact moments of both arms from sums", sums, None, form=".1f", unit="us")
    for count, bar in ((1000, 0.5), (100_000, 10.0)):
        taken = best(many(count), 30) * MILLI
        peer = bench.peer(f"speed {count}")
        yield Line(f"{count:,} analyses, vectorised", taken, bar, form=".3f", unit="ms", peer=peer)
    warm, cold = a_look()
    yield Line("a look of `judge`, warm, the 19th official one", warm * MILLI, 0.5, form=".2f", unit="ms")
    yield Line("a look of `judge`, cold, 19 official looks", cold * MILLI, 10.0, form=".2f", unit="ms")


def one_analysis() -> tuple[float, float, float, float]:
    """Two arms as they are stored: estimate, p and both ends of the interval."""
    found = combine(ARMS, "conversion")
    assert found is not None
    ends = around(found.estimate, found.variance, critical(found.variance, 0.0004, 0.05))
    return found.estimate, p_value(log_e(found.estimate, found.variance, 0.0004)), ends.lower, ends.upper


ARMS = (PhaseArms(Moments(5000, 0.32, 1088.0), Moments(5000, 0.34, 1122.0)),)


def many(count: int) -> Callable[[], object]:
    rng = np.random.default_rng(1)
    n = rng.integers(1000, 9000, (2, count)).astype(np.float64)
    mean, m2 = rng.normal(10.0, 0.1, (2, count)), n * rng.uniform(0.5, 2.0, (2, count))

    def work() -> tuple[object, ...]:
        spread = m2 / ((n - 1.0) * n)
        estimate, variance = mean[1] - mean[0], spread[0] + spread[1]
        half = critical_many(variance, 0.01, 0.05) * np.sqrt(variance)
        strength = log_e_many(estimate, variance, 0.01)
        return estimate, np.exp(-np.maximum(strength, 0.0)), estimate - half, estimate + half

    return work


def a_look() -> tuple[float, float]:
    """Seconds of a nineteenth daily look, with and without what the process remembers of those before."""
    plan = make_plan(minimum_effect=0.02, baseline=0.3, units_per_day=1200, horizon_days=20)
    rng, memory, successes = np.random.default_rng(4), Memory(), np.zeros(2, dtype=np.int64)
    for day in range(1, 19):
        successes += rng.binomial(600, (0.300, 0.316))
        memory = judge(plan, memory, _arms(600 * day, successes), float(day), at_horizon=False).memory
    variants = [_arms(11_400, successes + rng.binomial(600, (0.300, 0.316))) for _ in range(30)]

    def last(arms: list[PhaseArms]) -> float:
        return best(lambda: judge(plan, memory, arms, 19.0, at_horizon=False), 1)

    cold = []
    for arms in variants[:10]:
        spending.forget()
        cold.append(last(arms))
    return min(last(arms) for arms in variants[10:]), min(cold)


def _arms(n: int, successes: NDArray[np.int64]) -> list[PhaseArms]:
    control, treatment = (from_counts(n, int(count)) for count in successes)
    return [PhaseArms(control, treatment)]
