"""Links lead somewhere, every page is listed, and what a page tells people to type exists."""

import re
from pathlib import Path
from typing import Any

import pytest

from bot.cli import COMMANDS

HOUSE = Path(__file__).parents[2]
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)
_MAKE = re.compile(r"(?:`|^|&& |   )make ([a-z]+)\b", re.MULTILINE)
_COMMAND = re.compile(r"(?:`|^|[ /])outcome-runtime (?!http)([a-z]+)\b", re.MULTILINE)
_PATH = re.compile(r"`((?:bot|runtime|workers|charts|migrations|demo|tests|docs|\.ci)/[\w./-]*)`")


def test_every_relative_link_leads_somewhere(pages: dict[str, Any]) -> None:
    broken = []
    for page in pages.values():
        for link in _LINK.findall(page.prose):
            if "://" in link or link.startswith("mailto:"):
                continue
            file, _, anchor = link.partition("#")
            target = (page.path.parent / file).resolve() if file else page.path
            other = pages.get(target.relative_to(HOUSE).as_posix())
            if not target.exists() or (anchor and (other is None or anchor not in other.anchors)):
                broken.append(f"{page.name}: {link}")
    assert not broken


def test_every_page_is_listed_in_the_index(pages: dict[str, Any]) -> None:
    linked = set(_LINK.findall(pages["docs/README.md"].text))
    written = {path.name for path in (HOUSE / "docs").glob("*.md")} - {"README.md"}
    assert written <= linked


def test_every_decision_is_indexed(pages: dict[str, Any]) -> None:
    decisions = [page for name, page in pages.items() if re.match(r"docs/adr/\d{4}-", name)]
    index, agent = pages["docs/adr/README.md"].text, pages["AGENT.md"].text
    assert [page.path.name[:4] for page in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for page in decisions:
        number, title = page.path.name[:4], page.headings[0].partition(". ")[2]
        assert page.headings == [f"{number}. {title}", "Context", "Decision", "Consequences"]
        assert re.search(
            r"^Status: (proposed|accepted|superseded by \d{4}), \d{4}-\d{2}-\d{2}$", page.text, re.MULTILINE
        )
        assert f"| {number} | [{title}]({page.path.name}) |" in index
        assert f"[{number}](docs/adr/{page.path.name})" in agent
        assert len(page.text.splitlines()) <= 60, f"{page.name} is longer than a page"


def test_the_rules_for_agents_fit_a_page_and_a_half(pages: dict[str, Any]) -> None:
    page = pages["AGENT.md"]
    assert len(page.text.splitlines()) <= 150
    assert "Runtime decides, workers act, bot speaks, charts draw" in page.text
    rules = re.findall(r"^(\d)\. \*\*", page.section("The eight rules"), re.MULTILINE)
    assert rules == list("12345678")


def test_what_pages_tell_people_to_make_can_be_made(pages: dict[str, Any]) -> None:
    targets = set(_TARGET.findall((HOUSE / "Makefile").read_text(encoding="utf-8")))
    told = {(page.name, name) for page in pages.values() for name in _MAKE.findall(page.text)}
    assert ("README.md", "demo") in told
    assert ("README.md", "test") in told
    assert not {(page, name) for page, name in told if name not in targets}


def test_what_pages_tell_people_to_run_exists(pages: dict[str, Any]) -> None:
    told = {(page.name, name) for page in pages.values() for name in _COMMAND.findall(page.text)}
    assert told
    assert not {(page, name) for page, name in told if name not in COMMANDS}


@pytest.mark.parametrize("page", ["AGENT.md", "CONTRIBUTING.md", "README.md", "docs/architecture.md"])
def test_files_that_pages_name_exist(pages: dict[str, Any], page: str) -> None:
    assert not [path for path in _PATH.findall(pages[page].text) if not (HOUSE / path).exists()]


def test_every_page_opens_with_its_one_title(pages: dict[str, Any]) -> None:
    for page in pages.values():
        titles = [line for line in page.prose.splitlines() if line.startswith("# ")]
        assert page.text.startswith("# "), page.name
        assert len(titles) == 1, page.name


def test_the_newest_changes_stand_first(pages: dict[str, Any]) -> None:
    assert pages["CHANGELOG.md"].headings[1] == "[Unreleased]"
