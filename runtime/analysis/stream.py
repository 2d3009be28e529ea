"""From bytes to answers: lines cut from chunks, each answered alone, so that one bad line costs nobody else."""

import json
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import Any

from pydantic import ValidationError

from runtime.analysis.fields import decimal
from runtime.analysis.refusal import Refusal, explain
from runtime.analysis.requests import parse
from runtime.statistics.plain import plain

LONGEST_LINE = 8 * 1024 * 1024
_TOO_LONG = Refusal("LINE_TOO_LONG", f"The line is longer than {LONGEST_LINE:,} bytes; send it in several requests.")
_WRITER = json.JSONEncoder(allow_nan=False)
_SCALAR = (str, int, Decimal, bool, type(None))


class Unreadable(ValueError):
    """The line holds no request; its reason is said to whoever sent it."""


class Lines:
    """Cuts a stream into lines and never keeps more than one of them; None stands for a line that is too long."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._keep(piece)
            yield from self.end()
        self._keep(rest)

    def end(self) -> Iterator[bytes | None]:
        """What is held, unless it is blank; called by itself for a last line without a newline."""
        line = None if self._size > self._longest else b"".join(self._held)
        self._held, self._size = [], 0
        if line is None or line.strip():
            yield line

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._longest:
            self._held.append(piece)
        else:
            self._held.clear()


def reply(line: bytes | None) -> bytes:
    """One line of JSON for one request; never raises for what the line holds."""
    if line is None:
        return _written(None, {"error": _TOO_LONG.to_json()})
    try:
        values = _read(line)
    except Unreadable as error:
        return _written(None, {"error": Refusal("INVALID_JSON", str(error)).to_json()})
    name = values.pop("id", None)
    if not isinstance(name, _SCALAR) or (isinstance(name, Decimal) and not name.is_finite()):
        fault = Refusal("INVALID_REQUEST", "`id` must be a string, a finite number, true, false or null.", "id")
        return _written(None, {"error": fault.to_json()})
    test = values.get("test")
    named = {"test": test} if isinstance(test, str) else {}
    return _written(name, {**named, **_answer(values)})


def _answer(values: dict[str, Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = _plain(parse(values).answer())
    except ValidationError as error:
        return {"error": explain(error).to_json()}
    except (OverflowError, ZeroDivisionError, RecursionError) as error:
        reason = f"The numbers are beyond what doubles can hold ({error}); scale the metric."
        return {"error": Refusal("OUT_OF_RANGE", reason).to_json()}
    return answer


def _read(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8-sig"), parse_float=decimal, parse_constant=decimal)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The line is not UTF-8 at byte {error.start}; send JSON text.") from error
    except RecursionError as error:
        raise Unreadable("The line is nested too deeply; a request is an object of numbers and lists.") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"The line is not JSON at character {error.pos}: {error.msg}.") from error
    except ValueError as error:
        raise Unreadable("The line holds a number with thousands of digits; round it.") from error
    if not isinstance(values, dict):
        raise Unreadable("The line is not a JSON object; a request is one object on one line.")
    return values


def _plain(value: Any) -> Any:
    """As the product stores numbers: infinities in words, not-a-number as null."""
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    if type(value) is float and isfinite(value):
        return value
    return value if isinstance(value, str | int) else plain(value)


def _written(name: Any, answer: dict[str, Any]) -> bytes:
    """An id that is a decimal number comes back digit for digit."""
    told = str(name) if isinstance(name, Decimal) else json.dumps(name)
    return f'{{"id": {told}, {_WRITER.encode(answer)[1:]}\n'.encode()
