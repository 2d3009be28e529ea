"""Fields of longer forms as plain dicts: choices in groups, single lines, people, channels, a file. PURE."""

from collections.abc import Mapping, Sequence

from bot.slack import graphemes, kit, words
from bot.slack.kit import Block

_OPTION_VALUE = 150
_MOST = 100
_LONGEST = 3000


def field(
    name: str, title: str, element: Block, *, hint: str = "", required: bool = False, tells: bool = False
) -> Block:
    """`tells`: the app hears of each change (of texts when Enter is pressed), not only of the whole form."""
    made: Block = {
        "type": "input", "block_id": name, "label": kit.label(title, 200), "element": element, "optional": not required,
        **({"hint": kit.label(hint, 300)} if hint else {}), **({"dispatch_action": True} if tells else {}),
    }  # fmt: skip
    return made


def line(action: str, *, initial: str = "", example: str = "", many: bool = False, longest: int = 200) -> Block:
    made: Block = {
        "type": "plain_text_input",
        "action_id": action,
        "multiline": many,
        "max_length": min(longest, _LONGEST),
    }
    if initial:
        made["initial_value"] = graphemes.cut(words.clean(initial), longest)
    return made | ({"placeholder": kit.label(example, 150)} if example else {})


def option(text: str, value: str) -> Block:
    return {"text": kit.label(text, kit.OPTION), "value": value}


def choice(action: str, options: Mapping[str, str], *, initial: str | None = None) -> Block:
    """`options` maps values to what is shown."""
    shown = [option(text, value) for value, text in options.items()]
    return _with_initial({"type": "static_select", "action_id": action, "options": shown}, shown, initial)


def grouped(action: str, groups: Mapping[str, Sequence[tuple[str, str]]], *, initial: str | None = None) -> Block:
    """Groups of (value, text), at most a hundred of each; `initial` must be one of the values, or counts for nothing."""
    made = [
        {
            "label": kit.label(name, 75),
            "options": [option(text, value) for value, text in pairs[:_MOST] if len(value) <= _OPTION_VALUE],
        }
        for name, pairs in list(groups.items())[:_MOST]
    ]
    filled = [group for group in made if group["options"]]
    everything = [each for group in filled for each in group["options"]]
    element = {"type": "static_select", "action_id": action, "option_groups": filled}
    return _with_initial(element, everything, initial)


def _with_initial(element: Block, options: Sequence[object], initial: str | None) -> Block:
    found = next((each for each in options if isinstance(each, dict) and each["value"] == initial), None)
    return element | ({"initial_option": found} if found else {})


def ticks(action: str, options: Mapping[str, str], *, ticked: bool) -> Block:
    shown = [option(text, value) for value, text in options.items()]
    return {
        "type": "checkboxes",
        "action_id": action,
        "options": shown,
        **({"initial_options": shown} if ticked else {}),
    }


def somebody(action: str, *, initial: str | None = None) -> Block:
    return {"type": "users_select", "action_id": action, **({"initial_user": initial} if initial else {})}


def people(action: str, *, initial: Sequence[str] = (), most: int = 10) -> Block:
    return {
        "type": "multi_users_select",
        "action_id": action,
        "max_selected_items": most,
        **({"initial_users": list(initial)} if initial else {}),
    }


def channel(action: str, *, initial: str | None = None) -> Block:
    return {"type": "channels_select", "action_id": action, **({"initial_channel": initial} if initial else {})}
