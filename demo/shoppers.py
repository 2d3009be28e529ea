"""Simulated shoppers: one slice of the calendar in, everything they did out; pure, repeatable from the seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.flags import Flag, hundredth
from demo.truth import Truth

STEPS = ("cart_viewed", "checkout_started", "payment_entered", "order_confirmed")
MOBILE_SHARE = 0.7
# Chance of each further step, (mobile, desktop); payment_success is part of the last one.
CHECKOUT, PAYMENT, CONFIRM = (0.68, 0.76), (0.62, 0.70), (0.7716, 0.83)
PAYMENT_SUCCESS = 0.985
MEDIAN_LATENCY_MS, LATENCY_SIGMA = 240.0, 0.586  # P(latency > 800 ms) = 0.020
MINUTES_BETWEEN_STEPS, SLOWEST_STEP_MINUTES = 3.0, 15.0

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """The `number`-th slice of the calendar; its shoppers are numbered from `first_shopper` on."""

    number: int
    start: datetime
    end: datetime
    first_shopper: int


@dataclass(frozen=True, slots=True)
class Live:
    """A change that is deployed and whose flag is enabled."""

    flag: Flag
    truth: Truth


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened in a slice, as rows for the shop's tables."""

    shoppers: int
    exposures: list[Row]
    funnel_events: list[Row]
    requests: list[Row]
    payments: list[Row]
    carts: dict[str, int]
    orders: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Crowd:
    ids: NDArray[np.int64]
    offsets: Floats
    mobile: Bools

    @property
    def platforms(self) -> list[str]:
        return ["mobile" if mobile else "desktop" for mobile in self.mobile.tolist()]


def shopper_name(number: int) -> str:
    """The targeting key of a shopper, the same at the flag service."""
    return f"shopper-{number}"


def _crowd(rng: np.random.Generator, span: Slice, per_day: float) -> _Crowd:
    seconds = (span.end - span.start).total_seconds()
    count = int(rng.poisson(per_day * seconds / 86_400))
    offsets = np.sort(rng.uniform(0, seconds, count))
    ids = np.arange(span.first_shopper, span.first_shopper + count, dtype=np.int64)
    return _Crowd(ids, offsets, rng.random(count) < MOBILE_SHARE)


def _eligible(flag: Flag, crowd: _Crowd) -> Bools:
    segment = flag.segment or {}
    if set(segment) - {"platform"}:
        return np.zeros(crowd.ids.size, dtype=np.bool_)
    wanted = segment.get("platform")
    if wanted is None:
        return np.ones(crowd.ids.size, dtype=np.bool_)
    return crowd.mobile if wanted == "mobile" else (~crowd.mobile if wanted == "desktop" else crowd.mobile & False)


def _treated(flag: Flag, crowd: _Crowd) -> Bools:
    buckets = np.fromiter(
        (hundredth(flag.key, shopper_name(number)) for number in crowd.ids.tolist()), np.int64, crowd.ids.size
    )
    return buckets <= flag.percentage


def simulate(span: Slice, live: Sequence[Live], *, seed: int, per_day: float) -> Activity:
    """Deterministic in its arguments, so a slice that was lost half-written can be lived again."""
    rng = np.random.default_rng([seed, span.number])
    crowd = _crowd(rng, span, per_day)
    size = crowd.ids.size
    lift, slower = np.ones(size), np.ones(size)
    exposures: list[Row] = []
    platforms = crowd.platforms
    arrived = _moments(span.start, crowd.offsets)
    for change in live:
        eligible = _eligible(change.flag, crowd)
        treated = eligible & _treated(change.flag, crowd)
        lift = np.where(treated, lift * change.truth.lift, lift)
        slower = np.where(treated, slower * change.truth.latency_factor, slower)
        exposures += [
            (change.flag.key, number, "treatment" if on else "control", platform, at)
            for number, seen, on, platform, at in zip(
                crowd.ids.tolist(), eligible.tolist(), treated.tolist(), platforms, arrived, strict=True
            )
            if seen
        ]
    latency = rng.lognormal(np.log(MEDIAN_LATENCY_MS), LATENCY_SIGMA, size) * slower
    steps, paid = _journey(rng, crowd, lift)
    pauses = np.minimum(rng.exponential(MINUTES_BETWEEN_STEPS, (len(STEPS), size)), SLOWEST_STEP_MINUTES) * 60
    pauses[0] = 0
    times = crowd.offsets + np.cumsum(pauses, axis=0)
    return _activity(_Diary(span.start, crowd, times), steps, exposures=exposures, latency=latency, paid=paid)


def _journey(rng: np.random.Generator, crowd: _Crowd, lift: Floats) -> tuple[list[Bools], Bools]:
    """Who reached which step, and whose payment went through; a lift acts where payment is entered."""

    def chance(pair: tuple[float, float]) -> Floats:
        return np.where(crowd.mobile, *pair)

    size = crowd.ids.size
    started = rng.random(size) < chance(CHECKOUT)
    entered = started & (rng.random(size) < np.minimum(chance(PAYMENT) * lift, 0.99))
    paid = entered & (rng.random(size) < PAYMENT_SUCCESS)
    confirmed = paid & (rng.random(size) < chance(CONFIRM))
    return [np.ones(size, dtype=np.bool_), started, entered, confirmed], paid


def _moments(start: datetime, offsets: Floats) -> list[datetime]:
    return [start + timedelta(seconds=offset) for offset in offsets.tolist()]


@dataclass(frozen=True, slots=True)
class _Diary:
    """When each shopper would be at each step, in seconds after `start`."""

    start: datetime
    crowd: _Crowd
    times: Floats

    def rows(self, reached: Bools, step: int, values: list[Any]) -> list[Row]:
        platforms = [name for name, there in zip(self.crowd.platforms, reached.tolist(), strict=True) if there]
        moments = _moments(self.start, self.times[step][reached])
        return list(zip(self.crowd.ids[reached].tolist(), platforms, moments, values, strict=True))


def _by_platform(crowd: _Crowd, who: Bools) -> dict[str, int]:
    return {"mobile": int((who & crowd.mobile).sum()), "desktop": int((who & ~crowd.mobile).sum())}


def _activity(diary: _Diary, steps: list[Bools], *, exposures: list[Row], latency: Floats, paid: Bools) -> Activity:
    everybody, _, entered, confirmed = steps
    funnel = (diary.rows(reached, step, [STEPS[step]] * int(reached.sum())) for step, reached in enumerate(steps))
    return Activity(
        shoppers=int(diary.crowd.ids.size),
        exposures=exposures,
        funnel_events=[row for rows in funnel for row in rows],
        requests=diary.rows(everybody, 0, np.ceil(latency).astype(int).tolist()),
        payments=diary.rows(entered, 2, paid[entered].tolist()),
        carts=_by_platform(diary.crowd, everybody),
        orders=_by_platform(diary.crowd, confirmed),
    )
