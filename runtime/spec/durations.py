"""Spans of time as people write them: `6w`, `24h`, `30m`, `1w2d`, or ISO 8601 `P6W`, `PT24H`."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from runtime.errors import InvalidRequest

SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
SHORT = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in SECONDS))
ISO = re.compile(
    r"P(?=.)(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
LONGEST_TEXT = 40


class BusinessTime(timedelta):
    """Working time: counted on the calendar of the person who is asked, not on the wall clock. Never equal to a plain span."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BusinessTime) and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((BusinessTime, super().__hash__()))


BUSINESS = re.compile(r"(?:([0-9]{1,5})bh)?(?:([0-9]{1,2})bm)?")


class InvalidDuration(InvalidRequest):
    """That is not a duration; write 6w, 24h, 30m, 1w2d, or ISO 8601 such as P6W or PT24H."""

    code = "INVALID_DURATION"


def parse_duration(text: str) -> timedelta:
    """Whole weeks to seconds, largest unit first; ISO 8601 alike, but no years or months, whose length is not fixed."""
    if len(text) > LONGEST_TEXT:
        raise InvalidDuration("A duration is a few characters long; write for example 6w or 24h.")
    amounts = _short(text) if text[:1] != "P" else _iso(text)
    seconds = sum(int(amount or 0) * size for amount, size in zip(amounts, SECONDS.values(), strict=True))
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidDuration(f"`{text}` is longer than any calendar; write for example 6w.") from error


def parse_sla(text: str) -> timedelta:
    """A duration, or business hours and minutes: `8bh`, `30bm`, `1bh30bm`."""
    found = BUSINESS.fullmatch(text)
    if not text or found is None:
        return parse_duration(text)
    hours, minutes = (int(amount or 0) for amount in found.groups())
    return BusinessTime(hours=hours, minutes=minutes)


def format_sla(span: timedelta) -> str:
    """What `parse_sla` reads back exactly."""
    if not isinstance(span, BusinessTime):
        return format_duration(span)
    hours, minutes = divmod(whole_seconds(span) // SECONDS["m"], 60)
    return (f"{hours}bh" if hours else "") + (f"{minutes}bm" if minutes else "") or "0bh"


def _short(text: str) -> tuple[str | None, ...]:
    found = SHORT.fullmatch(text)
    if not text or found is None:
        raise InvalidDuration(f"{text!r} is not a duration; write whole numbers with w, d, h, m or s: 6w, 24h, 1w2d.")
    return found.groups()


def _iso(text: str) -> tuple[str | None, ...]:
    found = ISO.fullmatch(text)
    if found is None:
        raise InvalidDuration(f"{text!r} is not an ISO 8601 duration of whole numbers; write P6W, PT24H or simply 6w.")
    years, months, *rest = found.groups()
    if years or months:
        raise InvalidDuration(f"{text!r} counts years or months, which differ in length; write days or weeks: 60d, 8w.")
    return tuple(rest)


def format_duration(span: timedelta) -> str:
    """The shortest text that `parse_duration` reads back exactly: 42h rather than 1d18h, 1w rather than 7d."""
    seconds = whole_seconds(span)
    if not seconds:
        return "0s"
    spellings = ["".join(parts) for parts in _spellings(seconds)]
    return min(spellings, key=len)


def whole_seconds(span: timedelta) -> int:
    """The span in seconds; negative spans and fractions of a second are refused."""
    if span < timedelta(0) or span.microseconds:
        raise InvalidDuration(f"{span} cannot be written as a duration; use whole seconds from 0s up.")
    return span.days * SECONDS["d"] + span.seconds


def _spellings(seconds: int) -> Iterator[list[str]]:
    """Every way to write the seconds greedily with some of the units, larger units first."""
    for count in range(1, len(SECONDS) + 1):
        for units in combinations(SECONDS, count):
            parts, rest = _spelled(seconds, units)
            if not rest:
                yield parts


def _spelled(seconds: int, units: tuple[str, ...]) -> tuple[list[str], int]:
    parts = []
    for unit in units:
        amount, seconds = divmod(seconds, SECONDS[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    return parts, seconds
