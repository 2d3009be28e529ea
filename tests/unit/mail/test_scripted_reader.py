"""The demo's scripted reader answers the product's own letters with words that they offer."""

from datetime import UTC, datetime

import pytest

from bot.mail.house import House
from bot.mail.samples import Scene, letter, reader
from demo.letters import answer, offered, unanswered

NOW = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)
HOUSE = House("outcomes@example.com", "outcomes@example.com", "s" * 40, "https://outcome.example.com")


def text_of(kind: str) -> str:
    made = letter(kind, HOUSE, Scene(reader(HOUSE, "ana@example.com", NOW), NOW), b"\x89PNG").message
    body = made.get_body(("plain",))
    assert body is not None
    return body.get_content()


@pytest.mark.parametrize(
    ("kind", "said"), [("portfolio", "APPROVE"), ("launch", "APPROVE"), ("analysis", "SHIP"), ("reminder", "APPROVE"), ("change", "APPROVE")]
)  # fmt: skip
def test_what_is_recommended_or_plainly_asked_is_answered(kind: str, said: str) -> None:
    assert answer(text_of(kind)) == said


def test_a_reason_is_given_where_one_is_asked_for() -> None:
    assert answer(text_of("resume")).startswith("RESUME: ")


def test_every_word_offered_can_be_written_as_it_stands() -> None:
    words = offered(text_of("analysis"))
    assert set(words) >= {"SHIP", "SCALE", "RUN", "ITERATE", "KILL", "DELEGATE"}
    assert words["KILL"].startswith("KILL: ")
    assert words["SCALE"] == "SCALE 50%"


@pytest.mark.parametrize(
    "kind", ["receipt", "recorded", "decided", "late", "was-it-you", "digest", "notice", "violated"]
)
def test_a_letter_that_asks_nothing_gets_no_answer(kind: str) -> None:
    assert answer(text_of(kind)) == ""


def test_each_letter_is_answered_once_and_the_oldest_first() -> None:
    letters = [
        {"id": 5, "direction": "in", "message_id": "<c>", "in_reply_to": ""},
        {"id": 3, "direction": "out", "message_id": "<b>", "in_reply_to": "<a>"},
        {"id": 2, "direction": "in", "message_id": "<d>", "in_reply_to": ""},
        {"id": 1, "direction": "in", "message_id": "<a>", "in_reply_to": ""},
    ]
    assert [one["id"] for one in unanswered(letters)] == [2, 5]
