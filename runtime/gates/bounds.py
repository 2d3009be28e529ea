"""Limits of constraints as people write them: in the unit of what is watched, and never rounded. PURE."""

import re
from collections.abc import Mapping
from typing import Any

from runtime.numerals import digits

_PLACES = 6
_WORDS = {
    "share": "share", "rate": "share", "ratio": "share", "proportion": "share",
    "ms": "ms", "millis": "ms", "milliseconds": "ms", "seconds": "s", "secs": "s", "minutes": "min",
    "usd": "USD", "eur": "EUR", "gbp": "GBP", "chf": "CHF", "jpy": "JPY",
    "bytes": "bytes", "kb": "kB", "mb": "MB",
}  # fmt: skip
"""What the last word of a name says that its numbers are; any other name says nothing."""


def unit(constraint: Mapping[str, Any], outcome: Mapping[str, Any] | None = None) -> str:
    """As the outcome says it of the same metric, else as the constraint's own name ends; a share lies between 0 and 1, or it is none."""
    found = _declared(constraint, outcome or {}) or _WORDS.get(_last_word(constraint), "")
    return "" if found == "share" and not _fraction(constraint) else found


def in_words(constraint: Mapping[str, Any], outcome: Mapping[str, Any] | None = None) -> str:
    """`at least 97 %`, `at most 800 ms`, or both ends."""
    shown = unit(constraint, outcome)
    ends = (("min", "at least"), ("max", "at most"))
    return " and ".join(
        f"{word} {exactly(constraint[side], shown)}" for side, word in ends if constraint.get(side) is not None
    )


def exactly(value: float, shown: str) -> str:
    """Every figure of a limit counts: 99.95 % is not 100 %."""
    number = float(value) * 100 if shown == "share" else float(value)
    size = round(abs(number), _PLACES)
    places = next((n for n in range(_PLACES) if round(size, n) == size), _PLACES)
    return f"{'-' if number < 0 else ''}{digits(size, places)} {'%' if shown == 'share' else shown}".strip()


def _declared(constraint: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    signals = [outcome.get("primary_signal") or {}, *(outcome.get("secondary_signals") or ())]
    same = (
        s
        for s in signals
        if s.get("metric") == constraint.get("metric") and s.get("source") == constraint.get("source")
    )
    found: Mapping[str, Any] = next(same, {})
    return str(found.get("unit") or ("share" if found.get("method") == "funnel" else ""))


def _last_word(constraint: Mapping[str, Any]) -> str:
    words = re.findall(r"[a-z0-9]+", str(constraint.get("signal") or "").casefold())
    return words[-1] if words else ""


def _fraction(constraint: Mapping[str, Any]) -> bool:
    return all(0.0 <= float(constraint[side]) <= 1.0 for side in ("min", "max") if constraint.get(side) is not None)
