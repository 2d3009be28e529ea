"""What lies ahead of an experiment at one look: its chance, its trend, its hold and what a day of waiting costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.statistics.look import Look, Mark, Piece, Trend
from runtime.statistics.plain import plain
from runtime.statistics.plan import Plan
from runtime.statistics.power import futility
from runtime.statistics.stability import between, hold, must_persist


@dataclass(frozen=True, slots=True)
class Hold:
    """Days the evidence must stand and has stood, and the first day on which shipping may be advised."""

    needed_days: float
    standing_days: float
    first_day: float
    left_days: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """One more day as it is: how many units do without the better arm, and what that comes to at the shrunken estimate.

    `per_day` is in metric units times units: conversions of a share, the metric's own sum of anything else. `gain`: the
    treatment looks better, so that it is the control arm that goes without.
    """

    units_per_day: float
    without: float
    effect: float
    per_day: float
    gain: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """`chance` is None where nothing is left to predict; `hold` where no evidence waits; `waiting` where it is not known."""

    chance: float | None
    early: Piece | None
    late: Piece | None
    trend: Trend
    hold: Hold | None
    waiting: Waiting | None

    def to_json(self) -> Mapping[str, Any]:
        values: dict[str, Any] = plain(self)
        return values


def outlook(plan: Plan, look: Look, day: float, share_treatment: float) -> Outlook:
    """`share_treatment` is today's; traffic is taken to stay what it was on average so far."""
    split, late = look.memory.split, look.stability.late
    sound = look.status != "invalid" and look.interval_kind != "none"
    return Outlook(
        chance=_chance(plan, look) if sound else None,
        early=between(plan, Mark(0.0, 0.0, 0.0), split) if split is not None and late is not None else None,
        late=late,
        trend=look.stability.trend,
        hold=_hold(plan, look, day),
        waiting=_waiting(plan, look, day, share_treatment) if sound else None,
    )


def _chance(plan: Plan, look: Look) -> float | None:
    """Of a success by the horizon; None once there is a call, or the horizon is reached."""
    if look.horizon_reached or look.status != "inconclusive" or look.fraction >= 1.0:
        return None
    best = max(plan.sign * look.ci_lower, plan.sign * look.ci_upper)
    return futility(plan, plan.sign * look.estimate, look.variance, best).reach


def _hold(plan: Plan, look: Look, day: float) -> Hold | None:
    if look.status != "success" or look.advice != "continue" or look.memory.standing_since is None:
        return None
    persist = must_persist(plan, plan.sign * look.estimate - plan.floor, look.fraction, day)
    needed, first = hold(plan, persist)
    return Hold(needed, look.standing_days, first, max(0.0, needed - look.standing_days, first - day))


def _waiting(plan: Plan, look: Look, day: float, share_treatment: float) -> Waiting | None:
    """Of a better treatment the control arm goes without; a worse one is suffered by the treated."""
    if day < 1.0:
        return None
    daily, better = (look.n_control + look.n_treatment) / day, plan.sign * look.shrunk_estimate > 0.0
    without = daily * (1.0 - share_treatment if better else share_treatment)
    return Waiting(daily, without, look.shrunk_estimate, without * abs(look.shrunk_estimate), better)
