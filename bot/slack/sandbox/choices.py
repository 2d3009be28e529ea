"""PURE: what a person picked in an element, in the shape Slack reports it, and what the form says against it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.slack.sandbox.blocks import Blocks, elements_of
from runtime.errors import InvalidRequest

Element = dict[str, Any]
Raw = str | list[str] | None
Given = Mapping[str, Mapping[str, Raw]]

STATELESS = {"button", "overflow", "workflow_button"}
REQUIRED = "Please complete this required field."


def find(blocks: Blocks, block_id: str, action_id: str) -> Element:
    """The element a person touched; raises InvalidRequest when it is not (or no longer) there."""
    for block in blocks:
        if block.get("block_id") == block_id:
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return element
    raise InvalidRequest(
        "This element is not there any more; look at the message again.", block_id=block_id, action_id=action_id
    )


def options_of(element: Element) -> list[dict[str, Any]]:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def _option(element: Element, value: str) -> dict[str, Any]:
    for option in options_of(element):
        if option["value"] == value:
            return option
    raise InvalidRequest(f"There is no option {value!r} here.", action_id=element.get("action_id"))


def _one(raw: Raw) -> str | None:
    return (raw[0] if raw else None) if isinstance(raw, list) else (raw or None)


def _many(raw: Raw) -> list[str]:
    return raw if isinstance(raw, list) else ([raw] if raw else [])


def _one_option(element: Element, raw: Raw) -> dict[str, Any]:
    picked = _one(raw)
    return {"selected_option": _option(element, picked) if picked else None}


def _many_options(element: Element, raw: Raw) -> dict[str, Any]:
    picked = set(_many(raw))
    for value in picked:
        _option(element, value)
    return {"selected_options": [option for option in options_of(element) if option["value"] in picked]}


def _as(key: str) -> Callable[[Element, Raw], dict[str, Any]]:
    return lambda _element, raw: {key: _one(raw)}


def _as_list(key: str) -> Callable[[Element, Raw], dict[str, Any]]:
    return lambda _element, raw: {key: _many(raw)}


def _moment(_element: Element, raw: Raw) -> dict[str, Any]:
    picked = _one(raw)
    if picked and not picked.isdigit():
        raise InvalidRequest("A moment is sent as seconds since 1970.")
    return {"selected_date_time": int(picked) if picked else None}


def _files(_element: Element, raw: Raw) -> dict[str, Any]:
    return {"files": [{"id": file} for file in _many(raw)]}


def _button(element: Element, _raw: Raw) -> dict[str, Any]:
    return {key: element[key] for key in ("text", "value", "url", "style") if key in element}


SELECTIONS: dict[str, Callable[[Element, Raw], dict[str, Any]]] = {
    "button": _button,
    "overflow": _one_option,
    "static_select": _one_option,
    "radio_buttons": _one_option,
    "multi_static_select": _many_options,
    "checkboxes": _many_options,
    "users_select": _as("selected_user"),
    "multi_users_select": _as_list("selected_users"),
    "conversations_select": _as("selected_conversation"),
    "multi_conversations_select": _as_list("selected_conversations"),
    "channels_select": _as("selected_channel"),
    "multi_channels_select": _as_list("selected_channels"),
    "datepicker": _as("selected_date"),
    "timepicker": _as("selected_time"),
    "datetimepicker": _moment,
    "plain_text_input": _as("value"),
    "email_text_input": _as("value"),
    "url_text_input": _as("value"),
    "number_input": _as("value"),
    "file_input": _files,
}


def selection(element: Element, raw: Raw) -> dict[str, Any]:
    """The picked part of an action or a state value, e.g. `{"selected_option": {...}}`."""
    if element["type"] not in SELECTIONS:
        raise InvalidRequest(f"The sandbox does not play {element['type']} elements.")
    return SELECTIONS[element["type"]](element, raw)


def initial(element: Element) -> Raw:
    """What an untouched element holds."""
    if "initial_option" in element:
        return str(element["initial_option"]["value"])
    if "initial_options" in element:
        return [option["value"] for option in element["initial_options"]]
    found = next((value for key, value in element.items() if key.startswith("initial_")), None)
    return found if found is None or isinstance(found, list) else str(found)


def state_values(blocks: Blocks, given: Given) -> dict[str, dict[str, Any]]:
    """`state.values`: every element that holds something, as the person left it, else as it began."""
    values: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in SELECTIONS and element["type"] not in STATELESS:
                values.setdefault(block["block_id"], {})[element["action_id"]] = _held(
                    block["block_id"], element, given
                )
    return values


def _held(block_id: str, element: Element, given: Given) -> dict[str, Any]:
    touched = given.get(block_id, {})
    raw = touched[element["action_id"]] if element["action_id"] in touched else initial(element)
    return {"type": element["type"], **selection(element, raw)}


def complaints(blocks: Blocks, values: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What Slack's client says under a field before it sends the form, by block_id."""
    return dict(_complaints(blocks, values))


def _complaints(blocks: Blocks, values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        if block.get("type") != "input":
            continue
        element = block["element"]
        held = values[block["block_id"]][element["action_id"]]
        content = next((value for key, value in held.items() if key != "type"), None)
        if content in (None, [], ""):
            if not block.get("optional"):
                yield block["block_id"], REQUIRED
        elif isinstance(content, str):
            yield from ((block["block_id"], said) for said in _about_text(element, content))


def _about_text(element: Element, content: str) -> Iterator[str]:
    if len(content) > element.get("max_length", 3000):
        yield f"Please use {element.get('max_length', 3000)} characters or fewer."
    if len(content) < element.get("min_length", 0):
        yield f"Please use {element['min_length']} characters or more."
    if element["type"] == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+", content):
        yield "Please enter a valid email address."
    if element["type"] == "url_text_input" and not re.match(r"https?://\S+$", content):
        yield "Please enter a valid URL."
    if element["type"] == "number_input":
        yield from _about_number(element, content)


def _about_number(element: Element, content: str) -> Iterator[str]:
    if not re.fullmatch(r"-?\d+" + (r"(\.\d+)?" if element["is_decimal_allowed"] else ""), content):
        yield "Please enter a number."
    elif "min_value" in element and float(content) < float(element["min_value"]):
        yield f"Please enter a number from {element['min_value']}."
    elif "max_value" in element and float(content) > float(element["max_value"]):
        yield f"Please enter a number up to {element['max_value']}."
