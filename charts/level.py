"""An outcome's level over time between its baseline and its target: movement, never cause."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from charts import amounts, dates, frame, scales, style, words
from charts.frame import Note
from charts.models import SignalChart, SignalPoint
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_GUTTER = 160
_COLUMNS = 320


def height(chart: SignalChart) -> int:
    return style.HEIGHT


def readings(chart: SignalChart) -> list[SignalPoint]:
    """The points that carry a value, in order of data time."""
    usable = [point for point in chart.points if amounts.finite(point.value) is not None]
    return sorted(usable, key=lambda point: dates.seconds(point.at))


def _written(chart: SignalChart, value: float | None) -> str:
    return amounts.level(value, chart.unit, beside=(chart.target, chart.baseline))


def movement(chart: SignalChart, found: Sequence[SignalPoint]) -> str:
    """Direction and size of the way from the first reading to the last."""
    first, last = found[0], found[-1]
    step = last.value - first.value
    since = dates.day(first.at, chart.provenance.timezone)
    if len(found) == 1:
        return f"{_written(chart, last.value)} in the only reading so far"
    if step == 0:
        return f"{_written(chart, last.value)}, unchanged since {since}"
    way = f"{'up' if step > 0 else 'down'} {amounts.size(step, chart.unit)}"
    return f"{_written(chart, last.value)}, {way} since {since}"


def distance(chart: SignalChart, last: float) -> str:
    """What is missing to the target, judged by the side on which the baseline (or the reading) lies."""
    goal = amounts.finite(chart.target)
    if goal is None:
        return "no target is set"
    missing, start = goal - last, amounts.finite(chart.baseline)
    upward = goal > start if start is not None and start != goal else missing > 0
    if missing == 0 or (missing < 0) == upward:
        return f"the target of {_written(chart, goal)} is reached"
    side = "below" if missing > 0 else "above"
    return f"{amounts.size(missing, chart.unit)} {side} the target of {_written(chart, goal)}"


def verdict(chart: SignalChart) -> str:
    found = readings(chart)
    if not found:
        return "No reading yet."
    return f"{movement(chart, found)}; {distance(chart, found[-1].value)}."


def alt_text(chart: SignalChart) -> str:
    found = readings(chart)
    metric = plain(chart.metric, 80) or "the metric"
    marks = [f"{plain(m.label, 40)} on {dates.day(m.at, chart.provenance.timezone)}" for m in chart.marks[:8]]
    said = [
        plain(chart.title),
        f"Level of {metric} for everybody: {verdict(chart)}",
        _spread(chart, found),
        f"Baseline {_written(chart, chart.baseline)}" if amounts.finite(chart.baseline) is not None else "",
        "Levels without an interval: they show movement, not its cause",
        f"Marks: {'; '.join(marks)}" if marks else "",
    ]
    return words.fitted(said, words.provenance(chart.provenance))


def _spread(chart: SignalChart, found: Sequence[SignalPoint]) -> str:
    if not found:
        return ""
    low, high = (_written(chart, pick(point.value for point in found)) for pick in (min, max))
    return f"Between {low} and {high} in {words.plural(len(found), 'reading')}"


def sparkline(chart: SignalChart) -> str:
    found = readings(chart)
    ends = [amounts.level(point.value, chart.unit) for point in (*found[:1], *found[-1:])]
    return words.spark([point.value for point in found], *(ends or ("", "")))


def paint(sheet: "Sheet", chart: SignalChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 4
    found = readings(chart)
    if found:
        _plot(sheet, chart, found, top + 18, bottom - 28)
    else:
        empty = Area(style.MARGIN, top + 8, sheet.width - style.MARGIN, bottom - 4)
        frame.nothing(sheet, empty, "No reading yet: the level appears here with the first data.")
    frame.footer(sheet, _note(found, chart), chart.provenance)


def _note(found: Sequence[SignalPoint], chart: SignalChart) -> str:
    n = (
        f"n = {amounts.count(found[-1].n)} in the last reading"
        if found and found[-1].n
        else f"n = {words.plural(len(found), 'reading')}"
    )
    return f"Level without interval, not cause · {n} · {words.period(chart.provenance)}"


def _plot(sheet: "Sheet", chart: SignalChart, found: Sequence[SignalPoint], top: float, bottom: float) -> None:
    at = np.array([dates.seconds(point.at) for point in found])
    values = np.array([float(point.value) for point in found])
    extent = amounts.known((float(values.min()), float(values.max()), chart.target, chart.baseline))
    scale = scales.ruler(extent, bottom, top + (30 if chart.marks else 14))
    _caption(sheet, chart, top, scale)
    area = frame.value_axis(sheet, scale, sheet.width - _GUTTER, chart.unit, change=False)
    across = frame.time_ruler((float(at[0]), float(at[-1])), area.left, area.right)
    frame.time_axis(sheet, area, across, chart.provenance.timezone)
    notes = _references(sheet, chart, area, scale)
    at, values = scales.zigzag(at, values, _COLUMNS)
    sheet.line(across.many(at), scale.many(values), sheet.theme.effect, width=3.0)
    last = found[-1]
    sheet.mark(across(dates.seconds(last.at)), scale(last.value), "o", 12, sheet.theme.effect)
    frame.uprights(sheet, area, frame.phase_marks(sheet, across, chart.marks))
    now = Note(scale(last.value), _written(chart, last.value), sheet.theme.effect, bold=True)
    frame.notes(sheet, area, [now, *notes])


def _caption(sheet: "Sheet", chart: SignalChart, y: float, scale: Ruler) -> None:
    unit = amounts.suffix(chart.unit, change=False).strip()
    cut = "" if scale.covers(0.0) else "axis does not start at zero"
    named = ", ".join(filter(None, (plain(chart.metric, 60) or "metric", unit)))
    said = " · ".join(filter(None, (named, cut)))
    sheet.text(style.MARGIN, y, said, size=style.SMALL, colour=sheet.theme.soft, room=760, least=12)


def _references(sheet: "Sheet", chart: SignalChart, area: Area, scale: Ruler) -> list[Note]:
    theme, found = sheet.theme, []
    for name, value, colour, dash in (
        ("target", amounts.finite(chart.target), theme.good, style.DASHED),
        ("was", amounts.finite(chart.baseline), theme.soft, style.DOTTED),
    ):
        if value is not None:
            sheet.line((area.left, area.right), (scale(value), scale(value)), colour, width=2.2, dash=dash)
            found.append(Note(scale(value), f"{name} {_written(chart, value)}", colour, dash=dash))
    return found
