"""Everything we can send to Slack, held against JSON Schemas made of the types Slack publishes, and against its table of limits."""

import json

import pytest

from bot.slack.samples import samples
from bot.slack.sandbox.blocks import SHAPES, problems, view_problems
from bot.slack.sandbox.elements_schema import INTERACTIVE
from bot.slack.sandbox.limits import BLOCKS_ON, MESSAGE_TEXT_MAX_LENGTH

SAMPLES = {sample.name: sample for sample in samples()}
NAMES = {
    "actions": "ActionsBlock", "alert": "AlertBlock", "context": "ContextBlock", "divider": "DividerBlock", "header": "HeaderBlock",
    "image": "ImageBlock", "input": "InputBlock", "markdown": "MarkdownBlock", "rich_text": "RichTextBlock", "section": "SectionBlock",
    "table": "TableBlock",
}  # fmt: skip
VIEWS = {"modal": "ModalView", "home": "HomeView"}
PUBLISHED_LATER = {"data_visualization"}
"""Blocks that Slack documents but that its package of types doesn't have yet."""


def test_no_two_samples_share_a_name():
    assert len(SAMPLES) == len(samples()) > 60


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_we_send_is_of_slacks_types_and_within_its_limits(name, against):
    sample = SAMPLES[name]
    for block in sample.shown:
        assert against(NAMES[block["type"]], block) == []
        assert against("KnownBlock", block) == []
    if sample.view is not None:
        assert against(VIEWS[sample.surface], sample.view) == []
        assert view_problems(sample.view, sample.surface) == [] or "invalid slack file" in str(sample.view)
    else:
        assert problems(sample.blocks or [], "message") == []
        assert 0 < len(sample.text) <= MESSAGE_TEXT_MAX_LENGTH


def test_the_schemas_refuse_what_slack_refuses(against):
    assert against("SectionBlock", {"type": "section", "text": {"type": "mrkdwn", "txet": "x"}})
    assert against("ActionsBlock", {"type": "actions", "elements": [{"type": "button", "action_id": "a"}]})
    assert against("HeaderBlock", {"type": "header", "text": {"type": "mrkdwn", "text": "x"}})
    assert against("KnownBlock", {"type": "hologram"})
    assert against("ModalView", {"type": "modal", "blocks": []})
    assert against("HomeView", {"type": "home", "blocks": [], "title": {"type": "plain_text", "text": "x"}})


def test_the_sandbox_takes_every_kind_of_element_slack_publishes(slack_types):
    named = {
        json.dumps(found.get("properties", {}).get("type", {}).get("const")).strip('"')
        for found in slack_types.values()
    }
    elements = {
        name
        for name in named
        if name.endswith(("_select", "_input", "picker", "_buttons", "_button"))
        or name in {"button", "overflow", "checkboxes"}
    }
    assert elements - set(INTERACTIVE) == {"feedback_buttons", "icon_button"}, "those two live in context_actions only"


def test_every_block_of_ours_is_a_kind_the_sandbox_looks_into():
    sent = {block["type"] for sample in samples() for block in sample.shown}
    assert sent <= set(SHAPES)
    assert sent <= set(NAMES) | PUBLISHED_LATER


@pytest.mark.parametrize("surface", ["message", "modal", "home"])
def test_each_block_stands_where_slack_lets_it(surface):
    for sample in samples():
        if sample.surface == surface:
            assert {block["type"] for block in sample.shown} <= BLOCKS_ON[surface], sample.name
