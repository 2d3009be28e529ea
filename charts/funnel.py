"""A funnel by variant: how many of those who entered reached each step; lengths, so the axis starts at zero."""

from typing import TYPE_CHECKING

from charts import amounts, frame, style, words
from charts.models import FunnelArm, FunnelChart
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST_STEPS, _MOST_ARMS = 8, 4
_NAMES, _GUTTER = 236.0, 210.0
_BAR, _GAP = 20.0, 20.0
_EMPTY = "Nobody has entered the funnel yet: its steps appear here with the first data."


def steps(chart: FunnelChart) -> tuple[str, ...]:
    return chart.steps[:_MOST_STEPS]


def arms(chart: FunnelChart) -> tuple[FunnelArm, ...]:
    return chart.arms[:_MOST_ARMS]


def height(chart: FunnelChart) -> int:
    return max(style.HEIGHT, round(220 + len(steps(chart)) * (_BAR * max(1, len(arms(chart))) + _GAP)))


def share(arm: FunnelArm, step: int) -> float | None:
    """Of those who entered, the share that reached the step; None where nobody entered or it was not counted."""
    if step >= len(arm.counts) or not arm.counts or arm.counts[0] <= 0:
        return None
    return amounts.finite(arm.counts[step] / arm.counts[0])


def widest(chart: FunnelChart) -> tuple[int, FunnelArm, float] | None:
    """Step, variant and difference where a variant is furthest from control, in shares of those who entered."""
    found = []
    for arm in chart.arms[1:]:
        for step in range(1, len(chart.steps)):
            ends = amounts.known((share(chart.arms[0], step), share(arm, step)))
            if len(ends) == 2:
                found.append((step, arm, ends[1] - ends[0]))
    return max(found, key=lambda item: abs(item[2]), default=None)


def verdict(chart: FunnelChart) -> str:
    entered = sum(arm.counts[0] for arm in chart.arms if arm.counts)
    if not entered or not chart.steps:
        return "Nobody has entered the funnel yet."
    far = widest(chart)
    if far is None:
        return f"{words.plural(entered, 'unit')} entered."
    step, arm, gap = far
    if gap == 0:
        return "Variants do not differ at any step."
    place, name = plain(chart.steps[step], 40), plain(arm.name, 40)
    size = amounts.change(gap, "share")
    return f"They differ most at “{place}”: {name} {size} of those who entered. Counts only, without an interval."


def alt_text(chart: FunnelChart) -> str:
    said = [plain(chart.title), f"Funnel by variant: {verdict(chart)}", *(_spoken(chart, arm) for arm in chart.arms)]
    return words.fitted(said, words.provenance(chart.provenance))


def _spoken(chart: FunnelChart, arm: FunnelArm) -> str:
    reached = [
        f"{plain(step, 40)} {amounts.count(arm.counts[i])} ({_percent(share(arm, i))})"
        for i, step in enumerate(chart.steps)
        if i < len(arm.counts)
    ]
    return f"{plain(arm.name, 40) or 'unnamed'}: {'; '.join(reached) or 'no counts'}"


def _percent(value: float | None) -> str:
    return amounts.level(value, "share")


def sparkline(chart: FunnelChart) -> str:
    """The last arm's way through the steps."""
    if not chart.arms:
        return words.spark([], "", "")
    found = amounts.known(share(chart.arms[-1], step) for step in range(len(chart.steps)))
    ends = [_percent(value) for value in (*found[:1], *found[-1:])]
    return words.spark(found, *(ends or ("", "")))


def paint(sheet: "Sheet", chart: FunnelChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 8
    if any(arm.counts and arm.counts[0] > 0 for arm in chart.arms) and chart.steps:
        _steps(sheet, chart, Area(_NAMES, top + 34, sheet.width - _GUTTER, bottom - 8))
    else:
        frame.nothing(sheet, Area(style.MARGIN, top + 12, sheet.width - style.MARGIN, bottom), _EMPTY)
    frame.footer(sheet, _note(chart), chart.provenance)


def _note(chart: FunnelChart) -> str:
    entered = amounts.count(sum(arm.counts[0] for arm in chart.arms if arm.counts))
    more = f" · {len(chart.steps) - _MOST_STEPS} more steps in the text" if len(chart.steps) > _MOST_STEPS else ""
    return f"Share of those who entered, from zero · n = {entered}{more} · {words.period(chart.provenance)}"


def _colour(sheet: "Sheet", number: int) -> str:
    theme = sheet.theme
    return (theme.soft, theme.effect, theme.forecast, theme.warn)[number % 4]


def _steps(sheet: "Sheet", chart: FunnelChart, area: Area) -> None:
    shares = [share(arm, i) for arm in arms(chart) for i in range(len(steps(chart)))]
    scale = Ruler(0.0, max(1.0, *amounts.known(shares)), area.left, area.right)
    _legend(sheet, chart, area.top - 14)
    sheet.line((area.left, area.left), (area.top, area.bottom), sheet.theme.soft, width=1.5)
    tall = (area.bottom - area.top) / len(steps(chart))
    for number, step in enumerate(steps(chart)):
        middle = area.top + (number + 0.5) * tall
        lines = sheet.wrapped(plain(step, 80) or "unnamed step", style.LABEL, _NAMES - style.MARGIN - 36, 2, bold=True)
        for row, line in enumerate(lines):
            y = middle + 6 + 20 * (row - (len(lines) - 1) / 2)
            sheet.text(style.MARGIN, y, line, bold=True, room=_NAMES - style.MARGIN - 36)
        for index, arm in enumerate(arms(chart)):
            y = middle + _BAR * (index - (len(arms(chart)) - 1) / 2)
            _bar(sheet, arm, number, y, scale, index)


def _legend(sheet: "Sheet", chart: FunnelChart, y: float) -> None:
    x = _NAMES
    for index, arm in enumerate(arms(chart)):
        sheet.block(Area(x, y - 11, x + 16, y), _colour(sheet, index))
        name = f"{index + 1}: {plain(arm.name, 40) or 'unnamed'}"
        x += 24 + sheet.text(x + 24, y, name, size=style.SMALL, room=180) + 24


def _bar(sheet: "Sheet", arm: FunnelArm, step: int, y: float, scale: Ruler, index: int) -> None:
    found, colour, size = share(arm, step), _colour(sheet, index), style.SMALL
    # The number stands before the bar: beside the percentage it would read as a thousand.
    sheet.text(scale.start - 8, y + 5, f"{index + 1}", size=size, colour=sheet.theme.soft, align="right")
    if found is None:
        sheet.text(scale.start + 8, y + 5, "not counted", size=size, colour=sheet.theme.soft)
        return
    end = max(scale(found), scale.start + 1)
    sheet.block(Area(scale.start, y - _BAR / 2 + 1.5, end, y + _BAR / 2 - 1.5), colour)
    said = f"{_percent(found)}  ({amounts.count(arm.counts[step])})"
    sheet.text(end + 10, y + 5, said, size=size, colour=sheet.theme.ink, room=sheet.width - end - 20, least=12)
