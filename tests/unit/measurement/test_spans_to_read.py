"""Which span a look asks for: from a stored bucket a little behind; everything when something calls for it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from runtime.integrations.contracts import Bucket, Reading, VariantSums, Window
from runtime.measurement.spans import Span, resume_from, spans, torn, whole_due
from runtime.measurement.steps import Kind
from runtime.measurement.store import grain_for

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
PHASES = [
    {"position": 0, "started_at": START, "ended_at": START + 5 * DAY},
    {"position": 1, "started_at": START + 5 * DAY, "ended_at": None},
]
READ = {"phases": 2, "resume_from": START + 7 * DAY, "whole_at": START + 9 * DAY, "dirty_from": None}


def reading(*days: float, exact: bool = True) -> Reading:
    arm = VariantSums("control", 1, Decimal(1), Decimal(1))
    buckets = (Bucket(START + day * DAY, START + (day + 1) * DAY, (arm,)) for day in days)
    return Reading(tuple(buckets), START + 9 * DAY, "test", "counts", exact=exact)


def test_phases_that_ended_before_the_span_are_not_asked_for_again() -> None:
    found = list(spans(PHASES, READ, START + 9 * DAY, whole=False))
    assert found == [Span(1, START + 7 * DAY, Window(START + 7 * DAY, START + 9 * DAY))]


def test_a_new_phase_is_read_from_its_start() -> None:
    found = list(spans(PHASES, READ | {"phases": 1, "resume_from": START + 8 * DAY}, START + 9 * DAY, whole=False))
    assert found == [Span(1, None, Window(START + 5 * DAY, START + 9 * DAY))]


def test_the_whole_window_is_every_phase_from_its_start() -> None:
    found = list(spans(PHASES, READ, START + 9 * DAY, whole=True))
    assert [span.window.start for span in found] == [START, START + 5 * DAY]
    assert {span.since for span in found} == {None}


def test_a_source_whose_clock_is_behind_is_not_asked_for_an_inverted_span() -> None:
    assert list(spans(PHASES[1:], None, START, whole=True)) == []


@pytest.mark.parametrize(
    ("read", "hours", "whole"),
    [
        (None, 0, True),
        (READ | {"resume_from": None}, 0, True),
        (READ, 23, False),
        (READ, 24, True),
        (READ | {"dirty_from": START + 6 * DAY}, 1, True),
        (READ | {"dirty_from": START + 8 * DAY}, 1, False),
    ],
)
def test_when_everything_is_read(read, hours: int, *, whole: bool) -> None:
    assert whole_due(read, START + 9 * DAY + timedelta(hours=hours)) is whole


def test_the_next_look_starts_at_the_bucket_that_lies_the_span_behind() -> None:
    through = START + 9.5 * DAY
    assert resume_from([reading(6, 7, 8, 9)], through, 2 * DAY, None) == START + 7 * DAY
    assert resume_from([reading(8, 9)], through, 2 * DAY, START + 6 * DAY) == START + 6 * DAY
    assert resume_from([reading(9)], through, 2 * DAY, None) is None


def test_a_bucket_that_began_before_the_span_or_was_split_by_guess_is_torn() -> None:
    span = Span(0, START + 7 * DAY, Window(START + 7 * DAY, START + 9 * DAY))
    assert not torn(span, reading(7, 8))
    assert torn(span, reading(6.5, 8))
    assert torn(span, reading(7, 8, exact=False))
    assert not torn(Span(0, None, span.window), reading(6.5, exact=False))


def test_a_bucket_that_began_before_its_phase_is_whole_all_the_same() -> None:
    span = Span(1, START + 4 * DAY, Window(START + 4.5 * DAY, START + 9 * DAY))
    assert not torn(span, reading(4))


def test_the_finest_grain_that_fits_is_drawn() -> None:
    spans_ = [timedelta(hours=1), timedelta(days=2), timedelta(days=100), timedelta(days=1000)]
    assert [grain_for(span, 200) for span in spans_] == ["minute", "hour", "day", "day"]


def test_kills_come_first_and_news_last() -> None:
    assert sorted(Kind) == [Kind.KILL, Kind.PAUSE, Kind.SILENT, Kind.FOLLOW, Kind.IDLE]
