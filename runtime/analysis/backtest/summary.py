"""What the replays add up to: one line a rule, one object a stream, one sentence for the head of product."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from runtime.analysis.backtest.guardrails import Watched
from runtime.analysis.backtest.nulls import Rate
from runtime.analysis.backtest.replay import Balance, Final, Replay
from runtime.analysis.backtest.rows import Recording
from runtime.analysis.backtest.rules import RULES, Stop


@dataclass(frozen=True, slots=True)
class Tally:
    """One rule over all valid streams.

    Contradicted: called, and not significant at 95 % at the last look. Missed: significant there, and never called.
    `time_saved` is the median over called streams of the share of the time between first usable look and horizon that
    was left at the call; `duration_saved` the same share of the whole duration.
    """

    calls: int
    early: int
    contradicted: int
    contradicted_share: float
    reversed_sign: int
    missed: int
    significant_at_end: int
    time_saved: float
    duration_saved: float
    days_saved: float
    days_saved_total: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """Everything a backtest found, ready to be printed, written as JSON or drawn."""

    recording: Recording
    replays: tuple[Replay, ...]
    tallies: Mapping[str, Tally]
    rates: Mapping[str, Rate]
    replicates: int
    seed: int
    watched: tuple[Watched, ...] = ()

    @property
    def valid(self) -> list[Replay]:
        return [found for found in self.replays if found.invalid is None]

    @property
    def experiments(self) -> int:
        return len({found.stream.key.experiment_id for found in self.valid})


def contradicted(found: Replay) -> bool:
    return found.final is not None and not found.final.significant


def reversed_sign(found: Replay, stop: Stop) -> bool:
    """The effect at the call pointed the other way than the one at the end."""
    there = found.stream.readings[stop.look - 1]
    final = found.final.estimate if found.final else 0.0
    return (there.treatment.mean - there.control.mean) * final < 0.0


def tally(replays: Sequence[Replay], rule: str) -> Tally:
    valid = [found for found in replays if found.invalid is None]
    called = [(found, stop) for found in valid if (stop := found.stops[rule]) is not None]
    wrong = sum(contradicted(found) for found, _ in called)
    left = [found.stream.horizon - stop.time for found, stop in called]
    return Tally(
        calls=len(called),
        early=sum(days > 0.0 for days in left),
        contradicted=wrong,
        contradicted_share=wrong / len(called) if called else 0.0,
        reversed_sign=sum(reversed_sign(found, stop) for found, stop in called),
        missed=sum(found.stops[rule] is None and not contradicted(found) for found in valid),
        significant_at_end=sum(not contradicted(found) for found in valid),
        time_saved=_median([_reachable_share(found, stop) for found, stop in called]),
        duration_saved=_median([days / found.stream.horizon for (found, _), days in zip(called, left, strict=True)]),
        days_saved=_median(left),
        days_saved_total=sum(left),
    )


def _reachable_share(found: Replay, stop: Stop) -> float:
    reachable = found.stream.horizon - found.stream.readings[0].day
    return (found.stream.horizon - stop.time) / reachable if reachable > 0.0 else 0.0


def _median(values: Sequence[float]) -> float:
    return float(median(values)) if values else 0.0


def headline(found: Backtest) -> str:
    """For somebody who decides and has no time: what early advice would have saved, and what it would have cost."""
    ours, peeking = found.tallies["advised"], found.tallies["peeking"]
    opening = f"On your {_plural(found.experiments, 'experiment')} ({_plural(len(found.valid), 'measured effect')})"
    if not ours.calls:
        return f"{opening}, our advice would have called nothing; {ours.missed} effects were significant at the end."
    return (
        f"{opening}, our advice would have called {ours.calls}, {ours.early} of them before the end and half of all at least "
        f"{ours.days_saved:.0f} days before it. {ours.contradicted} ({ours.contradicted_share:.0%}) were no longer "
        f"significant at the end and {ours.reversed_sign or 'none'} had changed sign. Reading a classical test at every "
        f"look would have called {peeking.calls}, and {peeking.contradicted_share:.0%} of those were contradicted."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def to_json(found: Backtest) -> dict[str, Any]:
    """The machine's answer; NaN and infinity do not occur in it."""
    return {
        "file": {"name": found.recording.name, "form": found.recording.form, "rows": found.recording.rows},
        "notes": list(found.recording.notes),
        "streams": [_stream(replay) for replay in found.replays],
        "rules": {rule: {"rule": RULES[rule], **asdict(found.tallies[rule])} for rule in RULES},
        "a_a": {
            "replicates": found.replicates,
            "streams": len(found.valid) if found.rates else 0,
            "seed": found.seed,
            "rules": {rule: asdict(rate) for rule, rate in found.rates.items()},
        },
        "guardrails": [_watched(watched) for watched in found.watched],
        "headline": headline(found),
    }


def _stream(found: Replay) -> dict[str, Any]:
    return {
        **found.stream.key._asdict(),
        "looks": len(found.stream.readings),
        "unusable_looks": found.stream.unusable,
        "horizon": found.stream.horizon if found.stream.readings else None,
        "final": _final(found.final),
        "stops": {rule: asdict(stop) if stop else None for rule, stop in found.stops.items()},
        "srm": _srm(found.balance),
        "invalid": found.invalid,
    }


def _final(final: Final | None) -> dict[str, Any] | None:
    if final is None:
        return None
    called = "success" if final.lower > 0.0 else "harm"
    return {
        "estimate": final.estimate,
        "ci_lower": final.lower,
        "ci_upper": final.upper,
        "verdict": called if final.significant else "inconclusive",
    }


def _srm(balance: Balance | None) -> dict[str, Any] | None:
    if balance is None:
        return None
    told: dict[str, Any] = {"tested": balance.test is not None, "basis": balance.basis}
    told["observed_share"] = balance.observed_share
    if balance.test is not None:
        told |= {"planned_share": balance.test.planned_share, "log_bf": balance.test.log_e, "srm": balance.test.flagged}
    return told


def _watched(watched: Watched) -> dict[str, Any]:
    stops = {"pause": watched.pause, "kill": watched.kill}
    found = {
        name: {"look": stop.look, "time": stop.time, "n": stop.n} if stop else None for name, stop in stops.items()
    }
    return {**watched.key._asdict(), "margin": watched.margin, **found}
