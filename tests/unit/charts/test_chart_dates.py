# ruff: noqa: RUF001 - the true minus sign and dash are what is tested
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts import dates

MARCH = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("later", "written"),
    [
        (timedelta(hours=2), "3 Mar 2026, 08:30–10:30"),
        (timedelta(days=14), "3–17 Mar 2026"),
        (timedelta(days=40), "3 Mar – 12 Apr 2026"),
        (timedelta(days=400), "3 Mar 2026 – 7 Apr 2027"),
    ],
)
def test_a_span_repeats_no_more_than_it_must(later, written):
    assert dates.span(MARCH, MARCH + later, "UTC") == written


def test_half_known_spans_say_what_is_known():
    assert dates.span(None, MARCH, "UTC") == "until 3 Mar 2026"
    assert dates.span(MARCH, None, "UTC") == "since 3 Mar 2026"
    assert dates.span(None, None, "UTC") == "planned"
    assert dates.moment(None, "UTC") == "unknown"


def test_the_outcome_s_time_zone_is_used_and_named():
    assert dates.moment(MARCH, "Asia/Kolkata") == "3 Mar 2026 14:00 Asia/Kolkata"
    assert dates.moment(MARCH.astimezone(timezone(timedelta(hours=-9))), "UTC") == "3 Mar 2026 08:30 UTC"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "/etc/passwd", "Europe", "../UTC", "\x00"])
def test_an_unknown_zone_becomes_utc_and_says_so(name):
    assert dates.moment(MARCH, name) == "3 Mar 2026 08:30 UTC"


def test_a_naive_moment_is_read_as_utc():
    assert dates.seconds(MARCH.replace(tzinfo=None)) == MARCH.timestamp()


def test_ticks_of_weeks_stand_on_midnights_and_ticks_of_hours_name_the_day_once():
    weeks = dates.ticks(MARCH.timestamp(), MARCH.timestamp() + 28 * 86_400, 6, "UTC")
    assert [tick.label for tick in weeks] == ["10 Mar", "17 Mar", "24 Mar", "31 Mar"]
    hours = dates.ticks(MARCH.timestamp(), MARCH.timestamp() + 86_400, 6, "UTC")
    assert [tick.label for tick in hours] == ["12:00", "18:00", "4 Mar", "06:00"]


@settings(database=None, derandomize=True, deadline=None, max_examples=100)
@given(
    st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)), st.sampled_from(["UTC", "Asia/Tokyo"])
)
def test_any_two_moments_get_a_few_ticks_between_them(one, other, zone):
    low, high = sorted((dates.seconds(one), dates.seconds(other)))
    found = dates.ticks(low, high, 6, zone)
    assert len(found) <= 7
    assert all(low <= tick.at <= high for tick in found)
