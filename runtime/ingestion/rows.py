"""What may be posted: sums of a span, or rows of units; checked field by field. PURE."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Self, TypedDict

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from runtime.ingestion.limits import MOST_POINTS
from runtime.integrations.signals.sums import LARGEST

_ROUNDING = Decimal("1e-9")
_PLACES = 30

# Postgres keeps no NUL in a text.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Amount = Annotated[Decimal, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST, decimal_places=_PLACES)]


class Point(BaseModel):
    """Sums of one variant over one span: `delta` for the span alone, `cumulative` for everything since the start."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    variant: Literal["control", "treatment"]
    n: int = Field(ge=0, le=2**62)
    total: Decimal = Field(alias="sum", allow_inf_nan=False, ge=-LARGEST, le=LARGEST)
    total_sq: Decimal = Field(alias="sum_sq", ge=0, allow_inf_nan=False, le=LARGEST)
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
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
    at: AwareDatetime
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


def sums(place: int, row: SumsRow) -> Sums:
    return Sums(place, row.experiment, row.signal, row)


def fault(place: int, error: ValidationError) -> Fault:
    """The first thing that is wrong, in the field's own name."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return Fault(place, ".".join(str(part) for part in first["loc"]), first["msg"])
