"""How numbers are written for people, in text and on charts alike: one setting, `LOCALE`, from Unicode's CLDR by way of Babel."""

from collections.abc import Callable
from copy import copy
from functools import cache, lru_cache

from runtime.errors import InvalidConfiguration

Digits = Callable[[float, int], str]
DEFAULT = "en"


class _Way:
    """What this process uses; set once, where it is composed."""

    digits: Digits


def english(size: float, places: int) -> str:
    """As in 12,345.6."""
    return f"{size:,.{places}f}"


_Way.digits = staticmethod(english)


def digits(size: float, places: int) -> str:
    """A size without its sign, with so many decimal places."""
    return _Way.digits(size, places)


def use(locale: str) -> None:
    """`en`, `de`, `fr-CH`, `hi_IN`…; raises InvalidConfiguration for a name that CLDR does not know."""
    _Way.digits = staticmethod(english if locale.replace("-", "_") in _ENGLISH else _other(locale))


_ENGLISH = frozenset({"en", "en_US", "en_GB"})
"""The common case without Babel, which takes a quarter of a second to load."""


def _other(name: str) -> Digits:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415  as above
    from babel.numbers import NumberPattern  # noqa: PLC0415  as above

    try:
        locale = Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise InvalidConfiguration(
            f"LOCALE is '{name}', which is no locale; write one such as en, de or fr-CH."
        ) from error

    @cache
    def pattern(places: int) -> NumberPattern:
        found: NumberPattern = copy(locale.decimal_formats[None])
        found.frac_prec = (places, places)
        return found

    @lru_cache(maxsize=4096)
    def written(size: float, places: int) -> str:
        return str(pattern(places).apply(size, locale))

    return written
