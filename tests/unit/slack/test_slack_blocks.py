"""Gate messages: within Slack's limits whatever they are fed, escaped, and never with a button that no longer works."""

import json
from dataclasses import replace

import pytest
import slackblocks._limits as published
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.slack import kit, modals
from bot.slack.blocks import KINDS, gate_message, reminder
from bot.slack.sandbox.blocks import problems, view_problems
from bot.slack.values import Form, Pressed, Wanted
from bot.slack.view import Picture, Who
from runtime.errors import InvalidRequest
from runtime.gates.choices import CHOICES, offered

from .conftest import ANA, AT, BEN, PACKAGE


def elements(blocks, kind):
    return [
        element
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == kind
    ]


def everything(blocks):
    return json.dumps(blocks, ensure_ascii=False)


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_each_kind_of_gate_offers_its_choices_bound_to_the_evidence_shown(gate, kind):
    view = gate(kind)
    text, blocks = gate_message(view)
    assert problems(blocks, "message") == []
    drawn = [choice for choice in CHOICES[kind] if choice.drawn]
    answers = [button for button in elements(blocks, "button") if button["action_id"].startswith("gate:")]
    beside = [button["action_id"] for button in elements(blocks, "button") if button not in answers]
    edit = ["gate-do:edit"] if kind == "portfolio_review" else []
    assert beside == ["gate-do:terms", *edit, "gate-do:delegate", "gate-do:ask"]
    for button, choice in zip(answers, drawn, strict=True):
        said = Pressed.load(button["value"])
        assert (said.g, said.c, said.e) == (view.id, choice.id, view.evidence[:16])
        assert button["text"]["text"] == choice.label
        assert bool(choice.confirm) == ("confirm" in button)
    assert KINDS[kind] in everything(blocks)
    assert "is asked to decide" in text


def test_who_is_asked_until_when_and_on_what_evidence_stands_there(gate):
    shown = everything(gate_message(gate())[1])
    assert "<@U0ANA>" in shown
    assert f"<!date^{int(AT.timestamp())}^" in shown
    assert "within 24 h" in shown
    assert "evidence `0123456789ab`" in shown
    assert "*simulated data*" in shown
    assert "32.0 % → 45.0 %" in shown


def test_what_others_wrote_is_shown_and_never_obeyed(gate):
    shown = everything([block for block in gate_message(gate())[1] if block["type"] in {"section", "context"}])
    assert "playbook &lt;!channel&gt;" in shown
    assert "<!channel>" not in shown
    assert "People &lt;b&gt;hate&lt;/b&gt; captchas" in shown
    assert "*Fewer fields*" in shown
    assert shown.count("```") == 2
    assert "in place of" not in shown


def test_the_fallback_text_is_escaped_too(gate):
    text, _ = gate_message(gate())
    assert "Checkout &amp; &lt;pay&gt;" in text
    assert "Ana &lt;Diaz&gt; &amp; co" in text


def test_all_experiments_are_ticked_at_first_and_ten_fit_in_an_element(gate):
    [boxes] = elements(gate_message(gate())[1], "checkboxes")
    assert boxes["options"] == boxes["initial_options"]
    many = [PACKAGE["experiments"][0] | {"id": f"{n:036d}"} for n in range(23)]
    _, blocks = gate_message(gate(package=PACKAGE | {"experiments": many}))
    assert problems(blocks, "message") == []
    assert [len(found["options"]) for found in elements(blocks, "checkboxes")] == [10, 10, 3]


def test_the_recommendation_names_the_button_and_is_dropped_once_decided(gate):
    package = PACKAGE | {"recommendation": {"choice": "ship", "why": "the interval lies above zero"}}
    view = gate("analysis_review", package=package)
    assert "*Recommended:* Ship — the interval lies above zero" in everything(gate_message(view)[1])
    decided = replace(view, status="rejected", choice="kill", decided_by=BEN, decided_via="mail", decided_at=AT)
    assert "*Recommended:*" not in everything(gate_message(decided)[1])


@pytest.mark.parametrize(
    ("status", "sign"), [("approved", "✅"), ("approved_with_conditions", "✅"), ("rejected", "⛔")]
)
def test_a_decided_gate_says_who_what_when_and_how_and_has_no_buttons(gate, status, sign):
    view = gate(
        "launch_approval", status=status, choice="approve_capped", decided_by=ANA, decided_via="mail", decided_at=AT, note="Only <b>mobile</b>\nfor now",
        conditions=["at most 20 % of users"],
    )  # fmt: skip
    text, blocks = gate_message(view)
    shown = everything(blocks)
    assert problems(blocks, "message") == []
    assert not elements(blocks, "button") + elements(blocks, "checkboxes") + elements(blocks, "overflow")
    assert f"{sign} *Approve with a cap*: <@U0ANA> decided via e-mail" in shown
    assert "*Condition:* at most 20 % of users" in shown
    assert "> Only &lt;b&gt;mobile&lt;/b&gt;\\n> for now" in shown
    assert "evidence `0123456789ab`" in shown
    assert "decided by Ana" in text


def test_the_chosen_experiments_are_named(gate):
    view = gate(
        status="approved",
        choice="approve",
        decided_by=BEN,
        decided_via="slack",
        decided_at=AT,
        selection=[PACKAGE["experiments"][1]["id"]],
    )
    shown = everything(gate_message(view)[1])
    assert "*Selected:* Experiment 2 &lt;@U1&gt;" in shown
    assert "Ben decided via Slack" in shown


def test_only_a_gate_that_ran_out_of_time_can_be_asked_again(gate):
    ran_out = gate(status="timed_out", decided_at=AT, note="nobody answered in time; nothing was approved")
    [again] = elements(gate_message(ran_out)[1], "button")
    assert (again["action_id"], Wanted.load(again["value"]).g) == ("gate-reopen", ran_out.id)
    withdrawn = replace(ran_out, due_at=AT.replace(hour=20), note="killed by Ana")
    assert elements(gate_message(withdrawn)[1], "button") == []
    assert elements(gate_message(replace(ran_out, note="reopened"))[1], "button") == []


def test_the_picture_is_shown_or_told(gate):
    with_file = gate(picture=Picture("F123", "Effect +1 pp", "▁▂▇"))
    [image] = [block for block in gate_message(with_file)[1] if block["type"] == "image"]
    assert image == {"type": "image", "slack_file": {"id": "F123"}, "alt_text": "Effect +1 pp"}
    told = gate_message(gate(picture=Picture(None, "Effect +1 pp & more", "▁▂▇")))[1]
    assert "`▁▂▇`\\nEffect +1 pp &amp; more" in everything(told)


def test_reminders_call_whoever_is_asked_now(gate):
    assert reminder(gate(), escalated_from=None).startswith("<@U0ANA>, this gate still waits")
    assert "since Ben did not answer" in reminder(gate(), escalated_from=BEN)
    assert "closed without a decision" in reminder(gate(status="timed_out", decided_at=AT), escalated_from=None)


WILD = st.one_of(
    st.text(max_size=40), st.sampled_from(["&" * 3100, "<!channel>" * 310, "`" * 3100, "word " * 900, "\n" * 50])
)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(data=st.data())
def test_whatever_it_is_fed_slack_takes_the_message_and_its_forms(gate, data):
    package = {
        "headline": data.draw(WILD),
        "outcome": {"title": data.draw(WILD), "metric": "m", "unit": "", "from": data.draw(st.sampled_from([None, "x", 1])), "to": 2},
        "facts": data.draw(st.lists(st.tuples(WILD, WILD), max_size=14)),
        "sections": [{"title": title, "text": text, "style": style} for title, text, style in data.draw(st.lists(st.tuples(WILD, WILD, st.sampled_from(["code", ""])), max_size=16))],
        "experiments": [{"id": f"{n:036d}", "title": data.draw(WILD), "expected": data.draw(WILD), "hypothesis": data.draw(WILD), "flag": None} for n in range(data.draw(st.integers(0, 12)))],
        "recommendation": {"choice": "ship", "why": data.draw(WILD)},
        "learnings": [{"finding": data.draw(WILD), "confidence": 0.5}],
        "provenance": {"source": data.draw(WILD), "snapshot_id": data.draw(WILD), "data_through": data.draw(WILD)},
    }  # fmt: skip
    kind = data.draw(st.sampled_from(sorted(CHOICES)))
    options = [option | {"label": data.draw(WILD), "confirm": data.draw(WILD)} for option in offered(kind)]
    view = gate(
        kind,
        package=package,
        options=options,
        picture=Picture(data.draw(st.sampled_from(["F1", None])), data.draw(WILD), data.draw(WILD)),
        asked=Who(data.draw(WILD)),
    )
    for shown in (
        view,
        replace(
            view,
            status="rejected",
            choice="x",
            note=data.draw(WILD),
            decided_by=Who("a"),
            decided_at=AT,
            selection=["a"],
        ),
    ):
        text, blocks = gate_message(shown)
        assert problems(blocks, "message") == []
        assert len(text) <= kit.MESSAGE
    form = Form(g=view.id, c="c", e="e" * 16, s=[view.id] * 20, ch="C" * 12, ts="1" * 17)
    for modal in (
        modals.answer(view, options[0], form, override=data.draw(WILD)),
        modals.delegation(view, form),
        modals.question(view, form),
        modals.details(view),
    ):
        assert view_problems(modal, "modal") == []


def test_our_limits_are_the_published_ones():
    assert kit.SECTION == published.SECTION_TEXT_MAX_LENGTH
    assert kit.FIELD == published.SECTION_FIELDS_ITEM_MAX_LENGTH
    assert kit.FIELDS == published.SECTION_FIELDS_MAX_ITEMS
    assert kit.CONTEXT_ITEMS == published.CONTEXT_ELEMENTS_MAX_ITEMS
    assert kit.BOXES == published.CHECKBOXES_OPTIONS_MAX_ITEMS
    assert kit.BUTTON == published.BUTTON_TEXT_MAX_LENGTH
    assert kit.OPTION == published.OPTION_TEXT_MAX_LENGTH
    assert kit.ALT == published.IMAGE_ALT_TEXT_MAX_LENGTH
    assert kit.TITLE == published.VIEW_TITLE_MAX_LENGTH
    assert kit.MOST_BLOCKS == published.MESSAGE_BLOCKS_MAX_ITEMS
    assert kit.MOST_VIEW_BLOCKS == published.VIEW_BLOCKS_MAX_ITEMS


def test_values_fit_their_elements_and_foreign_ones_are_refused(gate):
    view = gate()
    assert len(Pressed(g=view.id, c="c" * 60, e="e" * 16).dump()) <= published.BUTTON_VALUE_MAX_LENGTH
    assert len(Wanted(g=view.id, do="delegate").dump()) <= published.OPTION_VALUE_MAX_LENGTH
    assert (
        len(Form(g=view.id, c="c" * 60, e="e" * 16, s=[view.id] * 30, ch="C" * 12, ts="1" * 17).dump())
        <= published.VIEW_PRIVATE_METADATA_MAX_LENGTH
    )
    for text in (None, "", "{}", "not json", '{"g": 1}'):
        with pytest.raises(InvalidRequest, match="older version"):
            Pressed.load(text)


def test_forms_ask_for_what_the_choice_needs(gate):
    view = gate("launch_approval")
    options = {option["id"]: option for option in view.options}
    form = Form(g=view.id)

    def asked(choice, override=""):
        blocks = modals.answer(view, options[choice], form, override=override)["blocks"]
        return {block["block_id"]: not block["optional"] for block in blocks if block["type"] == "input"}

    assert modals.needs_form(options["reject"])
    assert not modals.needs_form(options["approve"])
    assert asked("reject") == {"note": True}
    assert asked("approve_capped") == {"percent": True, "note": False}
    assert asked("approve", override="This gate is Ben's.") == {"note": True}
