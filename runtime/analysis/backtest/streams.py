"""One stream: the looks at one metric of one variant against control, cumulative and in order of time."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Key(NamedTuple):
    experiment_id: str
    variant_id: str
    metric_id: str


class Arm(NamedTuple):
    n: int
    mean: float
    variance: float


class Reading(NamedTuple):
    """Both arms as known at `day`; `line` is where it stands in the file."""

    day: float
    control: Arm
    treatment: Arm
    line: int

    @property
    def usable(self) -> bool:
        return self.day > 0.0 and all(
            arm.n > 1 and isfinite(arm.mean) and isfinite(arm.variance) and arm.variance > 0.0
            for arm in (self.control, self.treatment)
        )


@dataclass(frozen=True, slots=True)
class Stream:
    """Usable looks, and those from before the first of them whose spread is missing."""

    key: Key
    readings: tuple[Reading, ...]
    before: tuple[Reading, ...]
    unusable: int

    @property
    def horizon(self) -> float:
        return self.readings[-1].day

    def days(self) -> Floats:
        return np.array([reading.day for reading in self.readings])

    def estimates(self) -> Floats:
        return np.array([reading.treatment.mean - reading.control.mean for reading in self.readings])

    def variances(self) -> Floats:
        return np.array([variance(reading) for reading in self.readings])

    def units(self) -> Floats:
        return np.array([float(reading.control.n + reading.treatment.n) for reading in self.readings])

    def effective_n(self) -> Floats:
        """Harmonic size of the two arms, which grows with every unit, as independent units arrive."""
        counts = [(reading.control.n, reading.treatment.n) for reading in self.readings]
        return np.array([control * (treatment / (control + treatment)) for control, treatment in counts])


@dataclass(slots=True)
class Notes:
    """What was odd in the file, counted, with an example of each."""

    seen: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, example: str, times: int = 1) -> None:
        self.seen[what] += times
        self.example.setdefault(what, example)

    def lines(self) -> list[str]:
        return [f"{times} {what} (e.g. {self.example[what]})" for what, times in self.seen.items()]


def variance(reading: Reading) -> float:
    return reading.control.variance / reading.control.n + reading.treatment.variance / reading.treatment.n


def gathered(found: Iterable[tuple[Key, Reading]], notes: Notes) -> list[Stream]:
    """Streams in order of first appearance; order, repetitions and shrinking counts are mended or at least noted."""
    looks: dict[Key, list[Reading]] = {}
    for key, reading in found:
        looks.setdefault(key, []).append(reading)
    return [_stream(key, readings, notes) for key, readings in looks.items()]


def _stream(key: Key, readings: Sequence[Reading], notes: Notes) -> Stream:
    where = "/".join(key)
    ordered = sorted(readings, key=lambda reading: reading.day)
    if ordered != list(readings):
        notes.add("streams were not in order of time and have been sorted", where)
    single = list(_without_repetitions(ordered, where, notes))
    _watch_counts(single, where, notes)
    usable = tuple(reading for reading in single if reading.usable)
    unusable = len(single) - len(usable)
    if unusable:
        notes.add("looks are unusable: fewer than two units in an arm, or no variance", where, unusable)
    first = usable[0].day if usable else 0.0
    before = tuple(reading for reading in single if not reading.usable and _only_spread_missing(reading, first))
    return Stream(key, usable, before, unusable)


def _only_spread_missing(reading: Reading, first: float) -> bool:
    arms = (reading.control, reading.treatment)
    return 0.0 < reading.day < first and all(arm.n > 1 and isfinite(arm.mean) for arm in arms)


def _without_repetitions(ordered: Sequence[Reading], where: str, notes: Notes) -> Iterator[Reading]:
    """Of several rows for the same moment the last in the file counts."""
    for index, reading in enumerate(ordered):
        if index + 1 < len(ordered) and ordered[index + 1].day == reading.day:
            notes.add("rows repeat a moment; the last of them counts", f"{where}, line {reading.line}")
        else:
            yield reading


def _watch_counts(readings: Sequence[Reading], where: str, notes: Notes) -> None:
    for before, after in pairwise(readings):
        if after.control.n < before.control.n or after.treatment.n < before.treatment.n:
            notes.add(
                "looks count fewer units than the one before, though counts are cumulative",
                f"{where}, line {after.line}",
            )
