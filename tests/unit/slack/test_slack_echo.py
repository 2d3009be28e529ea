"""What is answered at the door: changes of messages ask for nothing, and an answer's press goes past the other handlers."""

import pytest

from bot.slack.presses import is_press
from bot.slack.teams import echo


@pytest.mark.parametrize(
    ("event", "nothing"),
    [
        ({"type": "message", "subtype": "message_changed", "message": {"bot_id": "B1"}}, True),
        ({"type": "message", "subtype": "message_deleted"}, True),
        ({"type": "message", "bot_id": "B1", "text": "It is decided."}, True),
        ({"type": "message", "user": "U1", "text": "why?"}, False),
        ({"type": "message", "subtype": "file_share", "user": "U1", "files": [{}]}, False),
        ({"type": "app_home_opened", "user": "U1"}, False),
        ({"type": "app_mention", "user": "U1", "text": "<@U2> why?"}, False),
    ],
)
def test_only_changes_and_the_words_of_bots_ask_for_nothing(event: dict[str, object], *, nothing: bool) -> None:
    assert echo({"type": "event_callback", "event": event}) is nothing


@pytest.mark.parametrize(
    ("body", "press"),
    [
        ({"type": "block_actions", "actions": [{"action_id": "gate:approve"}]}, True),
        ({"type": "block_actions", "actions": [{"action_id": "gate-more"}]}, False),
        ({"type": "block_actions", "actions": []}, False),
        ({"type": "view_submission", "actions": [{"action_id": "gate:approve"}]}, False),
        ({"type": "event_callback", "event": {"type": "message"}}, False),
    ],
)
def test_a_press_is_the_press_of_an_answer(body: dict[str, object], *, press: bool) -> None:
    assert is_press(body) is press
