"""The plain text part of a letter: at most 76 columns, whole without the HTML part. PURE."""

import textwrap
from collections.abc import Iterator
from typing import Any

from bot.mail.letter_parts import Chart, Facts, Link, Page, Part, Quote, Say, Small, Ways

WIDTH = 76
_NAME = 30
_FORM = 30


def text_of(page: Page) -> str:
    """Lines end with a line feed; a link stands alone on its line and is never broken."""
    shown = [_wrapped(page.kicker.upper()), _underlined(page.headline)]
    shown += ["\n".join(_DRAW[type(block)](block)) for block in page.blocks]
    if page.footer:
        shown.append("\n".join(["--", *_wrap(page.footer)]).replace("--\n", "-- \n", 1))
    return "\n\n".join(part for part in shown if part.strip()) + "\n"


def _wrap(text: str, indent: str = "", first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_on_hyphens=False, break_long_words=True,
    ) or [indent.rstrip()]  # fmt: skip


def _wrapped(text: str) -> str:
    return "\n".join(_wrap(text)) if text else ""


def _underlined(text: str) -> str:
    found = _wrap(text)
    return "\n".join([*found, "=" * max(map(len, found))])


def _say(block: Say) -> Iterator[str]:
    yield from _wrap(f"{block.strong} {block.text}".strip() if block.strong else block.text)


def _facts(block: Facts) -> Iterator[str]:
    if block.title:
        yield block.title
    room = min(_NAME, max((len(name) for name, _ in block.rows), default=0) + 2)
    for name, value in block.rows:
        label = f"{name}:"
        if len(label) >= room + 2:
            yield label
            yield from _wrap(value, " " * room)
        else:
            yield from _wrap(value, " " * room, label.ljust(room))


def _chart(block: Chart) -> Iterator[str]:
    if block.told:
        return
    if block.sparkline:
        yield f"  {block.sparkline[: WIDTH - 2]}"
    yield from _wrap(f"[Chart: {block.alt}]")


def _part(block: Part) -> Iterator[str]:
    yield block.title
    for one in block.lines:
        if block.code:
            yield f"    {one}"[:WIDTH]
        else:
            bullet = one.startswith("• ")
            yield from _wrap(one, "    " if bullet else "  ", "  ")
    if block.more:
        yield f"  … and {block.more} more line{'s' if block.more > 1 else ''} on the gate's page."


def _ways(block: Ways) -> Iterator[str]:
    yield from _wrap(block.lead)
    yield ""
    for form, meaning in block.forms:
        label = f"  {form}"
        if len(label) > _FORM:
            yield label
            yield from _wrap(meaning, " " * (_FORM + 2))
        else:
            yield from _wrap(meaning, " " * (_FORM + 2), label.ljust(_FORM + 2))


def _quote(block: Quote) -> Iterator[str]:
    if block.who:
        yield from _wrap(f"{block.who}:")
    for one in block.lines:
        yield from _wrap(one, "| ")


def _link(block: Link) -> Iterator[str]:
    yield from _wrap(f"{block.label}{f' ({block.hint})' if block.hint else ''}:")
    yield block.url


def _small(block: Small) -> Iterator[str]:
    yield from _wrap(block.text)


_DRAW: dict[type, Any] = {
    Say: _say, Facts: _facts, Chart: _chart, Part: _part, Ways: _ways, Quote: _quote, Link: _link, Small: _small,
}  # fmt: skip
