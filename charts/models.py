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
class ProgressRow:
    """One outcome: its metric's levels for everybody, between where it started and where it is to get."""

    name: str
    metric: str
    unit: str
    baseline: float | None
    target: float | None
    points: tuple[SignalPoint, ...] = ()
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class ProgressChart:
    """Several outcomes, each on the way from its own start to its own target; rows keep their given order."""

    title: str
    rows: tuple[ProgressRow, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """The effect within one segment of `n` units; `called` when it survives the rule that allows for many segments."""

    name: str
    effect: Interval
    n: int
    called: bool = False


@dataclass(frozen=True, slots=True)
class SegmentsChart:
    """Effects by segment beside the effect on everybody; `rule` names what keeps many looks from finding what is not there."""

    title: str
    metric: str
    unit: str
    direction: str
    overall: Interval
    rows: tuple[SegmentRow, ...]
    rule: str
    provenance: Provenance
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class FunnelArm:
    """How many units of one variant reached each step."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FunnelChart:
    """Units by step and variant, as shares of those who entered; the first arm is control. Counts, without intervals."""

    title: str
    steps: tuple[str, ...]
    arms: tuple[FunnelArm, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SplitArm:
    """One variant: the share of units planned for it (0..1) and the units that came."""

    name: str
    planned: float
    count: int


@dataclass(frozen=True, slots=True)
class SplitChart:
    """Whether units were split as planned (SRM); `p_value` is valid at every look, `flagged` is the registered test's answer."""

    title: str
    arms: tuple[SplitArm, ...]
    p_value: float | None
    flagged: bool
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was predicted for one experiment, and what was measured when it was decided."""

    name: str
    predicted: Interval
    observed: Interval


@dataclass(frozen=True, slots=True)
class CalibrationChart:
    """Predictions against measurements; `promised` is the share (0..1) of effects the predicted ranges should hold."""

    title: str
    metric: str
    unit: str
    forecasts: tuple[Forecast, ...]
    promised: float
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an experiment's life in one state; without an end it goes on."""

    state: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class GateMark:
    """A gate: when it opened, when it was answered (None: it waits), and the answer's status."""

    name: str
    opened: datetime
    answered: datetime | None
    status: str


@dataclass(frozen=True, slots=True)
class GanttRow:
    name: str
    spans: tuple[Span, ...]
    gates: tuple[GateMark, ...] = ()


@dataclass(frozen=True, slots=True)
class GanttChart:
    """An outcome's experiments and gates over time, up to `now` and towards the `horizon`."""

    title: str
    rows: tuple[GanttRow, ...]
    now: datetime
    horizon: datetime | None
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class GuardrailRow:
    """One guardrail: its level with its always-valid interval, its limit and the side it must stay on ("min" or "max")."""

    name: str
    level: Interval
    limit: float
    side: str
    state: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class GuardrailsChart:
    """Guardrails against their limits, each on an axis of its own, worst first."""

    title: str
    rows: tuple[GuardrailRow, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture: `width` and `height` are device pixels, to be shown at half that size (2x density)."""

    png: bytes
    alt: str
    sparkline: str
    width: int
    height: int
