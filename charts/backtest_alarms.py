"""False alarms on noise: how often each rule would have called an experiment in which nothing happens."""

from typing import TYPE_CHECKING

from charts import frame, style
from charts.backtest import AlarmBar, AlarmsChart
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_ROW = 42
_TOP = 92
_LEFT, _RIGHT = 300.0, 690.0


def height(chart: AlarmsChart) -> int:
    return _TOP + _ROW * len(chart.alarms) + 50


def alt_text(chart: AlarmsChart) -> str:
    rows = [f"{plain(bar.name, 60)} {bar.rate:.1%} (standard error {bar.error:.1%})" for bar in chart.alarms]
    return f"{plain(chart.title)}. Allowed: {chart.allowed:.0%}. {'; '.join(rows)}. {plain(chart.source)}"


def paint(sheet: "Sheet", chart: AlarmsChart) -> None:
    frame.heading(sheet, chart.title, [])
    most = max([chart.allowed, *(bar.rate + 2.0 * bar.error for bar in chart.alarms)])
    scale = Ruler(0.0, 1.1 * most, _LEFT, _RIGHT)
    bottom = float(_TOP + _ROW * len(chart.alarms))
    for row, bar in enumerate(chart.alarms):
        _row(sheet, bar, scale, _TOP + _ROW * row, beyond=bar.rate > chart.allowed + 3.0 * bar.error)
    at = scale(chart.allowed)
    sheet.line((at, at), (_TOP - 14, bottom), sheet.theme.ink, width=1.6, dash=style.DASHED)
    sheet.text(at, _TOP - 20, f"allowed {chart.allowed:.0%}", size=style.SMALL, align="center")
    sheet.text(style.MARGIN, sheet.height - 12, chart.source, size=13, colour=sheet.theme.soft, room=760, least=11)


def _row(sheet: "Sheet", bar: AlarmBar, scale: Ruler, y: float, *, beyond: bool) -> None:
    colour = sheet.theme.bad if beyond else sheet.theme.good
    end = max(scale(bar.rate), scale(0.0) + 1.5)
    sheet.text(style.MARGIN, y + 19, bar.name, bold=bar.ours, room=265, least=12)
    sheet.block(Area(scale(0.0), y, end, y + 26), colour)
    low, high = scale(max(0.0, bar.rate - 2.0 * bar.error)), scale(bar.rate + 2.0 * bar.error)
    sheet.line((low, high), (y + 13, y + 13), sheet.theme.ink, width=2.0)
    sign = "✕" if beyond else "✓"
    sheet.text(high + 8, y + 19, f"{bar.rate:.1%} {sign}", size=style.LABEL, colour=colour, bold=bar.ours)
