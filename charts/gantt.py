"""An outcome's experiments and gates over time: what ran when, what waits for whom, and how long people took."""

from datetime import datetime
from typing import TYPE_CHECKING

from charts import amounts, dates, frame, style, words
from charts.frame import Upright
from charts.models import GanttChart, GanttRow, GateMark, Span
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST = 14
_ROW = 48
_NAMES = 290.0
_EMPTY = "No experiment has begun yet: each gets a row here when it is proposed."
_DAY = 86_400.0


def height(chart: GanttChart) -> int:
    return max(style.HEIGHT, 240 + _ROW * min(_MOST, len(chart.rows)))


def waiting(chart: GanttChart) -> list[tuple[GanttRow, GateMark]]:
    return [(row, gate) for row in chart.rows for gate in row.gates if gate.answered is None]


def current(row: GanttRow) -> Span | None:
    """The state an experiment is in: its last span."""
    return max(row.spans, key=lambda span: dates.seconds(span.start), default=None)


def verdict(chart: GanttChart) -> str:
    if not chart.rows:
        return "No experiment has begun yet."
    going = sum((now := current(row)) is not None and now.end is None for row in chart.rows)
    open_ = waiting(chart)
    said = f"{words.plural(len(chart.rows), 'experiment')}, {going} under way"
    if not open_:
        return f"{said}; nothing waits for a person."
    row, gate = min(open_, key=lambda pair: dates.seconds(pair[1].opened))
    return f"{said}; {words.plural(len(open_), 'gate')} wait{'s' if len(open_) == 1 else ''}, longest {plain(gate.name, 40)} of “{plain(row.name, 50)}”: {_since(gate.opened, chart.now)}."


def _since(start: datetime, end: datetime) -> str:
    took = dates.seconds(end) - dates.seconds(start)
    if took < _DAY:
        return f"{amounts.level(round(max(0.0, took) / 3600, 1))} h"
    return f"{amounts.level(round(took / _DAY, 1))} days"


def alt_text(chart: GanttChart) -> str:
    said = [plain(chart.title), verdict(chart), *(_spoken(row, chart) for row in chart.rows)]
    return words.fitted(said, words.provenance(chart.provenance))


def _spoken(row: GanttRow, chart: GanttChart) -> str:
    zone = chart.provenance.timezone
    states = [f"{_word(span.state)} {dates.span(span.start, span.end or chart.now, zone)}" for span in row.spans]
    gates = [_answer(gate, chart.now) for gate in row.gates]
    return f"{plain(row.name, 60) or 'unnamed'}: {'; '.join([*states, *gates]) or 'nothing yet'}"


def _answer(gate: GateMark, now: datetime) -> str:
    if gate.answered is None:
        return f"{plain(gate.name, 40)} waits for {_since(gate.opened, now)}"
    return f"{plain(gate.name, 40)} {_word(gate.status)} after {_since(gate.opened, gate.answered)}"


def sparkline(chart: GanttChart) -> str:
    """One word a row, since a calendar has no line."""
    states = [_word(now.state) if (now := current(row)) else "not begun" for row in chart.rows]
    return " · ".join(states[:8]) or "no data yet"


def paint(sheet: "Sheet", chart: GanttChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 8
    if any(row.spans or row.gates for row in chart.rows):
        _rows(sheet, chart, Area(_NAMES, top + 40, sheet.width - style.MARGIN - 12, bottom - 28))
    else:
        frame.nothing(sheet, Area(style.MARGIN, top + 12, sheet.width - style.MARGIN, bottom), _EMPTY)
    more = f" · {len(chart.rows) - _MOST} more in the text" if len(chart.rows) > _MOST else ""
    note = f"◆ gate answered, ◇ gate waits · n = {words.plural(len(chart.rows), 'experiment')}{more}"
    frame.footer(sheet, f"{note} · {words.period(chart.provenance)}", chart.provenance)


def _moments(chart: GanttChart) -> list[float]:
    found = [dates.seconds(chart.now), *([dates.seconds(chart.horizon)] if chart.horizon else [])]
    for row in chart.rows[:_MOST]:
        for span in row.spans:
            found += [dates.seconds(span.start), *([dates.seconds(span.end)] if span.end else [])]
        found += [dates.seconds(gate.opened) for gate in row.gates]
    return found


def _rows(sheet: "Sheet", chart: GanttChart, area: Area) -> None:
    across = frame.time_ruler(_moments(chart), area.left, area.right)
    frame.time_axis(sheet, area, across, chart.provenance.timezone)
    shown = chart.rows[:_MOST]
    tall = (area.bottom - area.top) / len(shown)
    for number, row in enumerate(shown):
        _row(sheet, row, area.top + (number + 0.5) * tall, across, chart.now)
    marks = [Upright(across(dates.seconds(chart.now)), "now", sheet.theme.ink, (), 1.6)]
    if chart.horizon:
        marks.append(Upright(across(dates.seconds(chart.horizon)), "horizon", sheet.theme.soft, style.DASHED))
    frame.uprights(sheet, area, marks)


def _row(sheet: "Sheet", row: GanttRow, middle: float, across: Ruler, now: datetime) -> None:
    room = _NAMES - style.MARGIN - 16
    sheet.text(style.MARGIN, middle - 2, plain(row.name, 80) or "unnamed", size=style.SMALL, bold=True, room=room)
    state = _word(found.state) if (found := current(row)) else "not begun"
    sheet.text(style.MARGIN, middle + 16, state, size=style.SMALL, colour=sheet.theme.soft, room=room)
    for span in row.spans:
        _span(sheet, span, middle, across, now)
    for gate in row.gates:
        hollow = gate.answered is None
        tone = sheet.theme.warn if hollow else style.tone(_tone_of(gate.status), sheet.theme).colour
        sheet.mark(across(dates.seconds(gate.answered or gate.opened)), middle, "D", 15, tone, hollow=hollow)


def _tone_of(status: str) -> str:
    return {"approved": "ok", "approved_with_conditions": "ok", "rejected": "failed"}.get(status, status)


def _span(sheet: "Sheet", span: Span, middle: float, across: Ruler, now: datetime) -> None:
    theme = sheet.theme
    start, end = across(dates.seconds(span.start)), across(dates.seconds(span.end or now))
    users = span.state in {"measuring", "running", "scaling", "awaiting_analysis_gate"}
    colour = theme.effect if users else theme.soft
    half = 10.0 if users else 3.0
    sheet.block(Area(start, middle - half, max(end, start + 2), middle + half), colour)
    label = _word(span.state)
    if users and end - start > sheet.measure(label, 14) + 24:
        sheet.text((start + end) / 2, middle + 5, label, size=14, colour=theme.ground, align="center")


def _word(state: str) -> str:
    return plain(state.replace("_", " "), 40)
