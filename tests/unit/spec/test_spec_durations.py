from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.spec.durations import SECONDS, InvalidDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("6w", timedelta(weeks=6)),
        ("24h", timedelta(days=1)),
        ("30m", timedelta(minutes=30)),
        ("1w2d", timedelta(days=9)),
        ("1w2d3h4m5s", timedelta(days=9, hours=3, minutes=4, seconds=5)),
        ("0s", timedelta(0)),
        ("P6W", timedelta(weeks=6)),
        ("PT24H", timedelta(days=1)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT90M", timedelta(minutes=90)),
    ],
)
def test_people_and_iso_8601_write_the_same_spans(text, span):
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not a duration"),
        ("6", "not a duration"),
        ("w", "not a duration"),
        ("6 w", "not a duration"),
        ("6W", "not a duration"),
        ("-6w", "not a duration"),
        ("1.5h", "whole numbers"),
        ("2d1w", "not a duration"),
        ("1h1h", "not a duration"),
        ("1:30", "not a duration"),
        ("٦w", "not a duration"),
        ("6w\n", "not a duration"),
        ("P", "ISO 8601"),
        ("PT", "ISO 8601"),
        ("P1DT", "ISO 8601"),
        ("PT1.5H", "ISO 8601"),
        ("P2M", "differ in length"),
        ("P1Y", "differ in length"),
        ("9" * 20 + "w", "longer than any calendar"),
        ("9" * 60 + "w", "few characters"),
    ],
)
def test_what_is_not_exact_is_refused_with_the_way_to_write_it(text, word):
    with pytest.raises(InvalidDuration, match=word) as refused:
        parse_duration(text)
    assert refused.value.code == "INVALID_DURATION"


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(weeks=6), "6w"),
        (timedelta(days=7), "1w"),
        (timedelta(hours=24), "1d"),
        (timedelta(hours=42), "42h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(days=9), "9d"),
        (timedelta(days=1, seconds=1), "1d1s"),
        (timedelta(0), "0s"),
    ],
)
def test_the_shortest_exact_form_is_written(span, text):
    assert format_duration(span) == text


@pytest.mark.parametrize("span", [timedelta(seconds=-1), timedelta(microseconds=1)])
def test_a_span_that_has_no_exact_form_is_not_rounded(span):
    with pytest.raises(InvalidDuration, match="whole seconds"):
        format_duration(span)


@given(st.integers(0, 10**10))
def test_every_span_is_read_back_exactly(seconds):
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span


@given(
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from(list(SECONDS))), max_size=5, unique_by=lambda part: part[1])
)
def test_no_spelling_with_the_same_meaning_is_shorter(parts):
    ordered = sorted(parts, key=lambda part: list(SECONDS).index(part[1]))
    text = "".join(f"{amount}{unit}" for amount, unit in ordered) or "0s"
    assert len(format_duration(parse_duration(text))) <= len(text)
