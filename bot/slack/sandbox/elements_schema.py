"""PURE: the shapes of text, options and interactive elements, with Slack's limits."""

from bot.slack.sandbox import limits as most
from bot.slack.sandbox.schema import (
    Check,
    anything,
    at_least_one,
    both,
    exactly_one,
    flag,
    listing,
    number,
    record,
    string,
    typed,
    whole,
    word,
)

KIND: dict[str, Check] = {"type": string(40)}


def text(limit: int, *, least: int = most.TEXT_MIN_LENGTH) -> Check:
    """plain_text or mrkdwn."""
    return typed({"plain_text": _plain(limit, least), "mrkdwn": _mrkdwn(limit, least)})


def plain(limit: int, *, least: int = most.TEXT_MIN_LENGTH) -> Check:
    return typed({"plain_text": _plain(limit, least)})


def _plain(limit: int, least: int) -> Check:
    return record({**KIND, "text": string(limit, least=least)}, {"emoji": flag})


def _mrkdwn(limit: int, least: int) -> Check:
    return record({**KIND, "text": string(limit, least=least)}, {"verbatim": flag})


CONFIRM = record(
    {
        "title": plain(most.CONFIRMATION_TITLE_MAX_LENGTH),
        "text": text(most.CONFIRMATION_TEXT_MAX_LENGTH),
        "confirm": plain(most.CONFIRMATION_CONFIRM_MAX_LENGTH),
        "deny": plain(most.CONFIRMATION_DENY_MAX_LENGTH),
    },
    {"style": word("primary", "danger")},
)


def option(label: Check) -> Check:
    return record(
        {"text": label, "value": string(most.OPTION_VALUE_MAX_LENGTH)},
        {"description": text(most.OPTION_DESCRIPTION_MAX_LENGTH), "url": string(most.OPTION_URL_MAX_LENGTH)},
    )


PLAIN_OPTION = option(plain(most.OPTION_TEXT_MAX_LENGTH))
RICH_OPTION = option(text(most.OPTION_TEXT_MAX_LENGTH))
GROUP = record(
    {
        "label": plain(most.OPTION_GROUP_LABEL_MAX_LENGTH),
        "options": listing(PLAIN_OPTION, most.OPTION_GROUP_OPTIONS_MAX_ITEMS),
    }
)
ACTION: dict[str, Check] = {"action_id": string(most.ACTION_ID_MAX_LENGTH), "confirm": CONFIRM, "focus_on_load": flag}
HINTED: dict[str, Check] = {**ACTION, "placeholder": plain(most.SELECT_PLACEHOLDER_MAX_LENGTH)}
DISPATCH: dict[str, Check] = {
    "dispatch_action_config": record(
        {"trigger_actions_on": listing(word("on_enter_pressed", "on_character_entered"), 2)}
    )
}
CHOICES: dict[str, Check] = {
    "options": listing(PLAIN_OPTION, most.SELECT_OPTIONS_MAX_ITEMS),
    "option_groups": listing(GROUP, most.SELECT_OPTION_GROUPS_MAX_ITEMS),
}
ONE_SOURCE = exactly_one("options", "option_groups")
IDS = listing(string(40), 100, least=0)
MANY: dict[str, Check] = {**HINTED, "max_selected_items": whole(1, 100)}
CONVERSATIONS: dict[str, Check] = {"default_to_current_conversation": flag, "filter": anything}

BUTTON = record(
    {**KIND, "text": plain(most.BUTTON_TEXT_MAX_LENGTH)},
    {
        "action_id": ACTION["action_id"],
        "confirm": CONFIRM,
        "value": string(most.BUTTON_VALUE_MAX_LENGTH),
        "url": string(most.BUTTON_URL_MAX_LENGTH),
        "style": word("primary", "danger"),
        "accessibility_label": string(most.BUTTON_ACCESSIBILITY_LABEL_MAX_LENGTH),
    },
)
IMAGE_ELEMENT = both(
    record(
        {**KIND, "alt_text": string(most.IMAGE_ALT_TEXT_MAX_LENGTH)},
        {"image_url": string(most.IMAGE_IMAGE_URL_MAX_LENGTH), "slack_file": anything},
    ),
    exactly_one("image_url", "slack_file"),
)
SLACK_FILE = both(record({}, {"id": string(40), "url": string(3000)}), exactly_one("id", "url"))


def _picker(initial: str, each: Check) -> Check:
    return record(KIND, {**HINTED, initial: each})


def _typed_in(**extra: Check) -> Check:
    return record(KIND, {**HINTED, **DISPATCH, "initial_value": string(3000), **extra})


INTERACTIVE: dict[str, Check] = {
    "button": BUTTON,
    "overflow": record({**KIND, "options": listing(RICH_OPTION, most.OVERFLOW_OPTIONS_MAX_ITEMS)}, ACTION),
    "static_select": both(record(KIND, {**HINTED, **CHOICES, "initial_option": PLAIN_OPTION}), ONE_SOURCE),
    "multi_static_select": both(
        record(KIND, {**MANY, **CHOICES, "initial_options": listing(PLAIN_OPTION, 100)}), ONE_SOURCE
    ),
    "external_select": record(KIND, {**HINTED, "initial_option": PLAIN_OPTION, "min_query_length": number}),
    "multi_external_select": record(
        KIND, {**MANY, "initial_options": listing(PLAIN_OPTION, 100), "min_query_length": number}
    ),
    "users_select": record(KIND, {**HINTED, "initial_user": string(40)}),
    "multi_users_select": record(KIND, {**MANY, "initial_users": IDS}),
    "channels_select": record(KIND, {**HINTED, "initial_channel": string(40), "response_url_enabled": flag}),
    "multi_channels_select": record(KIND, {**MANY, "initial_channels": IDS}),
    "conversations_select": record(
        KIND, {**HINTED, **CONVERSATIONS, "initial_conversation": string(40), "response_url_enabled": flag}
    ),
    "multi_conversations_select": record(KIND, {**MANY, **CONVERSATIONS, "initial_conversations": IDS}),
    "checkboxes": record(
        {**KIND, "options": listing(RICH_OPTION, most.CHECKBOXES_OPTIONS_MAX_ITEMS)},
        {**ACTION, "initial_options": listing(RICH_OPTION, most.CHECKBOXES_OPTIONS_MAX_ITEMS)},
    ),
    "radio_buttons": record(
        {**KIND, "options": listing(RICH_OPTION, most.RADIO_BUTTONS_OPTIONS_MAX_ITEMS)},
        {**ACTION, "initial_option": RICH_OPTION},
    ),
    "datepicker": _picker("initial_date", string(10)),
    "timepicker": record(KIND, {**HINTED, "initial_time": string(5), "timezone": string(60)}),
    "datetimepicker": record(KIND, {**ACTION, "initial_date_time": number}),
    "plain_text_input": _typed_in(
        multiline=flag,
        min_length=whole(0, most.PLAIN_TEXT_INPUT_MIN_LENGTH_MAX),
        max_length=whole(1, most.PLAIN_TEXT_INPUT_MAX_LENGTH_MAX),
    ),
    "email_text_input": _typed_in(),
    "url_text_input": _typed_in(),
    "number_input": record(
        {**KIND, "is_decimal_allowed": flag},
        {**HINTED, **DISPATCH, "initial_value": string(40), "min_value": string(40), "max_value": string(40)},
    ),
    "file_input": record(
        KIND, {"action_id": ACTION["action_id"], "filetypes": listing(string(20), 100), "max_files": whole(1, 10)}
    ),
    "rich_text_input": record(KIND, {**HINTED, **DISPATCH, "initial_value": anything}),
    "workflow_button": anything,
}
ONLY_IN_INPUTS = {
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
    "file_input",
}
NOT_IN_INPUTS = {"button", "overflow", "workflow_button"}

IN_ACTIONS = typed({kind: check for kind, check in INTERACTIVE.items() if kind not in ONLY_IN_INPUTS})
AS_ACCESSORY = typed(
    {**{kind: check for kind, check in INTERACTIVE.items() if kind not in ONLY_IN_INPUTS}, "image": IMAGE_ELEMENT}
)
IN_INPUT = typed({kind: check for kind, check in INTERACTIVE.items() if kind not in NOT_IN_INPUTS})
IN_CONTEXT = typed({"image": IMAGE_ELEMENT, "plain_text": text(3000), "mrkdwn": text(3000)})
TEXT_OR_FIELDS = at_least_one("text", "fields")
