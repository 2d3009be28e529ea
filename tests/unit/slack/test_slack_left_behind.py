"""What is kept of a request that is not done yet, who may go on with it, and what its author is told otherwise."""

from datetime import timedelta

import pytest

from bot.slack.again import author, words
from bot.slack.inbound import kept, repeatable

BUTTON = {"action_id": "gate:approve", "action_ts": "1.1", "value": "{}", "text": {"type": "plain_text", "text": "Approve <now>"}}  # fmt: skip
PRESS = {
    "type": "block_actions", "user": {"id": "U1"}, "team": {"id": "T1"}, "trigger_id": "t", "response_url": "https://r", "token": "v",
    "actions": [BUTTON], "message": {"blocks": ["a long one"]}, "container": {"message_ts": "1.0", "channel_id": "C1"},
}  # fmt: skip
FORM = {
    "type": "view_submission", "user": {"id": "U1"}, "team": {"id": "T1"}, "trigger_id": "t",
    "view": {"callback_id": "gate-answer", "title": {"text": "Reject"}, "state": {"values": {"note": "my reasons"}}, "private_metadata": "{}"},
}  # fmt: skip
COMMAND = {"command": "/outcome", "text": "pause checkout it is slow", "user_id": "U2", "team_id": "T1", "token": "v"}
WORDS = {"type": "event_callback", "event_id": "Ev1", "event": {"type": "message", "user": "U3", "text": "APPROVE"}}


def pressed(action_id):
    return PRESS | {"actions": [BUTTON | {"action_id": action_id}]}


def form(callback_id):
    return FORM | {"view": FORM["view"] | {"callback_id": callback_id}}


@pytest.mark.parametrize(
    "body", [PRESS, pressed("home-pause"), pressed("gate-reopen"), COMMAND, WORDS, form("gate-ask")]
)
def test_what_was_acknowledged_first_can_be_gone_on_with(body):
    assert repeatable(body)


@pytest.mark.parametrize("body", [
    FORM, form("gate-terms"), form("connect-key"), pressed("connect-key"), pressed("home-search"), pressed("home-new"),
    {"type": "shortcut", "callback_id": "new-outcome"}, {"type": "message_action", "callback_id": "outcome-from-message"},
])  # fmt: skip
def test_what_slack_still_shows_as_not_sent_or_only_opens_a_form_is_told(body):
    assert not repeatable(body)
    assert words(body).endswith("nothing was recorded. Please do it again.")


def test_neither_the_message_nor_what_was_written_into_a_form_is_kept():
    assert "message" not in kept(PRESS)
    assert "token" not in kept(PRESS)
    assert kept(PRESS)["container"] == PRESS["container"]
    assert "my reasons" not in str(kept(FORM))
    assert kept(form("gate-ask"))["view"]["state"] == FORM["view"]["state"]
    assert kept(COMMAND) == {name: value for name, value in COMMAND.items() if name != "token"}


@pytest.mark.parametrize(("body", "who", "what"), [
    (PRESS, "U1", "you pressed “Approve <now>”"), (FORM, "U1", "you sent the form “Reject”"),
    (COMMAND, "U2", "you wrote “/outcome pause checkout it is slow”"), (WORDS, "U3", "you wrote “APPROVE”"),
])  # fmt: skip
def test_its_author_reads_what_it_was(body, who, what):
    assert author(body) == who
    assert what in words(body)
    assert f"{what}, 45 min ago" in words(body, timedelta(minutes=45))
    assert f"{what}, 26 h ago" in words(body, timedelta(hours=26))


def test_where_nobody_waits_for_an_answer_nobody_is_told():
    assert words({"type": "event_callback", "event": {"type": "assistant_thread_started"}}) == ""
    assert author({"type": "event_callback", "event": {"type": "member_joined_channel"}}) == ""
