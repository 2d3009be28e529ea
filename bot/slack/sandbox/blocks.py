"""PURE: does Slack take these blocks?  The same refusals, in the same words, before anything is stored."""

import json
from collections.abc import Iterator
from typing import Any

from bot.slack.sandbox import limits as most
from bot.slack.sandbox.elements_schema import (
    AS_ACCESSORY,
    IN_ACTIONS,
    IN_CONTEXT,
    IN_INPUT,
    KIND,
    SLACK_FILE,
    TEXT_OR_FIELDS,
    plain,
    text,
)
from bot.slack.sandbox.limits import Surface
from bot.slack.sandbox.schema import (
    Check,
    anything,
    both,
    exactly_one,
    flag,
    listing,
    problem,
    record,
    string,
    typed,
    word,
)

Blocks = list[dict[str, Any]]
BLOCK_ID: dict[str, Check] = {"block_id": string(most.BLOCK_ID_MAX_LENGTH)}

_SECTION = both(
    record(
        KIND,
        {
            **BLOCK_ID,
            "text": text(most.SECTION_TEXT_MAX_LENGTH),
            "fields": listing(text(most.SECTION_FIELDS_ITEM_MAX_LENGTH), most.SECTION_FIELDS_MAX_ITEMS),
            "accessory": AS_ACCESSORY,
            "expand": flag,
        },
    ),
    TEXT_OR_FIELDS,
)
_IMAGE = both(
    record(
        {**KIND, "alt_text": string(most.IMAGE_ALT_TEXT_MAX_LENGTH)},
        {
            **BLOCK_ID,
            "image_url": string(most.IMAGE_IMAGE_URL_MAX_LENGTH, least=1),
            "slack_file": SLACK_FILE,
            "title": plain(most.IMAGE_TITLE_MAX_LENGTH),
        },
    ),
    exactly_one("image_url", "slack_file"),
)
_INPUT = record(
    {**KIND, "label": plain(most.INPUT_LABEL_MAX_LENGTH), "element": IN_INPUT},
    {**BLOCK_ID, "hint": plain(most.INPUT_HINT_MAX_LENGTH), "optional": flag, "dispatch_action": flag},
)
_TABLE = record(
    {**KIND, "rows": listing(listing(anything, most.TABLE_COLUMNS_MAX_ITEMS), most.TABLE_ROWS_MAX_ITEMS)},
    {**BLOCK_ID, "column_settings": listing(anything, most.TABLE_COLUMN_SETTINGS_MAX_ITEMS, least=0)},
)
_POINT = record({"label": string(most.DATA_VISUALIZATION_POINT_LABEL_MAX_LENGTH), "value": anything})
_SERIES = record(
    {
        "name": string(most.DATA_VISUALIZATION_SERIES_NAME_MAX_LENGTH, least=1),
        "data": listing(_POINT, most.DATA_VISUALIZATION_DATA_MAX_ITEMS),
    }
)
_AXES = record(
    {
        "type": word("line", "bar", "area"),
        "series": listing(_SERIES, most.DATA_VISUALIZATION_SERIES_MAX_ITEMS),
        "axis_config": anything,
    }
)
_PIE = record({**KIND, "segments": listing(_POINT, most.DATA_VISUALIZATION_SEGMENTS_MAX_ITEMS)})
_CHART = record(
    {
        **KIND,
        "title": string(most.DATA_VISUALIZATION_TITLE_MAX_LENGTH, least=1),
        "chart": typed({"line": _AXES, "bar": _AXES, "area": _AXES, "pie": _PIE}),
    },
    BLOCK_ID,
)

SHAPES: dict[str, Check] = {
    "section": _SECTION,
    "header": record({**KIND, "text": plain(most.HEADER_TEXT_MAX_LENGTH)}, BLOCK_ID),
    "divider": record(KIND, BLOCK_ID),
    "context": record({**KIND, "elements": listing(IN_CONTEXT, most.CONTEXT_ELEMENTS_MAX_ITEMS)}, BLOCK_ID),
    "actions": record({**KIND, "elements": listing(IN_ACTIONS, most.ACTIONS_ELEMENTS_MAX_ITEMS)}, BLOCK_ID),
    "image": _IMAGE,
    "input": _INPUT,
    "markdown": record({**KIND, "text": string(most.MARKDOWN_TOTAL_TEXT_MAX_LENGTH, least=1)}, BLOCK_ID),
    "table": _TABLE,
    "alert": record(
        {**KIND, "text": text(most.ALERT_TEXT_MAX_LENGTH)},
        {**BLOCK_ID, "level": word("default", "info", "warning", "error", "success")},
    ),
    "data_visualization": _CHART,
    "rich_text": record({**KIND, "elements": listing(anything, 1000)}, BLOCK_ID),
}


def problems(blocks: Any, surface: Surface, pointer: str = "/blocks") -> list[str]:
    """Everything Slack would say against these blocks on that surface; an empty list means it takes them."""
    most_blocks = most.MESSAGE_BLOCKS_MAX_ITEMS if surface == "message" else most.VIEW_BLOCKS_MAX_ITEMS
    known = {kind: SHAPES.get(kind, anything) for kind in most.BLOCKS_ON[surface]}
    found = list(listing(typed(known), most_blocks, least=0)(blocks, pointer))
    return found or [*_repeated_ids(blocks, pointer), *_too_much(blocks, pointer)]


def _repeated_ids(blocks: Blocks, pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name in seen:
            yield problem(f"{pointer}/{index}/block_id", f"block_id {name} already exists")
        seen.add(name or "")
        seen.discard("")
        yield from _repeated_actions(block, f"{pointer}/{index}")


def _repeated_actions(block: dict[str, Any], pointer: str) -> Iterator[str]:
    names = [found["action_id"] for found in elements_of(block) if "action_id" in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem(pointer, f"action_id {name} already exists in this block")


def _too_much(blocks: Blocks, pointer: str) -> Iterator[str]:
    if (
        sum(len(block.get("text", "")) for block in blocks if block["type"] == "markdown")
        > most.MARKDOWN_TOTAL_TEXT_MAX_LENGTH
    ):
        yield problem(
            pointer, f"markdown blocks hold more than {most.MARKDOWN_TOTAL_TEXT_MAX_LENGTH} characters together"
        )
    if sum(block["type"] == "data_visualization" for block in blocks) > most.MESSAGE_DATA_VISUALIZATIONS_MAX_ITEMS:
        yield problem(
            pointer, f"no more than {most.MESSAGE_DATA_VISUALIZATIONS_MAX_ITEMS} data_visualization blocks allowed"
        )


_VIEW_COMMON: dict[str, Check] = {
    "private_metadata": string(most.VIEW_PRIVATE_METADATA_MAX_LENGTH),
    "callback_id": string(most.VIEW_CALLBACK_ID_MAX_LENGTH),
    "external_id": string(most.VIEW_EXTERNAL_ID_MAX_LENGTH),
}
_MODAL = record(
    {**KIND, "title": plain(most.VIEW_TITLE_MAX_LENGTH), "blocks": anything},
    {
        **_VIEW_COMMON,
        "submit": plain(most.VIEW_SUBMIT_MAX_LENGTH),
        "close": plain(most.VIEW_CLOSE_MAX_LENGTH),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)
_HOME = record({**KIND, "blocks": anything}, _VIEW_COMMON)


def view_problems(view: Any, surface: Surface) -> list[str]:
    """The same for a modal or a Home tab; a modal with inputs needs a submit button."""
    found = list(typed({"modal": _MODAL} if surface == "modal" else {"home": _HOME})(view, "/view"))
    if found:
        return found
    found = problems(view["blocks"], surface, "/view/blocks")
    if surface == "modal" and "submit" not in view and any(block.get("type") == "input" for block in view["blocks"]):
        found.append(problem("/view", "missing required field: submit, since there are input blocks"))
    if len(json.dumps(view)) > most.VIEW_MAX_BYTES:
        found.append(problem("/view", f"must be less than {most.VIEW_MAX_BYTES} bytes"))
    return found


def elements_of(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The interactive parts of a block, wherever its type keeps them."""
    candidates = [block.get("accessory"), block.get("element")]
    if block.get("type") in {"actions", "context_actions"}:
        candidates += block.get("elements", [])
    yield from (found for found in candidates if isinstance(found, dict) and found.get("type") not in {None, "image"})


def with_ids(blocks: Blocks, fresh: Iterator[str]) -> Blocks:
    """Name what the app left unnamed, as Slack does."""
    named: Blocks = json.loads(json.dumps(blocks))
    for block in named:
        _name(block, "block_id", fresh)
        for element in elements_of(block):
            _name(element, "action_id", fresh)
    return named


def _name(thing: dict[str, Any], key: str, fresh: Iterator[str]) -> None:
    if key not in thing:
        thing[key] = next(fresh)


def files_in(blocks: Blocks) -> Iterator[str]:
    """Ids of the uploaded files that image blocks, accessories and context elements show."""
    for block in blocks:
        for holder in (block, block.get("accessory") or {}, *(block.get("elements") or [])):
            if isinstance(holder, dict) and isinstance(holder.get("slack_file"), dict) and "id" in holder["slack_file"]:
                yield holder["slack_file"]["id"]
