"""Error spending up to the horizon: boundaries on the Brownian scale, and the p-value that belongs to them.

Lan & DeMets 1983, spending alpha t^rho (Kim & DeMets 1987), by the recursion over the surviving density of Armitage,
McPherson & Rowe 1969 (Jennison & Turnbull 2000, ch. 19). The density is even, so only its right half is carried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import erfc, inf, log, sqrt
from typing import Self

import numpy as np

from runtime.statistics import ladder
from runtime.statistics.ladder import EMPTY_BEYOND, ROOT_2_PI, Floats, climb, gauss_legendre, node_count, placed
from runtime.statistics.normal import two_sided

KEPT_FOR_THE_HORIZON = 0.1  # of the spending clock, so that traffic above plan cannot use up the test before its day
SMALLEST_STEP = 0.01  # of the planned information: a look that adds less is not an official one
FORCED_STEP = 0.002
FAR = 37.0
_ROOT_2 = sqrt(2.0)


@dataclass(frozen=True, slots=True)
class Looks:
    """Official looks so far: information fractions, shares of the horizon spent, and boundaries c_k, never recomputed."""

    information: tuple[float, ...] = ()
    spent: tuple[float, ...] = ()
    boundary: tuple[float, ...] = ()

    @property
    def closed(self) -> bool:
        """All of alpha is spent; only the anytime test speaks from here on."""
        return bool(self.spent) and self.spent[-1] >= 1.0

    @property
    def critical(self) -> float:
        """|z| from which the latest official look rejects."""
        return self.boundary[-1] / sqrt(self.information[-1]) if self.boundary else inf

    def with_look(self, information: float, spent: float, boundary: float) -> Self:
        return type(self)((*self.information, information), (*self.spent, spent), (*self.boundary, boundary))


@dataclass(frozen=True, slots=True)
class Surviving:
    """Sub-density of Brownian motion that has not left its boundaries: point masses on Gauss-Legendre nodes."""

    time: float
    nodes: Floats
    mass: Floats

    def onto(self, time: float, boundary: float, count: int) -> "Surviving":
        """At `time`, what lies inside the boundary, on `count` nodes."""
        unit, weights = gauss_legendre(count)
        half = 0.5 * min(boundary, EMPTY_BEYOND * sqrt(time))
        nodes = half * (unit + 1.0)
        return Surviving(time, nodes, half * weights * self._density(nodes, sqrt(time - self.time)))

    def leaving(self, time: float, boundary: float) -> float:
        """P(inside so far, |B(time)| >= boundary)."""
        scale = sqrt(time - self.time) * _ROOT_2
        beyond = [erfc((boundary - x) / scale) + erfc((boundary + x) / scale) for x in self.nodes.tolist()]
        return float(np.dot(self.mass, beyond))

    def density_at(self, time: float, x: float) -> float:
        return float(self._density(np.array([x]), sqrt(time - self.time))[0])

    def inside(self, drift: float = 0.0) -> float:
        """P(never left until now) under a drift, by the likelihood ratio exp(drift x - drift^2 t / 2)."""
        tilt = np.exp(drift * self.nodes - 0.5 * drift**2 * self.time)
        back = np.exp(-drift * self.nodes - 0.5 * drift**2 * self.time)
        return float(np.dot(self.mass, tilt + back))

    def _density(self, x: Floats, scale: float) -> Floats:
        at, start = x[:, None] / scale, self.nodes[None, :] / scale
        kernel = np.exp(-0.5 * np.square(at - start)) + np.exp(-0.5 * np.square(at + start))
        density: Floats = kernel @ self.mass / (scale * ROOT_2_PI)
        return density


START = Surviving(0.0, np.zeros(1), np.full(1, 0.5))


def clock(fraction: float, *, last: bool) -> float:
    """The spending clock at an information fraction: the last look spends the rest, whatever the information."""
    return 1.0 if last else min(fraction, 1.0 - KEPT_FOR_THE_HORIZON)


def planned_looks(information: Sequence[float]) -> tuple[tuple[int, float], ...]:
    """(index, share spent) of the looks that will be official if information arrives like this, the last at the horizon."""
    looks, found = Looks(), []
    for index, time in enumerate(information):
        share = clock(time, last=index + 1 == len(information))
        if due(looks, time, share):
            looks = looks.with_look(time, share, 0.0)
            found.append((index, share))
    return tuple(found)


def due(looks: Looks, information: float, spend: float) -> bool:
    """Whether a look is an official one: the last always is (spend = 1), others need new information and alpha left."""
    if looks.closed or information <= 0.0:
        return False
    if spend >= 1.0 or not looks.information:
        return spend >= 1.0 or information >= SMALLEST_STEP
    return spend > looks.spent[-1] and information - looks.information[-1] >= SMALLEST_STEP


def extend(looks: Looks, information: float, spend: float, alpha: float, rho: float) -> Looks:
    """Add an official look that may spend up to `alpha * spend**rho`; spend = 1 closes the sequence."""
    before = looks.information[-1] if looks.information else 0.0
    already = looks.spent[-1] if looks.spent else 0.0
    time = max(information, before + FORCED_STEP) if looks.information else information
    share = min(1.0, max(spend, already))
    alive = surviving(looks.information, looks.boundary, time)
    return looks.with_look(time, share, _boundary(alive, time, alpha * (share**rho - already**rho), looks.critical))


def boundaries(information: Sequence[float], alpha: float, rho: float, spent: Sequence[float] | None = None) -> Looks:
    """All boundaries of a planned schedule at once; `spent` defaults to the information fractions."""
    alive, looks, already = START, Looks(), 0.0  # each search starts from its neighbour's boundary
    shares = tuple(min(1.0, share) for share in (information if spent is None else spent))
    for index, (time, share) in enumerate(zip(information, shares, strict=True)):
        boundary = _boundary(alive, time, alpha * (share**rho - already**rho), looks.critical)
        looks, already = looks.with_look(time, share, boundary), share
        if index + 1 < len(information):
            alive = alive.onto(time, boundary, _fineness(time, boundary, information[index + 1] - time))
    return looks


def p_value(looks: Looks, z: float, rho: float) -> float:
    """The smallest alpha_spend whose boundaries reject at the latest official look (repeated p-value)."""
    if not looks.boundary:
        return 1.0
    tail = max(two_sided(z), 1e-300)
    low, high = tail / float(looks.spent[-1] ** rho), min(1.0, tail / _latest_share(looks, rho))
    if low >= high:
        return min(1.0, low)
    found = placed(looks.information, looks.spent, rho, abs(z))
    return high if found is None else min(high, max(low, found))


def _latest_share(looks: Looks, rho: float) -> float:
    already = looks.spent[-2] if len(looks.spent) > 1 else 0.0
    return max(float(looks.spent[-1] ** rho - already**rho), 1e-300)


def surviving(information: tuple[float, ...], boundary: tuple[float, ...], until: float) -> Surviving:
    """What is still inside after these looks, fine enough for a step to `until`; remembered from look to look."""
    if not information:
        return START
    count = _fineness(information[-1], boundary[-1], until - information[-1])
    return _survived(information, boundary, count)


@lru_cache(maxsize=1024)
def _survived(information: tuple[float, ...], boundary: tuple[float, ...], count: int) -> Surviving:
    climb(len(information), lambda k: surviving(information[:k], boundary[:k], information[k]))
    before = surviving(information[:-1], boundary[:-1], information[-1])
    return before.onto(information[-1], boundary[-1], count)


def forget() -> None:
    """Empty what is remembered between looks, as a fresh process would find it."""
    _survived.cache_clear()
    ladder.forget()


def survival(information: Sequence[float], boundary: Sequence[float], drift: float) -> tuple[float, ...]:
    """P(no boundary crossed by look k) for an effect worth `drift` standard errors at information 1."""
    alive, kept = START, []
    for index, (time, edge) in enumerate(zip(information, boundary, strict=True)):
        following = information[index + 1] - time if index + 1 < len(information) else time - alive.time
        alive = alive.onto(time, edge, _fineness(time, edge, following))
        kept.append(alive.inside(drift))
    return tuple(kept)


def _boundary(alive: Surviving, time: float, spend: float, near: float) -> float:
    """The c with leaving(time, c) = spend: Newton on the logarithm, fenced by bisection."""
    low, high = 0.0, FAR * sqrt(time)
    if spend <= 0.0 or alive.leaving(time, high) >= spend:
        return high
    guess = sqrt(time) * min(near, 4.0)
    for _ in range(80):
        left = alive.leaving(time, guess)
        low, high = (guess, high) if left > spend else (low, guess)
        slope = 2.0 * alive.density_at(time, guess)
        step = left * (log(left) - log(spend)) / slope if left > 0.0 and slope > 0.0 else inf
        near_enough = abs(step) <= 1e-5 * guess  # Newton doubles the digits, so the step itself brings the rest
        guess = guess + step if low < guess + step < high else 0.5 * (low + high)
        if near_enough or high - low <= 1e-12 * high:
            break
    return guess


def _fineness(time: float, boundary: float, step: float) -> int:
    return node_count(min(boundary, EMPTY_BEYOND * sqrt(time)), step)
