"""Effects by segment: the same interval for each, beside everybody's, and what many looks cost."""

from typing import TYPE_CHECKING

from charts import amounts, forest, frame, scales, style, words
from charts.frame import Upright
from charts.models import Interval, SegmentRow, SegmentsChart
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST = 14
_ROW = 50
_GUTTER = 134
_EMPTY = "No segment has data yet: they appear here once the source reports them."


def shown(chart: SegmentsChart) -> tuple[SegmentRow, ...]:
    return chart.rows[:_MOST]


def height(chart: SegmentsChart) -> int:
    return max(style.HEIGHT, 270 + _ROW * (len(shown(chart)) + 1))


def verdict(chart: SegmentsChart) -> str:
    """How many segments stand out once it is allowed for that many were looked at."""
    called = [row for row in chart.rows if row.called]
    if not chart.rows:
        return "No segment has data yet."
    if not called:
        return f"No segment stands out: none of {len(chart.rows)} passes {_rule(chart)}."
    best = max(called, key=lambda row: abs(row.effect.point or 0.0))
    size = amounts.change(best.effect.point, chart.unit)
    return f"{len(called)} of {len(chart.rows)} stand out under {_rule(chart)}: {plain(best.name, 60)} most, {size}."


def _rule(chart: SegmentsChart) -> str:
    return plain(chart.rule, 60) or "no rule for many looks"


def alt_text(chart: SegmentsChart) -> str:
    rows = [_spoken(row, chart.unit) for row in chart.rows]
    said = [
        plain(chart.title),
        f"Effect on {plain(chart.metric, 80) or 'the metric'} by segment: {verdict(chart)}",
        f"Everybody: {_written(chart.overall, chart.unit)}",
        *rows,
        "Segments were not all planned for: one that stands out is a reason to test it, not a result",
    ]
    return words.fitted(said, words.provenance(chart.provenance))


def _spoken(row: SegmentRow, unit: str) -> str:
    called = "stands out" if row.called else "does not stand out"
    return f"{plain(row.name, 60) or 'unnamed'}: {_written(row.effect, unit)}, n = {amounts.count(row.n)}, {called}"


def _written(found: Interval, unit: str) -> str:
    family = forest.values(found)
    return f"{amounts.change(found.point, unit, beside=family)} ({amounts.between(found.low, found.high, unit, beside=family)})"


def sparkline(chart: SegmentsChart) -> str:
    found = amounts.known(row.effect.point for row in chart.rows)
    ends = [amounts.change(value, chart.unit) for value in (*found[:1], *found[-1:])]
    return words.spark(found, *(ends or ("", "")))


def paint(sheet: "Sheet", chart: SegmentsChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 8
    if chart.rows:
        _rows(sheet, chart, Area(forest.NAMES, top + 32, sheet.width - _GUTTER, bottom - 26))
    else:
        frame.nothing(sheet, Area(style.MARGIN, top + 12, sheet.width - style.MARGIN, bottom), _EMPTY)
    frame.footer(sheet, _note(chart), chart.provenance)


def _note(chart: SegmentsChart) -> str:
    sure = f"{amounts.chance(chart.confidence)} " if chart.confidence else ""
    more = f" · {len(chart.rows) - _MOST} more in the text" if len(chart.rows) > _MOST else ""
    units = amounts.count(sum(row.n for row in chart.rows))
    return f"Always-valid {sure}intervals · many looks: {_rule(chart)} · n = {units}{more} · {words.period(chart.provenance)}"


def _rows(sheet: "Sheet", chart: SegmentsChart, area: Area) -> None:
    every = [SegmentRow("Everybody", chart.overall, sum(row.n for row in chart.rows)), *shown(chart)]
    found = [0.0, *(value for row in every for value in forest.values(row.effect))]
    alone = 0.01 if amounts.is_share(chart.unit) else 1.0
    scale = scales.ruler(found, area.left, area.right, margin=0.05, alone=alone)
    unit = amounts.suffix(chart.unit, change=True).strip()
    caption = ", ".join(filter(None, (f"Effect on {plain(chart.metric, 40) or 'metric'}", unit)))
    forest.effect_axis(sheet, area, scale, chart.unit, caption, chart.direction)
    frame.uprights(sheet, area, [Upright(scale(0.0), "no effect", sheet.theme.ink, (), 2.0)])
    tall = (area.bottom - area.top) / len(every)
    for number, row in enumerate(every):
        middle = area.top + (number + 0.5) * tall
        _row(sheet, row, chart.unit, middle, area, scale, whole=number == 0)
    line = area.top + tall
    sheet.line((style.MARGIN, sheet.width - style.MARGIN), (line, line), sheet.theme.grid)


def _row(sheet: "Sheet", row: SegmentRow, unit: str, middle: float, area: Area, scale: Ruler, *, whole: bool) -> None:
    theme, left = sheet.theme, area.right + 12
    sign = "★ " if row.called else ""
    name = f"{sign}{plain(row.name, 80) or 'unnamed'}"
    room = area.left - style.MARGIN - 16
    strong = whole or row.called
    lines = sheet.wrapped(name, style.SMALL, room, 2, bold=strong)
    y = middle - 2 if len(lines) < 2 else middle - 10
    for line in lines:
        sheet.text(style.MARGIN, y, line, size=style.SMALL, bold=strong, room=room)
        y += 16
    n = f"n = {amounts.count(row.n)}"
    sheet.text(style.MARGIN, y + 1, n, size=style.SMALL, colour=theme.soft, room=room, least=12)
    colour = theme.ink if whole else (theme.effect if row.called else theme.soft)
    forest.bar(sheet, row.effect, middle, area, scale, colour, width=4 if whole else 5, shape="D" if whole else "s")
    family = forest.values(row.effect)
    size = amounts.change(row.effect.point, unit, beside=family)
    span = amounts.between(row.effect.low, row.effect.high, unit, beside=family)
    sheet.text(left, middle - 1, size, colour=colour, bold=True, room=_GUTTER - 30, least=12)
    bare = span.removesuffix(amounts.suffix(unit, change=True) or "\n")
    sheet.text(left, middle + 17, bare, size=style.SMALL, colour=theme.soft, room=_GUTTER - 30, least=11)
