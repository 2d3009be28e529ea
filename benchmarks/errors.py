"""False calls, power and stopping of the default plan, simulated with fixed seeds under a look a hundred times."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import Bench, Line
from runtime.analysis.crossing import Calls, PhasePath, first_calls
from runtime.analysis.worlds import WORLDS, Setting, arrivals, gauges
from runtime.statistics.balance import CONCENTRATION, log_bayes_factor
from runtime.statistics.blocks import FEWEST_BLOCKS, block_test
from runtime.statistics.normal import quantile
from runtime.statistics.phases import MetricKind
from runtime.statistics.plan import Plan

LOOKS = 100
ARM = 5000
ALPHA = 0.05
DETECTABLE = quantile(1.0 - ALPHA / 2.0) + quantile(0.8)  # standard errors that one fixed look sees with 80 %
PLANNED = DETECTABLE * sqrt(2.0 / ARM)  # standard deviations
EFFECTS = {"0.03 sd": 0.03, "the planned effect": PLANNED, "0.10 sd": 0.10, "0.20 sd": 0.20}
SHOWN_TO_PEERS = 300


@dataclass(frozen=True, slots=True)
class Case:
    """Experiments of one kind, and the plan they are read with."""

    name: str
    plan: Plan
    phases: Sequence[PhasePath]
    per_look: int


def plan_for(sd: float, arm: int, kind: MetricKind) -> Plan:
    """The default plan for the effect that one look at `arm` units each would see with 80 %."""
    effect = DETECTABLE * sd * sqrt(2.0 / arm)
    return Plan(
        metric_kind=kind,
        tau2=effect**2,
        sigma2=sd**2,
        planned_information=arm / (2.0 * sd**2),
        horizon_days=float(LOOKS),
        minimum_effect=effect,
    )


def case(name: str, world: str, *, baseline: float, sd: float, arm: int, runs: int, effect: float = 0.0) -> Case:
    kind: MetricKind = "conversion" if world == "conversion" else "mean"
    control, treatment = arrivals(2 * arm, 0.5, LOOKS)
    rng = np.random.default_rng([2026, *name.encode()])
    phases = WORLDS[world](rng, runs, Setting(control, treatment, baseline, sd, effect))
    return Case(name, plan_for(sd, arm, kind), phases, arm // LOOKS)


def nulls(bench: Bench) -> Iterator[Case]:
    """Worlds without any effect."""
    runs = bench.runs(2000)
    spread = 13.72  # of revenue, in means
    yield case("normal", "normal", baseline=10.0, sd=1.0, arm=ARM, runs=runs)
    yield case("conversion 5 %", "conversion", baseline=0.05, sd=sqrt(0.05 * 0.95), arm=ARM, runs=runs)
    yield case("conversion 1 %, 20 units a look", "conversion", baseline=0.01, sd=sqrt(0.0099), arm=2000, runs=runs)
    yield case("revenue, 95 % zeros", "revenue", baseline=1.0, sd=spread, arm=ARM, runs=bench.runs(1000))
    yield case("first look at n = 2, a look every unit", "normal", baseline=0.0, sd=1.0, arm=LOOKS, runs=runs)
    yield case("ramp 10 -> 50 %, drifting baseline", "ramp", baseline=10.0, sd=1.0, arm=ARM, runs=runs)


def powers(bench: Bench) -> Iterator[Case]:
    for name, effect in EFFECTS.items():
        yield case(f"power {name}", "normal", baseline=10.0, sd=1.0, arm=ARM, runs=bench.runs(4000), effect=effect)


def allowed(runs: int, alpha: float = ALPHA) -> float:
    return alpha + 3.0 * sqrt(alpha * (1.0 - alpha) / runs)


def false_calls(bench: Bench) -> Iterator[Line]:
    for each in nulls(bench):
        calls = first_calls(each.plan, each.phases)
        share, runs = float(calls.called.mean()), len(calls.look)
        yield Line(f"false calls, {each.name}", share, allowed(runs), peer=bench.peer(each.name))
    yield _gauges(bench)


def _gauges(bench: Bench) -> Line:
    """Two AR(0.98) gauges read every five minutes for four weeks, looked at after every day."""
    runs, days = bench.runs(1000), 28
    series = gauges(np.random.default_rng(98), runs, days, 0.98)
    called = [any(block_test(row[:day]).p <= ALPHA for day in range(FEWEST_BLOCKS, days + 1)) for row in series]
    return Line("false calls, AR(0.98) gauges by daily blocks", float(np.mean(called)), allowed(runs))


def power(bench: Bench) -> Iterator[Line]:
    for (name, _), each in zip(EFFECTS.items(), powers(bench), strict=True):
        share, mean, middle = stops(first_calls(each.plan, each.phases), each.per_look)
        planned, strong = name == "the planned effect", name == "0.10 sd"
        peer = bench.peer(each.name)
        yield Line(f"power at {name}", share, 0.74 if planned else None, ">=", peer=peer)
        yield Line(f"mean units an arm of {ARM} at {name}", mean, 3700.0 if planned else None, form=".0f")
        yield Line(f"median stop at {name}", middle, 1950.0 if strong else None, form=".0f")


def stops(calls: Calls, per_look: int) -> tuple[float, float, float]:
    """Power, and mean and median units an arm at the stop; runs without a call stop at the horizon."""
    return stops_at(calls.look, per_look)


def stops_at(look: NDArray[np.int64], per_look: int) -> tuple[float, float, float]:
    units = np.where(look >= 0, look + 1, LOOKS) * per_look
    return float((look >= 0).mean()), float(units.mean()), float(np.median(units))


def assignments(bench: Bench) -> NDArray[np.int64]:
    """Units in treatment by look, of a hundred a look that fall fairly."""
    fair = np.random.default_rng(7).binomial(100, 0.5, (bench.runs(2000), LOOKS))
    return np.cumsum(fair, axis=1)


def balance(bench: Bench) -> Iterator[Line]:
    treated, alpha = assignments(bench), 0.01
    seen = 100 * np.arange(1, LOOKS + 1)
    flagged = [
        any(
            log_bayes_factor((n - t, t), (0.5, 0.5), CONCENTRATION) >= -log(alpha)
            for n, t in zip(seen.tolist(), row, strict=True)
        )
        for row in treated.tolist()
    ]
    share = float(np.mean(flagged))
    yield Line("SRM false alarms over 100 looks", share, alpha, peer=bench.peer("srm"))


def for_peers(bench: Bench) -> Mapping[str, NDArray[np.float64]]:
    """The first experiments of each case, as sums that any package can be given; only undivided ones."""
    arrays: dict[str, NDArray[np.float64]] = {"srm": assignments(bench)[:SHOWN_TO_PEERS].astype(np.float64)}
    for each in (*nulls(bench), *powers(bench)):
        if len(each.phases) == 1:
            for side, arm in (("c", each.phases[0].control), ("t", each.phases[0].treatment)):
                arrays[f"{each.name}|n{side}"] = arm.n
                arrays[f"{each.name}|mean{side}"] = arm.mean[:SHOWN_TO_PEERS]
                arrays[f"{each.name}|m2{side}"] = arm.m2[:SHOWN_TO_PEERS]
    return arrays
