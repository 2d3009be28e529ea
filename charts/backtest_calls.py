"""One recorded effect over its days, its always-valid interval, and the day each rule would have called."""

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from charts import frame, scales, style
from charts.amounts import tick
from charts.backtest import Called, CallsChart
from charts.frame import Upright
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_HEIGHT = 420


def height(chart: CallsChart) -> int:
    return _HEIGHT


def alt_text(chart: CallsChart) -> str:
    calls = [f"{plain(call.name, 60)} on day {call.day:g}" for call in chart.calls]
    told = f"Called by {'; '.join(calls)}." if calls else "No rule called."
    ends = f"At the last look {chart.estimates[-1]:.4g}, interval {chart.lower[-1]:.4g} to {chart.upper[-1]:.4g}."
    return f"{plain(chart.title)}. {plain(chart.subtitle)} {told} {ends} {plain(chart.source)}"


def paint(sheet: "Sheet", chart: CallsChart) -> None:
    frame.heading(sheet, chart.title, [(chart.subtitle, sheet.theme.soft)])
    value = scales.ruler(_extent(chart), sheet.height - 70.0, 182.0)
    area = frame.value_axis(sheet, value, sheet.width - style.MARGIN, "", change=True)
    across = Ruler(0.0, chart.days[-1], area.left, area.right)
    _days(sheet, area, across)
    _effect(sheet, chart, area, across, value)
    for row, call in enumerate(sorted(chart.calls, key=lambda call: -call.day)):  # later ones below, clear of the words
        _call(sheet, area, across, call, row)
    sheet.text(style.MARGIN, sheet.height - 12, chart.source, size=13, colour=sheet.theme.soft, room=760, least=11)


def _extent(chart: CallsChart) -> list[float]:
    """Early bounds are wild and may run off the axis; those of the second half and every later estimate may not."""
    half = chart.days[-1] / 2.0
    kept = [i for i, day in enumerate(chart.days) if day >= half]
    bounds = [bound for i in kept for bound in (chart.lower[i], chart.upper[i]) if isfinite(bound)]
    called = min((call.day for call in chart.calls), default=half)
    return [0.0, *bounds, *(e for e, day in zip(chart.estimates, chart.days, strict=True) if day >= called)]


def _days(sheet: "Sheet", area: Area, across: Ruler) -> None:
    found, step = scales.ticks(across, 8)
    sheet.line((area.left, area.right), (area.bottom, area.bottom), sheet.theme.soft)
    for day in (day for day in found if across(day) < area.right - 24):
        sheet.text(across(day), area.bottom + 20, f"day {tick(day, step, '', change=False)}", size=style.SMALL,
                   colour=sheet.theme.soft, align="center")  # fmt: skip


def _effect(sheet: "Sheet", chart: CallsChart, area: Area, across: Ruler, value: Ruler) -> None:
    x = across.many(np.array(chart.days))
    upper, lower = (value.many(np.nan_to_num(np.array(ends))) for ends in (_held(chart.upper), _held(chart.lower)))
    sheet.band(x, upper, lower, sheet.theme.effect, clip=area)
    if value.covers(0.0):
        sheet.line((area.left, area.right), (value(0.0),) * 2, sheet.theme.ink, width=1.4)
    sheet.line(x, value.many(np.array(chart.estimates)), sheet.theme.effect, width=3.0, clip=area)


def _held(ends: tuple[float, ...]) -> list[float]:
    """Infinity as something that can be drawn far outside."""
    known = [abs(end) for end in ends if isfinite(end)] or [1.0]
    far = 100.0 * max(known)
    return [min(max(end, -far), far) for end in ends]


def _call(sheet: "Sheet", area: Area, across: Ruler, call: Called, row: int) -> None:
    x = across(call.day)
    colour = sheet.theme.good if call.ours else sheet.theme.warn
    mark = Upright(x, "", colour, width=2.4 if call.ours else 1.4)
    sheet.line(
        (x, x), (area.top - 6, area.bottom), mark.colour, width=mark.width, dash=() if call.ours else style.DASHED
    )
    y = area.top - 12 - 18 * min(row, 5)
    words = f"{call.name}, day {call.day:g}"
    left = x + sheet.measure(words, style.SMALL) + 6 < area.right
    sheet.line((x, x), (y - 4, area.top - 6), mark.colour, width=1.0)
    sheet.text(
        x + (4 if left else -4),
        y,
        words,
        size=style.SMALL,
        colour=colour,
        bold=call.ours,
        align="left" if left else "right",
    )
