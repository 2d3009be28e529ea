"""Guardrails against their limits: each on its own axis, the forbidden side hatched, worst first."""

from typing import TYPE_CHECKING

from charts import amounts, forest, frame, scales, style, words
from charts.models import GuardrailRow, GuardrailsChart
from charts.safe import plain
from charts.scales import Area

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST = 8
_ROW = 66
_NAMES, _GUTTER = 300.0, 170.0
_ORDER = ("violated", "warn", "warning", "inconclusive", "no_data", "safe")
_EMPTY = "No guardrail is set: nothing would stop this experiment but a person."


def shown(chart: GuardrailsChart) -> list[GuardrailRow]:
    """Worst first; within a state in the given order."""
    return sorted(chart.rows, key=lambda row: _ORDER.index(row.state) if row.state in _ORDER else 3)


def height(chart: GuardrailsChart) -> int:
    return max(style.HEIGHT, 200 + _ROW * min(_MOST, len(chart.rows)))


def verdict(chart: GuardrailsChart) -> str:
    if not chart.rows:
        return "No guardrail is set."
    broken = [row for row in chart.rows if row.state == "violated"]
    if broken:
        return f"{words.plural(len(broken), 'limit')} violated: {', '.join(plain(row.name, 40) for row in broken[:4])}."
    safe = sum(row.state in {"safe", "ok"} for row in chart.rows)
    return f"No limit is violated; {safe} of {len(chart.rows)} are shown to be safe, the rest is not known yet."


def _limit(row: GuardrailRow) -> str:
    return f"{'at least' if row.side == 'min' else 'at most'} {_level(row, row.limit)}"


def _level(row: GuardrailRow, value: float | None) -> str:
    return amounts.level(value, row.unit, beside=(row.limit, row.level.point))


def alt_text(chart: GuardrailsChart) -> str:
    rows = [
        f"{plain(row.name, 60) or 'unnamed'}: {_level(row, row.level.point)}, interval {_span(row)}, limit {_limit(row)}, {plain(row.state, 30).replace('_', ' ')}"
        for row in shown(chart)
    ]
    return words.fitted([plain(chart.title), verdict(chart), *rows], words.provenance(chart.provenance))


def _span(row: GuardrailRow) -> str:
    ends = [amounts.finite(row.level.low), amounts.finite(row.level.high)]
    low, high = (None if value is None else _level(row, value) for value in ends)
    if low is None and high is None:
        return "not bounded yet"
    if low is None or high is None:
        return f"at {'least' if low else 'most'} {low or high}"
    return f"{low} to {high}"


def sparkline(chart: GuardrailsChart) -> str:
    """One sign a guardrail, worst first."""
    rows = [f"{_sign(row)} {plain(row.name, 24)}" for row in shown(chart)[:6]]
    return " · ".join(rows) or "no data yet"


def _sign(row: GuardrailRow) -> str:
    return style.tone(row.state, style.THEMES["light"]).sign


def paint(sheet: "Sheet", chart: GuardrailsChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 8
    rows = shown(chart)[:_MOST]
    if rows:
        tall = (bottom - top - 16) / len(rows)
        for number, row in enumerate(rows):
            y = top + 16 + number * tall
            _row(sheet, row, Area(_NAMES, y + 6, sheet.width - _GUTTER, y + tall - 10))
    else:
        frame.nothing(sheet, Area(style.MARGIN, top + 12, sheet.width - style.MARGIN, bottom), _EMPTY)
    more = f" · {len(chart.rows) - _MOST} more in the text" if len(chart.rows) > _MOST else ""
    note = f"■ level with its always-valid interval, hatched: beyond the limit · n = {words.plural(len(chart.rows), 'guardrail')}{more}"
    frame.footer(sheet, f"{note} · {words.period(chart.provenance)}", chart.provenance)


def _row(sheet: "Sheet", row: GuardrailRow, area: Area) -> None:
    theme, middle = sheet.theme, (area.top + area.bottom) / 2
    tone = style.tone(row.state, theme)
    room = _NAMES - style.MARGIN - 16
    sheet.text(
        style.MARGIN, middle - 2, f"{tone.sign} {plain(row.name, 60) or 'unnamed'}", bold=True, room=room, least=12
    )
    sheet.text(style.MARGIN, middle + 17, _limit(row), size=style.SMALL, colour=theme.soft, room=room)
    ends = amounts.known((*forest.values(row.level), row.limit))
    scale = scales.ruler(ends or [0.0], area.left, area.right, margin=0.2)
    sheet.line((area.left, area.right), (middle, middle), theme.grid, width=2)
    limit = amounts.finite(row.limit)
    if limit is not None:
        x = scale(limit)
        beyond = (
            Area(area.left, area.top, x, area.bottom)
            if row.side == "min"
            else Area(x, area.top, area.right, area.bottom)
        )
        sheet.hatched(beyond, theme.bad, area)
        sheet.line((x, x), (area.top, area.bottom), theme.ink, width=2.2, dash=style.DASHED)
    forest.bar(sheet, row.level, middle, area, scale, tone.colour, width=6, shape="s")
    left = area.right + 12
    sheet.text(
        left, middle - 2, _level(row, row.level.point), colour=tone.colour, bold=True, room=_GUTTER - 30, least=12
    )
    state = plain(row.state.replace("_", " "), 30)
    sheet.text(left, middle + 17, state, size=style.SMALL, colour=theme.soft, room=_GUTTER - 30, least=12)
