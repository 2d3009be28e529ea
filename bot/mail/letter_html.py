"""The HTML part of a letter, drawn by templates that escape everything they are given. PURE but for reading those."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bot.mail.letter_parts import Page

if TYPE_CHECKING:
    from jinja2 import Template

PICTURE = "chart"
"""The part of the picture's Content-ID before its @."""


def html_of(page: Page, picture: str = "") -> str:
    """`picture` is the Content-ID the chart has in this letter; empty when there is none."""
    kinds = [type(block).__name__.lower() for block in page.blocks]
    return _template().render(page=page, blocks=list(zip(kinds, page.blocks, strict=True)), picture=picture) + "\n"


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  only where letters are written

    folder = Path(__file__).parent / "templates"
    world = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        auto_reload=False,
    )  # fmt: skip
    return world.get_template("letter.html")
