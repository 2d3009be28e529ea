"""Business hours and quiet hours on real clocks: when a gate reminds and ends, and until when nobody is called. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from runtime.errors import InvalidConfiguration

_OPENS, _CLOSES = time(9), time(17)
_DAYS = (0, 1, 2, 3, 4)
_MOST_DAYS = 1000
"""Many more than the longest SLA needs; a calendar without any working time must end somewhere."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Monday to Friday, 09:00 to 17:00 in one person's zone. It knows no holidays: their hours count like any others."""

    zone: str
    opens: time = _OPENS
    closes: time = _CLOSES
    days: tuple[int, ...] = _DAYS

    def to_json(self) -> dict[str, Any]:
        return {
            "zone": self.zone, "opens": f"{self.opens:%H:%M}", "closes": f"{self.closes:%H:%M}", "days": list(self.days),
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> "Calendar | None":
        """Nothing kept means that every hour counts."""
        if kept is None:
            return None
        opens, closes = time.fromisoformat(kept["opens"]), time.fromisoformat(kept["closes"])
        return cls(kept["zone"], opens, closes, tuple(kept["days"]))


@dataclass(frozen=True, slots=True)
class Clock:
    """When a gate reminds and when it runs out."""

    reminders: tuple[datetime, datetime]
    due: datetime


def clock(opened: datetime, sla: timedelta, calendar: Calendar | None = None) -> Clock:
    """Reminders at half and at 80 % of the SLA, counted like the SLA itself."""
    return Clock((after(opened, sla / 2, calendar), after(opened, sla * 4 / 5, calendar)), after(opened, sla, calendar))


def after(start: datetime, span: timedelta, calendar: Calendar | None) -> datetime:
    """The first moment at which so much time that counts has passed since `start`."""
    if calendar is None or span <= timedelta():
        return start + span
    left = span
    for opens, closes in _spells(calendar, start):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= max(closes - begin, timedelta())
    raise InvalidConfiguration("This calendar has no working time; write days and hours people work in.")


def counted(start: datetime, end: datetime, calendar: Calendar | None) -> timedelta:
    """How much time that counts lies between two moments."""
    if calendar is None or end <= start:
        return max(end - start, timedelta())
    total = timedelta()
    for opens, closes in _spells(calendar, start):
        if opens >= end:
            break
        total += max(min(closes, end) - max(opens, start), timedelta())
    return total


def _spells(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Working days one by one, in UTC, so that a change of the clocks between them costs or gives nobody an hour."""
    zone = zone_of(calendar.zone)
    first = start.astimezone(zone).date() - timedelta(days=1)
    for number in range(_MOST_DAYS):
        day = first + timedelta(days=number)
        if day.weekday() in calendar.days and _exists(day, calendar.opens, zone):
            yield _at(day, calendar.opens, zone), _at(day, calendar.closes, zone)


def _at(day: date, hour: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, hour, zone).astimezone(UTC)


def _exists(day: date, hour: time, zone: ZoneInfo) -> bool:
    """Zones have left out whole days: 30 December 2011 in Samoa was no working day."""
    return _at(day, hour, zone).astimezone(zone).date() == day


def zone_of(name: str) -> ZoneInfo:
    """A zone this machine does not know counts as UTC: a clock must not stop over a name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def next_at(hour: time, zone: str, now: datetime) -> datetime:
    """The next time strictly after `now` at which the zone's clock shows `hour`."""
    place = zone_of(zone)
    today = now.astimezone(place).date()
    found = (_at(today + timedelta(days=number), hour, place) for number in range(-1, 3))
    return next(moment for moment in found if moment > now)


def quiet_until(hours: str, zone: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` lies in; None outside them, or when there are none."""
    span = hours_of(hours)
    if span is None:
        return None
    begins, ends = span
    local = now.astimezone(zone_of(zone)).time()
    inside = begins <= local < ends if begins < ends else local >= begins or local < ends
    return next_at(ends, zone, now) if inside else None


def hours_of(text: str) -> tuple[time, time] | None:
    """`20:00-08:00` as two times of day; None for nothing. Raises ValueError, whose text says how to write it."""
    if not text.strip():
        return None
    begins, _, ends = text.partition("-")
    try:
        span = time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())
    except ValueError as error:
        raise ValueError("write two times of day, such as 20:00-08:00, or nothing") from error
    if span[0] == span[1] or any(part.tzinfo for part in span):
        raise ValueError("write two different times of day without a zone, such as 20:00-08:00, or nothing")
    return span
