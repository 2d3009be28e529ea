"""What a chart is told: frozen values only, so that a picture can be drawn again from a stored snapshot."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """A range with an optional best guess inside it; an infinite or NaN end means "not bounded yet"."""

    low: float
    high: float
    point: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from; printed on every picture, spoken in every alt text, stored in the PNG."""

    snapshot_id: str
    data_from: datetime | None
    data_through: datetime | None
    source: str
    simulated: bool = False
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class PortfolioItem:
    """One proposed experiment: its predicted effect (signed, metric units), confidence 0..1, and what was seen, if run."""

    name: str
    low: float
    expected: float
    high: float
    confidence: float
    risk: str
    observed: Interval | None = None


@dataclass(frozen=True, slots=True)
class PortfolioChart:
    """Predicted ranges against the effect still needed, which is `target - baseline`; items keep their given order."""

    title: str
    outcome: str
    metric: str
    unit: str
    direction: str
    baseline: float
    target: float
    items: tuple[PortfolioItem, ...]
    generated_by: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class LaunchChart:
    """Chance (0..1) to detect `minimum_effect` after each of `days`, and the facts a person launches on."""

    title: str
    metric: str
    unit: str
    baseline: float
    minimum_effect: float
    days: tuple[float, ...]
    power: tuple[float, ...]
    horizon_days: float
    units_per_day: float
    rollout_percent: float
    guardrails: tuple[str, ...]
    flag_key: str
    plan_digest: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class EffectPoint:
    """Treatment minus control as known at `at` (data time), with its always-valid bounds."""

    at: datetime
    estimate: float
    lower: float
    upper: float
    n_control: int
    n_treatment: int


@dataclass(frozen=True, slots=True)
class PhaseMark:
    """A moment worth a vertical line: a change of rollout, a release, an incident."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class GuardrailStrip:
    """One guardrail's last value and its limit; `side` is "min" or "max", `state` violated, safe, inconclusive or other."""

    name: str
    value: float | None
    limit: float | None
    side: str
    state: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class EffectChart:
    """The effect so far. `success_threshold` and `predicted` are signed effects in metric units (a decrease is negative).

    `confidence` (0..1) is named beside the interval when it is known.
    """

    title: str
    metric: str
    unit: str
    direction: str
    points: tuple[EffectPoint, ...]
    success_threshold: float | None
    predicted: Interval | None
    horizon: datetime | None
    crossed_at: datetime | None
    phases: tuple[PhaseMark, ...]
    status: str
    headline: str
    guardrails: tuple[GuardrailStrip, ...]
    control_mean: float | None
    treatment_mean: float | None
    srm_flagged: bool
    provenance: Provenance
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SignalPoint:
    """The metric's level for everybody at `at` (data time); `n` units stand behind it when the source says so."""

    at: datetime
    value: float
    n: int | None = None


@dataclass(frozen=True, slots=True)
class SignalChart:
    """An outcome's level over time on its way from `baseline` to `target`: movement, never cause."""

    title: str
    metric: str
    unit: str
    points: tuple[SignalPoint, ...]
    target: float | None
    baseline: float | None
    marks: tuple[PhaseMark, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture: `width` and `height` are device pixels, to be shown at half that size (2x density)."""

    png: bytes
    alt: str
    sparkline: str
    width: int
    height: int
