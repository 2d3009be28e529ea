"""Words to an answer: only the documented forms decide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.gates.choices import CHOICES, offered
from runtime.gates.language import FORMS, Answer, HandOver, Unclear, read, understood

PORTFOLIO, LAUNCH, ANALYSIS = (offered(kind) for kind in ("portfolio_review", "launch_approval", "analysis_review"))


@pytest.mark.parametrize(
    ("words", "options", "answer"),
    [
        ("APPROVE", PORTFOLIO, Answer("approve")),
        ("approve.", PORTFOLIO, Answer("approve")),
        ("*Approve!*", LAUNCH, Answer("approve")),
        ("\n\n  Approve \nOnly for this quarter\n", PORTFOLIO, Answer("approve", "Only for this quarter")),
        ("REJECT the copy misleads", PORTFOLIO, Answer("reject", "the copy misleads")),
        ("reject: the copy misleads.", LAUNCH, Answer("reject", "the copy misleads")),
        ("Reject\nBecause of the law", LAUNCH, Answer("reject", "Because of the law")),
        ("send  back needs a test", LAUNCH, Answer("rework", "needs a test")),
        ("REWORK: needs a test", LAUNCH, Answer("rework", "needs a test")),
        ("CAP 20%", LAUNCH, Answer("approve_capped", "", 20)),
        ("cap at 5 percent\nuntil Monday", LAUNCH, Answer("approve_capped", "until Monday", 5)),
        ("SHIP", ANALYSIS, Answer("ship")),
        ("scale to 60 %", ANALYSIS, Answer("scale", "", 60)),
        ("run on", ANALYSIS, Answer("run_on")),
        ("KILL", ANALYSIS, Answer("kill")),
        ("kill: too slow", ANALYSIS, Answer("kill", "too slow")),
        ("Iterate because the copy misleads", ANALYSIS, Answer("iterate", "the copy misleads")),
        ("RESUME the outage is over", offered("resume_review"), Answer("resume", "the outage is over")),
    ],
)
def test_documented_forms_are_read_in_any_case(words, options, answer):
    assert read(words, options) == answer


@pytest.mark.parametrize(
    "words",
    [
        "approve if legal agrees", "APPROVE, but only in Spain", "approved", "Approve?", "ship it to me first", "SHIP later", "kill the latency issue first",
        "cap", "CAP 0%", "cap 101%", "cap twenty", "reject", "reject?", "send back", "delegate", "delegate to the team", "DELEGATE ana@x.test and ben@x.test",
        "", "   ", "LGTM", "yes", "I would approve", "> APPROVE", "👍", "approve approve", "ship ship",
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [LAUNCH, ANALYSIS])
def test_everything_else_decides_nothing_and_is_told_what_is_understood(words, options):
    answer = read(words, options)
    assert isinstance(answer, Unclear)
    assert answer.say


@pytest.mark.parametrize(
    ("words", "tried"),
    [
        ("approve if legal agrees", True),
        ("CAP a bit", True),
        ("reject", True),
        ("SHIP", True),
        ("hello there", False),
        ("should we approve?", False),
    ],
)
def test_who_tried_to_answer_is_told_apart_from_who_talks(words, tried):
    answer = read(words, LAUNCH)
    assert isinstance(answer, Unclear)
    assert answer.tried is tried


@pytest.mark.parametrize(
    ("words", "to"),
    [
        ("DELEGATE <@U12AB>", "<@U12AB>"),
        ("delegate to ana@example.com.", "ana@example.com."),
        ("Delegate ana@example.com", "ana@example.com"),
    ],
)
def test_a_gate_is_handed_to_somebody_named(words, to):
    answer = read(words, PORTFOLIO)
    assert isinstance(answer, HandOver)
    assert answer.to.rstrip(".") == to.rstrip(".")


@given(st.text(max_size=300), st.sampled_from(sorted(CHOICES)))
def test_no_text_at_all_breaks_it_or_names_a_choice_that_is_not_offered(words, kind):
    options = offered(kind)
    answer = read(words, options)
    if isinstance(answer, Answer):
        assert answer.choice in {option["id"] for option in options}
        assert any(words.strip().strip("*_~` ").upper().startswith(form.word.split()[0]) for form in FORMS)


@given(st.sampled_from(["approve", "ship"]), st.from_regex(r"[ ,]*[a-z]{2,}[a-z ]*", fullmatch=True))
def test_an_approval_with_anything_behind_it_approves_nothing(word, rest):
    for options in (LAUNCH, ANALYSIS):
        assert isinstance(read(f"{word} {rest}", options), Unclear)


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_every_choice_of_every_gate_has_a_word_and_is_listed(kind):
    words = {form.choice for form in FORMS}
    for choice in CHOICES[kind]:
        assert choice.id in words
    assert "DELEGATE" in understood(offered(kind))


def test_only_conditions_that_can_be_set_at_a_gate_are_offered_in_words():
    assert "APPROVE WITH: cap 20%, until 2026-12-01" in understood(offered("launch_approval"))
    for kind in ("change_review", "agent_question"):
        assert understood(offered(kind)).endswith("APPROVE WITH: note any words")
