"""Numbers as a person would write them: 12,345; 3.4 %; +1.2 pp."""

import math
from collections.abc import Callable, Iterable

from charts.safe import plain

Digits = Callable[[float, int], str]

MINUS = "\N{MINUS SIGN}"  # screen readers say it aloud, a hyphen they skip
_CURRENCIES = frozenset("$€£¥₹")
_SHARES = frozenset({"share", "rate", "proportion"})
_PERCENT = frozenset({"%", "percent", "pct"})
_BIG = 1e15
_TINY = 1e-6
_LARGEST = 1e308
_MOST_PLACES = 12
_UNIT_LENGTH = 24


def english(size: float, places: int) -> str:
    """As in 12,345.6."""
    return f"{size:,.{places}f}"


_setting: list[Digits] = [english]


def set_digits(digits: Digits) -> None:
    """Have all numbers of this process set as the text beside the charts is; `digits` takes a size and its decimal places."""
    _setting[0] = digits


def _digits(size: float, places: int) -> str:
    return _setting[0](size, places)


def fixed(number: float, places: int) -> str:
    """With so many decimal places, whatever they are."""
    return f"{MINUS if number < 0 else ''}{_digits(abs(number), places)}"


def finite(value: float | None) -> float | None:
    """The value as a float, or None for NaN, infinity and numbers beyond floats."""
    if value is None:
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def known(values: Iterable[float | None]) -> list[float]:
    return [number for number in map(finite, values) if number is not None]


def is_share(unit: str) -> bool:
    return unit.strip().lower() in _SHARES


def scaled(number: float, unit: str) -> float:
    """Shares are shown in percent; everything else as it is. The largest floats stay finite."""
    return max(-_LARGEST, min(_LARGEST, number * 100.0)) if is_share(unit) else number


def suffix(unit: str, *, change: bool) -> str:
    """What follows the number; a difference of shares or percents is written in percentage points."""
    name = plain(unit, _UNIT_LENGTH)
    if is_share(name) or name.lower() in _PERCENT:
        return " pp" if change else " %"
    return f" {name}" if name and name not in _CURRENCIES else ""


def magnitude(number: float, places: int) -> str:
    """The bare size; what would round away to nothing keeps one figure, so a sign never vanishes."""
    size = abs(number)
    if size >= _BIG or 0.0 < size < _TINY:
        mantissa, exponent = f"{size:.1e}".split("e")
        return f"{mantissa}e{MINUS if int(exponent) < 0 else ''}{abs(int(exponent))}"
    if size > 0.0 and round(size, places) == 0.0:
        places = -math.floor(math.log10(size))
    return _digits(size, places)


def _written(number: float, unit: str, places: int, *, change: bool) -> str:
    sign = MINUS if number < 0 else ("+" if change and number > 0 else "")
    prefix = unit.strip() if unit.strip() in _CURRENCIES else ""
    return f"{sign}{prefix}{magnitude(number, places)}{suffix(unit, change=change)}"


def _change_places(numbers: Iterable[float]) -> int:
    largest = max((abs(n) for n in numbers), default=0.0)
    if largest >= 100.0 or largest == 0.0:
        return 0
    return 1 if largest >= 1.0 else min(_MOST_PLACES, 1 - math.floor(math.log10(largest)))


def _level_places(number: float, unit: str, others: list[float]) -> int:
    """Three figures (one decimal for percents, cents in full), fewer when they are zeros, more to tell it from `others`."""
    size = abs(number)
    places = _change_places([number])
    if 1.0 <= size < 10.0 and not is_share(unit):
        places = 2
    while places > 0 and round(number, places) == round(number, places - 1):
        places -= 1
    if places == 1 and unit.strip() in _CURRENCIES:
        places = 2
    while places < _MOST_PLACES and any(o != number and round(o, places) == round(number, places) for o in others):
        places += 1
    return places


def level(value: float | None, unit: str = "", *, beside: Iterable[float | None] = ()) -> str:
    """A level of the metric: `34.2 %`, `12,345 ms`; `beside` are numbers it must stay distinguishable from."""
    exact = finite(value)
    if exact is None:
        return "unknown"
    number = scaled(exact, unit)
    return _written(number, unit, _level_places(number, unit, [scaled(o, unit) for o in known(beside)]), change=False)


def change(value: float | None, unit: str = "", *, beside: Iterable[float | None] = ()) -> str:
    """A difference, always signed: `+1.2 pp`; `beside` are numbers it shares its decimal places with."""
    exact = finite(value)
    if exact is None:
        return "unknown"
    family = [scaled(n, unit) for n in [exact, *known(beside)]]
    return _written(family[0], unit, _change_places(family), change=True)


def size(value: float | None, unit: str = "") -> str:
    """A difference without its sign, for sentences that say up or down, above or below."""
    return change(value, unit).lstrip(f"+{MINUS}")


def between(low: float | None, high: float | None, unit: str = "", *, beside: Iterable[float | None] = ()) -> str:
    """A range of differences: `+1.2 pp to +5.0 pp`, saying so where an end is not bounded."""
    ends = sorted(known((low, high)))
    family = [*ends, *known(beside)]
    if len(ends) == 2:
        first, last = (change(end, unit, beside=family) for end in ends)
        tail = suffix(unit, change=True)
        return f"{first.removesuffix(tail) if tail else first} to {last}"
    if not ends:
        return "not bounded yet"
    return f"at {'least' if finite(low) is not None else 'most'} {change(ends[0], unit, beside=family)}"


def count(value: float | None) -> str:
    exact = finite(value)
    return "unknown" if exact is None else f"{MINUS if exact < 0 else ''}{magnitude(exact, 0)}"


def chance(value: float | None) -> str:
    """A probability 0..1 in whole percent; certainty is never claimed by rounding."""
    exact = finite(value)
    if exact is None:
        return "unknown"
    if 0.995 <= exact < 1.0:
        return "> 99 %"
    return "< 1 %" if 0.0 < exact < 0.005 else f"{exact * 100:.0f} %"


def tick(number: float, step: float, unit: str, *, change: bool) -> str:
    """A short axis label; all labels of one axis share `step` and so their decimal places."""
    value, stride = scaled(number, unit), abs(scaled(step, unit))
    sign = MINUS if value < 0 else ("+" if change and value > 0 else "")
    prefix = unit.strip() if unit.strip() in _CURRENCIES else ""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if stride >= size / 10 and stride < _BIG and abs(value) < _BIG:
            return f"{sign}{prefix}{_places(abs(value) / size, stride / size)}{letter if value else ''}"
    if stride < _TINY or abs(value) >= _BIG:
        return f"{sign}{prefix}{magnitude(value, 0)}"
    return f"{sign}{prefix}{_places(abs(value), stride)}"


def _places(size: float, stride: float) -> str:
    places = 0
    while places < _MOST_PLACES and abs(round(stride, places) - stride) > 1e-6 * stride:
        places += 1
    return _digits(size, places) if size else "0"
