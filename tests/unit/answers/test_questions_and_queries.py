"""Which stored numbers a question asks for: outright by its words, or by what it means."""

import pytest

from runtime.answers.chooser import SYSTEM, Chosen, nearest
from runtime.answers.questions import NAMES, QUERIES, asks, by_words, days_of, ordinal_of, samples, segment_of
from runtime.answers.service import TELLERS

ASKED = {
    "why is treatment worse on iOS?": "segments",
    "show the last 14 days": "looks",
    "what would change your mind?": "turning",
    "how sure are we?": "certainty",
    "when will we know?": "horizon",
    "what did we predict?": "prediction",
    "is the randomisation all right?": "balance",
    "which guardrail is closest?": "guardrails",
    "who decides?": "deciders",
    "what happens if I say nothing?": "silence",
    "What is waiting for me?": "waiting",
    "What did we learn about checkout?": "learned",
    "how far are we from the target?": "target",
    "how is it going?": "standing",
}
PARAPHRASED = {
    "could this just be noise?": {"certainty"},
    "are the results trustworthy?": {"certainty"},
    "plot the trend since last Monday": {"looks"},
    "is android doing any better?": {"segments"},
    "how many more days do we need?": {"horizon"},
    "whose call is this?": {"deciders"},
    "what if I ignore this?": {"silence"},
    "does the assignment look broken?": {"balance"},
    "which metric is about to break its limit?": {"guardrails"},
    "did it turn out as the hypothesis said?": {"prediction"},
    "what evidence would make you advise killing it?": {"turning"},
    "How confident are you?": {"certainty"},
    "is the SRM check green": {"balance"},
    "who has to sign this off?": {"deciders"},
    "what if nobody answers?": {"silence"},
    "break it down by country": {"segments"},
}


@pytest.mark.parametrize("question", ASKED)
def test_the_common_questions_are_understood_by_their_words(question: str) -> None:
    found = by_words(question)
    assert found is not None
    assert found.query == ASKED[question]
    assert asks(question)


@pytest.mark.parametrize("question", PARAPHRASED)
def test_paraphrases_are_understood_without_any_key(question: str) -> None:
    found = by_words(question) or nearest(question)
    assert found is not None, question
    assert found.query in PARAPHRASED[question]


@pytest.mark.parametrize("talk", ["what's for lunch?", "can you deploy the app?", "tell me a joke", "", "🙂"])
def test_what_no_stored_number_answers_is_not_answered(talk: str) -> None:
    assert by_words(talk) is None
    assert nearest(talk) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("show the last 14 days", 14),
        ("the past week", 7),
        ("last two weeks please", 14),
        ("previous 3 months", 90),
        ("over time", 14),
        ("last 99999999999999999999 days", 1),
        ("last 0 days", 1),
        ("last ٣ days", 1),
    ],
)
def test_a_span_of_days_is_read_and_bounded(text: str, days: int) -> None:
    assert days_of(text) == days


def test_a_segment_keeps_the_words_it_was_asked_with() -> None:
    assert segment_of("why is treatment worse on iOS?") == "iOS"
    assert segment_of("why is treatment worse?") == ""


def test_every_query_can_be_told_and_chosen() -> None:
    assert {*TELLERS, "learned"} == set(NAMES)
    for query in QUERIES:
        assert Chosen(query=query.name).query == query.name  # type: ignore[arg-type]
        assert query.samples
        assert f"- {query.name}:" in SYSTEM


def test_a_sample_asks_for_its_own_query_or_for_none_by_words() -> None:
    for name, sample in samples():
        found = by_words(sample)
        assert found is None or found.query == name, (sample, found)


def test_a_very_long_question_is_read_in_its_beginning_only() -> None:
    assert by_words("x " * 100_000 + "who decides?") is None


def test_statements_among_colleagues_are_no_questions() -> None:
    assert not asks("I think we should talk to legal")
    assert not asks("Ana knows when")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("how sure are we about the first one?", 0), ("what did we predict for number 2?", 1), ("is #3 any good?", 2), ("and experiment 2?", 1),
        ("the first 14 days?", None), ("show the first week", None), ("how sure are we?", None), ("at first it looked good", None), ("issue #31", None),
    ],
)  # fmt: skip
def test_a_place_in_the_list_is_understood_where_one_is_meant(text: str, place: int | None) -> None:
    assert ordinal_of(text) == place
