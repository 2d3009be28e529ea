"""A portfolio of proposals: a forest plot of predicted ranges against the effect that is still needed."""

from typing import TYPE_CHECKING

from charts import amounts, forest, frame, scales, style, words
from charts.frame import Upright
from charts.models import Interval, PortfolioChart, PortfolioItem
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_MOST = 12
_ROW = 54
_GUTTER = 134
_AUTHORS = {
    "playbook": "catalogue tactics (playbook), not model output",
    "human": "people",
    "hybrid": "a model and people",
    "ai": "a language model",
}


def shown(chart: PortfolioChart) -> tuple[PortfolioItem, ...]:
    return chart.items[:_MOST]


def height(chart: PortfolioChart) -> int:
    return max(style.HEIGHT, 256 + _ROW * len(shown(chart)))


def needed(chart: PortfolioChart) -> float | None:
    """The effect that would take the outcome from its baseline to its target, signed."""
    ends = amounts.known((chart.baseline, chart.target))
    return amounts.finite(ends[1] - ends[0]) if len(ends) == 2 else None


def author(chart: PortfolioChart) -> str:
    name = plain(chart.generated_by, 60)
    return _AUTHORS.get(name.lower(), name or "unnamed")


def _reaches(item: PortfolioItem, gap: float | None) -> bool:
    """Whether the optimistic end of the prediction covers the gap, in the gap's own direction."""
    ends = amounts.known((item.low, item.high))
    return bool(gap and ends and (max(ends) >= gap if gap > 0 else min(ends) <= gap))


def _best(chart: PortfolioChart) -> tuple[int, PortfolioItem] | None:
    """The number and item with the largest expected effect in the wanted direction."""
    sign = -1.0 if chart.direction == "decrease" else 1.0
    rated = [(i, item) for i, item in enumerate(chart.items, 1) if amounts.finite(item.expected) is not None]
    return max(rated, key=lambda pair: sign * pair[1].expected, default=None)


def verdict(chart: PortfolioChart) -> str:
    """How far the proposals go towards the gap; predictions are not added up, since effects need not add."""
    gap, best = needed(chart), _best(chart)
    if gap is None or best is None:
        return "Nothing proposed yet." if not chart.items else "The gap to the target is unknown."
    able = sum(_reaches(item, gap) for item in chart.items)
    size = amounts.change(best[1].expected, chart.unit)
    reach = "none reaches it alone" if able == 0 else f"{able} of {len(chart.items)} could reach it alone"
    return f"{amounts.change(gap, chart.unit)} still needed; the best of {len(chart.items)} expects {size}, {reach}."


def alt_text(chart: PortfolioChart) -> str:
    metric = plain(chart.metric, 80) or "the metric"
    levels = (chart.baseline, chart.target)
    start, goal = (amounts.level(value, chart.unit, beside=levels) for value in levels)
    opening = f"{words.plural(len(chart.items), 'proposed experiment')} for {plain(chart.outcome) or 'the outcome'}"
    said = [
        plain(chart.title),
        f"{opening}, proposed by {author(chart)}",
        f"{metric} stands at {start}, target {goal}"
        + (f" ({wish})" if (wish := words.wanted(chart.direction)) else ""),
        verdict(chart),
        "Predicted ranges, not measured:" if chart.items else "",
        *(_spoken(number, item, chart.unit) for number, item in enumerate(chart.items, 1)),
    ]
    return words.fitted(said, words.provenance(chart.provenance))


def _spoken(number: int, item: PortfolioItem, unit: str) -> str:
    family = amounts.known((item.expected, item.low, item.high))
    size = amounts.change(item.expected, unit, beside=family)
    span = amounts.between(item.low, item.high, unit, beside=family)
    seen = f"; observed {_seen(item.observed, unit)}" if item.observed else ""
    return f"{number}. {plain(item.name, 80) or 'unnamed'}: {size} ({span}), {_doubts(item)}{seen}"


def _seen(observed: Interval, unit: str) -> str:
    span = amounts.between(observed.low, observed.high, unit)
    return span if observed.point is None else f"{amounts.change(observed.point, unit)} ({span})"


def _doubts(item: PortfolioItem) -> str:
    risk = plain(item.risk, 24) or "unknown"
    return f"{amounts.chance(item.confidence)} confidence, {risk}{'' if 'risk' in risk.lower() else ' risk'}"


def sparkline(chart: PortfolioChart) -> str:
    found = amounts.known(item.expected for item in chart.items)
    ends = [amounts.change(value, chart.unit) for value in (*found[:1], *found[-1:])]
    return words.spark(found, *(ends or ("", "")))


def paint(sheet: "Sheet", chart: PortfolioChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    sheet.text(style.MARGIN, top + 14, f"Proposed by {author(chart)}", size=style.SMALL, bold=True, room=760)
    bottom = sheet.height - frame.FOOTER - 8
    if chart.items:
        _forest(sheet, chart, top + 48, bottom - 26)
    else:
        empty = Area(style.MARGIN, top + 30, sheet.width - style.MARGIN, bottom)
        frame.nothing(sheet, empty, "No experiment has been proposed for this outcome yet.")
    frame.footer(sheet, _note(chart), chart.provenance)


def _note(chart: PortfolioChart) -> str:
    seen = ", ◆ observed" if any(item.observed for item in chart.items) else ""
    more = f" ({len(chart.items) - _MOST} more in the text)" if len(chart.items) > _MOST else ""
    return f"Bars: predicted range, ■ expected{seen} · n = {len(chart.items)}{more} · {words.period(chart.provenance)}"


def _scale(chart: PortfolioChart, left: float, right: float) -> Ruler:
    values: list[float | None] = [0.0, needed(chart)]
    for item in shown(chart):
        values += [item.low, item.expected, item.high]
        values += [item.observed.low, item.observed.high, item.observed.point] if item.observed else []
    return scales.ruler(
        amounts.known(values), left, right, margin=0.05, alone=0.01 if amounts.is_share(chart.unit) else 1.0
    )


def _forest(sheet: "Sheet", chart: PortfolioChart, top: float, bottom: float) -> None:
    area = Area(forest.NAMES, top, sheet.width - _GUTTER, bottom)
    scale = _scale(chart, area.left, area.right)
    caption = ", ".join(
        filter(
            None, (f"Effect on {plain(chart.metric, 40) or 'metric'}", amounts.suffix(chart.unit, change=True).strip())
        )
    )
    forest.effect_axis(sheet, area, scale, chart.unit, caption, chart.direction)
    gap = needed(chart)
    marks = [Upright(scale(0.0), "no effect", sheet.theme.ink, (), 2.0)]
    if gap:
        marks.insert(
            0, Upright(scale(gap), f"needed {amounts.change(gap, chart.unit)}", sheet.theme.good, style.DASHED, 2.2)
        )
    frame.uprights(sheet, area, marks)
    row = (bottom - top) / len(shown(chart))
    for number, item in enumerate(shown(chart), 1):
        _row(
            sheet,
            (number, item),
            chart.unit,
            Area(area.left, top + (number - 1) * row, area.right, top + number * row),
            scale,
        )


def _row(sheet: "Sheet", numbered: tuple[int, PortfolioItem], unit: str, area: Area, scale: Ruler) -> None:
    number, item = numbered
    theme, middle = sheet.theme, (area.top + area.bottom) / 2
    _name(sheet, number, item, middle)
    predicted = Interval(item.low, item.high, item.expected)
    forest.bar(sheet, predicted, middle - (6 if item.observed else 0), area, scale, theme.effect, width=7, shape="s")
    if item.observed:
        forest.bar(sheet, item.observed, middle + 10, area, scale, theme.ink, width=2.5, shape="D")
    family = amounts.known((item.expected, item.low, item.high))
    size, span = (
        amounts.change(item.expected, unit, beside=family),
        amounts.between(item.low, item.high, unit, beside=family),
    )
    left, room = area.right + 12, _GUTTER - 30
    sheet.text(left, middle - 1, size, colour=theme.effect, bold=True, room=room, least=12)
    bare = span.removesuffix(amounts.suffix(unit, change=True) or "\n")
    sheet.text(left, middle + 17, bare, size=style.SMALL, colour=theme.soft, room=room, least=11)


def _name(sheet: "Sheet", number: int, item: PortfolioItem, middle: float) -> None:
    """The name in one or two lines, centred on the row together with the line of doubts."""
    left = style.MARGIN + 30
    room = forest.NAMES - left - 16
    lines = sheet.wrapped(plain(item.name, 80) or "unnamed", style.SMALL, room, 2, bold=True)
    y = middle - 9 * len(lines) + 9
    sheet.text(style.MARGIN, y, f"{number}.", size=style.SMALL, bold=True)
    for line in lines:
        sheet.text(left, y, line, size=style.SMALL, bold=True, room=room)
        y += 18
    sheet.text(left, y, _doubts(item), size=style.SMALL, colour=sheet.theme.soft, room=room, least=12)
