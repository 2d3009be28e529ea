"""A/A on the user's own history: nothing but noise over each stream's recorded looks, and how often each rule calls it.

Noise arrives with the units: the sum of differences is a Brownian motion over the effective number of units, so that z at
two looks correlates as it does for independent units, and has the variance recorded at each. Looks, counts, variances and
the official boundaries are the recorded ones; days on which effects change, which real tests also meet, are not in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from runtime.analysis.backtest.replay import Replay
from runtime.analysis.backtest.rules import RULES, bounds
from runtime.analysis.backtest.streams import Floats
from runtime.statistics.normal import quantile
from runtime.statistics.plan import Plan
from runtime.statistics.sequential import critical_many
from runtime.statistics.stability import EARLIEST

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rate:
    """Share of null streams ever called, with its standard error over replicates."""

    rate: float
    se: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the engine will compare with at each look, known before any value is."""

    plan: Plan
    days: Floats
    variances: Floats
    anytime: Floats
    standing: Floats
    official: Flags


def false_alarms(
    replays: Sequence[Replay], replicates: int, seed: int, done: Callable[[], None] = lambda: None
) -> dict[str, Rate]:
    """Any-look false-alarm rate of every rule; `done` is told of each stream."""
    random = np.random.default_rng(seed)
    calls = {rule: np.zeros(replicates) for rule in RULES}
    for found in replays:
        z = noise(found, replicates, random)
        for rule, called in alarms(found, z).items():
            calls[rule] += called
        done()
    streams = max(1, len(replays))
    return {rule: _rate(total / streams) for rule, total in calls.items()}


def noise(found: Replay, replicates: int, random: np.random.Generator) -> Floats:
    """Null z-values, a row a look and a column a replicate."""
    size = np.maximum.accumulate(found.stream.effective_n())
    steps = np.sqrt(np.diff(size, prepend=0.0))[:, None] * random.standard_normal((len(size), replicates))
    return np.asarray(np.cumsum(steps, axis=0) / np.sqrt(size)[:, None], dtype=np.float64)


def alarms(found: Replay, z: Floats) -> dict[str, Flags]:
    """Which replicates each rule calls at any look."""
    sizes = np.abs(z)
    plain = {rule: (sizes >= bound[:, None]).any(axis=0) for rule, bound in bounds(found.stream).items()}
    schedule = schedule_of(found)
    beyond = (sizes >= schedule.anytime[:, None]) | (schedule.official[:, None] & (sizes >= schedule.standing[:, None]))
    held = advised(schedule, z) | advised(schedule, -z)
    return plain | {"hybrid": beyond.any(axis=0), "advised": held}


def schedule_of(found: Replay) -> Schedule:
    assert found.plan is not None
    plan, variances = found.plan, found.stream.variances()
    taken = [0, *(len(look.memory.looks.boundary) for look in found.looks)]
    return Schedule(
        plan=plan,
        days=found.stream.days(),
        variances=variances,
        anytime=critical_many(variances, plan.tau2, plan.alpha_any),
        standing=np.array([look.memory.looks.critical for look in found.looks]),
        official=np.diff(taken) > 0,
    )


def advised(schedule: Schedule, z: Floats) -> Flags:
    """Replicates in which shipping an increase is advised at any look: `judge` for many at once, without its memory."""
    count = z.shape[1]
    lower, upper = np.full(count, -np.inf), np.full(count, np.inf)
    since, shipped, latched = np.full(count, np.nan), np.zeros(count, bool), np.zeros(count, bool)
    for k, day in enumerate(schedule.days):
        error = sqrt(schedule.variances[k])
        estimate = z[k] * error
        if schedule.official[k]:
            lower, upper = estimate - schedule.standing[k] * error, estimate + schedule.standing[k] * error
        low, high = _interval(estimate, schedule.anytime[k] * error, lower, upper)
        latched = (latched | (low > 0.0)) & ~(high < 0.0)
        firm = np.abs(z[k]) >= min(schedule.anytime[k], schedule.standing[k])
        stands = (low > 0.0) & firm & (estimate >= 0.0)
        since = np.where(stands, np.where(np.isnan(since), day, since), np.nan)
        at_horizon = k == len(schedule.days) - 1
        shipped |= latched & stands & (at_horizon | _held(schedule, k, estimate, day - since))
    return shipped


def _interval(estimate: Floats, half: float, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    low, high = np.maximum(estimate - half, lower), np.minimum(estimate + half, upper)
    empty = low > high
    return np.where(empty, estimate - half, low), np.where(empty, estimate + half, high)


def _held(schedule: Schedule, k: int, estimate: Floats, stood: Floats) -> Flags:
    """`stability.must_persist` and `stability.hold` over arrays."""
    plan, day = schedule.plan, float(schedule.days[k])
    seen = min(1.0, 1.0 / schedule.variances[k] / plan.planned_information, day / plan.horizon_days)
    needed = quantile(1.0 - plan.alpha / 2.0) / sqrt(plan.planned_information)
    ratio = needed / np.maximum(estimate, needed)
    rest = 1.0 - seen
    persist = np.where(ratio >= 1.0, 1.0, np.maximum(0.0, ratio - seen) / rest if rest > 0.0 else 0.0)
    days = np.maximum(persist * plan.hold_days, min(1.0, plan.hold_days))
    start = np.maximum(persist * plan.minimum_days, min(plan.minimum_days, EARLIEST * plan.horizon_days))
    return np.asarray((stood >= days - 1e-9) & (day >= start - 1e-9), dtype=np.bool_)


def _rate(shares: Floats) -> Rate:
    spread = float(shares.std(ddof=1)) if len(shares) > 1 else float("nan")
    return Rate(float(shares.mean()), spread / sqrt(len(shares)))
