"""Each limit Slack publishes: the sandbox takes what is just within it and refuses one more."""

from typing import Any

import pytest

from bot.slack.sandbox import limits as most
from bot.slack.sandbox.blocks import problems, view_problems


def plain(length: int) -> dict[str, str]:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> dict[str, str]:
    return {"type": "mrkdwn", "text": "x" * length}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(1), **more}


def acts(**element: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": [element]}


def button(**more: Any) -> dict[str, Any]:
    return acts(**{"type": "button", "text": plain(1), **more})


def options(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": plain(1), "value": str(number), **more} for number in range(count)]


def select(**more: Any) -> dict[str, Any]:
    return acts(**{"type": "static_select", "options": options(1), **more})


def confirm(**more: Any) -> dict[str, Any]:
    return button(confirm={"title": plain(1), "text": mrkdwn(1), "confirm": plain(1), "deny": plain(1), **more})


def field(**more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain(1), "element": {"type": "plain_text_input"}, **more}


def typed(**more: Any) -> dict[str, Any]:
    return field(element={"type": "plain_text_input", **more})


def image(**more: Any) -> dict[str, Any]:
    return {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "x", **more}


def chart(**more: Any) -> dict[str, Any]:
    line = {
        "type": "line",
        "series": [{"name": "a", "data": [{"label": "x", "value": 1}]}],
        "axis_config": {},
        **more.pop("chart", {}),
    }
    return {"type": "data_visualization", "title": "t", "chart": line, **more}


def points(count: int, label: int = 1) -> list[dict[str, Any]]:
    return [{"label": "x" * label, "value": 1}] * count


def group(count: int, label: int = 1) -> list[dict[str, Any]]:
    return [{"label": plain(label), "options": options(count)}]


BLOCKS = {
    "ACTION_ID_MAX_LENGTH": lambda n: button(action_id="x" * n),
    "BLOCK_ID_MAX_LENGTH": lambda n: section(block_id="x" * n),
    "HEADER_TEXT_MAX_LENGTH": lambda n: {"type": "header", "text": plain(n)},
    "SECTION_TEXT_MAX_LENGTH": lambda n: section(text=mrkdwn(n)),
    "SECTION_FIELDS_MAX_ITEMS": lambda n: section(fields=[mrkdwn(1)] * n),
    "SECTION_FIELDS_ITEM_MAX_LENGTH": lambda n: section(fields=[mrkdwn(n)]),
    "CONTEXT_ELEMENTS_MAX_ITEMS": lambda n: {"type": "context", "elements": [mrkdwn(1)] * n},
    "TEXT_MAX_LENGTH": lambda n: {"type": "context", "elements": [mrkdwn(n)]},
    "ACTIONS_ELEMENTS_MAX_ITEMS": lambda n: {"type": "actions", "elements": [{"type": "button", "text": plain(1)}] * n},
    "BUTTON_TEXT_MAX_LENGTH": lambda n: button(text=plain(n)),
    "BUTTON_VALUE_MAX_LENGTH": lambda n: button(value="x" * n),
    "BUTTON_URL_MAX_LENGTH": lambda n: button(url="x" * n),
    "BUTTON_ACCESSIBILITY_LABEL_MAX_LENGTH": lambda n: button(accessibility_label="x" * n),
    "CONFIRMATION_TITLE_MAX_LENGTH": lambda n: confirm(title=plain(n)),
    "CONFIRMATION_TEXT_MAX_LENGTH": lambda n: confirm(text=mrkdwn(n)),
    "CONFIRMATION_CONFIRM_MAX_LENGTH": lambda n: confirm(confirm=plain(n)),
    "CONFIRMATION_DENY_MAX_LENGTH": lambda n: confirm(deny=plain(n)),
    "OPTION_TEXT_MAX_LENGTH": lambda n: select(options=[{"text": plain(n), "value": "x"}]),
    "OPTION_VALUE_MAX_LENGTH": lambda n: select(options=[{"text": plain(1), "value": "x" * n}]),
    "OPTION_DESCRIPTION_MAX_LENGTH": lambda n: select(options=options(1, description=plain(n))),
    "OPTION_URL_MAX_LENGTH": lambda n: acts(type="overflow", options=options(1, url="x" * n)),
    "OPTION_GROUP_LABEL_MAX_LENGTH": lambda n: acts(type="static_select", option_groups=group(1, n)),
    "OPTION_GROUP_OPTIONS_MAX_ITEMS": lambda n: acts(type="static_select", option_groups=group(n)),
    "SELECT_OPTIONS_MAX_ITEMS": lambda n: select(options=options(n)),
    "SELECT_OPTION_GROUPS_MAX_ITEMS": lambda n: acts(type="static_select", option_groups=group(1) * n),
    "SELECT_PLACEHOLDER_MAX_LENGTH": lambda n: select(placeholder=plain(n)),
    "OVERFLOW_OPTIONS_MAX_ITEMS": lambda n: acts(type="overflow", options=options(n)),
    "CHECKBOXES_OPTIONS_MAX_ITEMS": lambda n: acts(type="checkboxes", options=options(n)),
    "RADIO_BUTTONS_OPTIONS_MAX_ITEMS": lambda n: acts(type="radio_buttons", options=options(n)),
    "PLAIN_TEXT_INPUT_MIN_LENGTH_MAX": lambda n: typed(min_length=n),
    "PLAIN_TEXT_INPUT_MAX_LENGTH_MAX": lambda n: typed(max_length=n),
    "INPUT_LABEL_MAX_LENGTH": lambda n: field(label=plain(n)),
    "INPUT_HINT_MAX_LENGTH": lambda n: field(hint=plain(n)),
    "IMAGE_IMAGE_URL_MAX_LENGTH": lambda n: image(image_url="x" * n),
    "IMAGE_ALT_TEXT_MAX_LENGTH": lambda n: image(alt_text="x" * n),
    "IMAGE_TITLE_MAX_LENGTH": lambda n: image(title=plain(n)),
    "MARKDOWN_TOTAL_TEXT_MAX_LENGTH": lambda n: {"type": "markdown", "text": "x" * n},
    "TABLE_ROWS_MAX_ITEMS": lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * n},
    "TABLE_COLUMNS_MAX_ITEMS": lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * n]},
    "TABLE_COLUMN_SETTINGS_MAX_ITEMS": lambda n: {"type": "table", "rows": [[{}]], "column_settings": [{}] * n},
    "DATA_VISUALIZATION_TITLE_MAX_LENGTH": lambda n: chart(title="x" * n),
    "DATA_VISUALIZATION_SERIES_MAX_ITEMS": lambda n: chart(chart={"series": [{"name": "a", "data": points(1)}] * n}),
    "DATA_VISUALIZATION_SEGMENTS_MAX_ITEMS": lambda n: chart() | {"chart": {"type": "pie", "segments": points(n)}},
    "DATA_VISUALIZATION_SERIES_NAME_MAX_LENGTH": lambda n: chart(chart={"series": [{"name": "x" * n, "data": points(1)}]}),
    "DATA_VISUALIZATION_DATA_MAX_ITEMS": lambda n: chart(chart={"series": [{"name": "a", "data": points(n)}]}),
    "DATA_VISUALIZATION_POINT_LABEL_MAX_LENGTH": lambda n: chart(chart={"series": [{"name": "a", "data": points(1, n)}]}),
}  # fmt: skip
VIEWS = {
    "VIEW_TITLE_MAX_LENGTH": lambda n: {"title": plain(n)},
    "VIEW_SUBMIT_MAX_LENGTH": lambda n: {"submit": plain(n)},
    "VIEW_CLOSE_MAX_LENGTH": lambda n: {"close": plain(n)},
    "VIEW_PRIVATE_METADATA_MAX_LENGTH": lambda n: {"private_metadata": "x" * n},
    "VIEW_CALLBACK_ID_MAX_LENGTH": lambda n: {"callback_id": "x" * n},
    "VIEW_EXTERNAL_ID_MAX_LENGTH": lambda n: {"external_id": "x" * n},
    "VIEW_BLOCKS_MAX_ITEMS": lambda n: {"blocks": [section()] * n},
    "ALERT_TEXT_MAX_LENGTH": lambda n: {"blocks": [{"type": "alert", "text": mrkdwn(n)}]},
}
LISTS = {
    "MESSAGE_BLOCKS_MAX_ITEMS": lambda n: [section()] * n,
    "MESSAGE_DATA_VISUALIZATIONS_MAX_ITEMS": lambda n: [chart()] * n,
}
ELSEWHERE = {"TEXT_MIN_LENGTH", "MESSAGE_TEXT_MAX_LENGTH", "VIEW_MAX_BYTES", "VIEW_STACK_MAX"}
"""The least length is tried below; the other three by the sandbox's own tests, over its wire."""


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_a_block_at_the_limit_is_taken_and_one_more_is_not(name):
    limit = getattr(most, name)
    surface = "message"
    assert problems([BLOCKS[name](limit)], surface) == []
    assert problems([BLOCKS[name](limit + 1)], surface)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_form_at_the_limit_is_taken_and_one_more_is_not(name):
    limit = getattr(most, name)
    form = {"type": "modal", "title": plain(1), "blocks": [section()]}
    assert view_problems(form | VIEWS[name](limit), "modal") == []
    assert view_problems(form | VIEWS[name](limit + 1), "modal")


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_message_at_the_limit_is_taken_and_one_more_is_not(name):
    limit = getattr(most, name)
    assert problems(LISTS[name](limit), "message") == []
    assert problems(LISTS[name](limit + 1), "message")


def test_an_empty_text_and_a_view_that_is_too_heavy_are_refused():
    assert problems([section(text=mrkdwn(most.TEXT_MIN_LENGTH - 1))], "message")
    heavy = [section(text=mrkdwn(3000), fields=[mrkdwn(2000)])] * 60
    assert "bytes" in view_problems({"type": "modal", "title": plain(1), "blocks": heavy}, "modal")[0]


def test_no_limit_is_left_untried():
    known = {name for name, value in vars(most).items() if name.isupper() and isinstance(value, int)}
    assert known == set(BLOCKS) | set(VIEWS) | set(LISTS) | ELSEWHERE
