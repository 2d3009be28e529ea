"""What the sandbox takes and refuses of Block Kit, held against slackblocks' limits and Slack's own SDK models."""

import json

import pytest
from slack_sdk.models import blocks as sdk
from slackblocks import _limits, _surfaces

from bot.slack.sandbox import limits
from bot.slack.sandbox.blocks import files_in, problems, view_problems, with_ids
from bot.slack.sandbox.elements_schema import INTERACTIVE
from bot.slack.sandbox.limits import BLOCKS_ON

OURS_ALONE = {"MESSAGE_TEXT_MAX_LENGTH", "VIEW_MAX_BYTES", "VIEW_STACK_MAX"}


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(**more):
    return {"type": "section", "text": mrkdwn("x"), **more}


def button(**more):
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def options(count):
    return [{"text": plain(str(number)), "value": str(number)} for number in range(count)]


def field(element, **more):
    return {"type": "input", "label": plain("Why"), "element": element, **more}


TEXT_INPUT = {"type": "plain_text_input", "action_id": "t"}


def modal(*blocks, **more):
    return {"type": "modal", "title": plain("Note"), "submit": plain("Save"), "blocks": list(blocks), **more}


def test_every_limit_is_the_one_slackblocks_knows():
    ours = {name: value for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)}
    assert {name: value for name, value in ours.items() if name not in OURS_ALONE} == {
        name: getattr(_limits, name) for name in ours if name not in OURS_ALONE
    }
    assert len(ours) > 50


def test_every_surface_takes_the_blocks_slackblocks_knows():
    assert dict(_surfaces._BLOCK_TYPES_BY_SURFACE) == BLOCKS_ON


REFUSED = [
    (section(text=mrkdwn("x" * 3001)), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(text=mrkdwn("")), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ({"type": "section"}, "must provide one of: text, fields"),
    (section(fields=[mrkdwn("x")] * 11), "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (section(fields=[mrkdwn("x" * 2001)]), "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"),
    (section(colour="red"), "invalid additional property: colour"),
    (section(accessory=TEXT_INPUT), "unsupported type: plain_text_input"),
    ({"type": "header", "text": mrkdwn("x")}, "unsupported type: mrkdwn"),
    ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters"),
    ({"type": "context", "elements": [mrkdwn("x")] * 11}, "no more than 10 items allowed"),
    (actions(*[button(action_id=str(number)) for number in range(26)]), "no more than 25 items allowed"),
    (actions(), "no fewer than 1 items allowed"),
    (actions(button(text=plain("x" * 76))), "must be less than 76 characters"),
    (actions(button(value="x" * 2001)), "must be less than 2001 characters"),
    (actions(button(style="green")), "must be one of: primary, danger"),
    (actions({"type": "button", "action_id": "go"}), "missing required field: text"),
    (actions(button(), button()), "action_id go already exists in this block"),
    (
        actions(
            button(confirm={"title": plain("x"), "text": mrkdwn("x" * 301), "confirm": plain("y"), "deny": plain("n")})
        ),
        "must be less than 301",
    ),
    (actions({"type": "overflow", "options": options(6)}), "no more than 5 items allowed"),
    (actions({"type": "checkboxes", "options": options(11)}), "no more than 10 items allowed"),
    (actions({"type": "static_select", "options": options(101)}), "no more than 100 items allowed"),
    (actions({"type": "static_select"}), "must provide exactly one of: options, option_groups"),
    (
        actions({"type": "static_select", "options": [{"text": plain("x"), "value": "v" * 151}]}),
        "must be less than 151 characters",
    ),
    ({"type": "image", "alt_text": "x"}, "must provide exactly one of: image_url, slack_file"),
    ({"type": "image", "image_url": "https://example.test/a.png"}, "missing required field: alt_text"),
    ({"type": "markdown", "text": "x" * 12_001}, "must be less than 12001 characters"),
    (field(button()), "unsupported type: button"),
    ({"type": "hologram"}, "unsupported type: hologram"),
    ({"text": "x"}, "missing required field: type"),
    ("x", "missing required field: type"),
    (field({**TEXT_INPUT, "max_length": 3001}), "must be a whole number from 1 to 3000"),
    (field(TEXT_INPUT, optional="yes"), "must provide a boolean"),
    ({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}, "no more than 20 items allowed"),
    (
        {
            "type": "data_visualization",
            "title": "t" * 51,
            "chart": {"type": "pie", "segments": [{"label": "a", "value": 1}]},
        },
        "must be less than 51 characters",
    ),
]


@pytest.mark.parametrize(("block", "said"), REFUSED, ids=[said[:50] for _, said in REFUSED])
def test_what_slack_refuses_is_named_with_its_place(block, said):
    found = problems([block], "message")
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("[ERROR] ") and "[json-pointer:/blocks" in problem for problem in found)


def test_too_many_blocks_and_repeated_ids_are_refused():
    assert "no more than 50 items allowed" in problems([section()] * 51, "message")[0]
    assert problems([section()] * 51, "home") == []
    assert "block_id b already exists" in problems([section(block_id="b"), section(block_id="b")], "message")[0]
    assert "together" in problems([{"type": "markdown", "text": "x" * 7000}] * 2, "message")[0]
    assert problems({"type": "section"}, "message") == ["[ERROR] must provide an array [json-pointer:/blocks]"]


def test_a_modal_needs_a_title_that_fits_and_a_submit_button_for_its_inputs():
    assert view_problems(modal(field(TEXT_INPUT)), "modal") == []
    no_submit = {key: value for key, value in modal(field(TEXT_INPUT)).items() if key != "submit"}
    assert "missing required field: submit" in view_problems(no_submit, "modal")[0]
    assert "must be less than 25 characters" in view_problems(modal(title=plain("x" * 25)), "modal")[0]
    assert "must be less than 3001 characters" in view_problems(modal(private_metadata="x" * 3001), "modal")[0]
    assert "unsupported type: markdown" in view_problems(modal({"type": "markdown", "text": "x"}), "modal")[0]
    assert "unsupported type: modal" in view_problems(modal(), "home")[0]
    assert (
        "invalid additional property: submit"
        in view_problems({"type": "home", "blocks": [], "submit": plain("x")}, "home")[0]
    )


SDK_BLOCKS = [
    sdk.SectionBlock(
        text="hello", fields=["a", "b"], accessory=sdk.ImageElement(image_url="https://x.test/a.png", alt_text="a")
    ),
    sdk.HeaderBlock(text="Launch gate"),
    sdk.DividerBlock(),
    sdk.ContextBlock(
        elements=[sdk.MarkdownTextObject(text="*x*"), sdk.ImageElement(image_url="https://x.test/a.png", alt_text="a")]
    ),
    sdk.ImageBlock(slack_file={"id": "F1"}, alt_text="chart", title="Chart"),
    sdk.MarkdownBlock(text="# x"),
    sdk.ActionsBlock(
        elements=[
            sdk.ButtonElement(
                text="Go",
                action_id="a",
                value="v",
                style="primary",
                confirm=sdk.ConfirmObject(title="t", text="x", confirm="y", deny="n"),
            ),
            sdk.StaticSelectElement(placeholder="p", action_id="b", options=[sdk.Option(value="1", label="one")]),
            sdk.OverflowMenuElement(
                action_id="c", options=[sdk.Option(value="1", label="one"), sdk.Option(value="2", label="two")]
            ),
            sdk.CheckboxesElement(action_id="d", options=[sdk.Option(value="1", label="one", description="more")]),
            sdk.RadioButtonsElement(action_id="e", options=[sdk.Option(value="1", label="one")]),
            sdk.DatePickerElement(action_id="f", initial_date="2026-11-23"),
            sdk.TimePickerElement(action_id="g"),
            sdk.DateTimePickerElement(action_id="h", initial_date_time=1_700_000_000),
            sdk.UserSelectElement(action_id="i", placeholder="p"),
            sdk.ConversationSelectElement(action_id="j", placeholder="p", default_to_current_conversation=True),
            sdk.ChannelMultiSelectElement(action_id="k", placeholder="p", max_selected_items=3),
            sdk.UserMultiSelectElement(action_id="l", placeholder="p"),
        ]
    ),
    sdk.InputBlock(
        label="Why",
        element=sdk.PlainTextInputElement(action_id="a", multiline=True, max_length=200),
        hint="h",
        optional=True,
    ),
    sdk.InputBlock(label="n", element=sdk.NumberInputElement(action_id="a", is_decimal_allowed=False, min_value="1")),
    sdk.InputBlock(label="e", element=sdk.EmailInputElement(action_id="a")),
    sdk.InputBlock(label="u", element=sdk.UrlInputElement(action_id="a")),
]


@pytest.mark.parametrize("block", SDK_BLOCKS, ids=lambda block: block.type)
def test_what_slacks_own_models_build_is_taken(block):
    assert problems([block.to_dict()], "message") == []


def test_the_sdk_models_exercise_nearly_every_element_we_know():
    built = json.dumps([block.to_dict() for block in SDK_BLOCKS])
    untried = {kind for kind in INTERACTIVE if f'"{kind}"' not in built}
    assert untried == {
        "multi_static_select", "external_select", "channels_select", "multi_conversations_select", "rich_text_input", "workflow_button",
        "multi_external_select", "file_input",
    }  # fmt: skip


def test_unnamed_blocks_and_actions_get_names_and_the_apps_object_stays_as_it_was():
    given = [section(accessory=button()), actions({"type": "button", "text": plain("x")})]
    before = json.dumps(given)
    named = with_ids(given, iter(["b1", "b2", "a1"]))
    assert [block["block_id"] for block in named] == ["b1", "b2"]
    assert named[1]["elements"][0]["action_id"] == "a1"
    assert json.dumps(given) == before


def test_pictures_are_found_wherever_a_block_keeps_them():
    image = {"type": "image", "slack_file": {"id": "F2"}, "alt_text": "x"}
    blocks = [
        {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "x"},
        section(accessory=image),
        {"type": "context", "elements": [image]},
    ]
    assert list(files_in(blocks)) == ["F1", "F2", "F2"]
