"""Numbers as a person would write them. PURE."""

from math import isfinite
from typing import Any


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
        return f"{number * 100:+.2f} pp" if signed else f"{number * 100:.1f} %"
    text = f"{number:+,.4g}" if signed else f"{number:,.4g}"
    return f"{text} {unit}".strip()


def span(low: Any, high: Any, unit: str) -> str:
    return f"{amount(low, unit, signed=True)} to {amount(high, unit, signed=True)}"


def percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def days(count: float) -> str:
    return f"{count:g} day{'s' if count != 1 else ''}"
