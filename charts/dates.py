"""Moments and spans as people write them, independent of the machine's locale and time zone."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_LAST = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()
_TO = "\N{EN DASH}"
_SAME = frozenset({"Etc/UTC", "Etc/UCT", "Etc/GMT", "Etc/Zulu", "Etc/Universal", "GMT", "UCT", "Zulu", "Universal"})
_DAY = 86_400.0
_STEPS = (300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 6000, 12000, 24000)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


def zone(name: str) -> tzinfo:
    """The named zone, or UTC when the name is not known here (and then every label says UTC)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def seconds(at: datetime) -> float:
    """Seconds since 1970; a naive datetime is read as UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def local(at: datetime, timezone: str) -> datetime:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return aware.astimezone(zone(timezone))
    except OverflowError:
        return aware


def from_seconds(value: float, timezone: str) -> datetime:
    return local(_EPOCH + timedelta(seconds=min(max(value, _FIRST), _LAST)), timezone)


def zone_name(timezone: str) -> str:
    """Zones that are UTC by another name are called so."""
    return timezone if zone(timezone) is not UTC and timezone not in _SAME else "UTC"


def day(at: datetime, timezone: str) -> str:
    here = local(at, timezone)
    return f"{here.day} {_MONTHS[here.month - 1]} {here.year}"


def short_day(at: datetime, timezone: str) -> str:
    here = local(at, timezone)
    return f"{here.day} {_MONTHS[here.month - 1]}"


def moment(at: datetime | None, timezone: str) -> str:
    """`17 Mar 2026 14:00 UTC`, or the plain statement that nobody said when."""
    if at is None:
        return "unknown"
    return f"{day(at, timezone)} {local(at, timezone):%H:%M} {zone_name(timezone)}"


def span(start: datetime | None, end: datetime | None, timezone: str) -> str:
    """`3-17 Mar 2026` with as little repetition as the two dates allow."""
    if start is None or end is None:
        return f"until {day(end, timezone)}" if end else (f"since {day(start, timezone)}" if start else "planned")
    a, b = local(start, timezone), local(end, timezone)
    if a.date() == b.date():
        return f"{day(a, timezone)}, {a:%H:%M}{_TO}{b:%H:%M}"
    if (a.year, a.month) == (b.year, b.month):
        return f"{a.day}{_TO}{day(b, timezone)}"
    left = short_day(a, timezone) if a.year == b.year else day(a, timezone)
    return f"{left} {_TO} {day(b, timezone)}"


def ticks(low: float, high: float, most: int, timezone: str) -> list[Tick]:
    """At most `most` ticks on round local times between two moments (seconds since 1970)."""
    for step in _STEPS:
        if (high - low) / step <= most:
            return _regular(low, high, step, timezone)
    for months in _MONTH_STEPS:
        found = _monthly(low, high, months, timezone, most)
        if found is not None:
            return found
    return []


def _regular(low: float, high: float, step: float, timezone: str) -> list[Tick]:
    first = from_seconds(low, timezone)
    anchor = seconds(first.replace(hour=0, minute=0, second=0, microsecond=0))
    start, end = math.ceil((low - anchor) / step), math.floor((high - anchor) / step)
    moments = [anchor + i * step for i in range(start, end + 1)]
    return [Tick(at, _tick_label(from_seconds(at, timezone), step, timezone)) for at in moments]


def _tick_label(here: datetime, step: float, timezone: str) -> str:
    if step < _DAY and (here.hour, here.minute) != (0, 0):
        return f"{here:%H:%M}"
    return short_day(here, timezone)


def _monthly(low: float, high: float, months: int, timezone: str, most: int) -> list[Tick] | None:
    first = from_seconds(low, timezone)
    index = -(-(first.year * 12 + first.month - 1) // months) * months
    found: list[Tick] = []
    while index < 12 * 9999:
        here = datetime(max(1, index // 12), index % 12 + 1, 1, tzinfo=first.tzinfo)
        if (at := seconds(here)) > high:
            break
        if at >= low:
            found.append(Tick(at, str(here.year) if here.month == 1 or months >= 12 else _MONTHS[here.month - 1]))
        if len(found) > most:
            return None
        index += months
    return found
