"""How several outcomes stand, each between its own start and its own target: movement, never cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charts import amounts, dates, frame, scales, style, words
from charts.frame import Upright
from charts.models import ProgressChart, ProgressRow, SignalPoint
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST = 12
_ROW = 76
_HEAD = 212  # css pixels of heading, column heads and footer
_NAMES = Area(style.MARGIN, 0, 300, 0)
_TRACK = Area(320, 0, 524, 0)
_LEVELS = Area(544, 0, 644, 0)
_NOW = Area(656, 0, 780, 0)
_BEHIND, _BEYOND = -0.3, 1.3
"""How far behind its start and beyond its target an outcome is drawn; an arrow says that it is farther."""
_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """One row's readings in order of data time, and how far the last of them is (0 the start, 1 the target)."""

    row: ProgressRow
    readings: tuple[SignalPoint, ...]
    share: float | None

    @property
    def now(self) -> float | None:
        return self.readings[-1].value if self.readings else None

    @property
    def way(self) -> str:
        if self.now is None:
            return "no reading yet"
        return words.way(self.share) if self.share is not None else "way not known"


def standing(row: ProgressRow) -> Standing:
    usable = [point for point in row.points if amounts.finite(point.value) is not None]
    readings = tuple(sorted(usable, key=lambda point: dates.seconds(point.at)))
    last = readings[-1].value if readings else None
    return Standing(row, readings, words.share_of_way(row.baseline, last, row.target))


def standings(chart: ProgressChart) -> list[Standing]:
    return [standing(row) for row in chart.rows]


def height(chart: ProgressChart) -> int:
    return max(style.HEIGHT, _HEAD + _ROW * len(chart.rows[:_MOST]))


def verdict(chart: ProgressChart) -> str:
    found = standings(chart)
    if not found:
        return "No outcome yet."
    shares = [one.share for one in found if one.share is not None]
    reached = sum(share >= 1 for share in shares)
    behind, unread = sum(share < 0 for share in shares), len(found) - len(shares)
    said = [f"{reached} of {words.plural(len(found), 'outcome')} at the target"]
    said += [f"{count} {what}" for count, what in (
        (len(shares) - reached - behind, "on the way"), (behind, "behind the start"), (unread, "not known yet"),
    ) if count]  # fmt: skip
    return f"{', '.join(said)}."


def alt_text(chart: ProgressChart) -> str:
    found = standings(chart)
    said = [
        plain(chart.title),
        verdict(chart),
        *(_spoken(number, one, chart.provenance.timezone) for number, one in enumerate(found, 1)),
        "Levels for everybody without an interval: they show movement, not its cause" if found else "",
    ]
    return words.fitted(said, words.provenance(chart.provenance))


def _spoken(number: int, one: Standing, timezone: str) -> str:
    row = one.row
    name = f"{number}. {plain(row.name, 80) or 'unnamed'}{' (simulated)' if row.simulated else ''}"
    goal = f"from {amounts.level(row.baseline, row.unit)} to the target of {amounts.level(row.target, row.unit)}"
    metric = plain(row.metric, 60) or "the metric"
    if one.now is None:
        return f"{name}: {metric} has no reading yet, {goal}"
    moved = _moved(one, timezone)
    return f"{name}: {metric} {amounts.level(one.now, row.unit, beside=(row.baseline, row.target))}, {one.way}, {goal}{f', {moved}' if moved else ''}"


def _moved(one: Standing, timezone: str) -> str:
    """Direction and size of the way from the first reading shown to the last."""
    first, last = one.readings[0], one.readings[-1]
    if len(one.readings) == 1:
        return "the only reading so far"
    step, since = last.value - first.value, dates.day(first.at, timezone)
    if step == 0:
        return f"unchanged since {since}"
    return f"{'up' if step > 0 else 'down'} {amounts.size(step, one.row.unit)} since {since}"


def sparkline(chart: ProgressChart) -> str:
    """One outcome after the other, since their units differ."""
    said = [f"{plain(one.row.name, 24) or 'unnamed'} {one.way}" for one in standings(chart)[:6]]
    return " · ".join(said) or "no data yet"


def paint(sheet: "Sheet", chart: ProgressChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER
    found = standings(chart)[:_MOST]
    if found:
        _rows(sheet, chart, found, top + 40, bottom)
    else:
        empty = Area(style.MARGIN, top + 8, sheet.width - style.MARGIN, bottom - 8)
        frame.nothing(sheet, empty, "No outcome yet: each stands here with its first reading.")
    more = f", {len(chart.rows) - _MOST} more in the text" if len(chart.rows) > _MOST else ""
    n = f"n = {words.plural(len(chart.rows), 'outcome')}{more}"
    frame.footer(
        sheet, f"Levels without interval, not cause · {n} · {words.period(chart.provenance)}", chart.provenance
    )


def _rows(sheet: "Sheet", chart: ProgressChart, found: Sequence[Standing], top: float, bottom: float) -> None:
    theme = sheet.theme
    area = Area(_TRACK.left, top, _TRACK.right, bottom)
    scale = _shares(found, area)
    marks = [
        Upright(scale(1.0), "target", theme.good, style.DASHED, 2.2),
        Upright(scale(0.0), "start", theme.ink, (), 2.0),
    ]
    frame.uprights(sheet, area, marks, edge=_LEVELS.left)
    middle = (_LEVELS.left + _LEVELS.right) / 2
    sheet.text(middle, top - 9, "level", size=style.SMALL, colour=theme.soft, align="center")
    sheet.text(_NOW.right, top - 9, "now", size=style.SMALL, colour=theme.soft, align="right")
    moments = [dates.seconds(point.at) for one in found for point in one.readings]
    across = frame.time_ruler(moments or [0.0], _LEVELS.left, _LEVELS.right)
    tall = (bottom - top) / len(found)
    for number, one in enumerate(found):
        y = top + number * tall
        if number:
            sheet.line((style.MARGIN, sheet.width - style.MARGIN), (y, y), theme.grid)
        _row(sheet, one, Area(0, y, sheet.width, y + tall), scale, across)


def _shares(found: Sequence[Standing], area: Area) -> Ruler:
    """Always from start to target; lengths are compared, so the bars begin at the start."""
    shares = [min(max(one.share, _BEHIND), _BEYOND) for one in found if one.share is not None]
    return scales.ruler([0.0, 1.0, *shares], area.left, area.right, margin=0.06)


def _row(sheet: "Sheet", one: Standing, area: Area, scale: Ruler, across: Ruler) -> None:
    middle = (area.top + area.bottom) / 2
    _name(sheet, one, middle)
    _bar(sheet, one, middle, scale)
    tall = min(56.0, area.bottom - area.top - 20)
    _levels(sheet, one, Area(_LEVELS.left, middle - tall / 2, _LEVELS.right, middle + tall / 2), across)
    room = _NOW.right - _NOW.left
    theme = sheet.theme
    if one.now is not None:
        now = amounts.level(one.now, one.row.unit, beside=(one.row.baseline, one.row.target))
        sheet.text(_NOW.right, middle, now, size=style.HEADLINE, bold=True, align="right", room=room, least=13)
    colour = _colour(sheet, one) if one.share is not None else theme.soft
    y = middle + (20 if one.now is not None else 6)
    sheet.text(_NOW.right, y, one.way, size=style.SMALL, colour=colour, align="right", room=room, least=12)


def _name(sheet: "Sheet", one: Standing, middle: float) -> None:
    """The name in up to three lines, centred on the row together with the metric's."""
    room, name, size = _NAMES.right - _NAMES.left, plain(one.row.name, 120) or "unnamed", style.LABEL
    lines = sheet.wrapped(name, size, room, 2, bold=True)
    if lines[-1].endswith("…"):
        size = style.SMALL
        lines = sheet.wrapped(name, size, room, 3, bold=True)
    step = size + 3
    y = middle - step * len(lines) / 2 + 7
    for line in lines:
        sheet.text(_NAMES.left, y, line, size=size, bold=True, room=room)
        y += step
    n = f"n = {amounts.count(one.readings[-1].n)}" if one.readings and one.readings[-1].n else ""
    said = [plain(one.row.metric, 60) or "metric", n, "simulated" if one.row.simulated else ""]
    shown = " · ".join(filter(None, said))
    sheet.text(_NAMES.left, y, shown, size=style.SMALL, colour=sheet.theme.soft, room=room, least=13)


def _colour(sheet: "Sheet", one: Standing) -> str:
    if one.share is None:
        return sheet.theme.soft
    return sheet.theme.bad if one.share < 0 else sheet.theme.good if one.share >= 1 else sheet.theme.effect


def _bar(sheet: "Sheet", one: Standing, middle: float, scale: Ruler) -> None:
    """The way that is done, with the start and the target in the metric's own unit below it."""
    theme, y = sheet.theme, middle - 8
    sheet.block(Area(scale(0.0), y - 4.5, scale(1.0), y + 4.5), theme.grid)
    if one.share is not None:
        x, colour = scale(min(max(one.share, _BEHIND), _BEYOND)), _colour(sheet, one)
        left, right = sorted((scale(0.0), x))
        sheet.block(Area(left, y - 4.5, right, y + 4.5), colour)
        beyond = ">" if one.share > _BEYOND else "<" if one.share < _BEHIND else ""
        sheet.mark(x, y, beyond or ("D" if one.share >= 1 else "o"), 15, colour)
    start, goal = _ends(sheet, one.row, scale(1.0) - scale(0.0) - 16)
    room = (scale(1.0) - scale(0.0)) / 2 - 6
    sheet.text(scale(0.0) + 4, middle + 20, start, size=style.SMALL, colour=theme.soft, room=room, least=11)
    sheet.text(
        scale(1.0) - 4, middle + 20, goal, size=style.SMALL, colour=theme.soft, align="right", room=room, least=11
    )


def _ends(sheet: "Sheet", row: ProgressRow, room: float) -> tuple[str, str]:
    """Start and target, without their unit where it doesn't fit: the present level names it."""
    ends = [amounts.finite(value) for value in (row.baseline, row.target)]
    said = ["" if value is None else amounts.level(value, row.unit, beside=ends) for value in ends]
    if max(sheet.measure(text, style.SMALL) for text in said) > room / 2:
        step = abs((ends[1] or 0.0) / 10 - (ends[0] or 0.0) / 10) or 1.0
        said = ["" if value is None else amounts.tick(value, step, row.unit, change=False) for value in ends]
    return said[0], said[1]


def _levels(sheet: "Sheet", one: Standing, area: Area, across: Ruler) -> None:
    """All readings between start and target, so that a small movement looks small."""
    theme, row = sheet.theme, one.row
    if one.now is None:
        return
    values = np.array([float(point.value) for point in one.readings])
    extent = amounts.known((float(values.min()), float(values.max()), row.target, row.baseline))
    scale = scales.ruler(extent, area.bottom, area.top, margin=0.02)
    for value, colour, dash in ((row.target, theme.good, style.DASHED), (row.baseline, theme.soft, style.DOTTED)):
        if (level := amounts.finite(value)) is not None:
            sheet.line((area.left, area.right), (scale(level), scale(level)), colour, width=1.4, dash=dash)
    at = np.array([dates.seconds(point.at) for point in one.readings])
    drawn_at, drawn = scales.zigzag(at, values, _COLUMNS)
    sheet.line(across.many(drawn_at), scale.many(drawn), theme.effect, width=2.4, clip=area)
    last = min(max(scale(float(values[-1])), area.top), area.bottom)
    sheet.mark(across(float(at[-1])), last, "o", 8, theme.effect)
