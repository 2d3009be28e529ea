"""From rows to streams: the wide form has both arms in a row, the long form one arm; increments are summed up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from math import isnan, nan
from pathlib import Path

from runtime.analysis.backtest.cells import Faults, count, days, name, number, since_start
from runtime.analysis.backtest.streams import Arm, Key, Notes, Reading, Stream, gathered
from runtime.analysis.backtest.table import WIDE, Row, form_of, read
from runtime.errors import InvalidRequest
from runtime.statistics.moments import InvalidSums, Moments, from_summary, from_sums, merge

Numbered = tuple[int, Row]


@dataclass(frozen=True, slots=True)
class Recording:
    """A file's streams, and what was odd about it."""

    name: str
    form: str
    rows: int
    streams: tuple[Stream, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Point:
    """One row of the long form."""

    line: int
    key: Key
    moment: float | date
    moments: Moments | None
    units: int
    mean: float


def load(path: Path, *, control: str = "control", increments: bool = False) -> Recording:
    """Read and check the whole file. `control` names the control arm of the long form. Raises InvalidRequest."""
    rows = list(read(path))
    if not rows:
        raise InvalidRequest(f"{path.name} has no rows; see docs/backtest.md for the columns.")
    form, faults, notes = form_of(set(rows[0][1])), Faults(), Notes()
    if form == "wide" and increments:
        raise InvalidRequest("--increments belongs to the long form; the wide form is cumulative.")
    found = list(_wide(rows, faults) if form == "wide" else _long(rows, faults, notes, control, increments=increments))
    faults.check()
    return Recording(path.name, form, len(rows), tuple(gathered(found, notes)), tuple(notes.lines()))


def _wide(rows: Iterable[Numbered], faults: Faults) -> Iterator[tuple[Key, Reading]]:
    for line, row in rows:
        key = _key(faults, line, row)
        day = number(faults, line, row, WIDE[3])
        if isnan(day):
            faults.add(line, WIDE[3], row[WIDE[3]], "but every look needs its time in days")
        yield key, Reading(day, _arm(faults, line, row, "c"), _arm(faults, line, row, "t"), line)


def _key(faults: Faults, line: int, row: Row) -> Key:
    return Key(*(name(faults, line, row, column) for column in WIDE[:3]))


def _arm(faults: Faults, line: int, row: Row, side: str) -> Arm:
    return Arm(
        count(faults, line, row, f"count_{side}"),
        number(faults, line, row, f"mean_{side}"),
        number(faults, line, row, f"variance_{side}", least=0.0),
    )


def _long(
    rows: Iterable[Numbered], faults: Faults, notes: Notes, control: str, *, increments: bool
) -> Iterator[tuple[Key, Reading]]:
    by_experiment: dict[str, dict[str, dict[str, list[_Point]]]] = {}
    for line, row in rows:
        point = _point(faults, line, row)
        metrics = by_experiment.setdefault(point.key.experiment_id, {})
        metrics.setdefault(point.key.metric_id, {}).setdefault(point.key.variant_id, []).append(point)
    faults.check()
    for experiment_id, metrics in by_experiment.items():
        points = chain.from_iterable(chain.from_iterable(variants.values()) for variants in metrics.values())
        clock = since_start(point.moment for point in points)
        for metric_id, variants in metrics.items():
            if control not in variants:
                raise InvalidRequest(
                    f"Metric {metric_id} of experiment {experiment_id} has no variant {control!r}, only "
                    f"{', '.join(sorted(variants))}; name the control arm with --control."
                )
            yield from _paired(variants, control, clock, notes, increments=increments)


def _point(faults: Faults, line: int, row: Row) -> _Point:
    key, units, moment = _key(faults, line, row), count(faults, line, row, "n"), days(faults, line, row, "time")
    if "mean" in row and "variance" in row:
        mean = number(faults, line, row, "mean")
        spread = number(faults, line, row, "variance", least=0.0)
        known = not isnan(mean) and not isnan(spread)
        return _Point(line, key, moment, from_summary(units, mean, spread) if known else None, units, mean)
    total, squares = number(faults, line, row, "sum"), number(faults, line, row, "sumsq")
    if isnan(total) or isnan(squares):
        return _Point(line, key, moment, None, units, total / units if units else nan)
    try:
        moments = from_sums(units, row["sum"], row["sumsq"])
    except InvalidSums as error:
        faults.add(line, "sumsq", row["sumsq"], error.message)
        return _Point(line, key, moment, None, units, nan)
    return _Point(line, key, moment, moments, units, moments.mean)


def _paired(
    variants: dict[str, list[_Point]], control: str, clock: dict[float | date, float], notes: Notes, *, increments: bool
) -> Iterator[tuple[Key, Reading]]:
    """Each treatment's looks beside control's at the same moment."""
    arms = {variant: _by_day(points, clock, notes, increments=increments) for variant, points in variants.items()}
    for variant, points in variants.items():
        if variant == control:
            continue
        for day, (arm, line) in arms[variant].items():
            if day in arms[control]:
                yield points[0].key, Reading(day, arms[control][day][0], arm, line)
            else:
                notes.add(
                    "looks of a treatment have no look of control at that moment and are left out", f"line {line}"
                )


def _by_day(
    points: list[_Point], clock: dict[float | date, float], notes: Notes, *, increments: bool
) -> dict[float, tuple[Arm, int]]:
    ordered = sorted(points, key=lambda point: clock[point.moment])
    if ordered != points:
        notes.add("arms were not in order of time and have been sorted", "/".join(points[0].key))
    found: dict[float, tuple[Arm, int]] = {}
    so_far: Moments | None = merge()
    for point in ordered:
        if increments:
            so_far = merge(so_far, point.moments) if so_far is not None and point.moments is not None else None
        moments = so_far if increments else point.moments
        if clock[point.moment] in found and not increments:
            notes.add("rows repeat a moment; the last of them counts", f"{'/'.join(point.key)}, line {point.line}")
        found[clock[point.moment]] = (_as_arm(moments, point), point.line)
    return found


def _as_arm(moments: Moments | None, point: _Point) -> Arm:
    if moments is None:
        return Arm(point.units, point.mean, nan)
    return Arm(moments.n, moments.mean, moments.variance if moments.n > 1 else nan)
