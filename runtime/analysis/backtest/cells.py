"""What stands in one cell: numbers, counts and days, each refused with the line it stands on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import inf, isinf, isnan, nan
from typing import Any

from runtime.analysis.backtest.table import Row
from runtime.errors import InvalidRequest

_SHOWN = 10
_EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "-nan", "<na>"})
_DAY = 86_400.0


@dataclass(slots=True)
class Faults:
    """Cells that cannot be read, gathered so that all of them are told at once."""

    found: list[str] = field(default_factory=list)

    def add(self, line: int, column: str, value: Any, reason: str) -> None:
        self.found.append(f"line {line}: `{column}` is {str(value)[:40]!r}, {reason}")

    def check(self) -> None:
        """Raise InvalidRequest if anything was found."""
        if not self.found:
            return
        more = len(self.found) - _SHOWN
        told = [*self.found[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise InvalidRequest("The file has rows that cannot be right:\n  " + "\n  ".join(told), faults=len(self.found))


def name(faults: Faults, line: int, row: Row, column: str) -> str:
    value = row[column]
    text = "" if value is None else str(value).strip()
    if not text:
        faults.add(line, column, value, "but every row needs it")
    return text


def number(faults: Faults, line: int, row: Row, column: str, *, least: float = -inf) -> float:
    """NaN where the cell is empty: what is missing may make a look unusable, and is no fault."""
    value = row[column]
    if value is None or (isinstance(value, str) and value.strip().lower() in _EMPTY):
        return nan
    try:
        found = float(value)
    except (TypeError, ValueError):
        faults.add(line, column, value, "not a number")
        return nan
    if isinf(found) or found < least:
        faults.add(line, column, value, "infinite" if isinf(found) else f"less than {least:g}")
        return nan
    return found


def count(faults: Faults, line: int, row: Row, column: str) -> int:
    """Whole and 0 or more; an empty cell counts nobody."""
    found = number(faults, line, row, column, least=0.0)
    if isnan(found):
        return 0
    if found != int(found):
        faults.add(line, column, row[column], "not a whole number of units")
    return int(found)


def days(faults: Faults, line: int, row: Row, column: str) -> float | date:
    """Days since the start, or a moment in ISO 8601; a bare date stands for the end of that day."""
    value = row[column]
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text)
        except ValueError:
            return _moment(faults, line, column, text)
    if isinstance(value, date):
        return value
    found = number(faults, line, row, column)
    if isnan(found):
        faults.add(line, column, value, "but every look needs its time")
    return found


def _moment(faults: Faults, line: int, column: str, text: str) -> float | date:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    faults.add(line, column, text, "neither a number of days nor a date such as 2026-03-31")
    return nan


def since_start(moments: Iterable[float | date]) -> dict[float | date, float]:
    """Each moment in days; dates count from the start of the first day among them."""
    found = set(moments)
    dates = [moment for moment in found if isinstance(moment, date)]
    if not dates:
        return {moment: float(moment) for moment in found if not isinstance(moment, date)}
    if len(dates) < len(found):
        raise InvalidRequest("`time` mixes days and dates within one experiment; write all of them one way.")
    first = min(_seconds(moment) for moment in dates)
    start = first - first % _DAY - (_DAY if first % _DAY == 0.0 else 0.0)
    return {moment: (_seconds(moment) - start) / _DAY for moment in dates}


def _seconds(moment: date) -> float:
    """Of a bare date, the end of the day."""
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp() + _DAY
