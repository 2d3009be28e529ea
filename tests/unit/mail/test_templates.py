"""The HTML part on its own: what mail programs can draw, in light and dark, wide and narrow, with nothing from outside."""

import re

from bs4 import BeautifulSoup

from bot.mail.letter_html import html_of
from bot.mail.letter_parts import Chart, Facts, Link, Page, Part, Quote, Say, Small, Ways

EVIL = '"><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}'
PAGE = Page(
    f"kicker {EVIL}", f"head {EVIL}", f"preheader {EVIL}",
    (
        Say(EVIL, EVIL), Say(EVIL, tone="bad"), Facts(((EVIL, EVIL),), EVIL), Chart(EVIL, EVIL), Part(EVIL, (EVIL,), code=True, more=2),
        Part(EVIL, (EVIL, EVIL)), Ways(EVIL, ((EVIL, EVIL),)), Quote((EVIL,), EVIL), Link(EVIL, "https://gates.example.com/g/x", EVIL), Small(EVIL),
    ),
    f"footer {EVIL}",
)  # fmt: skip


def soup(picture="chart.1@outcome.test"):
    return BeautifulSoup(html_of(PAGE, picture), "html.parser")


def test_whatever_is_said_stays_text_in_every_block():
    page = soup()
    assert [one["src"] for one in page.find_all("img")] == ["cid:chart.1@outcome.test"]
    assert page.find_all("script") == []
    assert "49" not in page.get_text()
    assert page.find("h1").get_text() == f"head {EVIL}"
    assert not [one for tag in page.find_all(True) for one in tag.attrs if one.startswith("on")]


def test_nothing_is_loaded_from_anywhere():
    source = html_of(PAGE, "chart.1@outcome.test")
    addresses = set(re.findall(r"(?:https?:)?//[^\s\"'<>)]+", source)) - {"http://www.w3.org/1999/xhtml"}
    assert addresses == {"https://gates.example.com/g/x"}
    assert "@import" not in source
    assert "@font-face" not in source


def test_the_layout_is_tables_of_at_most_600_pixels_that_outlook_draws():
    page, source = soup(), html_of(PAGE)
    assert "max-width:600px" in source
    assert '<!--[if mso]><table role="presentation" width="600"' in source
    assert {one.get("role") for one in page.find_all("table")} == {"presentation"}
    assert not re.search(r"display:\s*(?:flex|grid)|position:\s*(?:absolute|fixed)", source)


def test_it_knows_light_and_dark_and_narrow():
    source = html_of(PAGE)
    assert '<meta name="color-scheme" content="light dark">' in source
    assert "prefers-color-scheme: dark" in source
    assert "max-width: 480px" in source
    for rule in re.findall(r"\.(?:card|ink|soft|well) \{[^}]+\}", source):
        assert "!important" in rule, "inline styles win otherwise"


def test_the_preheader_is_first_and_hidden_and_the_chart_stands_in_words_without_its_picture():
    page = soup("")
    first = page.body.find("div")
    assert first.get_text().startswith("preheader")
    assert "display:none" in first["style"]
    assert page.find_all("img") == []
    assert page.get_text().count(EVIL) >= 15
