"""What a status says about being there, and what a gate's message says of somebody who is away."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.slack.presence import Status, away_until, whereabouts
from bot.slack.view import Who

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


@pytest.mark.parametrize(
    ("emoji", "text"),
    [
        (":palm_tree:", ""), (":face_with_thermometer:", ""), ("", "Out of office"), ("", "OOO until Monday"), (":calendar:", "On leave"),
        ("", "on parental leave"), (":palm_tree:", "Vacationing"), ("", "On vacation, ask Ben"),
    ],
)  # fmt: skip
def test_these_mean_away_until_the_status_expires(emoji, text):
    status = Status(status_emoji=emoji, status_text=text, status_expiration=int(LATER.timestamp()))
    assert away_until(status, NOW) == LATER
    assert away_until(status, LATER) is None, "an expired status means nothing"
    assert away_until(status.model_copy(update={"status_expiration": 0}), NOW) == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("emoji", "text"),
    [
        ("", ""), (":house:", "Working from home"), ("", "In a meeting"), ("", "Back from vacation"), (":palm_tree:", "back from leave"),
        ("", "Zoological garden"), ("", "planning my vacation"), ("", "I leave at five"),
    ],
)  # fmt: skip
def test_these_do_not(emoji, text):
    assert away_until(Status(status_emoji=emoji, status_text=text), NOW) is None


GATE = {
    "assigned_to": "ben@example.com", "delegated_to": None, "escalation_chain": ["ana@example.com", "arun@example.com"], "chain_position": 0,
    "status": "pending", "due_at": NOW + timedelta(hours=4),
}  # fmt: skip
PEOPLE = {
    "ben@example.com": Who("ben@example.com", "Ben", "U0BEN"),
    "arun@example.com": Who("arun@example.com", "Arun <b>"),
}


def test_the_message_says_who_is_away_that_the_time_stays_and_who_is_next():
    said = whereabouts(GATE, PEOPLE, {"ben@example.com": LATER, "ana@example.com": LATER})
    assert said is not None
    assert said.startswith("🌴 <@U0BEN> is away, at least until <!date^")
    assert "The time stays" in said
    assert said.endswith("After that Arun &lt;b&gt; is asked.")


def test_nobody_after_them_is_said_as_well():
    said = whereabouts(GATE | {"escalation_chain": []}, PEOPLE, {"ben@example.com": LATER})
    assert said is not None
    assert "Nobody is asked after that: delegate it" in said


def test_a_decided_gate_or_somebody_who_is_there_needs_no_words():
    assert whereabouts(GATE, PEOPLE, {"ana@example.com": LATER}) is None
    assert whereabouts(GATE | {"status": "approved"}, PEOPLE, {"ben@example.com": LATER}) is None
