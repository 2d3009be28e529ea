"""The score can be taken apart, and the portfolio is the best set of drafts that don't get in each other's way."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.hypotheses.portfolio import conflict, select
from runtime.hypotheses.scoring import Scored, rank, score


def test_the_score_is_the_weighted_sum_of_its_parts(draft) -> None:
    one = score(
        draft(expected_delta=0.0325, confidence=0.8, risk_level="medium", effort_hours=6, reversible=False), 0.13
    )
    assert (one.impact, one.safety, one.learning) == (pytest.approx(0.4), 0.8, 0.7)
    assert one.speed == pytest.approx(math.log(2) / math.log(8))
    assert one.score == pytest.approx(0.35 * 0.4 + 0.25 * 0.8 + 0.20 / 3 + 0.20 * 0.7)


def test_milliseconds_and_shares_weigh_the_same_when_they_close_the_same_part_of_the_gap(draft) -> None:
    share = score(draft(expected_delta=0.02, delta_range=(0, 1)), gap=0.1)
    latency = score(draft(expected_delta=-40.0, delta_range=(-90, 1)), gap=200)
    assert share.score == pytest.approx(latency.score)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the fixture is a function without state
@given(
    delta=st.floats(1e-6, 1e6),
    gap=st.floats(1e-6, 1e6),
    confidence=st.floats(0, 1),
    effort=st.floats(0.01, 1000),
)
def test_no_draft_scores_outside_nought_to_one(draft, delta, gap, confidence, effort) -> None:
    one = score(draft(expected_delta=delta, delta_range=(0, delta), confidence=confidence, effort_hours=effort), gap)
    assert 0 < one.score <= 1
    assert all(0 <= part <= 1 for part in (one.impact, one.safety, one.speed, one.learning))


def test_more_effect_less_risk_less_work_and_a_way_back_each_raise_the_score(draft) -> None:
    plain = score(draft(risk_level="medium", reversible=False), 0.13).score
    for better in ({"expected_delta": 0.04}, {"risk_level": "low"}, {"effort_hours": 2}, {"reversible": True}):
        changes = {"risk_level": "medium", "reversible": False} | better
        assert score(draft(**changes), 0.13).score > plain


def test_equal_scores_stand_in_the_order_of_their_titles_whatever_order_they_came_in(draft) -> None:
    drafts = [draft(title=title) for title in ("Cherry", "Apple", "Berry")]
    assert [one.draft.title for one in rank(drafts, 1)] == ["Apple", "Berry", "Cherry"]
    assert rank(drafts, 1) == rank(drafts[::-1], 1)


def made(draft, name: str, total: float = 0.5, **changes) -> Scored:
    fields = {
        "title": name,
        "mechanism": f"The mechanism called {name}, which is its own {name}.",
        "scope": (f"src/{name}",),
        "feature_flag": f"exp-{name}",
        "sub_problem": f"problem {name}",
        "tags": (name,),
    }
    return Scored(draft(**fields | changes), total, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scope": ("src/a/deep/file.ts", "src/z")}, "same place"),
        ({"scope": ("src",)}, "same place"),
        ({"mechanism": "The mechanism called a,  which is its OWN a!"}, "same mechanism"),
        ({"sub_problem": "Problem: A"}, "same sub-problem"),
        ({"feature_flag": "exp-a"}, "same feature flag"),
    ],
)
def test_drafts_that_get_in_each_others_way_are_not_taken_together(draft, changes, reason) -> None:
    first, second = made(draft, "a", 0.9), made(draft, "b", 0.8, **changes)
    assert conflict(first.draft, second.draft)
    portfolio = select([first, second], 3)
    assert portfolio.chosen == (first,)
    assert [reason in one.reason and "“a”" in one.reason for one in portfolio.rejected] == [True]


def test_neighbours_whose_names_begin_alike_are_no_conflict(draft) -> None:
    first, second = made(draft, "a", scope=("src/cart",)), made(draft, "b", scope=("src/cart-old",))
    assert conflict(first.draft, second.draft) is None


def test_the_portfolio_is_no_larger_than_allowed_and_every_other_draft_has_a_reason(draft) -> None:
    candidates = [made(draft, name, total) for name, total in (("a", 0.9), ("b", 0.8), ("c", 0.7), ("d", 0.6))]
    portfolio = select(candidates, 2)
    assert portfolio.chosen == tuple(candidates[:2])
    assert [one.title for one in portfolio.rejected] == ["c", "d"]
    assert all("at most 2" in one.reason for one in portfolio.rejected)


def test_between_near_equals_the_one_that_differs_from_those_taken_wins(draft) -> None:
    best = made(draft, "a", 0.9, tags=("cart", "price"))
    alike = made(draft, "b", 0.80, tags=("cart", "price"))
    different = made(draft, "c", 0.75, tags=("speed",))
    assert select([best, alike, different], 2).chosen == (best, different)
    much_better = made(draft, "b", 0.95, tags=("cart", "price"))
    assert select([much_better, best, different], 2).chosen == (much_better, best)


def test_no_candidates_give_an_empty_portfolio() -> None:
    assert select([], 3).chosen == ()
