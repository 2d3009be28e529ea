"""Before a launch: the chance to detect the minimum effect, day by day, and the facts a person launches on."""

from itertools import pairwise
from typing import TYPE_CHECKING

from charts import amounts, frame, scales, style, words
from charts.frame import Note, Upright
from charts.models import LaunchChart
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

_USUAL = 0.8  # the power most plans ask for
_FACTS = 250
_DAY_STEPS = (1.0, 2.0, 7.0, 14.0, 28.0, 56.0)


def height(chart: LaunchChart) -> int:
    return style.HEIGHT


def curve(chart: LaunchChart) -> list[tuple[float, float]]:
    """(days, power) in order of days, power held within 0..1; pairs with an unknown number are left out."""
    pairs = ((amounts.finite(d), amounts.finite(p)) for d, p in zip(chart.days, chart.power, strict=False))
    return sorted((d, min(1.0, max(0.0, p))) for d, p in pairs if d is not None and p is not None)


def power_at(chart: LaunchChart, day: float | None) -> float | None:
    """Power on a day between the computed ones; None outside them, since a curve is not guessed on."""
    found, when = curve(chart), amounts.finite(day)
    if when is None:
        return None
    for (a, low), (b, high) in pairwise(found):
        if a <= when <= b:
            return low if b == a else low + (high - low) * ((when - a) / (b - a))
    return found[0][1] if found and found[0][0] == when else None


def first_day(chart: LaunchChart, wanted: float) -> float | None:
    """The first computed day with at least this power."""
    return next((day for day, power in curve(chart) if power >= wanted), None)


def verdict(chart: LaunchChart) -> str:
    effect = amounts.change(chart.minimum_effect, chart.unit)
    power = power_at(chart, chart.horizon_days)
    if power is None:
        return f"How likely {effect} would be seen by day {_days(chart.horizon_days)} is not known."
    plenty = "" if power >= _USUAL else ", below the usual 80 %"
    return f"{amounts.chance(power)} chance to detect {effect} by day {_days(chart.horizon_days)}{plenty}."


def _days(value: float | None) -> str:
    return amounts.level(value)


def alt_text(chart: LaunchChart) -> str:
    day = first_day(chart, _USUAL)
    reach = f"80 % is reached on day {_days(day)}" if day is not None else "80 % is not reached on the days computed"
    flag = plain(chart.flag_key, 80) or "unnamed"
    start = f"Starts at {_percent(chart)} of units behind flag {flag}"
    names = "; ".join(plain(name, 60) for name in chart.guardrails[:12])
    said = [
        plain(chart.title),
        f"Launch plan for {plain(chart.metric, 80) or 'the metric'}: {verdict(chart)}",
        f"{reach}, if the true effect is {amounts.change(chart.minimum_effect, chart.unit)}" if curve(chart) else "",
        f"Baseline {amounts.level(chart.baseline, chart.unit)}, {amounts.count(chart.units_per_day)} units a day",
        f"{start}",
        f"Guardrails: {names}" if names else "No guardrails",
        f"Plan {plain(chart.plan_digest, 80) or 'without digest'}",
    ]
    return words.fitted(said, words.provenance(chart.provenance))


def _percent(chart: LaunchChart) -> str:
    return amounts.level(chart.rollout_percent, "%")


def sparkline(chart: LaunchChart) -> str:
    found = [power for _, power in curve(chart)]
    ends = [amounts.chance(power) for power in (*found[:1], *found[-1:])]
    return words.spark(found, *(ends or ("", "")))


def paint(sheet: "Sheet", chart: LaunchChart) -> None:
    top = frame.heading(sheet, chart.title, frame.headline(sheet, verdict(chart)))
    bottom = sheet.height - frame.FOOTER - 6
    right = sheet.width - style.MARGIN - _FACTS
    if curve(chart):
        caption = "Chance to detect the effect (power), %"
        sheet.text(
            style.MARGIN, top + 16, caption, size=style.SMALL, colour=sheet.theme.soft, room=right - 30, least=12
        )
        _plot(sheet, chart, Area(style.MARGIN, top + 48, right - 96, bottom - 44))
    else:
        frame.nothing(
            sheet, Area(style.MARGIN, top + 8, right - 24, bottom - 4), "No power was computed for this plan."
        )
    _facts(sheet, chart, Area(right, top + 4, sheet.width - style.MARGIN, bottom))
    note = f"Power of the registered sequential plan · n = {amounts.count(chart.units_per_day)} units a day"
    frame.footer(sheet, f"{note} · {words.period(chart.provenance)}", chart.provenance)


def _plot(sheet: "Sheet", chart: LaunchChart, room: Area) -> None:
    scale = Ruler(0.0, 1.0, room.bottom, room.top)
    area = frame.value_axis(sheet, scale, room.right, "share", change=False)
    across = _across(chart, area)
    _day_axis(sheet, area, across)
    found = curve(chart)
    x, y = [across(day) for day, _ in found], [scale(power) for _, power in found]
    sheet.line((area.left, area.right), (scale(_USUAL), scale(_USUAL)), sheet.theme.good, width=2.2, dash=style.DASHED)
    sheet.band(x, y, [area.bottom] * len(x), sheet.theme.effect, opacity=0.16, clip=area)
    sheet.line(x, y, sheet.theme.effect, width=3.0, clip=area)
    if len(found) == 1:
        sheet.mark(x[0], y[0], "o", 12, sheet.theme.effect)
    _horizon(sheet, chart, area, across, scale)


def _across(chart: LaunchChart, area: Area) -> Ruler:
    last = max([0.0, *amounts.known((chart.horizon_days,)), *(day for day, _ in curve(chart))])
    end = min(last, 1e9)
    return Ruler(0.0, end * 1.04 if end > 1e-6 else 1.0, area.left, area.right)


def _day_axis(sheet: "Sheet", area: Area, across: Ruler) -> None:
    sheet.line((area.left, area.right), (area.bottom, area.bottom), sheet.theme.soft)
    found, step = _days_shown(across)
    for day in found:
        label = amounts.tick(day, step, "", change=False)
        sheet.text(across(day), area.bottom + 20, label, colour=sheet.theme.soft, align="center")
    middle = (area.left + area.right) / 2
    sheet.text(middle, area.bottom + 40, "days after launch", size=style.SMALL, colour=sheet.theme.soft, align="center")


def _days_shown(across: Ruler) -> tuple[list[float], float]:
    """Whole days, and whole weeks beyond two of them."""
    for step in _DAY_STEPS:
        if 3 * step <= across.high <= 8 * step:
            return [step * i for i in range(int(across.high / step) + 1)], step
    return scales.ticks(across, 6)


def _horizon(sheet: "Sheet", chart: LaunchChart, area: Area, across: Ruler, scale: Ruler) -> None:
    day, power = amounts.finite(chart.horizon_days), power_at(chart, chart.horizon_days)
    notes = [Note(scale(_USUAL), "80 %", sheet.theme.good, dash=style.DASHED)]
    if day is not None and across.covers(day):
        label = f"horizon day {_days(day)}"
        frame.uprights(
            sheet, area, [Upright(across(day), label, sheet.theme.ink, style.DASH_DOT, 1.6)], area.right + 84
        )
    if day is not None and power is not None:
        sheet.mark(across(day), scale(power), "o", 13, sheet.theme.effect)
        notes.insert(0, Note(scale(power), f"● {amounts.chance(power)}", sheet.theme.effect, bold=True))
    frame.notes(sheet, area, notes, area.right + 84)


def _digest(chart: LaunchChart) -> str:
    """Enough of the digest to compare by eye; in full it is in the alt text."""
    digest = plain(chart.plan_digest, 80)
    return (f"{digest[:19]}…" if len(digest) > 20 else digest) or "without digest"


def _facts(sheet: "Sheet", chart: LaunchChart, area: Area) -> None:
    found = [
        ("Feature flag", plain(chart.flag_key, 80) or "unnamed"),
        ("First rollout", f"{_percent(chart)} of {amounts.count(chart.units_per_day)} units a day"),
        (
            "Smallest effect of interest",
            f"{amounts.change(chart.minimum_effect, chart.unit)} on {amounts.level(chart.baseline, chart.unit)}",
        ),
        ("Measured until", f"day {_days(chart.horizon_days)}"),
        (
            words.plural(len(chart.guardrails), "guardrail"),
            ", ".join(plain(n, 60) for n in chart.guardrails[:12]) or "none",
        ),
        ("Plan", _digest(chart)),
    ]
    sheet.line((area.left, area.left), (area.top + 2, area.bottom - 4), sheet.theme.grid, width=2)
    y, room = area.top, area.right - area.left - 14
    for label, value in found:
        sheet.text(area.left + 14, y + 15, label, size=style.SMALL, colour=sheet.theme.soft, room=room)
        lines = sheet.wrapped(value, style.SMALL, room, 2, bold=True)
        for row, line in enumerate(lines):
            sheet.text(area.left + 14, y + 33 + 18 * row, line, size=style.SMALL, bold=True, room=room)
        y += 24 + 18 * len(lines)
