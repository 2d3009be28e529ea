"""What a person picked, as Slack reports it; what the form says before it is sent; ids, people and typed text."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bot.slack.sandbox.choices import REQUIRED, complaints, find, selection, state_values
from bot.slack.sandbox.config import Person, SandboxConfig, installed_from, parse_channels, parse_people, secret_in
from bot.slack.sandbox.directory import Directory
from bot.slack.sandbox.ids import next_micros, stable_id, to_ts
from bot.slack.sandbox.payloads import typed
from runtime.errors import InvalidConfiguration, InvalidRequest

OPTIONS = [{"text": {"type": "plain_text", "text": value}, "value": value} for value in ("a", "b")]


def element(kind, **more):
    return {"type": kind, "action_id": "x", **more}


def block(found, **more):
    return {"type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "l"}, "element": found, **more}


@pytest.mark.parametrize(
    ("found", "raw", "reported"),
    [
        (element("static_select", options=OPTIONS), "b", {"selected_option": OPTIONS[1]}),
        (
            element("static_select", option_groups=[{"label": {}, "options": OPTIONS}]),
            "a",
            {"selected_option": OPTIONS[0]},
        ),
        (element("static_select", options=OPTIONS), None, {"selected_option": None}),
        (element("checkboxes", options=OPTIONS), ["b", "a"], {"selected_options": OPTIONS}),
        (element("checkboxes", options=OPTIONS), [], {"selected_options": []}),
        (element("users_select"), "U1", {"selected_user": "U1"}),
        (element("multi_users_select"), ["U1"], {"selected_users": ["U1"]}),
        (element("datepicker"), "2026-11-23", {"selected_date": "2026-11-23"}),
        (element("datetimepicker"), "1700000000", {"selected_date_time": 1_700_000_000}),
        (element("plain_text_input"), "", {"value": None}),
        (
            element("button", value="v", text={"type": "plain_text", "text": "Go"}),
            None,
            {"value": "v", "text": {"type": "plain_text", "text": "Go"}},
        ),
    ],
)
def test_a_choice_is_reported_as_slack_does(found, raw, reported):
    assert selection(found, raw) == reported


def test_an_option_nobody_offered_and_an_element_that_is_gone_are_refused():
    with pytest.raises(InvalidRequest, match="no option 'c'"):
        selection(element("static_select", options=OPTIONS), "c")
    with pytest.raises(InvalidRequest, match="seconds since 1970"):
        selection(element("datetimepicker"), "soon")
    with pytest.raises(InvalidRequest, match="not there any more"):
        find([block(element("datepicker"))], "b", "other")
    with pytest.raises(InvalidRequest, match="does not play"):
        selection(element("rich_text_input"), "x")


def test_untouched_elements_report_what_they_began_with_and_cleared_ones_nothing():
    start = block(element("static_select", options=OPTIONS, initial_option=OPTIONS[0]))
    assert state_values([start], {})["b"]["x"] == {"type": "static_select", "selected_option": OPTIONS[0]}
    assert state_values([start], {"b": {"x": None}})["b"]["x"]["selected_option"] is None
    many = block(element("checkboxes", options=OPTIONS, initial_options=[OPTIONS[1]]))
    assert state_values([many], {})["b"]["x"]["selected_options"] == [OPTIONS[1]]
    assert state_values([{"type": "actions", "block_id": "c", "elements": [element("button")]}], {}) == {}


@pytest.mark.parametrize(
    ("found", "raw", "said"),
    [
        (element("plain_text_input"), None, REQUIRED),
        (element("plain_text_input", max_length=3), "abcd", "Please use 3 characters or fewer."),
        (element("plain_text_input", min_length=3), "ab", "Please use 3 characters or more."),
        (element("email_text_input"), "nobody", "Please enter a valid email address."),
        (element("url_text_input"), "javascript:alert(1)", "Please enter a valid URL."),
        (element("number_input", is_decimal_allowed=False), "1.5", "Please enter a number."),
        (element("number_input", is_decimal_allowed=True, min_value="2"), "1.5", "Please enter a number from 2."),
        (element("number_input", is_decimal_allowed=True, max_value="2"), "2.5", "Please enter a number up to 2."),
        (element("checkboxes", options=OPTIONS), [], REQUIRED),
    ],
)
def test_a_form_says_what_is_wrong_before_it_is_sent(found, raw, said):
    form = [block(found)]
    assert complaints(form, state_values(form, {"b": {"x": raw}})) == {"b": said}


def test_an_optional_empty_field_and_a_good_one_pass():
    for found, raw, optional in (
        (element("plain_text_input"), None, True),
        (element("number_input", is_decimal_allowed=True), "-1.5", False),
    ):
        form = [block(found, optional=optional)]
        assert complaints(form, state_values(form, {"b": {"x": raw}})) == {}


def test_people_are_read_with_their_zone_and_keep_their_id():
    dana, ben = parse_people("Dana Diaz <Dana@shop.test> Europe/Berlin; ben@shop.test")
    assert (dana.name, dana.email, dana.tz, dana.handle) == ("Dana Diaz", "Dana@shop.test", "Europe/Berlin", "dana")
    assert (ben.name, ben.tz) == ("ben", "Etc/UTC")
    assert dana.id == Person(name="Renamed", email="dana@SHOP.test").id
    assert dana.id[0] == "U"
    with pytest.raises(InvalidConfiguration, match="Cannot read"):
        parse_people("Dana")


def test_channels_are_read_with_or_without_their_sign():
    assert parse_channels("#general, !plans,outcome-runtime,") == ("general", "!plans", "outcome-runtime")


def test_a_secret_is_made_once_and_an_empty_one_refused(tmp_path: Path):
    first = secret_in(tmp_path / "made" / "token", "xoxb-").get_secret_value()
    assert first.startswith("xoxb-")
    assert secret_in(tmp_path / "made" / "token").get_secret_value() == first
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(InvalidConfiguration, match="is empty"):
        secret_in(tmp_path / "empty")


def config_of(**more):
    secret = SecretStr("s")
    people = parse_people("Dana Diaz <dana@shop.test>; Dan <dan@shop.test>")
    given = {
        "events_url": "http://127.0.0.1:1/x",
        "signing_secret": secret,
        "bot_token": secret,
        "data": Path("/nowhere"),
        "people": people,
    }
    return SandboxConfig(**{**given, **more})


@pytest.mark.parametrize("url", ["http://bot.example/x", "https://127.0.0.1/x", "http://10.0.0.1/x", "file:///x"])
def test_the_bot_must_be_on_this_machine(url):
    with pytest.raises(ValidationError, match="this machine only"):
        config_of(events_url=url)


def test_typed_text_is_escaped_and_names_become_references():
    config = config_of()
    dana, dan = config.people
    general = stable_id("C", "general")
    bot = config.bot_user_id
    assert typed(Directory(config), "@Dana Diaz @Dan @outcome #general a<b & <!channel>") == (
        f"<@{dana.id}> <@{dan.id}> <@{bot}> <#{general}|general> a&lt;b &amp; &lt;!channel&gt;"
    )
    assert typed(Directory(config), "dan@shop.test @danger #generally") == "dan@shop.test @danger #generally"


def test_timestamps_look_like_slacks_and_never_repeat():
    assert to_ts(1_700_000_000_000_042) == "1700000000.000042"
    assert next_micros(1.0, 5_000_000) == 5_000_001
    assert next_micros(6.0, 5_000_000) == 6_000_000


def test_a_manifest_says_which_commands_and_shortcuts_there_are(tmp_path: Path):
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(
        "display_information: {name: Outcome}\n"
        "features:\n"
        "  slash_commands:\n"
        "    - {command: /outcome, description: Ask, usage_hint: status, should_escape: true}\n"
        "  shortcuts:\n"
        "    - {name: Ask about this, type: message, callback_id: ask, description: Ask}\n"
    )
    [command], [shortcut] = installed_from(manifest)
    assert (command.command, command.usage_hint) == ("/outcome", "status")
    assert (shortcut.type, shortcut.callback_id) == ("message", "ask")
