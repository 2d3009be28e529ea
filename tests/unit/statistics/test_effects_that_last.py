"""Effect piece by piece: where pieces begin, what lies between two marks, and when early and late differ."""

from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.statistics import make_plan
from runtime.statistics.look import Mark, Stability
from runtime.statistics.normal import quantile
from runtime.statistics.sequential import interval, log_e
from runtime.statistics.stability import (
    SPEAKS,
    between,
    must_persist,
    piece_days,
    remember,
    remember_split,
    split_day,
    stability,
)

PLAN = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=28)
NOTHING = Mark(0.0, 0.0, 0.0)


def days(horizon: float, minimum: float = 7.0):
    return replace(PLAN, horizon_days=horizon, minimum_days=minimum)


@pytest.mark.parametrize(
    ("horizon", "piece", "split"), [(28.0, 7.0, 7.0), (14.0, 7.0, 7.0), (12.0, 4.0, 6.0), (3.0, 1.0, 1.5)]
)
def test_pieces_are_weeks_or_thirds_and_early_ends_after_a_week_or_half(horizon, piece, split):
    assert (piece_days(days(horizon)), split_day(days(horizon))) == (piece, split)


def test_the_first_look_at_or_after_each_boundary_is_kept():
    marks = ()
    for day in (1.0, 6.9, 7.0, 8.0, 13.5, 14.5, 15.0, 20.9, 28.0, 34.0, 35.0 - 1e-12):
        marks = remember(marks, PLAN, Mark(day, day, 0.1))
    assert [mark.day for mark in marks] == [7.0, 14.5, 28.0, 35.0 - 1e-12]


def test_the_split_is_the_first_look_at_or_after_its_day_and_then_stays():
    split = None
    for day in (6.9, 7.0 - 1e-12, 8.0):
        split = remember_split(split, PLAN, Mark(day, day, 0.1))
        assert (split is None) == (day == 6.9)
    assert split == Mark(7.0 - 1e-12, 7.0 - 1e-12, 0.1)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(100, 1e5), st.floats(100, 1e5))
def test_between_two_marks_lies_the_effect_of_what_arrived_in_between(early, late, before, gained):
    total = (early * before + late * gained) / (before + gained)
    piece = between(PLAN, Mark(7.0, before, early), Mark(12.0, before + gained, total))
    assert piece is not None
    assert (piece.from_day, piece.to_day) == (7.0, 12.0)
    assert piece.estimate == pytest.approx(late, abs=1e-6)
    assert (piece.lower, piece.upper) == pytest.approx(
        interval(late, 1.0 / gained, PLAN.tau2, PLAN.alpha), rel=1e-6, abs=1e-6
    )


def test_where_nothing_came_there_is_no_piece():
    mark = Mark(7.0, 100.0, 0.1)
    assert between(PLAN, mark, Mark(8.0, 100.0, 0.1)) is None
    assert between(PLAN, mark, Mark(8.0, 90.0, 0.1)) is None
    assert stability(PLAN, (mark,), mark, mark).late is None
    assert stability(PLAN, (), None, Mark(1.0, 0.0, 0.0)) == Stability()


def look(early: float, late: float, direction: str = "increase") -> Stability:
    """Seven days at one effect, seven at another, each worth as much information."""
    split = Mark(7.0, 30_000.0, early)
    return stability(replace(PLAN, direction=direction), (split,), split, Mark(14.0, 60_000.0, (early + late) / 2.0))


@pytest.mark.parametrize(
    ("early", "late", "direction", "trend"),
    [
        (0.01, 0.01, "increase", "steady"),
        (0.08, 0.0, "increase", "fading"),
        (0.0, 0.08, "increase", "growing"),
        (0.08, 0.0, "decrease", "growing"),
        (-0.08, 0.0, "decrease", "fading"),
    ],
)
def test_a_trend_is_named_in_the_direction_that_is_wanted(early, late, direction, trend):
    found = look(early, late, direction)
    assert found.trend == trend
    assert found.log_e == pytest.approx(log_e(late - early, 2.0 / 30_000.0, PLAN.tau2))
    assert (found.log_e >= SPEAKS) == (trend != "steady")
    assert found.late is not None
    assert found.late.estimate == pytest.approx(late)
    assert pytest.approx(log(20.0)) == SPEAKS


def test_before_the_split_there_are_pieces_and_no_trend():
    found = stability(PLAN, (), None, Mark(3.0, 1000.0, 0.1))
    assert (found.trend, found.log_e, found.late) == ("unknown", 0.0, None)
    assert [(piece.from_day, piece.to_day, piece.estimate) for piece in found.pieces] == [
        (0.0, 3.0, pytest.approx(0.1))
    ]


def test_a_look_on_a_boundary_is_not_a_piece_of_its_own():
    week, fortnight = Mark(7.0, 1000.0, 0.1), Mark(14.0, 2000.0, 0.1)
    assert [piece.to_day for piece in stability(PLAN, (week, fortnight), week, fortnight).pieces] == [7.0, 14.0]
    later = stability(PLAN, (week, fortnight), week, Mark(15.0, 2100.0, 0.1))
    assert [piece.to_day for piece in later.pieces] == [7.0, 14.0, 15.0]


def test_what_may_still_fade_at_the_edges():
    needed = quantile(1.0 - PLAN.alpha / 2.0) / PLAN.planned_information**0.5
    assert must_persist(PLAN, needed, 0.5, 14.0) == 1.0
    assert must_persist(PLAN, needed * 1.000001, 0.5, 14.0) == pytest.approx(1.0, abs=1e-5)
    assert must_persist(PLAN, needed, 2.0, 28.0) == 1.0
    assert must_persist(PLAN, needed * 1.01, 1.0, 28.0) == 0.0
    assert must_persist(PLAN, needed * 2.0, 0.25, 28.0) == pytest.approx(0.25 / 0.75)
    assert must_persist(PLAN, needed * 2.0, 1.0, 7.0) == pytest.approx(0.25 / 0.75)
    assert must_persist(PLAN, -needed, 0.5, 14.0) == 1.0


def test_hours_count_in_an_experiment_of_a_day_and_a_half():
    short = days(1.5)
    assert [mark.day for mark in remember((), short, Mark(0.5, 1.0, 0.1))] == [0.5]
    assert remember((), short, Mark(0.49, 1.0, 0.1)) == ()


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
def test_a_currency_of_small_coins_has_the_same_pieces_and_trend(unit):
    """In micros the information of a whole experiment is far below one."""
    plan = replace(PLAN, tau2=PLAN.tau2 * unit**2)
    split, now = Mark(7.0, 3e4 / unit**2, 0.08 * unit), Mark(14.0, 6e4 / unit**2, 0.04 * unit)
    found, usual = stability(plan, (split,), split, now), look(0.08, 0.0)
    assert (found.trend, found.log_e) == (usual.trend, pytest.approx(usual.log_e))
    assert [piece.upper / unit for piece in found.pieces] == pytest.approx([piece.upper for piece in usual.pieces])
