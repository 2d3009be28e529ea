"""What a number in a request may be: exact, finite and of a size that arithmetic can bear."""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import inf, log
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt
from pydantic import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

_WRITTEN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST = 2000  # characters; the exact decimal form of the smallest float has 1,077
_FINEST = -1100  # power of ten of the last digit
_LARGEST = 308  # power of ten of the first digit
_LARGEST_BITS = 1023
_INFINITE = {"inf": inf, "-inf": -inf}


def refuse(kind: str, reason: str, **context: Any) -> PydanticCustomError:
    """A reason in words; `field` in the context names the part of the object that is to blame."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason, "kind": kind, **context})


def decimal(text: str) -> Decimal:
    """As JSON wrote it; what no Decimal can hold is infinite here, and refused where it stands."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("-Infinity" if text.startswith("-") else "Infinity")


def exact(value: Any) -> int | Decimal:
    if isinstance(value, str):
        value = _from_text(value)
    if type(value) not in (int, Decimal):
        raise refuse("type", f"must be a number or a decimal string, not {_named(value)}")
    if isinstance(value, int):
        return _sized(value, fits=value.bit_length() <= _LARGEST_BITS)
    if not value.is_finite():
        raise refuse("finite", "must be a finite number; leave out what could not be measured")
    place = value.as_tuple().exponent
    return _sized(value, fits=isinstance(place, int) and place >= _FINEST and value.adjusted() < _LARGEST)


def _from_text(text: str) -> Decimal:
    if len(text) > _LONGEST:
        raise refuse("size", f"has {len(text)} characters; round it to fewer than {_LONGEST}")
    if _WRITTEN.fullmatch(text) is None:
        raise refuse("type", 'must be a finite number or a decimal string such as "12.5"; mend what wrote it')
    return decimal(text)


def _sized(value: int | Decimal, *, fits: bool) -> int | Decimal:
    if not fits:
        raise refuse("size", "is beyond what a double can hold; scale the metric")
    return value


def _named(value: Any) -> str:
    names = {bool: "true or false", dict: "an object", list: "a list", type(None): "null"}
    return names.get(type(value), "this")


def rational(value: Any) -> int | Fraction:
    number = exact(value)
    return number if isinstance(number, int) else Fraction(number)


def real(value: Any) -> float:
    return float(exact(value))


def real_or_infinite(value: Any) -> float:
    return _INFINITE[value] if isinstance(value, str) and value in _INFINITE else real(value)


def whole(value: Any) -> int:
    number = exact(value)
    if number != int(number):
        raise refuse("whole", f"must be a whole number, not {number}; count each unit once")
    return int(number)


def log_of_evidence(value: Any) -> float:
    """Natural logarithm of an e-value; a decimal string may be larger than any double."""
    number = _from_text(value) if isinstance(value, str) else value
    if isinstance(number, Decimal) and number.is_finite() and number.adjusted() >= _LARGEST:
        return float(number.ln())
    size = real(value)
    if size < 0.0:
        raise refuse("range", "must be 0 or more; an e-value is a likelihood ratio or an average of them")
    return log(size) if size > 0.0 else -inf


Exact = Annotated[int | Fraction, PlainValidator(rational)]
Real = Annotated[float, BeforeValidator(real)]
Bound = Annotated[float, BeforeValidator(real_or_infinite)]
Positive = Annotated[float, BeforeValidator(real), Gt(0)]
NotNegative = Annotated[float, BeforeValidator(real), Ge(0)]
Share = Annotated[float, BeforeValidator(real), Gt(0), Lt(1)]
Part = Annotated[float, BeforeValidator(real), Ge(0), Lt(1)]
Count = Annotated[int, BeforeValidator(whole), Ge(0)]
Units = Annotated[int, BeforeValidator(whole), Gt(0)]
LogEvidence = Annotated[float, BeforeValidator(log_of_evidence)]
