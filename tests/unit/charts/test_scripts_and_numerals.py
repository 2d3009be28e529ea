"""Names in any script are drawn, and numbers are written as the organisation writes them, on the chart as in the words beside it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

import bot.pictures  # noqa: F401  it has charts and text write numbers alike
import charts
from charts.fonts import advance, drawable
from charts.samples import SAMPLES
from runtime import numerals
from runtime.errors import InvalidConfiguration
from runtime.gates.wording import amount

NAMES = (
    "简体中文用户说这们", "繁體中文用戶說這們", "日本語のユーザー", "한국어 사용자", "العربية المستخدمون", "עברית משתמשים", "Ελληνικά", "Кириллица", "Tiếng Việt", "Łódź",
    "a name that is much longer than any chart has room for, and goes on and on until it is cut", "plain",
)  # fmt: skip


@pytest.fixture(params=["de", "fr", "hi-IN", "en"])
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    numerals.use(request.param)
    yield str(request.param)
    numerals.use(numerals.DEFAULT)


@pytest.mark.parametrize("name", NAMES[:10], ids=ascii)
def test_every_letter_of_a_name_has_a_glyph_in_both_weights(name: str) -> None:
    assert drawable(name) == name
    assert all(0 < advance(letter, bold=bold) < 2 for letter in name if letter != "\u0301" for bold in (False, True))


def test_twelve_names_in_twelve_scripts_stand_in_one_picture() -> None:
    chart = SAMPLES["segments"]()
    rows = tuple(replace(chart.rows[0], name=name) for name in NAMES)  # type: ignore[union-attr]
    drawing = charts.draw(replace(chart, rows=rows, title=" ".join(NAMES[:6])))  # type: ignore[call-arg]
    assert drawing.height > 12 * 2 * 40
    assert all(name in drawing.alt for name in NAMES[:3])


def test_chart_and_words_set_digits_alike(locale: str) -> None:
    marks = {"de": (".", ","), "fr": ("\u202f", ","), "hi-IN": (",", "."), "en": (",", ".")}
    group, point = marks[locale]
    assert charts.amounts.count(4120) == f"4{group}120" == amount(4120, "")
    assert charts.amounts.level(0.342, "share") == f"34{point}2 %" == amount(0.342, "share")
    assert amount(-0.0123, "share", signed=True) == f"-1{point}23 pp"


def test_large_groups_follow_the_country() -> None:
    numerals.use("hi-IN")
    try:
        assert amount(12_345_678, "ms") == "1,23,45,678 ms"
    finally:
        numerals.use(numerals.DEFAULT)
    assert amount(12_345_678, "ms") == "12,345,678 ms"


def test_a_name_that_is_no_locale_is_refused_with_examples() -> None:
    with pytest.raises(InvalidConfiguration, match="no locale; write one such as en, de or fr-CH"):
        numerals.use("xx-klingon")
