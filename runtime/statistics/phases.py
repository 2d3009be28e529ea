"""Phases of constant allocation, combined by information so that a ramp over a drifting baseline stays honest."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from runtime.statistics.moments import Moments, difference

MetricKind = Literal["conversion", "mean"]


@dataclass(frozen=True, slots=True)
class PhaseArms:
    """Units *assigned in this phase*; `assigned_*` count exposures when they differ from the units that carry a value."""

    control: Moments
    treatment: Moments
    share_treatment: float = 0.5
    assigned_control: int | None = None
    assigned_treatment: int | None = None

    @property
    def counts(self) -> tuple[int, int]:
        control = self.control.n if self.assigned_control is None else self.assigned_control
        return control, self.treatment.n if self.assigned_treatment is None else self.assigned_treatment


@dataclass(frozen=True, slots=True)
class Combined:
    """One estimate (treatment - control) over all phases; the means carry the same weights, so they differ by it."""

    estimate: float
    variance: float
    degrees: float
    effective_n: float
    mean_control: float
    mean_treatment: float
    variance_control: float
    variance_treatment: float

    @property
    def information(self) -> float:
        return 1.0 / self.variance


def combine(phases: Sequence[PhaseArms], kind: MetricKind) -> Combined | None:
    """Information-weighted (statistics reference 2d); a phase with fewer than two units an arm adds nothing."""
    parts = [part for phase in phases if (part := _part(phase, kind)) is not None]
    return _weighted(parts) if parts else None


def units(phases: Sequence[PhaseArms]) -> tuple[int, int]:
    return sum(phase.control.n for phase in phases), sum(phase.treatment.n for phase in phases)


def _part(phase: PhaseArms, kind: MetricKind) -> Combined | None:
    control, treatment = phase.control, phase.treatment
    if control.n < 2 or treatment.n < 2:
        return None
    v_control, v_treatment = _mean_variance(control, kind), _mean_variance(treatment, kind)
    variance = v_control + v_treatment
    if not 0.0 < variance < inf or not isfinite(difference(treatment, control)):
        return None
    return Combined(
        estimate=difference(treatment, control),
        variance=variance,
        degrees=inf if kind == "conversion" else _welch(variance, [(v_control, control.n), (v_treatment, treatment.n)]),
        effective_n=control.n * (treatment.n / (control.n + treatment.n)),
        mean_control=control.mean,
        mean_treatment=treatment.mean,
        variance_control=v_control,
        variance_treatment=v_treatment,
    )


def _mean_variance(arm: Moments, kind: MetricKind) -> float:
    return (arm.spread if kind == "conversion" else arm.variance) / arm.n


def _welch(variance: float, pieces: Sequence[tuple[float, float]]) -> float:
    """Welch-Satterthwaite degrees of freedom, from shares of the variance so that no scale can overflow."""
    return 1.0 / sum((piece / variance) ** 2 / (n - 1.0) for piece, n in pieces)


def _weighted(parts: Sequence[Combined]) -> Combined:
    if len(parts) == 1:
        return parts[0]
    information = sum(part.information for part in parts)
    weights = [part.information / information for part in parts]
    return Combined(
        estimate=sum(w * part.estimate for w, part in zip(weights, parts, strict=True)),
        variance=1.0 / information,
        degrees=_shared_degrees(weights, parts),
        effective_n=sum(part.effective_n for part in parts),
        mean_control=sum(w * part.mean_control for w, part in zip(weights, parts, strict=True)),
        mean_treatment=sum(w * part.mean_treatment for w, part in zip(weights, parts, strict=True)),
        variance_control=sum(w * w * part.variance_control for w, part in zip(weights, parts, strict=True)),
        variance_treatment=sum(w * w * part.variance_treatment for w, part in zip(weights, parts, strict=True)),
    )


def _shared_degrees(weights: Sequence[float], parts: Sequence[Combined]) -> float:
    spent = sum(w * w / part.degrees for w, part in zip(weights, parts, strict=True))
    return 1.0 / spent if spent > 0.0 else inf
