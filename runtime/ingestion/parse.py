"""From a message to rows, a few thousand at a time, so that a large message neither fills memory nor holds everybody up. PURE."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pydantic_core
from pydantic import ValidationError

from runtime.errors import InvalidRequest
from runtime.ingestion.limits import MOST_ROWS, TooLarge
from runtime.ingestion.rows import (
    SUMS_ROW,
    UNIT_ROW,
    UNIT_ROWS,
    Batch,
    Fault,
    Plain,
    Point,
    Sums,
    Unit,
    fault,
    is_sums,
    plain,
    sums,
    unit,
    units,
)

AT_ONCE, BYTES_AT_ONCE = 4_000, 800_000
"""Rows, or bytes of lines, that are checked in one go."""


@dataclass(slots=True)
class Chunk:
    """Some rows of a message: the good ones, and what is wrong with the others. Rows of units are either all plain or none is."""

    units: list[Unit] = field(default_factory=list)
    points: list[Sums] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    plain: Plain | None = None

    def add(self, found: Unit | Sums | Fault) -> None:
        if isinstance(found, Unit):
            self.units.append(found)
        elif isinstance(found, Sums):
            self.points.append(found)
        else:
            self.faults.append(found)


def lines(body: bytes, *, careful: bool = True) -> Iterator[Chunk]:
    """NDJSON: one row a line, places counted from 1; empty lines are passed over but counted."""
    if body.count(b"\n") >= MOST_ROWS + 1:
        raise TooLarge(f"A message holds at most {MOST_ROWS} rows; split it into several.", limit=MOST_ROWS)
    number = 1
    for piece in _pieces(body):
        yield _lines_at_once(number, piece, careful=careful) or _lines_one_by_one(number, piece)
        number += piece.count(b"\n") + 1


def _pieces(body: bytes) -> Iterator[bytes]:
    """The body in whole lines, some at a time, without the newlines between the pieces."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + BYTES_AT_ONCE)
        end = len(body) if end < 0 else end
        yield body[start:end]
        start = end + 1


def _lines_at_once(number: int, piece: bytes, *, careful: bool) -> Chunk | None:
    """All lines in one call when all are good rows of units; a line that begins and ends an object cannot run into the next."""
    piece = piece.removesuffix(b"\n")
    newlines = piece.count(b"\n")
    if piece[:1] != b"{" or piece[-1:] != b"}" or piece.count(b"}\n{") != newlines:
        return None
    array = b"[" + piece.replace(b"\n", b",") + b"]"
    try:
        if not careful and (
            chunk := _plain(pydantic_core.from_json(array, allow_inf_nan=False, cache_strings="keys"), newlines + 1)
        ):
            return chunk
        rows = UNIT_ROWS.validate_json(array)
    except ValueError:
        return None
    found = units(range(number, number + len(rows)), rows) if len(rows) == newlines + 1 else None
    return None if found is None else Chunk(found)


def _plain(rows: list[Any], count: int) -> Chunk | None:
    found = plain(rows) if len(rows) == count else None
    return None if found is None else Chunk(plain=found)


def _lines_one_by_one(number: int, piece: bytes) -> Chunk:
    chunk = Chunk()
    for place, raw in enumerate(piece.split(b"\n"), number):
        line = raw.strip()
        if not line:
            continue
        try:
            row = pydantic_core.from_json(line, allow_inf_nan=False)
        except ValueError as error:
            chunk.faults.append(Fault(place, "", f"not JSON: {error}"))
            continue
        chunk.add(_line(place, row, line))
    return chunk


def _line(place: int, row: Any, line: bytes) -> Unit | Sums | Fault:
    try:
        if is_sums(row):
            return sums(place, SUMS_ROW.validate_json(line))
        return unit(place, UNIT_ROW.validate_json(line))
    except ValidationError as error:
        return fault(place, error)


def rows(found: list[Any], *, careful: bool = True) -> Iterator[Chunk]:
    """A JSON array of rows, places counted from 0."""
    if len(found) > MOST_ROWS:
        raise TooLarge(f"A message holds at most {MOST_ROWS} rows; split it into several.", limit=MOST_ROWS)
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        chunk = None if careful else _plain(some, len(some))
        yield chunk or _rows_at_once(start, some) or _rows_one_by_one(start, some)


def _rows_at_once(start: int, some: list[Any]) -> Chunk | None:
    try:
        found = units(range(start, start + len(some)), UNIT_ROWS.validate_json(pydantic_core.to_json(some)))
    except ValueError:
        return None
    return None if found is None else Chunk(found)


def _rows_one_by_one(start: int, some: list[Any]) -> Chunk:
    chunk = Chunk()
    for place, row in enumerate(some, start):
        try:
            chunk.add(_line(place, row, pydantic_core.to_json(row)))
        except ValueError as error:
            chunk.faults.append(Fault(place, "", f"not a row: {error}"))
    return chunk


def points(batch: Batch) -> Iterator[Chunk]:
    """The points of one signal of one experiment, places counted from 0."""
    chunk = Chunk()
    for place, raw in enumerate(batch.points):
        try:
            chunk.add(Sums(place, batch.experiment_id, batch.signal, Point.model_validate(raw)))
        except ValidationError as error:
            chunk.faults.append(fault(place, error))
    yield chunk


@dataclass(frozen=True, slots=True)
class Message:
    """What a body is: its rows, what an error calls their place, and whether it is a batch of points of one signal."""

    chunks: Iterator[Chunk]
    place: str
    batch: Batch | None = None


def message(body: bytes, *, ndjson: bool, careful: bool = True) -> Message:
    """Raises InvalidRequest when the whole cannot be read; what is wrong with single rows comes with their chunk.

    Not `careful`, rows of units may come plain: faster, without their places.
    """
    if ndjson:
        return Message(lines(body, careful=careful), "line")
    found = _json(body)
    if isinstance(found, list):
        return Message(rows(found, careful=careful), "row")
    if isinstance(found, dict) and isinstance(found.get("rows"), list) and len(found) == 1:
        return Message(rows(found["rows"], careful=careful), "row")
    if isinstance(found, dict) and "points" not in found and ("id" in found or is_sums(found)):
        return Message(rows([found], careful=careful), "row")
    batch = _batch(body)
    return Message(points(batch), "point", batch)


def _json(body: bytes) -> Any:
    try:
        return pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(
            "The message is not JSON; send one object, an array of rows, or one row a line as application/x-ndjson.",
            fields=[{"field": "", "problem": str(error)}],
        ) from error


def _batch(body: bytes) -> Batch:
    try:
        return Batch.model_validate_json(body)
    except ValidationError as error:
        fields = [
            {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]}
            for item in error.errors()[:20]
        ]
        raise InvalidRequest(
            "The message cannot be read; see the fields named in the context.", fields=fields
        ) from error
