"""What `outcome-runtime doctor` says about the ways Slack can come in."""

import pytest

from bot.cli.doctor import _slack
from bot.slack.wire import bare_client, base_url
from runtime.settings import Settings


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        ({}, "--", "sandbox workspace"),
        ({"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}, "ok", "bot token, Socket Mode"),
        ({"slack_bot_token": "xoxb-1", "slack_signing_secret": "s"}, "ok", "bot token, HTTP with the signing secret"),
        (
            {"slack_client_id": "1.2", "slack_client_secret": "s", "slack_app_token": "xapp-1"},
            "ok",
            "installed by OAuth",
        ),
        (
            {"slack_bot_token": "xoxb-1"},
            "!!",
            "neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set",
        ),
        ({"slack_app_token": "xapp-1"}, "!!", "SLACK_APP_TOKEN is set, SLACK_BOT_TOKEN is not"),
        ({"slack_bot_token": "xoxb-1", "slack_app_token": "xoxb-1"}, "!!", "no app-level token"),
        ({"slack_client_id": "1.2", "slack_signing_secret": "s"}, "!!", "go together"),
    ],
)
def test_it_names_the_way_or_the_first_thing_that_is_missing(given, state, words, monkeypatch):
    for name in ("BOT_TOKEN", "SIGNING_SECRET", "APP_TOKEN", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"SLACK_{name}", raising=False)
    found = _slack(Settings(_env_file=None, **given))
    assert found.state == state
    assert words in found.detail


def test_the_address_of_slack_may_be_given_with_or_without_its_last_stroke(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    for given in ("http://127.0.0.1:9/api", "http://127.0.0.1:9/api/"):
        settings = Settings(_env_file=None, slack_base_url=given)
        assert base_url(settings) == "http://127.0.0.1:9/api/"
        assert bare_client(settings).proxy is None
    assert Settings(_env_file=None).slack_base_url == "https://slack.com/api/"
