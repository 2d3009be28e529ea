"""The rules that are compared: where each would have stopped a stream, planned in hindsight for what was collected."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runtime.analysis.backtest.streams import Floats, Stream
from runtime.statistics.normal import quantile
from runtime.statistics.plan import Direction, Plan
from runtime.statistics.power import required_information
from runtime.statistics.sequential import critical_many
from runtime.statistics.tuning import growthbook_tau2, tau2_for_variance

RULES = {
    "peeking": "a z-test read at every look",
    "fixed": "a z-test at the horizon only",
    "growthbook": "GrowthBook's sequential interval, N* = 5,000",
    "msprt": "mSPRT, tuned to the horizon",
    "hybrid": "our detection: error spending and anytime",
    "advised": "our advice: detected, and held",
}
OURS = ("hybrid", "advised")
ALPHA = 0.05
Verdict = Literal["success", "harm"]
Gate = Literal["ship", "kill"]


@dataclass(frozen=True, slots=True)
class Options:
    """`directions` say which way a metric improves; without one a rise is read as success and both ways are held alike."""

    directions: dict[str, Direction]
    share: float | None = None
    hold_days: float = 3.0
    minimum_days: float = 7.0
    fewest_looks: int = 5


@dataclass(frozen=True, slots=True)
class Stop:
    """`look` counts usable looks from 1; `n` are all units seen by then; `gate` is what a person would have been asked."""

    look: int
    time: float
    n: int
    verdict: Verdict
    gate: Gate


def plan_of(stream: Stream, options: Options, direction: Direction) -> Plan:
    """As if exactly what was collected had been planned: its horizon, its information, the effect that sees with 80 %."""
    last = float(stream.variances()[-1])
    effect = sqrt(_standard_information() * last)
    reading = stream.readings[-1]
    share = reading.treatment.n / (reading.control.n + reading.treatment.n)
    effective = share * reading.control.n
    return Plan(
        metric_kind="mean",
        direction=direction,
        tau2=effect**2,
        sigma2=last * effective,
        planned_information=1.0 / last,
        horizon_days=stream.horizon,
        hold_days=options.hold_days,
        minimum_days=min(options.minimum_days, stream.horizon),
        minimum_effect=effect,
        allocation=share if options.share is None else options.share,
    )


@lru_cache(maxsize=1)
def _standard_information() -> float:
    return required_information(1.0)


def bounds(stream: Stream) -> dict[str, Floats]:
    """|z| from which each rule that needs no memory calls, look by look; infinite where it does not look."""
    variances, units = stream.variances(), stream.units()
    z = quantile(1.0 - ALPHA / 2.0)
    at_end = np.full(len(variances), np.inf)
    at_end[-1] = z
    peer = np.array([growthbook_tau2(int(n), v, ALPHA) for n, v in zip(units, variances, strict=True)])
    return {
        "peeking": np.full(len(variances), z),
        "fixed": at_end,
        "growthbook": critical_many(variances, peer, ALPHA),
        "msprt": critical_many(variances, tau2_for_variance(float(variances[-1]), ALPHA), ALPHA),
    }


def first(found: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(found)) if bool(found.any()) else None


def stop_at(stream: Stream, index: int | None, direction: Direction | None) -> Stop | None:
    if index is None:
        return None
    reading = stream.readings[index]
    improved = (reading.treatment.mean > reading.control.mean) == (direction != "decrease")
    gate: Gate = "kill" if direction is not None and not improved else "ship"
    n = reading.control.n + reading.treatment.n
    return Stop(index + 1, reading.day, n, "success" if improved else "harm", gate)
