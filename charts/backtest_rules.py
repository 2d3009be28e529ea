"""Time saved and calls contradicted, rule by rule: two bars a row, the good one and the bad one."""

from typing import TYPE_CHECKING

from charts import frame, style
from charts.amounts import chance
from charts.backtest import RuleBar, RulesChart
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_ROW = 58
_TOP = 112
_LEFT, _RIGHT = 300.0, 720.0


def height(chart: RulesChart) -> int:
    return _TOP + _ROW * len(chart.rules) + 44


def alt_text(chart: RulesChart) -> str:
    rows = [
        f"{plain(bar.name, 60)}: {bar.calls} calls, {chance(bar.saved)} of the time saved, {chance(bar.contradicted)} contradicted"
        for bar in chart.rules
    ]
    return f"{plain(chart.title)}. {'; '.join(rows)}. {plain(chart.source)}"


def paint(sheet: "Sheet", chart: RulesChart) -> None:
    frame.heading(sheet, chart.title, [])
    _legend(sheet)
    scale = Ruler(0.0, 1.0, _LEFT, _RIGHT)
    bottom = float(_TOP + _ROW * len(chart.rules) - 12)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        sheet.line((scale(tick), scale(tick)), (_TOP - 12, bottom), sheet.theme.grid)
        sheet.text(scale(tick), bottom + 18, f"{tick:.0%}", size=style.SMALL, colour=sheet.theme.soft, align="center")
    for row, bar in enumerate(chart.rules):
        _row(sheet, bar, scale, float(_TOP + _ROW * row))
    sheet.text(style.MARGIN, sheet.height - 12, chart.source, size=13, colour=sheet.theme.soft, room=760, least=11)


def _legend(sheet: "Sheet") -> None:
    x = _LEFT
    for words, colour in (
        ("time saved (median call)", sheet.theme.effect),
        ("calls contradicted later", sheet.theme.bad),
    ):
        sheet.block(Area(x, 66, x + 14, 80), colour)
        x += 24 + sheet.text(x + 20, 79, words, size=style.SMALL, colour=sheet.theme.ink) + 16


def _row(sheet: "Sheet", bar: RuleBar, scale: Ruler, y: float) -> None:
    sheet.text(style.MARGIN, y + 15, bar.name, bold=bar.ours, room=265, least=12)
    sheet.text(style.MARGIN, y + 34, f"{bar.calls} calls", size=style.SMALL, colour=sheet.theme.soft)
    for offset, share, colour in ((0.0, bar.saved, sheet.theme.effect), (20.0, bar.contradicted, sheet.theme.bad)):
        end = max(scale(share), scale(0.0) + 1.5)
        sheet.block(Area(scale(0.0), y + offset, end, y + offset + 16), colour)
        sheet.text(end + 6, y + offset + 14, chance(share), size=style.SMALL, colour=colour, bold=bar.ours)
