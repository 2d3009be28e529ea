"""What every picture has in common: heading, footer with provenance, axes, labels beside lines, marks over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charts import amounts, dates, scales, style, words
from charts.models import PhaseMark, Provenance
from charts.safe import plain
from charts.scales import Area, Ruler

if TYPE_CHECKING:
    from charts.sheet import Sheet

FOOTER = 62  # css pixels kept free at the bottom
_GAP = 20.0
_HEADLINE_LEAST = 17.0


@dataclass(frozen=True, slots=True)
class Note:
    """A word beside the right edge of a plot, at the height of what it names."""

    y: float
    text: str
    colour: str
    bold: bool = False
    dash: tuple[float, ...] | None = None  # a sample of the line it names; none when the text explains itself


@dataclass(frozen=True, slots=True)
class Upright:
    """A vertical line at `x` with a label above the plot; earlier ones win when labels collide."""

    x: float
    label: str
    colour: str
    dash: tuple[float, ...] = style.DOTTED
    width: float = 1.2


def heading(
    sheet: "Sheet", title: str, lines: Sequence[tuple[str, str]], badge: tuple[str, str] | None = None
) -> float:
    """Title, badge (text, colour) and lines (text, colour) under it; answers the y below which there is room."""
    right = float(sheet.width - style.MARGIN)
    if badge:
        right = sheet.pill(right, 36, *badge) - 14
    room = right - style.MARGIN
    sheet.text(style.MARGIN, 38, plain(title) or "Untitled", size=style.TITLE, bold=True, room=room, least=20)
    y = 40.0
    for text, colour in lines:
        y += 24
        sheet.text(
            style.MARGIN, y, text, size=style.HEADLINE, colour=colour, room=_across(sheet), least=_HEADLINE_LEAST
        )
    return y + 8


def headline(sheet: "Sheet", text: str, lines: int = 2) -> list[tuple[str, str]]:
    """The sentence in as few lines as it fits, a little smaller rather than with a lone last word."""
    if not text:
        return []
    fits = sheet.measure(text, _HEADLINE_LEAST) <= _across(sheet)
    broken = sheet.wrapped(text, _HEADLINE_LEAST if fits else style.HEADLINE, _across(sheet), lines)
    return [(line, sheet.theme.ink) for line in broken]


def _across(sheet: "Sheet") -> float:
    return sheet.width - 2 * style.MARGIN


def footer(sheet: "Sheet", note: str, origin: Provenance) -> None:
    """What the marks mean and how many units (note), then source, cut-off and snapshot."""
    right = float(sheet.width - style.MARGIN)
    last = sheet.height - 13
    sheet.line((style.MARGIN, right), (last - 42, last - 42), sheet.theme.grid)
    start = (
        sheet.pill(right, last - 21, "SIMULATED DATA", sheet.theme.warn, size=13) - 10 if origin.simulated else right
    )
    room = start - style.MARGIN
    small, soft = style.SMALL, sheet.theme.soft
    sheet.text(style.MARGIN, last - 21, note, size=small, colour=soft, room=room, least=13)
    line = _origin_line(sheet, origin, right - style.MARGIN)
    sheet.text(style.MARGIN, last, line, size=small, colour=soft, room=right - style.MARGIN, least=13)


def _origin_line(sheet: "Sheet", origin: Provenance, room: float) -> str:
    """The snapshot id shrinks before source and cut-off do; in full it is in the alt text and the file."""
    snapshot = plain(origin.snapshot_id, 80) or "none"
    source = plain(origin.source, 24) or "unnamed source"
    for shown in (snapshot, f"{snapshot[:8]}…" if len(snapshot) > 9 else snapshot):
        line = f"{source} · {words.data_to(origin)} · snapshot {shown}"
        if sheet.measure(line, style.SMALL) <= room:
            return line
    return f"to {words.cutoff(origin)} · {shown} · {source}"


def value_axis(sheet: "Sheet", scale: Ruler, right: float, unit: str, *, change: bool) -> Area:
    """Grid lines with their numbers at the left; answers the area that remains for the plot."""
    bottom, top = scale.start, scale.end
    found, step = scales.ticks(scale, min(6, max(3, int((bottom - top) // 24))))
    labels = [amounts.tick(value, step, unit, change=change) for value in found]
    left = style.MARGIN + 8 + max((sheet.measure(label, style.LABEL) for label in labels), default=20.0)
    for value, label in zip(found, labels, strict=True):
        y = scale(value)
        sheet.line((left, right), (y, y), sheet.theme.grid)
        sheet.text(left - 8, y + 6, label, colour=sheet.theme.soft, align="right")
    return Area(left, top, right, bottom)


def time_axis(sheet: "Sheet", area: Area, scale: Ruler, timezone: str) -> None:
    """Dates under the plot in the outcome's time zone."""
    sheet.line((area.left, area.right), (area.bottom, area.bottom), sheet.theme.soft)
    for tick in dates.ticks(scale.low, scale.high, int((area.right - area.left) // 85), timezone):
        x = scale(tick.at)
        sheet.line((x, x), (area.bottom, area.bottom + 5), sheet.theme.soft)
        half = sheet.measure(tick.label, style.LABEL) / 2
        middle = min(max(x, half + 4), sheet.width - style.MARGIN - half)
        sheet.text(middle, area.bottom + 21, tick.label, colour=sheet.theme.soft, align="center")


def time_ruler(moments: Iterable[float], left: float, right: float) -> Ruler:
    """Exactly from the first to the last moment; a single moment gets twelve hours on both sides."""
    found = list(moments)
    low, high = min(found), max(found)
    if high - low < 60:
        low, high = low - 43_200, high + 43_200
    return Ruler(low, high, left, right)


def notes(sheet: "Sheet", area: Area, found: Sequence[Note], edge: float = style.WIDTH - 8) -> None:
    """Words between the plot and `edge`, moved apart where their lines lie too close together."""
    inside = [min(max(note.y, area.top + 4), area.bottom - 2) for note in found]
    for note, y in zip(found, scales.spread(inside, _GAP, area.top + 4, area.bottom - 2), strict=True):
        left = area.right + (34 if note.dash is not None else 10)
        if note.dash is not None:
            sheet.line((area.right + 8, area.right + 29), (y, y), note.colour, width=2.0, dash=note.dash)
        room = edge - left
        sheet.text(left, y + 6, note.text, colour=note.colour, bold=note.bold, room=room, least=12)


def uprights(sheet: "Sheet", area: Area, found: Sequence[Upright], edge: float = style.WIDTH - style.MARGIN) -> None:
    """All lines are drawn; labels only as far as they find room beside the ones before."""
    taken: list[tuple[float, float]] = []
    for mark in found:
        sheet.line((mark.x, mark.x), (area.top - 4, area.bottom), mark.colour, width=mark.width, dash=mark.dash)
        label = sheet.cut(mark.label, style.SMALL, 190)
        wide = sheet.measure(label, style.SMALL)
        for wish in (mark.x - wide / 2, mark.x - 4, mark.x + 4 - wide):
            start = min(max(wish, style.MARGIN), edge - wide)
            if label and all(start + wide + 8 < a or start > b + 8 for a, b in taken):
                taken.append((start, start + wide))
                sheet.text(start, area.top - 9, label, size=style.SMALL, colour=mark.colour)
                break


def phase_marks(sheet: "Sheet", scale: Ruler, marks: Sequence[PhaseMark]) -> list[Upright]:
    inside = [mark for mark in marks[:100] if scale.covers(dates.seconds(mark.at))]
    return [Upright(scale(dates.seconds(mark.at)), plain(mark.label, 40), sheet.theme.soft) for mark in inside]


def nothing(sheet: "Sheet", area: Area, sentence: str) -> None:
    """An empty plot says in words why it is empty."""
    corners = (
        (area.left, area.right, area.right, area.left, area.left),
        (area.top, area.top, area.bottom, area.bottom, area.top),
    )
    sheet.line(*corners, sheet.theme.grid, width=1.5, dash=style.DASHED)
    middle = (area.left + area.right) / 2
    lines = sheet.wrapped(sentence, style.HEADLINE, area.right - area.left - 30, 3)
    for row, line in enumerate(lines):
        y = (area.top + area.bottom) / 2 + 26 * (row - (len(lines) - 1) / 2) + 6
        sheet.text(middle, y, line, size=style.HEADLINE, colour=sheet.theme.soft, align="center")
