"""Boundaries of several levels at once, from which repeated p-values are read, and the nodes all recursions share.

A repeated p-value asks what every other alpha would have done at the same looks. A fixed ladder of levels is carried
from look to look as one array; |z| is then placed among their boundaries.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, exp, pi, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from runtime.statistics.normal import two_sided

Floats = NDArray[np.float64]
History = tuple[float, ...]

EMPTY_BEYOND = 10.0  # standard deviations; less than 1e-22 lies further out
RUNG = 100
ROOT_2_PI = sqrt(2.0 * pi)
LEVELS: tuple[float, ...] = (0.0, 0.3, 0.8, 1.4, 2.05, 2.8, 3.8, 5.0)  # as the |z| of a single look; down to 6e-7
_ALPHAS = np.array([two_sided(q) for q in LEVELS])
# Log of erfc(x) exp(x^2) (1 + x/2) as a polynomial in 1 / (1 + x/2), highest power first; fitted, right to 5e-5.
_LOG_ERFC = (0.17977662, -0.57169372, 0.33170588, 0.32162739, 1.00409621, -1.26556287)


def placed(information: History, spent: History, rho: float, z: float) -> float | None:
    """The level whose boundary at the latest look is |z|; None beyond the ladder's last. Right to a thousandth or so.

    Between neighbouring levels |z| is nearly linear in the level's own quantile, so a cubic through four is enough.
    """
    rungs = (_boundaries(information, spent, rho) / sqrt(information[-1])).tolist()
    if z <= rungs[0] or z >= rungs[-1]:
        return 1.0 if z <= rungs[0] else None
    above = next(index for index, rung in enumerate(rungs) if rung > z)
    first = min(max(above - 2, 0), len(rungs) - 4)
    around = slice(first, first + 4)
    return two_sided(max(0.0, _through(rungs[around], LEVELS[around], z)))


def climb(length: int, visit: Callable[[int], object]) -> None:
    """Fill a memory from below, so that a long history cannot exhaust the stack."""
    if length % RUNG == 0:
        for rung in range(RUNG, length, RUNG):
            visit(rung)


def forget() -> None:
    """Empty what is remembered, as a fresh process would find it."""
    _boundaries.cache_clear()
    _inside.cache_clear()


def node_count(reach: float, step: float) -> int:
    """Enough nodes on (0, reach) for boundaries right to 1e-7 when the next look is `step` away."""
    return min(512, 8 * ceil((16.0 + 1.5 * reach / sqrt(step)) / 8.0))


@lru_cache(maxsize=128)
def gauss_legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _through(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Lagrange's polynomial through the points, at x."""
    return sum(y * prod((x - b) / (a - b) for b in xs if b != a) for a, y in zip(xs, ys, strict=True))


@lru_cache(maxsize=1024)
def _boundaries(information: History, spent: History, rho: float) -> Floats:
    """Boundary of each level at the latest look: Newton on the log of what leaves, which is concave, so it cannot stray."""
    climb(len(information), lambda k: _boundaries(information[:k], spent[:k], rho))
    time, before = information[-1], information[-2] if len(information) > 1 else 0.0
    nodes, mass, edge = _from(information, spent, rho)
    already = spent[-2] if len(spent) > 1 else 0.0
    target = np.log(_ALPHAS * max(spent[-1] ** rho - already**rho, 1e-300))
    scale = sqrt(time - before)
    for _ in range(40):
        leaving, density = _leaving(edge, nodes, mass, scale)
        step = leaving * (np.log(leaving) - target) / density
        edge = np.maximum(edge + step, 0.0)
        if float(np.max(np.abs(step) / (edge + scale))) < 1e-2:  # Newton doubles the digits: 1e-4 remains
            break
    return edge


def _from(information: History, spent: History, rho: float) -> tuple[Floats, Floats, Floats]:
    """Where each level stands before the latest look, and a first guess at its boundary."""
    root = sqrt(information[-1])
    if len(information) == 1:
        width = len(LEVELS)
        return np.zeros((width, 1)), np.full((width, 1), 0.5), np.array(LEVELS) * root
    nodes, mass = _inside(information[:-1], spent[:-1], rho, information[-1] - information[-2])
    return nodes, mass, _boundaries(information[:-1], spent[:-1], rho) * (root / sqrt(information[-2]))


@lru_cache(maxsize=256)
def _inside(information: History, spent: History, rho: float, step: float) -> tuple[Floats, Floats]:
    """Nodes and masses of what each level still holds inside after these looks."""
    time, before = information[-1], information[-2] if len(information) > 1 else 0.0
    reach = np.minimum(_boundaries(information, spent, rho), EMPTY_BEYOND * sqrt(time))
    old, mass, _ = _from(information, spent, rho)
    unit, weights = gauss_legendre(8 * ceil((8.0 + 0.9 * float(reach[-1]) / sqrt(step)) / 8.0))
    nodes = 0.5 * reach[:, None] * (unit + 1.0)
    scale = sqrt(time - before)
    at, start = nodes[:, :, None] / scale, old[:, None, :] / scale
    kernel = np.exp(-0.5 * np.square(at - start)) + np.exp(-0.5 * np.square(at + start))
    density = np.matmul(kernel, mass[:, :, None])[:, :, 0] / (scale * ROOT_2_PI)
    return nodes, 0.5 * reach[:, None] * weights * density


def _leaving(edge: Floats, nodes: Floats, mass: Floats, scale: float) -> tuple[Floats, Floats]:
    """Probability beyond each level's edge after a step, and the density there on both sides together."""
    apart = np.concatenate((edge[:, None] - nodes, edge[:, None] + nodes), axis=1) / scale
    both = np.concatenate((mass, mass), axis=1)
    half = 0.5 * np.square(apart)
    short = 1.0 / (1.0 + np.abs(apart) * (0.5 / sqrt(2.0)))
    power = short * _LOG_ERFC[0]
    for coefficient in _LOG_ERFC[1:-1]:
        power += coefficient
        power *= short
    tail = short * np.exp(power + _LOG_ERFC[-1] - half)
    leaving = np.einsum("ij,ij->i", both, np.where(apart >= 0.0, tail, 2.0 - tail))
    density = np.einsum("ij,ij->i", both, np.exp(-half)) * (2.0 / (scale * ROOT_2_PI))
    return np.maximum(leaving, exp(-690.0)), np.maximum(density, exp(-690.0))
