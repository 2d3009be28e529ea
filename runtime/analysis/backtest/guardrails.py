"""Metrics that must not get worse: the first look at which the product would have paused, and turned off, a variant."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runtime.analysis.backtest.rules import Options, Stop
from runtime.analysis.backtest.streams import Key, Reading, Stream
from runtime.errors import InvalidRequest
from runtime.statistics.constraints import Guardrail, Side, State, check
from runtime.statistics.moments import from_summary
from runtime.statistics.phases import PhaseArms
from runtime.statistics.plan import Direction


@dataclass(frozen=True, slots=True)
class Watched:
    """One guardrail of one variant; `margin` is the tolerated worsening as a share of control."""

    key: Key
    margin: float
    pause: Stop | None
    kill: Stop | None


def watch(streams: Iterable[Stream], margins: Mapping[str, float], options: Options) -> list[Watched]:
    """Every stream of a guardrail metric, judged alone up to its last look. Raises InvalidRequest without a direction."""
    chosen = [stream for stream in streams if stream.key.metric_id in margins and stream.readings]
    unknown = sorted(margins.keys() - {stream.key.metric_id for stream in chosen})
    if unknown:
        raise InvalidRequest(f"--guardrail names {', '.join(unknown)}, which the file does not measure.")
    return [_watched(stream, margins, options) for stream in chosen]


def _watched(stream: Stream, margins: Mapping[str, float], options: Options) -> Watched:
    metric = stream.key.metric_id
    if metric not in options.directions:
        raise InvalidRequest(
            f"Guardrail {metric} needs to know what is worse: add --direction {metric}=increase or {metric}=decrease."
        )
    guardrail = _guardrail(metric, margins[metric], options.directions[metric])
    states = [_state(guardrail, reading, len(margins)) for reading in stream.readings]
    return Watched(
        stream.key, margins[metric], _first(stream, states, ("pause", "kill")), _first(stream, states, ("kill",))
    )


def _guardrail(metric: str, margin: float, direction: Direction) -> Guardrail:
    side: Side = "min" if direction == "increase" else "max"
    return Guardrail(name=metric, kind="relative", side=side, limit=margin)


def _state(guardrail: Guardrail, reading: Reading, guardrails: int) -> State:
    control, treatment = (from_summary(arm.n, arm.mean, arm.variance) for arm in (reading.control, reading.treatment))
    return check(guardrail, [PhaseArms(control, treatment)], guardrails=guardrails).state


def _first(stream: Stream, states: list[State], wanted: tuple[State, ...]) -> Stop | None:
    index = next((index for index, state in enumerate(states) if state in wanted), None)
    if index is None:
        return None
    reading = stream.readings[index]
    return Stop(index + 1, reading.day, reading.control.n + reading.treatment.n, "harm", "kill")
