"""Error spending up to the horizon: boundaries on the Brownian scale, and the p-value that belongs to them.

Lan & DeMets 1983, spending alpha t^rho (Kim & DeMets 1987), by the recursion over the surviving density of Armitage,
McPherson & Rowe 1969 (Jennison & Turnbull 2000, ch. 19). The density is even, so only its right half is carried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, erfc, exp, inf, log, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from runtime.statistics.normal import two_sided

Floats = NDArray[np.float64]

SMALLEST_STEP = 0.01  # of the planned information: a look that adds less is not an official one
_FORCED_STEP = 0.002
_FAR = 37.0
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


class Surviving:
    """Sub-density of Brownian motion that has not left its boundaries: point masses on Gauss-Legendre nodes."""

    def __init__(self) -> None:
        self.time = 0.0
        self.nodes: Floats = np.zeros(1)
        self.mass: Floats = np.full(1, 0.5)

    def advance(self, time: float, boundary: float, next_step: float) -> None:
        """Step to `time` keeping what lies inside the boundary; `next_step` sets how fine the nodes must be."""
        nodes, weights = _half_line(boundary, next_step)
        self.mass = weights * self._density(nodes, sqrt(time - self.time))
        self.nodes, self.time = nodes, time

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
        apart = (x[:, None] - self.nodes[None, :]) / scale
        mirrored = (x[:, None] + self.nodes[None, :]) / scale
        kernel = np.exp(-0.5 * apart**2) + np.exp(-0.5 * mirrored**2)
        density: Floats = kernel @ self.mass / (scale * sqrt(2.0 * np.pi))
        return density


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
    time = max(information, before + _FORCED_STEP) if looks.information else information
    share = min(1.0, max(spend, already))
    alive = _replay(looks.information, looks.boundary, time)
    return looks.with_look(time, share, _boundary(alive, time, alpha * (share**rho - already**rho), looks.critical))


def boundaries(information: Sequence[float], alpha: float, rho: float, spent: Sequence[float] | None = None) -> Looks:
    """All boundaries of a planned schedule at once; `spent` defaults to the information fractions."""
    alive, looks, already = Surviving(), Looks(), 0.0  # each search starts from its neighbour's boundary
    shares = tuple(min(1.0, share) for share in (information if spent is None else spent))
    for index, (time, share) in enumerate(zip(information, shares, strict=True)):
        boundary = _boundary(alive, time, alpha * (share**rho - already**rho), looks.critical)
        looks, already = looks.with_look(time, share, boundary), share
        if index + 1 < len(information):
            alive.advance(time, boundary, information[index + 1] - time)
    return looks


def p_value(looks: Looks, z: float, rho: float) -> float:
    """The smallest alpha_spend whose boundaries reject at the latest official look (repeated p-value)."""
    if not looks.boundary:
        return 1.0
    tail = max(two_sided(z), 1e-300)
    low, high = log(tail / looks.spent[-1] ** rho), min(0.0, log(tail / _latest_share(looks, rho)))
    if low >= high:
        return exp(min(0.0, low))
    return exp(_falling_root(lambda level: _spare(looks, z, rho, level), low, high))


def _latest_share(looks: Looks, rho: float) -> float:
    already = looks.spent[-2] if len(looks.spent) > 1 else 0.0
    return max(float(looks.spent[-1] ** rho - already**rho), 1e-300)


def _spare(looks: Looks, z: float, rho: float, level: float) -> float:
    """Log of what |z| would spend at the latest look over what alpha = exp(level) allows there; falls with level."""
    time, alpha = looks.information[-1], exp(level)
    earlier = boundaries(looks.information[:-1], alpha, rho, looks.spent[:-1])
    needed = _replay(earlier.information, earlier.boundary, time).leaving(time, abs(z) * sqrt(time))
    return log(max(needed, 1e-300)) - log(_latest_share(looks, rho)) - level


def _falling_root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Regula falsi (Illinois) to a thousandth, for slopes of -1 and steeper; `high` if the root lies beyond it."""
    left = falling(low)
    high = min(high, low + left)
    right = falling(high) if left > 0.0 else -1.0
    if left <= 0.0 or right >= 0.0:
        return low if left <= 0.0 else high
    moved = 0.0
    for _ in range(40):
        guess = (low * right - high * left) / (right - left)
        value = falling(guess)
        if abs(value) < 1e-3:
            return guess
        again = moved * value > 0.0
        if value > 0.0:
            low, left, right = guess, value, 0.5 * right if again else right
        else:
            high, right, left = guess, value, 0.5 * left if again else left
        moved = value
    return high


def survival(information: Sequence[float], boundary: Sequence[float], drift: float) -> tuple[float, ...]:
    """P(no boundary crossed by look k) for an effect worth `drift` standard errors at information 1."""
    alive, kept = Surviving(), []
    for index, (time, edge) in enumerate(zip(information, boundary, strict=True)):
        following = information[index + 1] - time if index + 1 < len(information) else time
        alive.advance(time, edge, following)
        kept.append(alive.inside(drift))
    return tuple(kept)


def _replay(information: Sequence[float], boundary: Sequence[float], until: float) -> Surviving:
    alive = Surviving()
    for index, (time, edge) in enumerate(zip(information, boundary, strict=True)):
        following = information[index + 1] if index + 1 < len(information) else until
        alive.advance(time, edge, following - time)
    return alive


def _boundary(alive: Surviving, time: float, spend: float, near: float) -> float:
    """The c with leaving(time, c) = spend: Newton on the logarithm, fenced by bisection."""
    low, high = 0.0, _FAR * sqrt(time)
    if spend <= 0.0 or alive.leaving(time, high) >= spend:
        return high
    guess = sqrt(time) * min(near, 4.0)
    for _ in range(80):
        left = alive.leaving(time, guess)
        low, high = (guess, high) if left > spend else (low, guess)
        slope = 2.0 * alive.density_at(time, guess)
        step = left * (log(left) - log(spend)) / slope if left > 0.0 and slope > 0.0 else inf
        if abs(step) <= 1e-10 * guess or high - low <= 1e-12 * high:
            break
        guess = guess + step if low < guess + step < high else 0.5 * (low + high)
    return guess


def _half_line(boundary: float, step: float) -> tuple[Floats, Floats]:
    reach = min(boundary, 12.0)
    count = 16 * ceil((20.0 + 2.0 * reach / sqrt(step)) / 16.0)
    nodes, weights = _gauss_legendre(min(count, 512))
    return 0.5 * reach * (nodes + 1.0), 0.5 * reach * weights


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights
