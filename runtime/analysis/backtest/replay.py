"""One stream through the product's own `judge`, look by look, and the other rules beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from runtime.analysis.backtest.rules import ALPHA, RULES, Options, Stop, bounds, first, plan_of, stop_at
from runtime.analysis.backtest.streams import Reading, Stream
from runtime.statistics import Look, Memory, PhaseArms, Plan, judge
from runtime.statistics.balance import Srm, check_balance
from runtime.statistics.moments import from_summary
from runtime.statistics.normal import quantile
from runtime.statistics.plan import Direction

NEAR_EVEN = 0.02  # a share this near to a half was most likely planned as one


@dataclass(frozen=True, slots=True)
class Balance:
    """`basis` says where the planned share comes from: given, assumed (50/50) or unknown, which is not tested."""

    basis: str
    observed_share: float
    test: Srm | None


@dataclass(frozen=True, slots=True)
class Final:
    """The classical answer at the last look, which every earlier call is measured by."""

    estimate: float
    lower: float
    upper: float

    @property
    def significant(self) -> bool:
        return self.lower > 0.0 or self.upper < 0.0


@dataclass(frozen=True, slots=True)
class Replay:
    """`looks` are the engine's, for the direction given or for increase; empty where nothing could be replayed."""

    stream: Stream
    final: Final | None
    stops: dict[str, Stop | None]
    balance: Balance | None
    invalid: str | None
    looks: tuple[Look, ...] = ()
    plan: Plan | None = None


def replay(stream: Stream, options: Options) -> Replay:
    """Everything known of one stream; `invalid` says why it is left out of the summary."""
    nowhere: dict[str, Stop | None] = dict.fromkeys(RULES)
    if len(stream.readings) < options.fewest_looks:
        reason = f"too few usable looks: {len(stream.readings)} of at least {options.fewest_looks}"
        return Replay(stream, _final(stream) if stream.readings else None, nowhere, None, reason)
    direction = options.directions.get(stream.key.metric_id)
    balance = _balance(stream, options.share)
    plan = plan_of(stream, options, direction or "increase")
    looks = engine(stream, plan, counted=options.share is not None)
    stops = _plain(stream, direction) | {
        "hybrid": stop_at(stream, _index(looks, detected=True), direction),
        "advised": stop_at(stream, _advised(stream, plan, looks, direction), direction),
    }
    broken = options.share is not None and balance.test is not None and balance.test.flagged
    return Replay(stream, _final(stream), stops, balance, looks[-1].reasons[0] if broken else None, looks, plan)


def engine(stream: Stream, plan: Plan, *, counted: bool) -> tuple[Look, ...]:
    """The looks of `judge`; `counted` lets it test the arms' sizes against the plan."""
    looks: list[Look] = []
    memory = Memory(standing_since=_stood_before(stream, plan, counted=counted))
    for reading in stream.readings:
        looks.append(_judge(plan, memory, reading, counted=counted))
        memory = looks[-1].memory
    return tuple(looks)


def _judge(plan: Plan, memory: Memory, reading: Reading, *, counted: bool) -> Look:
    control, treatment = (from_summary(arm.n, arm.mean, arm.variance) for arm in (reading.control, reading.treatment))
    units = (None, None) if counted else (0, 0)  # zero assigned units: no share to miss
    arms = PhaseArms(control, treatment, plan.allocation, *units)
    return judge(plan, memory, [arms], reading.day, at_horizon=reading.day >= plan.horizon_days)


def _stood_before(stream: Stream, plan: Plan, *, counted: bool) -> float | None:
    """Since when the first usable look's evidence has stood, as that look can tell of the ones before it.

    Their counts and means were recorded, only the spread is missing: it is borrowed from the first look that has one.
    They decide nothing, and count for the hold only from that look on.
    """
    if not stream.before:
        return None
    here = stream.readings[0]
    look = _judge(plan, Memory(), here, counted=counted)
    if look.memory.standing_since is None:
        return None
    bar = (look.estimate - look.ci_lower) / sqrt(look.variance) * plan.sign
    since: float | None = None
    for reading in reversed(stream.before):
        if plan.sign * _borrowed_z(reading, here) < abs(bar):
            break
        since = reading.day
    return since


def _borrowed_z(reading: Reading, lender: Reading) -> float:
    spread = lender.control.variance / reading.control.n + lender.treatment.variance / reading.treatment.n
    return (reading.treatment.mean - reading.control.mean) / sqrt(spread)


def _advised(stream: Stream, plan: Plan, looks: Sequence[Look], direction: Direction | None) -> int | None:
    """With a direction harm is advised against at once; without one a fall might be what was wanted, and is held too."""
    if direction is not None:
        return _index(looks, advice=("ship", "kill"))
    up = _index(looks, advice=("ship",))
    if not any(look.status == "harm" for look in looks):
        return up
    down = _index(engine(stream, replace(plan, direction="decrease"), counted=looks[0].srm.n > 0), advice=("ship",))
    found = [index for index in (up, down) if index is not None]
    return min(found) if found else None


def _index(looks: Sequence[Look], *, detected: bool = False, advice: tuple[str, ...] = ()) -> int | None:
    return next((i for i, look in enumerate(looks) if (detected and look.detected) or look.advice in advice), None)


def _plain(stream: Stream, direction: Direction | None) -> dict[str, Stop | None]:
    z = np.abs(stream.estimates()) / np.sqrt(stream.variances())
    return {rule: stop_at(stream, first(z >= bound), direction) for rule, bound in bounds(stream).items()}


def _final(stream: Stream) -> Final:
    estimate, variance = float(stream.estimates()[-1]), float(stream.variances()[-1])
    half = quantile(1.0 - ALPHA / 2.0) * sqrt(variance)
    return Final(estimate, estimate - half, estimate + half)


def _balance(stream: Stream, share: float | None) -> Balance:
    last = stream.readings[-1]
    counts = (last.control.n, last.treatment.n)
    observed = counts[1] / sum(counts)
    if share is None and abs(observed - 0.5) > NEAR_EVEN:
        return Balance("unknown", observed, None)
    basis = "assumed" if share is None else "given"
    return Balance(basis, observed, check_balance(counts, 0.5 if share is None else share))
