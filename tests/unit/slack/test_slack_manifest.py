"""The app manifest against Slack's published schema (fields, kinds and lengths), and against what the code asks for and serves."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.slack import app, install
from bot.slack.checkup import SCOPES
from bot.slack.sandbox.config import installed_from

FILE = Path(__file__).parents[3] / "manifest.yaml"
URL, YES, MANY, DEEP = "url", bool, list, dict
KNOWN = {
    "": {"_metadata": DEEP, "display_information": DEEP, "features": DEEP, "oauth_config": DEEP, "settings": DEEP},
    "_metadata": {"major_version": int, "minor_version": int},
    "display_information": {"name": (1, 35), "description": (1, 140), "long_description": (175, 4000), "background_color": (4, 7)},
    "features": {"app_home": DEEP, "bot_user": DEEP, "agent_view": DEEP, "shortcuts": MANY, "slash_commands": MANY},
    "features.app_home": {"home_tab_enabled": YES, "messages_tab_enabled": YES, "messages_tab_read_only_enabled": YES},
    "features.bot_user": {"display_name": (1, 80), "always_online": YES},
    "features.agent_view": {"agent_description": (1, 300), "suggested_prompts": MANY, "actions": MANY},
    "features.agent_view.suggested_prompts": {"title": (1, 75), "message": (1, 3000)},
    "features.shortcuts": {"name": (1, 24), "type": (6, 7), "callback_id": (1, 255), "description": (1, 150)},
    "features.slash_commands": {"command": (2, 32), "url": URL, "description": (1, 2000), "usage_hint": (1, 1000), "should_escape": YES},
    "oauth_config": {"redirect_urls": MANY, "scopes": DEEP, "token_management_enabled": YES},
    "oauth_config.scopes": {"bot": MANY},
    "settings": {
        "event_subscriptions": DEEP, "interactivity": DEEP, "org_deploy_enabled": YES, "socket_mode_enabled": YES, "token_rotation_enabled": YES,
    },
    "settings.event_subscriptions": {"request_url": URL, "bot_events": MANY},
    "settings.interactivity": {"is_enabled": YES, "request_url": URL, "message_menu_options_url": URL},
}  # fmt: skip
"""Slack's schema 2.0.0 closes each of these groups: a field it does not name is refused when the app is created."""
MOST = {"features.shortcuts": 10, "features.slash_commands": 50, "features.agent_view.suggested_prompts": 4, "settings.event_subscriptions.bot_events": 100}  # fmt: skip


@pytest.fixture(scope="module")
def manifest():
    return YAML(typ="safe").load(FILE)


def complaints(found, path=""):
    for name, value in found.items():
        where = f"{path}.{name}".lstrip(".")
        kind = KNOWN[path].get(name)
        if kind is None:
            yield f"{where} is unknown"
        elif kind is URL:
            if not value.startswith("https://"):
                yield f"{where} is no https address"
        elif isinstance(kind, tuple):
            if not kind[0] <= len(value) <= kind[1]:
                yield f"{where} has {len(value)} characters"
        elif not isinstance(value, kind):
            yield f"{where} is a {type(value).__name__}"
        elif kind is DEEP:
            yield from complaints(value, where)
        elif kind is MANY:
            yield from _of_list(value, where)


def _of_list(values, where):
    if len(values) > MOST.get(where, 1000):
        yield f"{where} has {len(values)} entries"
    for one in values:
        if isinstance(one, dict):
            yield from complaints(one, where)


def test_slack_would_create_the_app_from_it(manifest):
    assert list(complaints(manifest)) == []
    assert manifest["_metadata"]["major_version"] == 2
    assert len(set(manifest["oauth_config"]["scopes"]["bot"])) == len(manifest["oauth_config"]["scopes"]["bot"])
    for shortcut in manifest["features"]["shortcuts"]:
        assert set(shortcut) == {"name", "type", "callback_id", "description"}
        assert shortcut["type"] in {"message", "global"}


def test_what_slack_would_refuse_is_found(manifest):
    wrong = {**manifest, "features": {**manifest["features"], "agent_wiew": {}, "bot_user": {"display_name": "x" * 81}}}
    assert list(complaints(wrong)) == [
        "features.bot_user.display_name has 81 characters",
        "features.agent_wiew is unknown",
    ]


def test_it_works_at_once_in_socket_mode(manifest):
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert manifest["settings"]["event_subscriptions"]["bot_events"]
    assert manifest["features"]["app_home"]["messages_tab_enabled"] is True


def test_it_asks_for_the_permissions_the_doctor_checks_and_no_others(manifest):
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)


def test_it_hears_of_what_ends_an_install(manifest):
    assert {"app_uninstalled", "tokens_revoked"} <= set(manifest["settings"]["event_subscriptions"]["bot_events"])


def test_over_http_everything_comes_in_where_the_bot_listens(manifest):
    urls = [
        manifest["features"]["slash_commands"][0]["url"], manifest["settings"]["event_subscriptions"]["request_url"], manifest["settings"]["interactivity"]["request_url"],
    ]  # fmt: skip
    assert {url.removeprefix("https://outcomes.example.com") for url in urls} == {app.PATH}
    [back] = manifest["oauth_config"]["redirect_urls"]
    assert back == f"https://outcomes.example.com{install.REDIRECT}"


def test_the_sandbox_installs_the_same_commands_and_shortcuts():
    commands, shortcuts = installed_from(FILE)
    assert [command.command for command in commands] == ["/outcome"]
    assert {(one.callback_id, one.type, one.name) for one in shortcuts} == {
        ("outcome-from-message", "message", "Make it an outcome"),
        ("hypothesis-from-message", "message", "Make it a hypothesis"),
        ("new-outcome", "global", "New outcome"),
    }
