"""The outlook of a look: its chance, early against late, why it waits, and what a day of waiting costs."""

import json
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.statistics import Look, Memory, Moments, PhaseArms, Plan, judge, make_plan, merge
from runtime.statistics.moments import EMPTY, from_counts
from runtime.statistics.outlook import Outlook, outlook
from runtime.statistics.portfolio import e_bh, needed

PLAN = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14)


def after(
    days: list[tuple[float, float]], *, n: int = 1000, plan: Plan = PLAN, share: float = 0.5
) -> tuple[Look, Outlook]:
    """The last of daily looks at arms of `n` units a day that convert at the given rates, and what lies ahead of it."""
    memory, control, treatment = Memory(), EMPTY, EMPTY
    for day, (below, above) in enumerate(days, 1):
        control, treatment = added(control, n, below), added(treatment, n, above)
        look = judge(plan, memory, [PhaseArms(control, treatment)], float(day), at_horizon=day >= plan.horizon_days)
        memory = look.memory
    return look, outlook(plan, look, float(len(days)), share)


def added(arm: Moments, n: int, rate: float) -> Moments:
    return merge(arm, from_counts(n, round(n * rate)))


def test_a_promising_start_has_a_better_chance_than_a_dull_one_and_a_call_has_none_to_tell():
    dull, promising = after([(0.32, 0.32)] * 4)[1], after([(0.32, 0.335)] * 4)[1]
    assert dull.chance is not None
    assert promising.chance is not None
    assert 0.0 < dull.chance < 0.4 < promising.chance < 1.0
    look, found = after([(0.32, 0.36)] * 5)
    assert (look.status, found.chance) == ("success", None)
    assert after([(0.32, 0.32)] * 14)[1].chance is None


def test_what_cannot_be_judged_has_no_outlook():
    look, found = after([(0.32, 0.32)], n=1)
    assert look.status == "invalid"
    assert found == Outlook(None, None, None, "unknown", None, None)


def test_an_effect_that_wears_off_is_told_early_against_late():
    look, found = after([(0.32, 0.40)] * 7 + [(0.32, 0.32)] * 6, n=4000)
    assert found.early is not None
    assert found.late is not None
    assert (round(found.early.estimate, 4), found.trend) == (0.08, "fading")
    assert abs(found.late.estimate) < 0.003  # arms of unequal spread do not subtract exactly
    assert (found.early.from_day, found.early.to_day, found.late.to_day) == (0.0, 7.0, 13.0)
    assert look.stability.late == found.late
    assert after([(0.32, 0.33)] * 6)[1].early is None


def test_a_success_that_waits_says_for_how_long_and_the_advice_comes_when_nothing_is_left():
    plan = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14)
    days: list[tuple[float, float]] = []
    waits = []
    while (found := after([*days, (0.32, 0.36)], plan=plan))[0].advice != "ship":
        days.append((0.32, 0.36))
        waits.append(found[1].hold)
        if (wait := found[1].hold) is not None:
            assert f"day {wait.first_day:.2g}" in found[0].reasons[0]
            assert f"stood for {wait.needed_days:.2g} day" in found[0].reasons[0]
    told = [wait for wait in waits if wait is not None]
    assert told
    assert all(wait.left_days > 0.0 for wait in told)
    assert told[-1].left_days <= 1.0
    assert found[1].hold is None


def test_a_day_of_waiting_costs_what_the_arm_without_it_would_gain():
    look, found = after([(0.32, 0.36)] * 5, share=0.1)
    assert found.waiting is not None
    assert (found.waiting.units_per_day, found.waiting.without, found.waiting.gain) == (2000.0, 1800.0, True)
    assert found.waiting.effect == look.shrunk_estimate
    assert found.waiting.per_day == pytest.approx(1800 * look.shrunk_estimate)
    worse = after([(0.32, 0.30)] * 2, share=0.1)[1].waiting
    assert worse is not None
    assert (worse.without, worse.gain) == (pytest.approx(200.0), False)
    assert worse.per_day > 0.0


def test_in_the_first_hours_nobody_knows_what_a_day_of_waiting_costs():
    look = judge(PLAN, Memory(), [conversions(0.32, 0.36)], 0.5, at_horizon=False)
    assert look.interval_kind != "none"
    assert outlook(PLAN, look, 0.5, 0.5).waiting is None


def conversions(below: float, above: float) -> PhaseArms:
    return PhaseArms(added(EMPTY, 1000, below), added(EMPTY, 1000, above))


def test_where_less_is_better_a_fall_is_the_gain():
    plan = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14, direction="decrease")
    found = after([(0.36, 0.32)] * 5, plan=plan, share=0.25)[1].waiting
    assert found is not None
    assert (found.gain, found.without) == (True, 1500.0)


def test_an_outlook_travels_as_json():
    text = json.dumps(after([(0.32, 0.33)] * 9)[1].to_json(), allow_nan=False)
    assert set(json.loads(text)) == {"chance", "early", "late", "trend", "hold", "waiting"}


@given(st.lists(st.floats(0.0, 12.0), max_size=8), st.floats(0.0, 12.0))
def test_an_e_value_holds_in_company_exactly_when_it_reaches_what_is_needed(others, own):
    threshold = needed(others)
    if abs(own - threshold) > 1e-9:
        assert e_bh([own, *others])[0] == (own > threshold)


def test_company_that_holds_makes_it_easier():
    assert needed([]) == pytest.approx(log(20))
    assert needed([0.0]) == pytest.approx(log(40))
    assert needed([9.0]) == pytest.approx(log(20))
