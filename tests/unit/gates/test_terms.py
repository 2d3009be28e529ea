"""Conditions as people write them, and what they add up to."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.experiments.rollout import wanted_percent
from runtime.gates import terms
from runtime.gates.choices import CHOICES, offered
from runtime.gates.language import Answer, Unclear, read
from runtime.gates.terms import Cap, Deadline, Limit, Misread, Note, Segment

AT = datetime(2026, 11, 23, tzinfo=UTC)
LAUNCH, ANALYSIS = offered("launch_approval"), offered("analysis_review")


def kept(*found, **more):
    return [terms.stamped(term, by="ana@example.com", at=AT, gate="g") | more for term in found]


@pytest.mark.parametrize(
    ("clause", "term"),
    [
        ("cap 20%", Cap(percent=20)),
        ("Cap at 5 percent", Cap(percent=5)),
        ("at most 20 %", Cap(percent=20)),
        ("until 2026-12-01", Deadline(until=date(2026, 12, 1))),
        ("deadline: 2026-12-01", Deadline(until=date(2026, 12, 1))),
        ("segment ios", Segment(attributes={"segment": "ios"})),
        ("segment platform = ios", Segment(attributes={"platform": "ios"})),
        ("refund_rate <= 0.02", Limit(signal="refund_rate", max=0.02)),
        ("refund_rate at most 2%", Limit(signal="refund_rate", max=0.02)),
        ("speed >= 0.97", Limit(signal="speed", min=0.97)),
        ("note ask legal, then us", Note(text="ask legal, then us")),
    ],
)
def test_a_clause_is_read_as_people_write_it(clause, term):
    assert terms.parse_clause(clause) == term


@pytest.mark.parametrize(
    "clause", ["", "cap", "cap 0%", "cap 101%", "cap 20", "until Monday", "until 2026-13-01", "segment", "refund_rate", "refund_rate 0.02", "cap <= 3", "if legal agrees", "note"]
)  # fmt: skip
def test_anything_else_is_no_condition(clause):
    assert terms.parse_clause(clause) is None


def test_all_conditions_of_a_line_are_read_and_one_misunderstood_leaves_all_unread():
    line = "cap 20%, until 2026-12-01, segment ios, refund_rate <= 0.02, note stop, and tell Ana"
    assert terms.parse(line) == (
        Cap(percent=20), Deadline(until=date(2026, 12, 1)), Segment(attributes={"segment": "ios"}), Limit(signal="refund_rate", max=0.02),
        Note(text="stop, and tell Ana"),
    )  # fmt: skip
    for wrong in ("cap 20%, soon", "cap 20%, cap 10%", "", " , "):
        assert isinstance(terms.parse(wrong), Misread)


def test_a_thread_approves_with_conditions_and_approves_nothing_it_does_not_understand():
    found = read("APPROVE WITH: cap 20%, until 2026-12-01, note ask legal", LAUNCH)
    assert found == Answer(
        "approve", "ask legal", None, (Cap(percent=20), Deadline(until=date(2026, 12, 1)), Note(text="ask legal"))
    )
    assert read("scale 40% with: cap 50%", ANALYSIS) == Answer("scale", "", 40, (Cap(percent=50),))
    for words in (
        "APPROVE WITH: cap 20%, maybe",
        "APPROVE WITH cap 20%",
        "approve with: cap 20%?",
        "SHIP WITH: cap 20%",
        "RUN ON WITH: segment ios",
    ):
        for options in (LAUNCH, ANALYSIS):
            assert isinstance(read(words, options), Unclear), words


def test_a_cap_is_lifted_only_in_its_own_words_and_with_a_reason():
    assert read("SHIP AND LIFT CAP: legal agreed", ANALYSIS) == Answer("ship", "legal agreed", lift=True)
    assert isinstance(read("SHIP AND LIFT CAP", ANALYSIS), Unclear)
    assert isinstance(read("SHIP AND LIFT CAP: legal agreed", LAUNCH), Unclear)


def test_the_second_of_two_confirms_only_where_something_waits():
    assert isinstance(read("CONFIRM", LAUNCH), Unclear)
    waiting = [{"id": "confirm", "label": "Confirm: Approve launch"}, *LAUNCH]
    assert read("confirm", waiting) == Answer("confirm")


def test_the_tightest_cap_counts_and_a_lifted_one_no_longer():
    stored = kept(Cap(percent=40)) + kept(Cap(percent=20))
    assert terms.cap(stored).term == Cap(percent=20)
    assert terms.cap(terms.over(stored, "cap", by="ben", at=AT, why="agreed")) is None


def test_a_later_deadline_moves_the_earlier_one():
    stored = kept(Deadline(until=date(2026, 12, 1)))
    moved = terms.over(stored, "deadline", by="ben", at=AT, why="moved") + kept(Deadline(until=date(2026, 12, 9)))
    assert terms.deadline(moved).term == Deadline(until=date(2026, 12, 9))
    assert terms.deadline(terms.over(moved, "deadline", by="ben", at=AT, why="passed")) is None


def test_extra_constraints_only_ever_tighten():
    known = [{"signal": "slow_share", "max": 0.05, "min": None, "source": "door", "metric": "slow"}, {"rule": "none"}]
    tighter = terms.tightened(known, kept(Limit(signal="slow_share", max=0.03)))
    assert tighter == [known[0] | {"max": 0.03}, known[1]]
    assert terms.tightened(known, kept(Limit(signal="slow_share", max=0.5))) == known
    [*_, added] = terms.tightened(known, kept(Limit(signal="refunds", max=0.02, source="door", metric="refunds")))
    assert (added["signal"], added["max"], added["source"]) == ("refunds", 0.02, "door")


@given(
    st.sampled_from(["running", "measuring", "scaling", "shipped", "awaiting_scale_gate", "paused", "killed"]),
    st.integers(0, 100), st.none() | st.integers(1, 100), st.lists(st.integers(1, 100), max_size=3),
)  # fmt: skip
def test_no_row_whatsoever_makes_the_flag_exceed_a_cap(status, percent, column, caps):
    row = {
        "status": status,
        "rollout_percent": percent,
        "rollout_cap": column,
        "terms": kept(*(Cap(percent=cap) for cap in caps)),
    }
    shown = wanted_percent(row)
    assert shown <= min([100, *caps])
    if status != "shipped" and column is not None:
        assert shown <= column


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_and_what_is_read_is_written_back_whole(text):
    found = terms.parse(text)
    if not isinstance(found, Misread):
        assert terms.load([terms.dump(term) for term in found]) == found
        assert all(terms.in_words(term) for term in found)


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_every_gate_has_an_approval_that_takes_conditions_and_no_rejection_does(kind):
    assert any(choice.terms for choice in CHOICES[kind])
    assert not any(choice.terms for choice in CHOICES[kind] if choice.gate_event == "reject")
