"""The app manifest against Slack's documented limits, and against what the code asks for."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.slack import app
from bot.slack.checkup import SCOPES
from bot.slack.sandbox.config import installed_from

FILE = Path(__file__).parents[3] / "manifest.yaml"


@pytest.fixture(scope="module")
def manifest():
    return YAML(typ="safe").load(FILE)


def test_texts_keep_to_the_lengths_slack_documents(manifest):
    shown = manifest["display_information"]
    assert manifest["_metadata"]["major_version"] == 2
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
    for command in manifest["features"]["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000


def test_it_asks_for_the_permissions_the_doctor_checks_and_no_others(manifest):
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)


def test_everything_comes_in_at_the_one_address_the_bot_serves(manifest):
    urls = [
        manifest["features"]["slash_commands"][0]["url"], manifest["settings"]["event_subscriptions"]["request_url"], manifest["settings"]["interactivity"]["request_url"],
    ]  # fmt: skip
    assert {url.removeprefix("https://outcomes.example.com") for url in urls} == {app.PATH}
    assert not manifest["settings"]["socket_mode_enabled"]


def test_the_sandbox_installs_the_same_commands():
    commands, shortcuts = installed_from(FILE)
    assert [command.command for command in commands] == ["/outcome"]
    assert shortcuts == ()
