"""What one look at an experiment says, and the memory it hands to the next: frozen values that travel as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from runtime.statistics.balance import Srm
from runtime.statistics.plain import number, numbers, plain
from runtime.statistics.sequential import EVERYTHING, Interval
from runtime.statistics.spending import Looks

Status = Literal["success", "harm", "inconclusive", "invalid"]
Call = Literal["success", "harm", "inconclusive"]
Advice = Literal["ship", "kill", "continue", "iterate"]
Part = Literal["anytime", "spending", "horizon"]
IntervalKind = Literal["anytime", "hybrid", "horizon", "none"]
Trend = Literal["unknown", "steady", "fading", "growing"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """The look at which "no effect" was first rejected, in which direction, and by which part of the plan."""

    status: Literal["success", "harm"]
    look: int
    day: float
    part: Part


@dataclass(frozen=True, slots=True)
class Official:
    """The latest official look: its two intervals (treatment - control) and its p, which stand until the next."""

    difference: Interval = EVERYTHING
    lift: Interval = EVERYTHING
    p: float = 1.0


@dataclass(frozen=True, slots=True)
class Horizon:
    """The frozen result of the one look at the horizon; it stays displayed if the experiment runs on."""

    day: float
    status: Call
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Information and estimate of everything up to a day; two of them give the effect in between."""

    day: float
    information: float
    estimate: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What must survive from look to look. Never edited: `judge` returns the next one inside its Look."""

    looks_taken: int = 0
    p_running: float = 1.0
    crossed: Crossing | None = None
    looks: Looks = field(default_factory=Looks)
    official: Official | None = None
    standing_since: float | None = None
    marks: tuple[Mark, ...] = ()
    split: Mark | None = None
    horizon: Horizon | None = None

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Self:
        """An empty or missing mapping is the memory of an experiment nobody has looked at yet."""
        stored = values or {}
        return cls(
            looks_taken=int(stored.get("looks_taken", 0)),
            p_running=number(stored.get("p_running", 1.0)),
            crossed=Crossing(**crossed) if (crossed := stored.get("crossed")) else None,
            looks=Looks(**{name: numbers(row) for name, row in stored.get("looks", {}).items()}),
            official=_official(stored.get("official")),
            standing_since=None if stored.get("standing_since") is None else number(stored["standing_since"]),
            marks=tuple(_mark(mark) for mark in stored.get("marks", ())),
            split=_mark(stored["split"]) if stored.get("split") else None,
            horizon=_horizon(stored.get("horizon")),
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """The effect among what arrived between two days, with its own always-valid interval."""

    from_day: float
    to_day: float
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Stability:
    """Whether the effect differs between the first days and the rest; `late_*` is then the better forecast."""

    pieces: tuple[Piece, ...] = ()
    log_e: float = 0.0
    trend: Trend = "unknown"
    late: Piece | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look. Effects are treatment - control in metric units; lift is relative to control; p covers all peeking.

    `detected` latches, `standing_days` does not: it counts how long the present evidence for shipping has stood.
    """

    status: Status
    reasons: tuple[str, ...]
    estimate: float
    variance: float
    ci_lower: float
    ci_upper: float
    interval_kind: IntervalKind
    lift: float
    lift_lower: float
    lift_upper: float
    log_e: float
    p_now: float
    p_running: float
    n_control: int
    n_treatment: int
    mean_control: float
    mean_treatment: float
    srm: Srm
    detected: bool
    standing_days: float
    advice: Advice
    horizon_reached: bool
    shrunk_estimate: float
    stability: Stability
    fraction: float
    memory: Memory

    def to_json(self) -> dict[str, Any]:
        """Infinities as "inf" and "-inf", unknown numbers as null."""
        values: dict[str, Any] = plain(self)
        return values

    @property
    def crossed(self) -> Crossing | None:
        return self.memory.crossed


def _mark(values: Mapping[str, Any]) -> Mark:
    return Mark(number(values["day"]), number(values["information"]), number(values["estimate"]))


def _official(values: Mapping[str, Any] | None) -> Official | None:
    if not values:
        return None
    difference, lift = (Interval(*numbers(values[name])) for name in ("difference", "lift"))
    return Official(difference, lift, number(values["p"]))


def _horizon(values: Mapping[str, Any] | None) -> Horizon | None:
    if not values:
        return None
    return Horizon(number(values["day"]), values["status"], number(values["lower"]), number(values["upper"]))
