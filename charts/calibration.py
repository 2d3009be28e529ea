"""Predicted beside measured, experiment by experiment: how far the proposals' numbers can be believed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from charts import amounts, forest, frame, scales, style, words
from charts.frame import Note
from charts.models import CalibrationChart, Forecast
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_GUTTER = 190.0
_EMPTY = "Nothing to compare yet: a point appears here when an experiment with a prediction is decided."


def height(chart: CalibrationChart) -> int:
    return style.HEIGHT + 60


def compared(chart: CalibrationChart) -> list[Forecast]:
    """Those with a point on both sides."""
    return [
        one
        for one in chart.forecasts
        if amounts.finite(one.predicted.point) is not None and amounts.finite(one.observed.point) is not None
    ]


def held(one: Forecast) -> bool:
    """Whether the measured effect lies inside its predicted range."""
    point = one.observed.point or 0.0
    low, high = amounts.finite(one.predicted.low), amounts.finite(one.predicted.high)
    return (low is None or point >= low) and (high is None or point <= high)


def coverage(found: Sequence[Forecast]) -> tuple[int, int]:
    return sum(map(held, found)), len(found)


def lean(found: Sequence[Forecast]) -> str:
    """Whether predictions are too high or too low on the whole; sizes are compared, so decreases count alike."""
    over = sum(abs(one.predicted.point or 0.0) > abs(one.observed.point or 0.0) for one in found)
    if 2 * over == len(found):
        return "as often too large as too small"
    return f"too {'large' if 2 * over > len(found) else 'small'} in {max(over, len(found) - over)} of {len(found)}"


def verdict(chart: CalibrationChart) -> str:
    found = compared(chart)
    if not found:
        return "No prediction has met its measurement yet."
    inside, of = coverage(found)
    promised = amounts.chance(chart.promised)
    return f"{inside} of {of} measured effects lay inside their predicted range ({promised} promised); predictions were {lean(found)}."


def alt_text(chart: CalibrationChart) -> str:
    rows = [_spoken(one, chart.unit) for one in compared(chart)]
    said = [plain(chart.title), f"Effects on {plain(chart.metric, 80) or 'the metric'}: {verdict(chart)}", *rows]
    return words.fitted(said, words.provenance(chart.provenance))


def _spoken(one: Forecast, unit: str) -> str:
    pair = (one.predicted.point, one.observed.point)
    predicted, observed = (amounts.change(value, unit, beside=amounts.known(pair)) for value in pair)
    where = "inside" if held(one) else "outside"
    return f"{plain(one.name, 60) or 'unnamed'}: predicted {predicted}, measured {observed}, {where} the range"


def sparkline(chart: CalibrationChart) -> str:
    """Measured minus predicted, in the given order."""
    found = [(one.observed.point or 0.0) - (one.predicted.point or 0.0) for one in compared(chart)]
    ends = [amounts.change(value, chart.unit) for value in (*found[:1], *found[-1:])]
    return words.spark(found, *(ends or ("", "")))


def paint(sheet: "Sheet", chart: CalibrationChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 8
    found = compared(chart)
    if found:
        _plot(sheet, chart, found, top + 26, bottom - 30)
    else:
        frame.nothing(sheet, Area(style.MARGIN, top + 12, sheet.width - style.MARGIN, bottom), _EMPTY)
    note = f"● inside, ◇ outside its range · lines: predicted range, measured interval · n = {len(found)}"
    frame.footer(sheet, f"{note} · {words.period(chart.provenance)}", chart.provenance)


def _plot(sheet: "Sheet", chart: CalibrationChart, found: Sequence[Forecast], top: float, bottom: float) -> None:
    """Both axes share one range, so that the diagonal is exactness."""
    ends = [0.0, *(v for one in found for v in (*forest.values(one.predicted), one.observed.point or 0.0))]
    alone = 0.01 if amounts.is_share(chart.unit) else 1.0
    up = scales.ruler(ends, bottom, top, alone=alone)
    area = frame.value_axis(sheet, up, sheet.width - _GUTTER, chart.unit, change=True)
    across = Ruler(up.low, up.high, area.left, area.right)
    _axis(sheet, chart, area, across)
    theme = sheet.theme
    diagonal = (up.low, up.high)
    sheet.line([across(v) for v in diagonal], [up(v) for v in diagonal], theme.ink, width=1.6, dash=style.DASHED)
    for zero in ((area.left, area.right), (up(0.0), up(0.0))), ((across(0.0), across(0.0)), (area.top, area.bottom)):
        sheet.line(*zero, theme.soft, width=1.2)
    for one in found[:60]:
        _point(sheet, one, area, across, up)
    frame.notes(sheet, area, [Note(area.top + 8, "as predicted", theme.ink, dash=style.DASHED)])


def _axis(sheet: "Sheet", chart: CalibrationChart, area: Area, across: Ruler) -> None:
    ticks, step = scales.ticks(across, 6)
    for value in ticks:
        label = amounts.tick(value, step, chart.unit, change=True)
        sheet.text(across(value), area.bottom + 20, label, colour=sheet.theme.soft, align="center")
    unit = amounts.suffix(chart.unit, change=True).strip()
    named = f"↑ measured, → predicted effect on {plain(chart.metric, 40) or 'metric'}{f', {unit}' if unit else ''}"
    sheet.text(style.MARGIN, area.top - 10, named, size=style.SMALL, colour=sheet.theme.soft, room=760, least=12)


def _point(sheet: "Sheet", one: Forecast, area: Area, across: Ruler, up: Ruler) -> None:
    colour = sheet.theme.effect if held(one) else sheet.theme.bad
    x, y = across(one.predicted.point or 0.0), up(one.observed.point or 0.0)
    sheet.line(forest.ends(one.predicted, across, area), (y, y), colour, width=1.4, clip=area)
    low, high = amounts.finite(one.observed.low), amounts.finite(one.observed.high)
    reach = (area.bottom if low is None else up(low), area.top if high is None else up(high))
    sheet.line((x, x), reach, colour, width=1.4, clip=area)
    sheet.mark(x, y, "o" if held(one) else "D", 12, colour, hollow=not held(one))
