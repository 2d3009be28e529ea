"""Type-I error and power under continuous peeking, simulated from units with fixed seeds."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.statistics import Memory, Moments, PhaseArms, judge, make_plan
from runtime.statistics.moments import EMPTY, from_counts, from_summary, merge
from runtime.statistics.normal import quantile
from runtime.statistics.phases import combine
from runtime.statistics.sequential import critical_many, log_e, log_e_t_many
from runtime.statistics.spending import boundaries

Floats = NDArray[np.float64]
LOOKS = 100
TIMES = tuple(k / LOOKS for k in range(1, LOOKS + 1))
EDGE = np.array(boundaries(TIMES, 0.048, 2.2).boundary) / np.sqrt(TIMES)


def allowed(runs: int, alpha: float = 0.05) -> float:
    return alpha + 3 * (alpha * (1 - alpha) / runs) ** 0.5


def arm_path(totals: Floats, squares: Floats, per_look: int) -> tuple[Floats, Floats, Floats]:
    """Running n, mean and unbiased variance from sums per look."""
    n = np.arange(1, LOOKS + 1) * float(per_look)
    mean = totals.cumsum(axis=1) / n
    return n, mean, (squares.cumsum(axis=1) - n * mean**2) / (n - 1)


def hybrid_calls(control: tuple[Floats, Floats], treatment: tuple[Floats, Floats], per_look: int) -> Floats:
    """Share of runs ever called by the default plan, tuned to the effect 80 % power would find at the end."""
    n, mean_c, s2_c = arm_path(*control, per_look)
    _, mean_t, s2_t = arm_path(*treatment, per_look)
    d, v = mean_t - mean_c, (s2_c + s2_t) / n
    v = np.where(v > 0, v, np.inf)
    tau2 = 2.95**2 * float(np.median(v[:, -1]))
    always = np.abs(d) >= critical_many(v, tau2, 0.002) * np.sqrt(v)
    official = np.abs(d) >= EDGE * np.sqrt(v)
    enough = np.broadcast_to(n >= 50, d.shape)
    return ((always | official) & enough).any(axis=1).mean()


def normal_arms(rng: np.random.Generator, runs: int, shift: float = 0.0) -> tuple[Floats, Floats]:
    """Sums and sums of squares of 50 normal units a look."""
    total = rng.normal(50 * shift, np.sqrt(50), (runs, LOOKS))
    return total, rng.chisquare(49, (runs, LOOKS)) + total**2 / 50


def conversion_arms(rng: np.random.Generator, runs: int, rate: float, per_look: int) -> tuple[Floats, Floats]:
    hits = rng.binomial(per_look, rate, (runs, LOOKS)).astype(np.float64)
    return hits, hits


def revenue_arms(rng: np.random.Generator, runs: int) -> tuple[Floats, Floats]:
    """95 % zeros, the rest lognormal with sigma 1.5."""
    spent = np.where(rng.random((runs, LOOKS, 50)) < 0.05, rng.lognormal(0, 1.5, (runs, LOOKS, 50)), 0.0)
    return spent.sum(axis=2), (spent**2).sum(axis=2)


def test_a_hundred_looks_at_nothing_call_five_percent_at_most():
    rng = np.random.default_rng(2024)
    runs = 2000
    assert hybrid_calls(normal_arms(rng, runs), normal_arms(rng, runs), 50) <= allowed(runs)
    for rate, per_look in ((0.05, 50), (0.01, 20)):
        arms = (conversion_arms(rng, runs, rate, per_look) for _ in range(2))
        assert hybrid_calls(*arms, per_look) <= allowed(runs)


def test_heavy_tailed_revenue_is_no_excuse():
    rng = np.random.default_rng(77)
    assert hybrid_calls(revenue_arms(rng, 600), revenue_arms(rng, 600), 50) <= allowed(600)


def test_the_default_plan_finds_the_effect_it_was_planned_for():
    rng = np.random.default_rng(5)
    shift = 2.802 / np.sqrt(LOOKS * 50 / 2)  # what one fixed look would find with 80 % power
    assert hybrid_calls(normal_arms(rng, 2000), normal_arms(rng, 2000, shift), 50) >= 0.74
    assert hybrid_calls(normal_arms(rng, 500), normal_arms(rng, 500, 3 * shift), 50) == 1.0


def test_the_t_mixture_may_be_read_from_the_second_unit_on():
    rng = np.random.default_rng(31)
    c, t = rng.normal(size=(2, 2000, LOOKS))
    n = np.arange(1, LOOKS + 1)
    means = [x.cumsum(axis=1) / n for x in (c, t)]
    m2 = [(x**2).cumsum(axis=1) - n * m**2 for x, m in zip((c, t), means, strict=True)]
    pooled = (m2[0] + m2[1])[:, 1:] / (2 * n[1:] - 2)
    d, v = (means[1] - means[0])[:, 1:], pooled * 2 / n[1:]
    weight = n[1:] / 2 * 8.2 * 2 / LOOKS
    evidence = log_e_t_many(d, v, np.broadcast_to(2.0 * n[1:] - 2, d.shape), np.broadcast_to(weight, d.shape))
    assert (evidence.max(axis=1) >= -log(0.05)).mean() <= 0.05


def path(rng: np.random.Generator, size: int, days: int, spread: tuple[float, float]) -> list[PhaseArms]:
    """Cumulative arms of `size` normal units a day."""
    arms: list[Moments] = [EMPTY, EMPTY]
    looks = []
    for _ in range(days):
        for index, sd in enumerate(spread):
            units = rng.normal(10, sd, size if index == 0 else max(2, size // 3))
            arms[index] = merge(arms[index], from_summary(len(units), float(units.mean()), float(units.var(ddof=1))))
        looks.append(PhaseArms(*arms, share_treatment=(max(2, size // 3)) / (size + max(2, size // 3))))
    return looks


@pytest.mark.parametrize("size", [6, 60])
def test_small_uneven_arms_with_unequal_spread_stay_honest_through_the_whole_verdict(size):
    rng = np.random.default_rng(8)
    plan = make_plan(
        metric_kind="mean", minimum_effect=1.5, kind="anytime", sigma2=4.0, units_per_day=size, horizon_days=20
    )
    called = 0
    for _ in range(300):
        memory = Memory()
        for day, phase in enumerate(path(rng, size, 20, (1.0, 3.0)), 1):
            memory = judge(plan, memory, [phase], float(day), at_horizon=False).memory
        called += memory.crossed is not None
    assert called / 300 <= allowed(300)


def judged(rng: np.random.Generator, lift: float, days: int = 8) -> Memory:
    """A conversion experiment through the real verdict, a look a day, the last at the horizon."""
    plan = make_plan(minimum_effect=0.02, baseline=0.3, units_per_day=4000, horizon_days=days)
    plan = replace(plan, planned_information=8 * 1000 / (0.3 * 0.7))
    control, treatment, memory = EMPTY, EMPTY, Memory()
    for day in range(1, days + 1):
        control = merge(control, from_counts(2000, int(rng.binomial(2000, 0.3))))
        treatment = merge(treatment, from_counts(2000, int(rng.binomial(2000, 0.3 + lift))))
        memory = judge(plan, memory, [PhaseArms(control, treatment)], float(day), at_horizon=day == days).memory
    return memory


def test_the_whole_verdict_keeps_its_error_and_its_power():
    rng = np.random.default_rng(99)
    null = np.mean([judged(rng, 0.0).crossed is not None for _ in range(160)])
    reach = 2.95 / (8 * 1000 / 0.21) ** 0.5
    found = np.mean([judged(rng, reach).crossed is not None for _ in range(80)])
    assert null <= allowed(160)
    assert found >= 0.8 - 3 * (0.16 / 80) ** 0.5


def test_ramping_over_a_drifting_baseline_is_safe_in_phases():
    rng = np.random.default_rng(4)
    called = 0
    for _ in range(300):
        arms = dict.fromkeys(("c1", "t1", "c2", "t2"), EMPTY)
        strongest = 0.0
        for look in range(40):
            ramped, level = look >= 20, 10 + 0.05 * look
            sizes = {"c2": 50, "t2": 50} if ramped else {"c1": 90, "t1": 10}
            for name, size in sizes.items():
                units = rng.normal(level, 1.0, size)
                arms[name] = merge(arms[name], from_summary(size, float(units.mean()), float(units.var(ddof=1))))
            found = combine([PhaseArms(arms["c1"], arms["t1"], 0.1), PhaseArms(arms["c2"], arms["t2"])], "mean")
            assert found is not None
            strongest = max(strongest, log_e(found.estimate, found.variance, 0.02))
        called += strongest >= -log(0.05)
    assert called / 300 <= 0.05


def test_the_horizon_boundary_is_close_to_the_classical_one():
    assert quantile(1 - 0.048 / 2) < EDGE[-1] < 2.3
