"""Whether units were split as planned (sample ratio): what came beside what was planned."""

from typing import TYPE_CHECKING

from charts import amounts, frame, style, words
from charts.models import SplitArm, SplitChart
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST = 8
_NAMES, _GUTTER = 220.0, 200.0
_ROW = 74
_EMPTY = "No unit was seen yet: the split appears here with the first data."


def height(chart: SplitChart) -> int:
    return max(style.HEIGHT, 230 + _ROW * min(_MOST, len(chart.arms)))


def total(chart: SplitChart) -> int:
    return sum(max(0, arm.count) for arm in chart.arms)


def observed(chart: SplitChart, arm: SplitArm) -> float | None:
    everyone = total(chart)
    return max(0, arm.count) / everyone if everyone else None


def verdict(chart: SplitChart) -> str:
    """The registered test's answer in words; a flag means that no effect measured on this split can be trusted."""
    if not total(chart):
        return "No unit was seen yet."
    p = amounts.finite(chart.p_value)
    said = "" if p is None else f" (p {_p(p)}, valid at every look)"
    if chart.flagged:
        return f"MISMATCH: units were not split as planned{said}. Results are invalid until the cause is found."
    return f"Units are split as planned, as far as {words.plural(total(chart), 'unit')} can tell{said}."


def alt_text(chart: SplitChart) -> str:
    rows = [
        f"{plain(arm.name, 40) or 'unnamed'}: {amounts.count(arm.count)} units, {_percent(observed(chart, arm))} of all, planned {_percent(arm.planned)}"
        for arm in chart.arms
    ]
    return words.fitted([plain(chart.title), verdict(chart), *rows], words.provenance(chart.provenance))


def _percent(value: float | None) -> str:
    """Two decimals, since a harmful imbalance may be that small."""
    found = amounts.finite(value)
    if found is None:
        return "unknown"
    return f"< {amounts.fixed(0.01, 2)} %" if 0 < found < 5e-5 else f"{amounts.fixed(found * 100, 2)} %"


def _p(value: float) -> str:
    """Two figures, and no powers of ten: below one in ten thousand nobody needs them."""
    if 0 <= value < 1e-4:
        return f"< {amounts.fixed(1e-4, 4)}"
    return f"= {amounts.level(value)}"


def sparkline(chart: SplitChart) -> str:
    """The split itself: `50.20 % : 49.80 %`."""
    found = [observed(chart, arm) for arm in chart.arms]
    return " : ".join(_percent(value) for value in found) if total(chart) else "no data yet"


def paint(sheet: "Sheet", chart: SplitChart) -> None:
    badge = ("RESULTS INVALID", sheet.theme.bad) if chart.flagged else None
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)), badge)
    bottom = sheet.height - frame.FOOTER - 8
    if total(chart):
        _arms(sheet, chart, Area(_NAMES, top + 24, sheet.width - _GUTTER, bottom - 26))
    else:
        frame.nothing(sheet, Area(style.MARGIN, top + 12, sheet.width - style.MARGIN, bottom), _EMPTY)
    frame.footer(sheet, _note(chart), chart.provenance)


def _note(chart: SplitChart) -> str:
    return f"Bars from zero, ┃ planned · n = {amounts.count(total(chart))} · {words.period(chart.provenance)}"


def _arms(sheet: "Sheet", chart: SplitChart, area: Area) -> None:
    shown = chart.arms[:_MOST]
    shares = amounts.known([*(observed(chart, arm) for arm in shown), *(arm.planned for arm in shown)])
    scale = Ruler(0.0, min(1.0, max(shares) * 1.15) or 1.0, area.left, area.right)
    sheet.line((area.left, area.left), (area.top, area.bottom), sheet.theme.soft, width=1.5)
    tall = (area.bottom - area.top) / len(shown)
    for number, arm in enumerate(shown):
        _arm(sheet, chart, arm, area.top + (number + 0.5) * tall, scale)


def _arm(sheet: "Sheet", chart: SplitChart, arm: SplitArm, middle: float, scale: Ruler) -> None:
    theme, found = sheet.theme, observed(chart, arm) or 0.0
    colour = theme.bad if chart.flagged else theme.effect
    sheet.text(style.MARGIN, middle - 1, plain(arm.name, 60) or "unnamed", bold=True, room=_NAMES - style.MARGIN - 16)
    n = f"n = {amounts.count(arm.count)}"
    sheet.text(style.MARGIN, middle + 18, n, size=style.SMALL, colour=theme.soft, room=_NAMES - style.MARGIN - 16)
    sheet.block(Area(scale.start, middle - 13, max(scale(found), scale.start + 1), middle + 13), colour)
    planned = amounts.finite(arm.planned)
    if planned is not None:
        x = scale(planned)
        sheet.line((x, x), (middle - 22, middle + 22), theme.ink, width=3)
    right = scale.end + 14
    sheet.text(right, middle - 1, _percent(found), colour=colour, bold=True)
    said = f"planned {_percent(arm.planned)}"
    sheet.text(right, middle + 18, said, size=style.SMALL, colour=theme.soft, room=_GUTTER - 30, least=12)
