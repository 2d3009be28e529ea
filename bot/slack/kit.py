"""Block Kit's pieces as plain dicts, each kept within Slack's limits. PURE."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from bot.slack.graphemes import cut
from bot.slack.words import clean, plain

Block: TypeAlias = dict[str, Any]
Blocks: TypeAlias = list[Block]

MOST_BLOCKS = 50
MOST_VIEW_BLOCKS = 100
SECTION = 3000
FIELD = 2000
FIELDS = 10
HEADER = 150
CONTEXT = 3000
CONTEXT_ITEMS = 10
BOXES = 10
BUTTON = 75
OPTION = 75
ALT = 2000
TITLE = 24
MESSAGE = 3900
"""Slack cuts `text` at 40,000 characters; as a notification nobody reads even a tenth of it."""


def mrkdwn(text: str) -> Block:
    """`text` must be escaped already. Verbatim: names and addresses in it are not turned into links."""
    return {"type": "mrkdwn", "text": text or "–", "verbatim": True}  # noqa: RUF001  Slack refuses empty texts


def label(text: object, limit: int) -> Block:
    return {"type": "plain_text", "text": plain(text, limit), "emoji": False}


def header(text: object) -> Block:
    return {"type": "header", "text": label(text, HEADER)}


def section(text: str, *, accessory: Block | None = None) -> Block:
    return {"type": "section", "text": mrkdwn(text), **({"accessory": accessory} if accessory else {})}


def fields(texts: Iterable[str]) -> Block:
    return {"type": "section", "fields": [mrkdwn(text) for text in texts][:FIELDS]}


def context(*texts: str) -> Block:
    """Each text at most CONTEXT characters long."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts if text][:CONTEXT_ITEMS]}


def divider() -> Block:
    return {"type": "divider"}


def image(file_id: str, alt: str) -> Block:
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": plain(alt, ALT)}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(text: object, action_id: str, value: str, *, style: str = "default", confirm: Block | None = None) -> Block:
    made: Block = {"type": "button", "action_id": action_id, "text": label(text, BUTTON), "value": value}
    if style in {"primary", "danger"}:
        made["style"] = style
    return made | ({"confirm": confirm} if confirm else {})


def link(text: object, action_id: str, url: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": label(text, BUTTON), "url": url}


def confirm(title: object, text: str, yes: object, *, danger: bool) -> Block:
    return {
        "title": label(title, 100), "text": mrkdwn(text), "confirm": label(yes, 30), "deny": label("Cancel", 30),
        "style": "danger" if danger else "primary",
    }  # fmt: skip


def overflow(action_id: str, options: Mapping[str, str]) -> Block:
    """`options` maps what is shown to the value that is sent."""
    shown = [{"text": label(text, OPTION), "value": value} for text, value in options.items()]
    return {"type": "overflow", "action_id": action_id, "options": shown}


def checkboxes(action_id: str, options: Sequence[Block]) -> Block:
    """All are ticked at first."""
    return {"type": "checkboxes", "action_id": action_id, "options": list(options), "initial_options": list(options)}


def box(text: object, description: object, value: str) -> Block:
    made: Block = {"text": label(text, OPTION), "value": value}
    return made | ({"description": label(description, OPTION)} if description else {})


def text_input(name: str, title: str, *, hint: str = "", required: bool, initial: str = "") -> Block:
    element: Block = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 2000}
    if initial:
        element["initial_value"] = cut(clean(initial), 2000)
    return _input(name, title, element, hint=hint, required=required)


def number_input(name: str, title: str, *, low: int, high: int, initial: int | None = None, hint: str = "") -> Block:
    element: Block = {
        "type": "number_input", "action_id": "number", "is_decimal_allowed": False, "min_value": str(low), "max_value": str(high),
    }  # fmt: skip
    if initial is not None:
        element["initial_value"] = str(initial)
    return _input(name, title, element, hint=hint, required=True)


def person_input(name: str, title: str, *, hint: str = "") -> Block:
    return _input(name, title, {"type": "users_select", "action_id": "person"}, hint=hint, required=True)


def _input(name: str, title: str, element: Block, *, hint: str, required: bool) -> Block:
    made: Block = {
        "type": "input",
        "block_id": name,
        "label": label(title, 200),
        "element": element,
        "optional": not required,
    }
    return made | ({"hint": label(hint, 300)} if hint else {})


def modal(title: str, blocks: Blocks, *, submit: str = "", callback_id: str = "", metadata: str = "") -> Block:
    """Without a `callback_id` it is only looked at."""
    made: Block = {"type": "modal", "title": label(title, TITLE), "blocks": blocks[:MOST_VIEW_BLOCKS]}
    if not callback_id:
        return made | {"close": label("Close", TITLE)}
    return made | {
        "submit": label(submit, TITLE), "close": label("Cancel", TITLE), "callback_id": callback_id, "private_metadata": metadata,
    }  # fmt: skip
