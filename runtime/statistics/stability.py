"""Does the effect last? Effect by week, evidence that first days and rest differ, and how much of it may still fade."""

from math import inf, log, sqrt

from runtime.statistics.look import Mark, Piece, Stability, Trend
from runtime.statistics.normal import quantile
from runtime.statistics.phases import Combined
from runtime.statistics.plan import Plan
from runtime.statistics.sequential import interval, log_e

SPEAKS = log(20.0)
EARLIEST = 0.25  # of the horizon
_SAME_DAY = 1e-9


def split_day(plan: Plan) -> float:
    """Where early ends, fixed by the plan before any data: a whole week, or half of a short horizon."""
    return min(plan.minimum_days, plan.horizon_days / 2.0)


def piece_days(plan: Plan) -> float:
    """Weeks when the horizon holds at least two, thirds of it otherwise."""
    return 7.0 if plan.horizon_days >= 14.0 else plan.horizon_days / 3.0


def remember(marks: tuple[Mark, ...], plan: Plan, now: Mark) -> tuple[Mark, ...]:
    """Keep the first look at or after each boundary between pieces."""
    length = piece_days(plan)
    last = marks[-1].day if marks else 0.0
    following = (int((last + _SAME_DAY) / length) + 1) * length
    return (*marks, now) if now.day >= following - _SAME_DAY else marks


def remember_split(split: Mark | None, plan: Plan, now: Mark) -> Mark | None:
    return now if split is None and now.day >= split_day(plan) - _SAME_DAY else split


def stability(plan: Plan, marks: tuple[Mark, ...], split: Mark | None, now: Mark) -> Stability:
    """The e-value is a martingale in what arrives after the split, so it too may be looked at as often as one likes."""
    ends = marks if marks and marks[-1] == now else (*marks, now)
    starts = (Mark(0.0, 0.0, 0.0), *ends[:-1])
    pieces = tuple(
        piece for start, end in zip(starts, ends, strict=True) if (piece := between(plan, start, end)) is not None
    )
    late = between(plan, split, now) if split is not None else None
    if split is None or late is None:
        return Stability(pieces)
    evidence = log_e(late.estimate - split.estimate, _variance(split, now) + 1.0 / split.information, plan.tau2)
    return Stability(pieces, evidence, _trend(plan, split, late, evidence), late)


def between(plan: Plan, start: Mark, end: Mark) -> Piece | None:
    """Increments are independent in information, so two cumulative estimates give the one between; None if nothing came."""
    gained = end.information - start.information
    if gained <= 0.0:
        return None
    estimate = (end.information * end.estimate - start.information * start.estimate) / gained
    lower, upper = interval(estimate, 1.0 / gained, plan.tau2, plan.alpha)
    return Piece(start.day, end.day, estimate, lower, upper)


def must_persist(plan: Plan, distance: float, fraction: float, day: float) -> float:
    """How much of the present effect the rest of the experiment must show, 0..1, to be significant at the horizon.

    `distance` is the estimate's from the null. What was seen counts by the slower of two clocks, information and days,
    because the information of a value that grows with the days runs ahead. 0: it may vanish; 1: nothing may be lost.
    """
    seen = min(1.0, fraction, day / plan.horizon_days)
    needed = quantile(1.0 - plan.alpha / 2.0) / sqrt(plan.planned_information)
    if distance <= needed or seen >= 1.0:
        return 1.0 if distance <= needed else 0.0
    return max(0.0, needed / distance - seen) / (1.0 - seen)


def hold(plan: Plan, persist: float) -> tuple[float, float]:
    """Days the evidence must stand, and the first day of advice: the registered ones by the share that must persist.

    Never less than one day, since a look that is mended the next day is the commonest reason for a false call, and never
    before a quarter of the horizon, so that a week is seen wherever four are planned (docs/adr/0027-hold-rule.md).
    """
    first = max(persist * plan.minimum_days, min(plan.minimum_days, EARLIEST * plan.horizon_days))
    return max(persist * plan.hold_days, min(1.0, plan.hold_days)), first


def mark(combined: Combined, day: float) -> Mark:
    return Mark(day, combined.information, combined.estimate)


def _variance(start: Mark, end: Mark) -> float:
    gained = end.information - start.information
    return 1.0 / gained if gained > 0.0 else inf


def _trend(plan: Plan, split: Mark, late: Piece, evidence: float) -> Trend:
    if evidence < SPEAKS:
        return "steady"
    return "growing" if plan.sign * (late.estimate - split.estimate) > 0.0 else "fading"
