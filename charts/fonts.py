"""The faces that words are drawn with: the bundled one, and others for the scripts it lacks, which packages bring."""

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font, LoadFlags

POINTS = 0.72  # points in a css pixel at 100 pixels an inch
_UNIT = 100
_TOFU = "□"
_FAMILY = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and signs."""
_PACKAGED = {"zhplot": "fonts/NotoSansSC-Regular.ttf", "koreanize_matplotlib": "fonts/NanumGothic*.ttf"}
"""Han and Kana, Hangul (both SIL Open Font License). Only the files are used; the packages would change matplotlib's settings."""
_INSTALLED = ("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil")
"""Scripts for which the machine's own fonts are used where there are any."""


@cache
def _others() -> tuple[str, ...]:
    """Faces beside the bundled one; opened when the first text needs one."""
    found: list[str] = []
    for package, pattern in _PACKAGED.items():
        for path in sorted(_files(package, pattern)):
            font_manager.fontManager.addfont(path)
            found.append(FontProperties(fname=path).get_name())
    installed = set(font_manager.fontManager.get_font_names())
    return tuple(dict.fromkeys([*found, *(name for name in _INSTALLED if name in installed)]))


def _files(package: str, pattern: str) -> Iterator[Path]:
    """Without importing the package."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(place).glob(pattern)


def _families(text: str) -> tuple[str, ...]:
    """Other faces only where a letter asks for them: each one costs time and some megabytes."""
    return (_FAMILY,) if _own() >= set(map(ord, text)) else (_FAMILY, *_others())


def font(text: str, size: float, *, bold: bool) -> FontProperties:
    return _properties(_families(text), size, bold)


@cache
def _properties(families: tuple[str, ...], size: float, bold: bool) -> FontProperties:  # noqa: FBT001  a cache's key
    return FontProperties(family=list(families), size=size * POINTS, weight="bold" if bold else "normal")


@cache
def _own() -> frozenset[int]:
    return _both_weights(_FAMILY)


@cache
def _letters() -> frozenset[int]:
    """Code points that some face has in both weights."""
    return _own().union(*(_both_weights(family) for family in _others()))


def _both_weights(family: str) -> frozenset[int]:
    regular, bold = (_face(family, bold=bold).get_charmap() for bold in (False, True))
    return frozenset(set(regular) & set(bold))


@lru_cache(maxsize=8192)
def advance(letter: str, *, bold: bool) -> float:
    """Width of one letter as a share of the font size."""
    for family in _families(letter):
        face = _face(family, bold=bold)
        if ord(letter) in face.get_charmap():
            return face.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536 / _UNIT
    return 1.0


@cache
def _face(family: str, *, bold: bool) -> FT2Font:
    found = font_manager.findfont(FontProperties(family=family, weight="bold" if bold else "normal"))
    face = FT2Font(found, face_index=found.face_index)
    face.set_size(_UNIT, 72)
    return face


def drawable(text: str) -> str:
    """The text with every letter no face can draw as a box; the alt text carries the full words."""
    if _own() >= set(map(ord, text)):
        return text
    letters = _letters()
    return "".join(c if ord(c) in letters else _TOFU for c in text)
