"""Worlds to try a plan in: simulated experiments as cumulative arms, many at a time, from a seeded generator."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from runtime.analysis.crossing import ArmPath, Floats, PhasePath, Whole

BUYERS = 0.05  # of users, in the revenue world; the others bring nothing
SIGMA = 1.5  # of the logarithm of what a buyer spends
_MEAN, _SQUARE = BUYERS * exp(SIGMA**2 / 2.0), BUYERS * exp(2.0 * SIGMA**2)
REVENUE_SPREAD = sqrt(_SQUARE - _MEAN**2) / _MEAN  # standard deviation over mean
RAMP_SHARE = 0.1
DRIFT = 0.5  # standard deviations the baseline moves by in the ramp world
FADES_TO = 0.05  # what is left of the effect at the end of the fading world


@dataclass(frozen=True, slots=True)
class Setting:
    """Arrivals by look in each arm, the baseline (a mean or a rate), its standard deviation, and the added effect."""

    control: Whole
    treatment: Whole
    baseline: float
    sd: float
    effect: float


World = Callable[[np.random.Generator, int, Setting], list[PhasePath]]


def arrivals(units: int, allocation: float, looks: int) -> tuple[Whole, Whole]:
    """Even traffic: units of control and treatment that arrive before each look."""
    until = np.arange(1, looks + 1) / looks
    return _steps(units * (1.0 - allocation) * until), _steps(units * allocation * until)


def _steps(cumulative: Floats) -> Whole:
    return np.diff(np.concatenate(([0.0], np.rint(cumulative)))).astype(np.int64)


def normal(rng: np.random.Generator, runs: int, setting: Setting) -> list[PhasePath]:
    """Normal values of known mean and spread."""
    control = _normal_arm(rng, runs, setting.control, setting.baseline, setting.sd)
    return [
        PhasePath(control, _normal_arm(rng, runs, setting.treatment, setting.baseline + setting.effect, setting.sd))
    ]


def conversion(rng: np.random.Generator, runs: int, setting: Setting) -> list[PhasePath]:
    """Ones and zeros."""
    rate = min(1.0, max(0.0, setting.baseline + setting.effect))
    control = _binary_arm(rng, runs, setting.control, setting.baseline)
    return [PhasePath(control, _binary_arm(rng, runs, setting.treatment, rate))]


def revenue(rng: np.random.Generator, runs: int, setting: Setting) -> list[PhasePath]:
    """Nineteen of twenty spend nothing, the rest lognormally; the effect makes every purchase dearer."""
    scale = setting.baseline / _MEAN
    control = _revenue_arm(rng, runs, setting.control, scale)
    return [PhasePath(control, _revenue_arm(rng, runs, setting.treatment, scale + setting.effect / _MEAN))]


def ramp(rng: np.random.Generator, runs: int, setting: Setting) -> list[PhasePath]:
    """Half of the looks at a tenth in treatment, then the planned allocation, over a baseline that drifts upwards."""
    looks = len(setting.control)
    level = setting.baseline + DRIFT * setting.sd * np.linspace(0.0, 1.0, looks)
    early = np.arange(looks) < looks // 2
    both = setting.control + setting.treatment
    few = _steps(RAMP_SHARE * np.cumsum(both))
    phases = []
    for control, treatment in (
        (np.where(early, both - few, 0), np.where(early, few, 0)),
        (np.where(early, 0, setting.control), np.where(early, 0, setting.treatment)),
    ):
        arm = _normal_arm(rng, runs, control, level, setting.sd)
        phases.append(PhasePath(arm, _normal_arm(rng, runs, treatment, level + setting.effect, setting.sd)))
    return phases


def fading(rng: np.random.Generator, runs: int, setting: Setting) -> list[PhasePath]:
    """A novelty: normal values whose effect dies away exponentially until the horizon."""
    looks = len(setting.control)
    left = FADES_TO ** np.linspace(0.0, 1.0, looks)
    control = _normal_arm(rng, runs, setting.control, setting.baseline, setting.sd)
    level = setting.baseline + setting.effect * left
    return [PhasePath(control, _normal_arm(rng, runs, setting.treatment, level, setting.sd))]


WORLDS: dict[str, World] = {
    "normal": normal,
    "conversion": conversion,
    "revenue": revenue,
    "ramp": ramp,
    "fading": fading,
}


def gauges(rng: np.random.Generator, runs: int, days: int, correlation: float) -> Floats:
    """Daily treatment - control of two five-minute gauges: AR(1) noise of their own and a shock a day in common."""
    points = 288
    noise = rng.normal(0.0, 1.0, (runs, 2)) / sqrt(1.0 - correlation**2)
    daily = np.zeros((runs, days))
    for day in range(days):
        shared = rng.normal(0.0, 1.0, (runs, 1))
        total = np.zeros((runs, 2))
        for fresh in rng.normal(0.0, 1.0, (points, runs, 2)):
            noise = correlation * noise + fresh
            total += noise + shared
        daily[:, day] = (total[:, 1] - total[:, 0]) / points
    return daily


def _normal_arm(rng: np.random.Generator, runs: int, sizes: Whole, level: Floats | float, sd: float) -> ArmPath:
    """Means and squares are drawn a look at a time: what a look brings is enough, its units need not be drawn."""
    size = np.maximum(sizes, 1).astype(np.float64)
    centre = float(np.mean(level))
    total = sizes * (np.asarray(level) - centre) + rng.normal(0.0, 1.0, (runs, len(sizes))) * sd * np.sqrt(sizes)
    within = sd**2 * 2.0 * rng.standard_gamma(np.maximum(sizes - 1, 0) / 2.0, (runs, len(sizes)))
    return _arm(sizes, total, within + total**2 / size, centre)


def _binary_arm(rng: np.random.Generator, runs: int, sizes: Whole, rate: float) -> ArmPath:
    hits = rng.binomial(sizes, rate, (runs, len(sizes))).astype(np.float64)
    return _arm(sizes, hits, hits, 0.0)


def _revenue_arm(rng: np.random.Generator, runs: int, sizes: Whole, scale: float) -> ArmPath:
    buyers = rng.binomial(sizes, BUYERS, (runs, len(sizes))).ravel()
    owner = np.repeat(np.arange(buyers.size), buyers)
    spent = scale * rng.lognormal(0.0, SIGMA, owner.size)
    total, square = (np.bincount(owner, each, buyers.size).reshape(runs, -1) for each in (spent, spent**2))
    return _arm(sizes, total, square, 0.0)


def _arm(sizes: Whole, total: Floats, square: Floats, centre: float) -> ArmPath:
    """From sums per look of values counted from `centre`."""
    n = np.cumsum(sizes).astype(np.float64)
    some = np.maximum(n, 1.0)
    first, second = np.cumsum(total, axis=1), np.cumsum(square, axis=1)
    return ArmPath(n, centre + first / some, np.maximum(second - first**2 / some, 0.0))
