"""Rows of intervals on one horizontal axis: what a portfolio, segments and guardrails have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from charts import amounts, scales, style
from charts.models import Interval
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

NAMES = 330.0  # css pixels for names; the plot begins here
_SIDES = {"increase": "better →", "decrease": "← better"}


def effect_axis(sheet: "Sheet", area: Area, scale: Ruler, unit: str, caption: str, direction: str = "") -> None:
    """Grid lines with their numbers under the rows, what is measured at the left, which way is better at the right."""
    found, step = scales.ticks(scale, 4)
    for value in found:
        x = scale(value)
        sheet.line((x, x), (area.top, area.bottom), sheet.theme.grid)
        label = amounts.tick(value, step, unit, change=True)
        sheet.text(x, area.bottom + 20, label, colour=sheet.theme.soft, align="center")
    small, soft, y = style.SMALL, sheet.theme.soft, area.bottom + 20
    sheet.text(style.MARGIN, y, caption, size=small, colour=soft, room=area.left - 60, least=12)
    better = _SIDES.get(direction, "")
    sheet.text(sheet.width - style.MARGIN, y, better, size=small, colour=soft, align="right")


def ends(found: Interval, scale: Ruler, area: Area) -> Sequence[float]:
    """Pixels of both ends; one that is not bounded runs to the edge of the plot."""
    first, last = amounts.finite(found.low), amounts.finite(found.high)
    return sorted((area.left if first is None else scale(first), area.right if last is None else scale(last)))


def bar(
    sheet: "Sheet", found: Interval, y: float, area: Area, scale: Ruler, colour: str, *, width: float, shape: str
) -> None:
    """The interval as a bar, an arrow head at each end that is not bounded, and its best guess as a mark."""
    sheet.line(ends(found, scale, area), (y, y), colour, width=width, clip=area)
    for value, edge, head in ((found.low, area.left, "<"), (found.high, area.right, ">")):
        if amounts.finite(value) is None:
            sheet.mark(edge, y, head, width + 6, colour)
    if amounts.finite(found.point) is not None:
        sheet.mark(scale(found.point or 0.0), y, shape, max(11.0, 2 * width), colour)


def values(found: Interval) -> list[float]:
    return amounts.known((found.low, found.point, found.high))


def excludes_zero(found: Interval) -> bool:
    low, high = amounts.finite(found.low), amounts.finite(found.high)
    return (low is not None and low > 0) or (high is not None and high < 0)
