"""Numbers as a person would write them. PURE."""

from math import floor, isfinite, log10
from typing import Any

from runtime.numerals import digits

_FIGURES = 4
_TINY, _BIG = 1e-6, 1e15
_MOST_SURE = 0.99


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if isfinite(found) else None


def amount(value: Any, unit: str, *, signed: bool = False) -> str:
    """A level or a difference in its unit: shares as percent, differences of shares in percentage points."""
    number = _number(value)
    if number is None:
        return "unbounded" if str(value) in {"inf", "-inf"} else "unknown"
    if unit == "share":
        return (
            f"{_sign(number, signed=True)}{digits(abs(number) * 100, 2)} pp"
            if signed
            else f"{_sign(number)}{digits(abs(number) * 100, 1)} %"
        )
    return f"{_sign(number, signed=signed)}{_figures(abs(number))} {unit}".strip()


def _sign(number: float, *, signed: bool = False) -> str:
    if number < 0:
        return "-"
    return "+" if signed else ""


def _figures(size: float) -> str:
    """Four figures and no zeros at the end; whole numbers beyond that in full."""
    if size and not _TINY <= size < _BIG:
        return f"{size:.3g}"
    places = max(0, _FIGURES - 1 - floor(log10(size))) if size else 0
    while places and round(size, places) == round(size, places - 1):
        places -= 1
    return digits(size, places)


def span(low: Any, high: Any, unit: str) -> str:
    return f"{amount(low, unit, signed=True)} to {amount(high, unit, signed=True)}"


def percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def sure(confidence: Any) -> str:
    """How much is behind a finding, after its words; nothing where nothing was tested (0), and never all of it."""
    known = float(confidence or 0)
    if known <= 0:
        return ""
    return f" (more than {percent(_MOST_SURE)} sure)" if known > _MOST_SURE else f" ({percent(known)} sure)"


def days(count: float) -> str:
    return f"{count:g} day{'s' if count != 1 else ''}"
