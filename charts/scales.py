"""Rulers: values to pixels, round ticks, thinning that keeps extremes, labels that do not overlap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_NIL = 1e-280  # below this a span has no round ticks
_EDGE = 1e300  # beyond this a span of two floats overflows
_FAR = 500.0  # in lengths of the ruler: far enough to keep slopes true, near enough to draw
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the sheet that drawing can be clipped to."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Ruler:
    """Linear map of `low..high` onto `start..end` pixels; values outside land outside, infinity far outside."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return float(self.many(np.array([value]))[0])

    def many(self, values: Numbers) -> Numbers:
        span = self.high - self.low
        held = np.clip(values, self.low - _FAR * span, self.high + _FAR * span)
        pixels: Numbers = self.start + (held - self.low) / span * (self.end - self.start)
        return pixels

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


def ruler(values: Sequence[float], start: float, end: float, *, margin: float = 0.08, alone: float = 1.0) -> Ruler:
    """A ruler over all values with some air; values that are all alike get a window, `alone` each side of zero."""
    low = max(-_EDGE, min(values, default=0.0))
    high = min(_EDGE, max(values, default=0.0))
    size = max(abs(low), abs(high))
    alike = high - low <= max(1e-9 * size, _NIL)
    window = 0.5 * size if size > 10 * _NIL else alone
    air = window if alike else margin * (high - low)
    return Ruler(low - air, high + air, start, end)


def ticks(scale: Ruler, most: int = 5) -> tuple[list[float], float]:
    """Round numbers inside the ruler, at most `most`, and their distance."""
    rough = (scale.high - scale.low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * s for s in _STEPS if power * s >= rough * (1 - 1e-9))
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [step * i for i in range(first, min(last, first + 20) + 1)], step


def thinned(at: Numbers, columns: int, *, low: Numbers, high: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """`at` sorted and cut into columns of equal width, each keeping its lowest low and highest high."""
    if len(at) <= 2 * columns:
        return at, low, high
    edges = np.linspace(at[0], at[-1], columns + 1)[1:-1]
    starts = np.unique(np.concatenate(([0], np.searchsorted(at, edges))))
    starts = starts[starts < len(at)]
    first = at[starts]
    first[-1] = at[-1]
    return first, np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)


def zigzag(at: Numbers, values: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """A line through at most four points a column (first, lowest, highest, last), so that no spike is lost."""
    if len(at) <= 4 * columns:
        return at, values
    edges = np.searchsorted(at, np.linspace(at[0], at[-1], columns + 1)[1:-1])
    keep: set[int] = {0, len(at) - 1}
    for start, end in zip([0, *edges], [*edges, len(at)], strict=True):
        if end > start:
            stretch = values[start:end]
            keep |= {start, end - 1, start + int(np.argmin(stretch)), start + int(np.argmax(stretch))}
    index = np.array(sorted(keep))
    return at[index], values[index]


def spread(wanted: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """Positions near the wanted ones, at least `gap` apart and inside `top..bottom` as long as they fit."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    floor = top
    for i in order:
        placed[i] = floor = max(floor, wanted[i])
        floor += gap
    ceiling = bottom
    for i in reversed(order):
        placed[i] = ceiling = min(ceiling, placed[i])
        ceiling -= gap
    return placed
