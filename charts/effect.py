"""The effect of one experiment so far: difference, always-valid interval, goal, forecast, guardrails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charts import amounts, dates, frame, scales, style, words
from charts.frame import Note, Upright
from charts.models import EffectChart, EffectPoint, GuardrailStrip
from charts.safe import plain
from charts.scales import Area, Numbers, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_GUTTER = 160
_COLUMNS = 320
_CELLS = 4
_URGENCY = {"violated": 0, "kill": 0, "pause": 0, "warn": 1, "warning": 1, "inconclusive": 2, "safe": 4}


def height(chart: EffectChart) -> int:
    return style.HEIGHT


def readings(chart: EffectChart) -> list[EffectPoint]:
    """The points that carry an estimate, in order of data time."""
    usable = [point for point in chart.points if amounts.finite(point.estimate) is not None]
    return sorted(usable, key=lambda point: dates.seconds(point.at))


def worst_first(guardrails: Sequence[GuardrailStrip]) -> list[GuardrailStrip]:
    return sorted(guardrails, key=_rank)


def _rank(rail: GuardrailStrip) -> int:
    return _URGENCY.get(rail.state.strip().lower(), 3)


def interval_name(chart: EffectChart) -> str:
    """Which interval is drawn; the level is only claimed when the plan gave it."""
    level = amounts.finite(chart.confidence)
    return f"{amounts.level(level, 'share')} always-valid interval" if level else "always-valid interval"


def excludes_zero(point: EffectPoint) -> bool:
    low, high = amounts.finite(point.lower), amounts.finite(point.upper)
    return (low is not None and low > 0) or (high is not None and high < 0)


def position(point: EffectPoint) -> str:
    """Where zero lies against the interval: the fact a decision hangs on."""
    if not excludes_zero(point):
        return "zero lies inside the interval, no clear effect yet"
    return f"the whole interval is {'above' if (amounts.finite(point.lower) or 0.0) > 0 else 'below'} zero"


def alt_text(chart: EffectChart) -> str:
    found = readings(chart)
    metric = plain(chart.metric, 80) or "the metric"
    warning = "WARNING: units are not split as planned (sample-ratio mismatch), do not trust this difference"
    opening = [warning] if chart.srm_flagged else []
    opening += _measured(chart, found[-1], metric) if found else [f"No effect on {metric} has been measured yet"]
    said = [plain(chart.title), *opening, f"Status: {_status(chart)}", plain(chart.headline, 240)]
    return words.fitted([*said, *_plan(chart), _guardrails(chart)], words.provenance(chart.provenance))


def _measured(chart: EffectChart, last: EffectPoint, metric: str) -> list[str]:
    family = amounts.known((last.estimate, last.lower, last.upper))
    good = words.goodness(last.estimate, chart.direction, certain=excludes_zero(last))
    verdict = f", {good}" if good else ""
    size = amounts.change(last.estimate, chart.unit, beside=family)
    span = amounts.between(last.lower, last.upper, chart.unit, beside=family)
    means = f"Control {_mean(chart, chart.control_mean)}, treatment {_mean(chart, chart.treatment_mean)}"
    units = f"n = {amounts.count(last.n_control)} control and {amounts.count(last.n_treatment)} treatment"
    return [
        f"Treatment minus control on {metric}: {size}{verdict}",
        f"{_capital(interval_name(chart))}: {span}; {position(last)}",
        f"{means}, {units}",
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _mean(chart: EffectChart, value: float | None) -> str:
    return amounts.level(value, chart.unit, beside=(chart.control_mean, chart.treatment_mean))


def _status(chart: EffectChart) -> str:
    """A violated guardrail ends an experiment whatever its effect: nothing better is said of one."""
    if any(_rank(rail) == 0 for rail in chart.guardrails):
        return "guardrail violated"
    return plain(chart.status, 40).replace("_", " ") or "unknown"


def _plan(chart: EffectChart) -> list[str]:
    zone, said = chart.provenance.timezone, []
    if amounts.finite(chart.success_threshold) is not None:
        said.append(f"Goal {amounts.change(chart.success_threshold, chart.unit)}")
    if chart.predicted:
        said.append(f"Predicted {amounts.between(chart.predicted.low, chart.predicted.high, chart.unit)}")
    if chart.crossed_at:
        said.append(f"Conclusive since {dates.day(chart.crossed_at, zone)}")
    if chart.horizon:
        said.append(f"Horizon {dates.day(chart.horizon, zone)}")
    phases = [f"{plain(p.label, 40)} on {dates.day(p.at, zone)}" for p in chart.phases[:6]]
    return [*said, f"Phases: {'; '.join(phases)}"] if phases else said


def _guardrails(chart: EffectChart) -> str:
    shown = worst_first(chart.guardrails)[:6]
    told = [f"{plain(r.name, 60)} {against_limit(r)}: {plain(r.state, 20)}" for r in shown]
    rest = len(chart.guardrails) - len(shown)
    more = [f"and {rest} more"] if rest else []
    return f"Guardrails: {'; '.join([*told, *more])}" if told else "No guardrails"


def against_limit(rail: GuardrailStrip) -> str:
    value = amounts.level(rail.value, rail.unit, beside=(rail.limit,))
    if amounts.finite(rail.limit) is None:
        return value
    side = rail.side if rail.side in {"min", "max"} else "limit"
    return f"{value} ({side} {amounts.level(rail.limit, rail.unit, beside=(rail.value,))})"


def sparkline(chart: EffectChart) -> str:
    found = readings(chart)
    ends = [amounts.change(point.estimate, chart.unit) for point in (*found[:1], *found[-1:])]
    return words.spark([point.estimate for point in found], *(ends or ("", "")))


@dataclass(frozen=True, slots=True)
class _Track:
    """The readings as columns of numbers; unknown bounds are infinite."""

    at: Numbers
    estimate: Numbers
    lower: Numbers
    upper: Numbers


def _track(found: Sequence[EffectPoint]) -> _Track:
    lows = [-np.inf if (low := amounts.finite(p.lower)) is None else low for p in found]
    highs = [np.inf if (high := amounts.finite(p.upper)) is None else high for p in found]
    at = np.array([dates.seconds(p.at) for p in found])
    bounds = np.sort(np.column_stack((lows, highs)), axis=1)
    return _Track(at, np.array([float(p.estimate) for p in found]), bounds[:, 0], bounds[:, 1])


def _extent(chart: EffectChart, track: _Track) -> list[float]:
    """Zero, the goal, the forecast and the present interval always fit; wilder early values may run off the axis."""
    ahead = (chart.predicted.low, chart.predicted.high) if chart.predicted else ()
    core = amounts.known((0.0, track.estimate[-1], track.lower[-1], track.upper[-1], chart.success_threshold, *ahead))
    low, high = min(core), max(core)
    reach = min(high / 2 - low / 2, 1e299) or 1e299
    past = np.concatenate(
        (track.estimate, track.lower[np.isfinite(track.lower)], track.upper[np.isfinite(track.upper)])
    )
    return [*core, max(float(np.min(past)), low - reach), min(float(np.max(past)), high + reach)]


def paint(sheet: "Sheet", chart: EffectChart) -> None:
    found = readings(chart)
    tone = style.tone(_status(chart), sheet.theme)
    top = frame.heading(
        sheet, chart.title, _lines(sheet, chart, found), (f"{tone.sign} {_status(chart).upper()}", tone.colour)
    )
    bottom = sheet.height - frame.FOOTER - (60 if chart.guardrails else 4)
    if found:
        _plot(sheet, chart, found, top + 18, bottom - 26)
    else:
        frame.nothing(sheet, _whole(sheet, top, bottom), "No reading yet: the effect appears here with the first data.")
    _strip(sheet, chart, bottom + 8)
    frame.footer(sheet, _note(chart, found), chart.provenance)


def _whole(sheet: "Sheet", top: float, bottom: float) -> Area:
    return Area(style.MARGIN, top + 6, sheet.width - style.MARGIN, bottom - 4)


def _lines(sheet: "Sheet", chart: EffectChart, found: Sequence[EffectPoint]) -> list[tuple[str, str]]:
    said = plain(chart.headline, 240)
    if not said and found:
        size = amounts.change(found[-1].estimate, chart.unit)
        said = f"Treatment against control: {size}; {position(found[-1])}."
    warning = "! Units are not split as planned (SRM): do not trust this difference."
    if chart.srm_flagged:
        return [(warning, sheet.theme.bad), *frame.headline(sheet, said, 1)]
    return frame.headline(sheet, said)


def _note(chart: EffectChart, found: Sequence[EffectPoint]) -> str:
    units = f"n = {amounts.count(found[-1].n_control)} + {amounts.count(found[-1].n_treatment)}" if found else "n = 0"
    return f"Shaded: {interval_name(chart)} · {units} · {words.period(chart.provenance)}"


def _plot(sheet: "Sheet", chart: EffectChart, found: Sequence[EffectPoint], top: float, bottom: float) -> None:
    track = _track(found)
    marked = bool(chart.phases or chart.horizon or chart.crossed_at)
    _caption(sheet, chart, top)
    top += 30 if marked else 16
    scale = scales.ruler(_extent(chart, track), bottom, top, alone=0.01 if amounts.is_share(chart.unit) else 1.0)
    area = frame.value_axis(sheet, scale, sheet.width - _GUTTER, chart.unit, change=True)
    across = _across(chart, track, area.left, area.right)
    frame.time_axis(sheet, area, across, chart.provenance.timezone)
    _forecast(sheet, chart, area, scale)
    _curve(sheet, track, area, across, scale)
    _crossing(sheet, chart, track, (across, scale))
    frame.uprights(sheet, area, _uprights(sheet, chart, across))
    frame.notes(sheet, area, _notes(sheet, chart, track, scale))


def _caption(sheet: "Sheet", chart: EffectChart, y: float) -> None:
    """What is plotted on the left, the two levels it is the difference of on the right."""
    small, soft, right = style.SMALL, sheet.theme.soft, sheet.width - style.MARGIN
    levels = ""
    if amounts.known((chart.control_mean, chart.treatment_mean)):
        levels = f"control {_mean(chart, chart.control_mean)}, treatment {_mean(chart, chart.treatment_mean)}"
    sheet.text(right, y, levels, size=small, colour=soft, align="right", room=340)
    unit = amounts.suffix(chart.unit, change=True).strip()
    named = f"{plain(chart.metric, 40) or 'metric'}: treatment {amounts.MINUS} control"
    said = " · ".join(filter(None, (named, unit, words.wanted(chart.direction))))
    room = right - style.MARGIN - 16 - sheet.measure(levels, small)
    sheet.text(style.MARGIN, y, said, size=small, colour=soft, room=room, least=13)


def _across(chart: EffectChart, track: _Track, left: float, right: float) -> Ruler:
    """Time up to the horizon, but readings always get at least a quarter of the width."""
    first, last = float(track.at[0]), float(track.at[-1])
    ends = [first, last]
    if chart.horizon:
        elapsed = max(last - first, 86_400.0)
        ends.append(min(max(dates.seconds(chart.horizon), last), first + 4 * elapsed))
    return frame.time_ruler(ends, left, right)


def _forecast(sheet: "Sheet", chart: EffectChart, area: Area, scale: Ruler) -> None:
    theme, wide = sheet.theme, (area.left, area.right)
    ends = amounts.known((chart.predicted.low, chart.predicted.high)) if chart.predicted else []
    if len(ends) == 2:
        sheet.hatched(Area(area.left, scale(max(ends)), area.right, scale(min(ends))), theme.forecast, area)
    for end in ends:
        sheet.line(wide, (scale(end), scale(end)), theme.forecast, width=1.4, dash=style.DOTTED)
    sheet.line(wide, (scale(0.0), scale(0.0)), theme.ink, width=2.0)
    goal = amounts.finite(chart.success_threshold)
    if goal is not None:
        sheet.line(wide, (scale(goal), scale(goal)), theme.good, width=2.2, dash=style.DASHED)


def _curve(sheet: "Sheet", track: _Track, area: Area, across: Ruler, scale: Ruler) -> None:
    colour = sheet.theme.effect
    at, lower, upper = scales.thinned(track.at, _COLUMNS, low=track.lower, high=track.upper)
    x, low, high = across.many(at), scale.many(lower), scale.many(upper)
    if len(at) == 1:
        sheet.line((x[0], x[0]), (low[0], high[0]), colour, width=5, clip=area)
    sheet.band(x, high, low, colour, opacity=0.24, clip=area)
    for edge in (low, high):
        sheet.line(x, edge, colour, width=1.0, clip=area)
    at, estimate = scales.zigzag(track.at, track.estimate, _COLUMNS)
    sheet.line(across.many(at), scale.many(estimate), colour, width=3.0, clip=area)
    sheet.mark(across(float(track.at[-1])), scale(float(track.estimate[-1])), "o", 11, colour)


def _crossing(sheet: "Sheet", chart: EffectChart, track: _Track, rulers: tuple[Ruler, Ruler]) -> None:
    across, scale = rulers
    if chart.crossed_at and track.at[0] <= (at := dates.seconds(chart.crossed_at)) <= track.at[-1]:
        height_then = float(np.interp(at, track.at, track.estimate))
        if scale.covers(height_then):
            sheet.mark(across(at), scale(height_then), "D", 13, sheet.theme.effect)


def _uprights(sheet: "Sheet", chart: EffectChart, across: Ruler) -> list[Upright]:
    zone, theme, found = chart.provenance.timezone, sheet.theme, []
    if chart.crossed_at and across.covers(at := dates.seconds(chart.crossed_at)):
        found.append(
            Upright(across(at), f"◆ conclusive {dates.short_day(chart.crossed_at, zone)}", theme.effect, (), 1.6)
        )
    if chart.horizon:
        at, when = dates.seconds(chart.horizon), dates.short_day(chart.horizon, zone)
        label = f"horizon {when}" if across.covers(at) else f"horizon {when} →"
        edge = across(min(max(at, across.low), across.high))
        found.append(Upright(edge, label, theme.ink, style.DASH_DOT, 1.6))
    return [*found, *frame.phase_marks(sheet, across, chart.phases)]


def _notes(sheet: "Sheet", chart: EffectChart, track: _Track, scale: Ruler) -> list[Note]:
    theme, unit = sheet.theme, chart.unit
    size, *ends = amounts.known((float(track.estimate[-1]), float(track.lower[-1]), float(track.upper[-1])))
    bounds = [Note(scale(end), _short(end, unit, (size, *ends)), theme.effect) for end in ends]
    found = [Note(scale(size), f"● {amounts.change(size, unit, beside=ends)}", theme.effect, bold=True), *bounds]
    goal = amounts.finite(chart.success_threshold)
    if goal is not None:
        found.append(Note(scale(goal), f"goal {_short(goal, unit)}", theme.good, dash=style.DASHED))
    if chart.predicted and (ends := amounts.known((chart.predicted.low, chart.predicted.high))):
        middle = scale(sum(end / len(ends) for end in ends))
        found.append(Note(middle, "predicted", theme.forecast, dash=style.DOTTED))
    return [*found, Note(scale(0.0), "no effect", theme.ink, dash=())]


def _short(value: float, unit: str, beside: Sequence[float] = ()) -> str:
    """Without the unit, which the caption names."""
    return amounts.change(value, unit, beside=beside).removesuffix(amounts.suffix(unit, change=True) or "\n")


def _strip(sheet: "Sheet", chart: EffectChart, top: float) -> None:
    """Guardrails in one row, worst first; what does not fit is counted."""
    rails = worst_first(chart.guardrails)
    shown = rails if len(rails) <= _CELLS else rails[: _CELLS - 1]
    cells = min(len(rails), _CELLS)
    wide = (sheet.width - 2 * style.MARGIN) / max(cells, 2)
    for index, rail in enumerate(shown):
        _cell(sheet, rail, style.MARGIN + index * wide, top, wide - 12)
    if len(rails) > len(shown):
        left = style.MARGIN + len(shown) * wide
        sheet.text(left, top + 18, f"+ {len(rails) - len(shown)} more guardrails", size=style.SMALL, room=wide - 12)
        sheet.text(left, top + 38, "none of them worse", size=style.SMALL, colour=sheet.theme.soft, room=wide - 12)


def _cell(sheet: "Sheet", rail: GuardrailStrip, left: float, top: float, room: float) -> None:
    tone = style.tone(rail.state, sheet.theme)
    sheet.line((left, left), (top + 4, top + 42), tone.colour, width=4)
    word = "unclear" if rail.state == "inconclusive" else plain(rail.state, 20).replace("_", " ")
    name = plain(rail.name, 60).replace("_", " ")
    sheet.text(left + 10, top + 18, f"{tone.sign} {name}", size=style.SMALL, bold=True, room=room - 10, least=12.5)
    detail = f"{against_limit(rail)} {word}" if amounts.finite(rail.value) is not None else word or "unknown"
    if sheet.measure(detail, 13) > room - 10:
        detail = against_limit(rail)
    sheet.text(left + 10, top + 38, detail, size=style.SMALL, colour=tone.colour, room=room - 10, least=12)
