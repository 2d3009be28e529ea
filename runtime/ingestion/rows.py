"""What may be posted: sums of a span, or rows of units; checked field by field. PURE."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from typing_extensions import TypedDict

from runtime.ingestion.limits import MOST_POINTS
from runtime.integrations.signals.sums import LARGEST

_ROUNDING = Decimal("1e-9")
_PLACES = 30

# Postgres keeps no NUL in a text.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
# Within a day of the calendar's ends a time may have no counterpart in UTC.
At = Annotated[AwareDatetime, Field(ge=datetime(1, 1, 3, tzinfo=UTC), lt=datetime(9999, 12, 30, tzinfo=UTC))]
Amount = Annotated[Decimal, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST, decimal_places=_PLACES)]


class Point(BaseModel):
    """Sums of one variant over one span: `delta` for the span alone, `cumulative` for everything since the start."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    variant: Literal["control", "treatment"]
    n: int = Field(ge=0, le=2**62)
    total: Decimal = Field(alias="sum", allow_inf_nan=False, ge=-LARGEST, le=LARGEST)
    total_sq: Decimal = Field(alias="sum_sq", ge=0, allow_inf_nan=False, le=LARGEST)
    start: At = Field(alias="from")
    end: At = Field(alias="to")
    kind: Literal["delta", "cumulative"] = "delta"
    beyond_limit: int | None = Field(default=None, ge=0, le=2**62)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.end <= self.start:
            raise ValueError("`to` must be after `from`")
        if self.n == 0 and (self.total or self.total_sq):
            raise ValueError("sums without units")
        if self.n and self.total_sq * self.n < self.total**2 * (1 - _ROUNDING):
            raise ValueError("`sum_sq` is smaller than sum squared over n: no data have these sums")
        return self


class SumsRow(Point):
    """A point that says itself whose it is, so that it may stand among rows of units."""

    experiment: Name
    signal: Name


class UnitRow(TypedDict):
    """One event of one unit: an exposure, or with `signal` and `value` something it did."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # how pydantic configures a TypedDict

    id: Name
    experiment: Name
    unit: Name
    variant: Literal["control", "treatment"]
    at: At
    signal: NotRequired[Name]
    value: NotRequired[Amount]


class Batch(BaseModel):
    """One message: points of one signal of one experiment, named by id or by flag key."""

    model_config = ConfigDict(extra="forbid")

    signal: Name
    experiment_id: Name
    points: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_POINTS)


class Unit(NamedTuple):
    """A row of a unit as it is copied; `signal` is empty and `value` None for an exposure."""

    place: int
    event_id: str
    experiment: str
    unit: str
    variant: str
    at: Any
    signal: str
    value: Decimal | None


class Sums(NamedTuple):
    """A point with its place in the message and whose it is."""

    place: int
    experiment: str
    signal: str
    point: Point


class Fault(NamedTuple):
    """What is wrong with one row."""

    place: int
    field: str
    problem: str


ARMS = ("control", "treatment")
Seen: TypeAlias = dict[tuple[str, str], set[str]]
"""Units by experiment and variant."""


class Plain(NamedTuple):
    """Rows of units that are beyond doubt, each already as the line that COPY takes (`COLUMNS`)."""

    rows: Sequence[Mapping[str, Any]]
    lines: Sequence[str]

    @property
    def experiments(self) -> set[str]:
        return {row["experiment"] for row in self.rows}

    @property
    def seen(self) -> "Seen":
        """Which units in which variants."""
        experiments = self.experiments
        if len(experiments) == 1:
            (one,) = experiments
            return {(one, arm): {row["unit"] for row in self.rows if row["variant"] == arm} for arm in ARMS}
        found: Seen = {}
        for experiment, arm, unit in map(_SEEN, self.rows):
            found.setdefault((experiment, arm), set()).add(unit)
        return found

    @property
    def months(self) -> Mapping[str, Sequence[str]]:
        """The lines by the month of their time, as `2026-03`."""
        months = [row["at"][:7] for row in self.rows]
        if len(set(months)) == 1:
            return {months[0]: self.lines}
        found: dict[str, list[str]] = {}
        for month, line in zip(months, self.lines, strict=True):
            found.setdefault(month, []).append(line)
        return found


COLUMNS = ("event_id", "experiment_key", "unit", "variant", "at", "signal_name", "value")
_EXPOSURE, _VALUE, _NULL = 5, 7, r"\N"
_TABBED = "\t".join
_FIVE = itemgetter("id", "experiment", "unit", "variant", "at")
_SIX = itemgetter("id", "experiment", "unit", "variant", "at", "signal")
_SEEN = itemgetter("experiment", "variant", "unit")
# What COPY reads as it stands, and Postgres as the models below do; for everything else the models are asked.
_NAME = r"[^\x00-\x1f\\]{1,200}"
_AT = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|\+00:00)"
_NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,17})?(?:e-0[0-9])?"
_LINES = re.compile(rf"(?:{_NAME}\t{_NAME}\t{_NAME}\t(?:control|treatment)\t{_AT}\t(?:\t\\N|{_NAME}\t{_NUMBER})\n)*+")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

UNIT_ROWS: TypeAdapter[list[UnitRow]] = TypeAdapter(list[UnitRow])
UNIT_ROW: TypeAdapter[UnitRow] = TypeAdapter(UnitRow)
SUMS_ROW: TypeAdapter[SumsRow] = TypeAdapter(SumsRow)
_SUMS_ONLY = frozenset({"n", "sum", "sum_sq", "from", "to", "kind", "beyond_limit"})


def is_sums(row: Any) -> bool:
    """Whether somebody meant a point: it names a field that only points have."""
    return isinstance(row, dict) and not _SUMS_ONLY.isdisjoint(row)


def unit(place: int, row: UnitRow) -> Unit | Fault:
    signal, value = row.get("signal", ""), row.get("value")
    if (value is None) != (not signal):
        missing = "signal" if value is not None else "value"
        return Fault(place, missing, "`signal` and `value` belong together; leave both out for an exposure")
    return Unit(place, row["id"], row["experiment"], row["unit"], row["variant"], row["at"], signal, value)


def units(places: Iterable[int], rows: Iterable[UnitRow]) -> list[Unit] | None:
    """All rows as they are copied; None when one of them is half a value, which `unit` then says of it."""
    found = [
        Unit(place, row["id"], row["experiment"], row["unit"], row["variant"], row["at"], row.get("signal", ""), row.get("value"))
        for place, row in zip(places, rows, strict=True)
    ]  # fmt: skip
    return None if any((row.value is None) == bool(row.signal) for row in found) else found


def plain(rows: Sequence[Any]) -> Plain | None:
    """All rows at once, when nothing about any of them asks for a second look; else None.

    A day that its month does not have is left to Postgres, which refuses it.
    """
    try:
        lines = [_line(row) for row in rows]
    except (TypeError, KeyError, ValueError):
        return None
    text = "".join(lines)
    # A name that held a line's end would be two lines.
    if text.count("\n") != len(rows) or not _LINES.fullmatch(text) or not {*map(len, rows)} <= {_EXPOSURE, _VALUE}:
        return None
    return Plain(rows, lines)


def _line(row: Mapping[str, Any]) -> str:
    if len(row) == _VALUE:
        return f"{_TABBED(_SIX(row))}\t{row['value']}\n"
    return f"{_TABBED(_FIVE(row))}\t\t\\N\n"


def as_plain(found: Sequence[Unit]) -> Plain:
    """Rows that the models have read, for the same way in."""
    rows = [
        {"experiment": row.experiment, "unit": row.unit, "variant": row.variant, "at": row.at.astimezone(UTC).isoformat()}
        for row in found
    ]  # fmt: skip
    return Plain(rows, [_escaped(one, row["at"]) for one, row in zip(found, rows, strict=True)])


def _escaped(row: Unit, at: str) -> str:
    event_id, experiment, unit, signal = (
        name.translate(_ESCAPES) for name in (row.event_id, row.experiment, row.unit, row.signal)
    )
    value = _NULL if row.value is None else str(row.value)
    return _TABBED((event_id, experiment, unit, row.variant, at, signal, value)) + "\n"


def sums(place: int, row: SumsRow) -> Sums:
    return Sums(place, row.experiment, row.signal, row)


def fault(place: int, error: ValidationError) -> Fault:
    """The first thing that is wrong, in the field's own name."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return Fault(place, ".".join(str(part) for part in first["loc"]), first["msg"])
