"""Business hours against a counter that walks minute by minute, over changes of the clocks and a day that never was."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.errors import InvalidConfiguration
from runtime.gates.calendar import Calendar, after, clock, counted, hours_of, next_at, quiet_until, zone_of
from runtime.spec.durations import BusinessTime, format_sla, parse_sla

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
)
MINUTE = timedelta(minutes=1)
BERLIN = Calendar("Europe/Berlin")

SPELLS = (datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC), datetime(2011, 12, 26, tzinfo=UTC))
"""Weeks in which clocks change, and the one in which Samoa left out a Friday."""

moments = st.builds(lambda begin, minutes: begin + minutes * MINUTE, st.sampled_from(SPELLS), st.integers(0, 12 * 1440))


def works(at: datetime, zone: str) -> bool:
    """Whether the minute that begins now is worked, told from the wall clock alone."""
    local = at.astimezone(ZoneInfo(zone))
    return local.weekday() < 5 and time(9) <= local.time() < time(17)


def walked(start: datetime, minutes: int, zone: str) -> datetime:
    at = start
    while minutes:
        minutes -= works(at, zone)
        at += MINUTE
    return at


@given(start=moments, minutes=st.integers(1, 60 * 8 * 4), zone=st.sampled_from(ZONES))
@example(start=datetime(2011, 12, 29, 20, tzinfo=UTC), minutes=600, zone="Pacific/Apia")
@example(start=datetime(2026, 3, 27, 14, tzinfo=UTC), minutes=480, zone="Europe/Berlin")
def test_a_span_ends_where_a_patient_counter_ends(start, minutes, zone):
    calendar = Calendar(zone)
    found = after(start, minutes * MINUTE, calendar)
    assert found == walked(start, minutes, zone)
    assert counted(start, found, calendar) == minutes * MINUTE
    assert counted(start, found - MINUTE, calendar) == (minutes - 1) * MINUTE


@given(start=moments, hours=st.integers(1, 60), zone=st.sampled_from(ZONES))
def test_reminders_stand_at_half_and_four_fifths_of_the_working_time(start, hours, zone):
    calendar, sla = Calendar(zone), timedelta(hours=hours)
    times = clock(start, sla, calendar)
    assert counted(start, times.reminders[0], calendar) == sla / 2
    assert counted(start, times.reminders[1], calendar) == sla * 4 / 5
    assert start < times.reminders[0] < times.reminders[1] < times.due


def test_friday_afternoon_goes_on_on_monday_after_the_clocks_changed():
    friday = datetime(2026, 3, 27, 15, tzinfo=ZoneInfo("Europe/Berlin"))
    assert after(friday, timedelta(hours=8), BERLIN) == datetime(2026, 3, 30, 15, tzinfo=ZoneInfo("Europe/Berlin"))
    assert after(friday, timedelta(hours=2), BERLIN) == friday + timedelta(hours=2), "the day's end is still that day"


def test_without_a_calendar_every_hour_counts():
    start = datetime(2026, 3, 28, tzinfo=UTC)
    assert clock(start, timedelta(hours=10)).due == start + timedelta(hours=10)
    assert counted(start, start + timedelta(hours=3), None) == timedelta(hours=3)
    assert Calendar.from_json(None) is None


def test_a_kept_calendar_is_the_same_calendar():
    assert Calendar.from_json(BERLIN.to_json()) == BERLIN


def test_a_zone_nobody_knows_is_utc_and_no_working_day_is_refused():
    assert zone_of("Mars/Olympus") == ZoneInfo("UTC")
    assert zone_of("../../etc/passwd") == ZoneInfo("UTC")
    with pytest.raises(InvalidConfiguration, match="no working time"):
        after(datetime(2026, 3, 1, tzinfo=UTC), MINUTE, Calendar("UTC", days=()))


@given(st.integers(1, 99_999), st.integers(0, 59))
def test_an_sla_in_business_hours_reads_back_as_itself_and_is_no_plain_duration(hours, minutes):
    span = BusinessTime(hours=hours, minutes=minutes)
    assert parse_sla(format_sla(span)) == span
    assert span != timedelta(hours=hours, minutes=minutes)
    assert timedelta(hours=hours, minutes=minutes) != span
    assert len({span, timedelta(hours=hours, minutes=minutes)}) == 2


def test_the_next_nine_oclock_is_the_readers():
    night = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert next_at(time(9), "Europe/Berlin", night) == datetime(2026, 3, 29, 7, tzinfo=UTC), (
        "summer time began that night"
    )
    nine = datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert next_at(time(9), "Europe/Berlin", nine) == nine + timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (datetime(2026, 6, 1, 17, 59, tzinfo=UTC), None),
        (datetime(2026, 6, 1, 18, 0, tzinfo=UTC), datetime(2026, 6, 2, 6, tzinfo=UTC)),
        (datetime(2026, 6, 2, 5, 59, tzinfo=UTC), datetime(2026, 6, 2, 6, tzinfo=UTC)),
        (datetime(2026, 6, 2, 6, 0, tzinfo=UTC), None),
    ],
)
def test_quiet_hours_over_midnight_in_the_readers_zone(at, ends):
    assert quiet_until("20:00-08:00", "Europe/Berlin", at) == ends
    assert quiet_until("", "Europe/Berlin", at) is None


def test_quiet_hours_within_a_day():
    noon = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
    assert quiet_until("12:00-13:00", "UTC", noon) == datetime(2026, 6, 1, 13, tzinfo=UTC)
    assert quiet_until("13:00-14:00", "UTC", noon) is None


@pytest.mark.parametrize("text", ["20", "20:00-", "20:00-20:00", "25:00-08:00", "20:00+01:00-08:00"])
def test_quiet_hours_that_mean_nothing_are_refused(text):
    with pytest.raises(ValueError, match="write two"):
        hours_of(text)
