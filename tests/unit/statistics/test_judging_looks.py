"""One look after another: latching, holding, harm, the horizon, and data that say nothing."""

import json
from dataclasses import FrozenInstanceError, replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.statistics import Look, Memory, Moments, PhaseArms, Plan, judge, make_plan, merge
from runtime.statistics.moments import EMPTY, from_counts, from_summary
from runtime.statistics.stability import hold, must_persist

PLAN = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14)
MEANS = make_plan(metric_kind="mean", minimum_effect=1.0, sigma2=100.0, units_per_day=400, horizon_days=14)


def conversions(control: float, treatment: float, n: int = 1000) -> PhaseArms:
    return PhaseArms(from_counts(n, round(control * n)), from_counts(n, round(treatment * n)))


def story(plan: Plan, days: list[tuple[float, float]], *, until_horizon: bool = True, n: int = 1000) -> list[Look]:
    """Judge day after day; each day's arms convert at the given rates, and the memory goes through JSON."""
    memory, looks = Memory(), []
    control, treatment = EMPTY, EMPTY
    for day, (c, t) in enumerate(days, 1):
        today = conversions(c, t, n)
        control, treatment = merge(control, today.control), merge(treatment, today.treatment)
        stored = json.loads(json.dumps(memory.to_json(), allow_nan=False))
        at_horizon = until_horizon and day >= plan.horizon_days
        looks.append(judge(plan, Memory.from_json(stored), [PhaseArms(control, treatment)], float(day), at_horizon))
        memory = looks[-1].memory
    return looks


def test_a_real_effect_is_detected_then_held_then_shipped():
    looks = story(PLAN, [(0.32, 0.36)] * 12)
    first = next(look for look in looks if look.detected)
    shipped = next(look for look in looks if look.advice == "ship")
    assert first.status == "success"
    assert first.advice == "continue"
    assert "stood for 1 day and" in first.reasons[0]
    assert shipped.standing_days >= 1
    assert looks.index(shipped) + 1 >= PLAN.horizon_days / 4
    assert all(look.advice == "ship" for look in looks[looks.index(shipped) :])


def test_evidence_that_may_lose_nothing_until_the_horizon_is_held_for_the_whole_registered_hold():
    looks = story(PLAN, [(0.32, 0.328)] * 12, n=20_000)  # ten times the traffic: information runs ahead of the days
    first = next(look for look in looks if look.detected)
    shipped = next(look for look in looks if look.advice == "ship")
    assert first.advice == "continue"
    assert "stood for 3 days and day 7" in first.reasons[0]
    assert shipped.standing_days >= 3
    assert looks.index(shipped) + 1 >= 7


@given(st.floats(0.0, 0.2), st.floats(0.001, 1.5), st.floats(0.1, 13.9))
def test_the_share_that_must_persist_is_just_enough_for_significance_at_the_horizon(distance, fraction, day):
    persist = must_persist(PLAN, distance, fraction, day)
    seen = min(1.0, fraction, day / PLAN.horizon_days)
    final = distance * (seen + (1.0 - seen) * persist) * PLAN.planned_information**0.5
    assert 0.0 <= persist <= 1.0
    if 0.0 < persist < 1.0:
        assert final == pytest.approx(1.959964, rel=1e-5)
    elif persist == 0.0:
        assert final >= 1.9599


def test_the_hold_is_never_longer_than_registered_nor_shorter_than_a_day_and_a_quarter_of_the_horizon():
    assert hold(PLAN, 1.0) == (3.0, 7.0)
    assert hold(PLAN, 0.0) == (1.0, 3.5)
    assert hold(PLAN, 0.5) == (1.5, 3.5)
    assert hold(replace(PLAN, hold_days=0.5), 0.0)[0] == 0.5
    assert hold(replace(PLAN, horizon_days=60.0), 0.0)[1] == 7.0


def test_nothing_happening_ends_at_the_horizon_with_iterate():
    looks = story(PLAN, [(0.32, 0.32)] * 15)
    assert {look.advice for look in looks[:13]} == {"continue"}
    assert [look.advice for look in looks[13:]] == ["iterate", "iterate"]
    assert looks[13].status == "inconclusive"
    assert "the horizon is reached without a call" in looks[13].reasons


def test_harm_is_killed_on_the_day_it_is_seen():
    looks = story(PLAN, [(0.32, 0.26)] * 6)
    first = next(look for look in looks if look.detected)
    assert (first.status, first.advice) == ("harm", "kill")
    assert looks.index(first) + 1 < PLAN.minimum_days
    assert first.ci_upper < 0


def test_for_a_metric_that_should_fall_the_same_numbers_read_the_other_way():
    falling = replace(PLAN, direction="decrease")
    assert story(PLAN, [(0.32, 0.26)] * 5)[-1].status == "harm"
    down = story(falling, [(0.32, 0.26)] * 5)[-1]
    assert (down.status, down.estimate < 0, down.ci_upper < 0) == ("success", True, True)
    assert story(falling, [(0.26, 0.32)] * 5)[-1].advice == "kill"


def test_detection_latches_while_shipping_waits_for_evidence_that_still_stands():
    looks = story(PLAN, [(0.32, 0.40)] * 3 + [(0.32, 0.28)] * 5)
    assert looks[2].detected
    faded = looks[-1]
    assert faded.detected
    assert faded.memory.crossed is not None
    assert faded.memory.crossed.look <= 3
    assert faded.standing_days == 0.0
    assert faded.advice != "ship"
    assert any("no longer excludes" in reason for reason in faded.reasons)
    assert faded.p_running < faded.p_now


def test_an_effect_that_vanished_is_called_fading_and_shows_the_late_estimate():
    plan = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=28)
    look = story(plan, [(0.32, 0.40)] * 7 + [(0.32, 0.32)] * 7)[-1]
    assert look.stability.trend == "fading"
    assert look.stability.late is not None
    assert look.stability.late.estimate == pytest.approx(0.0, abs=0.004)
    assert [round(piece.estimate, 2) for piece in look.stability.pieces] == [0.08, 0.0]


def test_a_steady_effect_is_called_steady_week_by_week():
    look = story(PLAN, [(0.32, 0.36)] * 14)[-1]
    assert look.stability.trend == "steady"
    assert [(piece.from_day, piece.to_day) for piece in look.stability.pieces] == [(0.0, 7.0), (7.0, 14.0)]
    for piece in look.stability.pieces:
        assert piece.estimate == pytest.approx(0.04, abs=1e-3)


def test_the_horizon_is_looked_at_once_and_its_result_stays():
    looks = story(PLAN, [(0.32, 0.342)] * 17)
    at, after = looks[13], looks[16]
    assert at.interval_kind == "horizon"
    assert at.advice == "ship"
    assert after.interval_kind == "anytime"
    assert after.memory.horizon == at.memory.horizon
    assert after.ci_upper - after.ci_lower > at.ci_upper - at.ci_lower
    assert after.memory.looks == at.memory.looks


def test_an_experiment_extended_after_its_horizon_is_judged_by_the_anytime_part_alone():
    at = story(PLAN, [(0.32, 0.32)] * 14)[-1]
    extended = judge(PLAN, at.memory, [conversions(0.32, 0.3205, 20_000)], 20.0, at_horizon=False)
    assert extended.interval_kind == "anytime"
    assert extended.memory.looks == at.memory.looks
    assert extended.memory.horizon == at.memory.horizon
    assert extended.advice == "continue"


def test_a_last_day_success_ships_without_a_hold():
    looks = story(PLAN, [(0.32, 0.32)] * 10 + [(0.32, 0.40)] * 4)
    called = [look for look in looks if look.detected]
    assert called[0].standing_days < 3
    assert looks[-1].advice == "ship"


def test_an_anytime_plan_takes_no_official_looks():
    look = story(
        make_plan(kind="anytime", minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14),
        [(0.32, 0.36)] * 6,
    )[-1]
    assert look.memory.looks.boundary == ()
    assert look.interval_kind == "anytime"
    assert look.p_now == pytest.approx(np.exp(-look.log_e))


def test_a_horizon_only_plan_is_silent_until_the_horizon_and_classical_there():
    plan = make_plan(kind="horizon_only", minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=3)
    looks = story(plan, [(0.32, 0.36)] * 4)
    assert [look.detected for look in looks] == [False, False, True, True]
    assert looks[0].ci_upper == inf
    assert looks[2].ci_upper - looks[2].estimate == pytest.approx(1.959964 * looks[2].variance ** 0.5)
    assert looks[3].ci_upper == inf


def test_traffic_far_above_plan_keeps_something_for_the_horizon():
    looks = story(PLAN, [(0.32, 0.32)] * 14, n=4000)
    assert looks[5].fraction > 1.0
    assert not looks[12].memory.looks.closed
    assert looks[13].memory.looks.closed
    assert looks[13].interval_kind == "horizon"


def test_a_success_threshold_asks_for_more_than_significance():
    modest = story(replace(PLAN, success_threshold=0.05), [(0.32, 0.36)] * 14)[-1]
    assert modest.detected
    assert (modest.status, modest.advice) == ("inconclusive", "iterate")
    assert "short of the success threshold" in modest.reasons[0]
    labelled = story(replace(PLAN, success_threshold=0.035), [(0.32, 0.36)] * 14)[-1]
    assert labelled.advice == "ship"
    assert any("does not exclude less" in reason for reason in labelled.reasons)
    hopeless = story(replace(PLAN, success_threshold=0.2), [(0.32, 0.33)] * 8)[-1]
    assert any("misses the target" in reason for reason in hopeless.reasons)


def test_a_negative_threshold_is_a_non_inferiority_margin():
    plan = replace(PLAN, success_threshold=-0.03)
    assert story(plan, [(0.32, 0.32)] * 14)[-1].advice == "ship"
    assert story(plan, [(0.32, 0.25)] * 14)[-1].advice == "kill"


def test_a_broken_assignment_is_invalid_and_never_shipped():
    lopsided = [PhaseArms(from_counts(10_000, 3200), from_counts(9_000, 3600))]
    look = judge(PLAN, Memory(), lopsided, 5.0, at_horizon=True)
    assert (look.status, look.advice, look.p_now, look.ci_lower) == ("invalid", "iterate", 1.0, -inf)
    assert look.reasons[0].startswith("srm: treatment got 47.37% of units instead of 50.00%")
    assert look.memory.horizon is None
    assert not look.detected


@pytest.mark.parametrize(
    ("phases", "reason"),
    [
        ([], "insufficient"),
        ([PhaseArms(EMPTY, EMPTY)], "insufficient"),
        ([PhaseArms(from_counts(1, 1), from_counts(1, 0))], "insufficient"),
        ([PhaseArms(from_summary(50, 3.0, 1.0), EMPTY)], "insufficient"),
        ([PhaseArms(from_summary(50, 3.0, 0.0), from_summary(50, 3.0, 0.0))], "degenerate"),
        ([PhaseArms(Moments(50, nan, 1.0), from_summary(50, 3.0, 0.0))], "degenerate"),
        ([PhaseArms(Moments(50, 1.0, inf), from_summary(50, 3.0, 1.0))], "degenerate"),
    ],
)
@pytest.mark.parametrize("plan", [PLAN, MEANS])
def test_degenerate_data_are_named_and_conclude_nothing(plan, phases, reason):
    look = judge(plan, Memory(), phases, 1.0, at_horizon=False)
    assert look.status == "invalid"
    assert look.reasons[0].startswith(reason)
    assert (look.p_now, look.log_e, look.ci_lower, look.ci_upper, look.advice) == (1.0, 0.0, -inf, inf, "continue")
    json.dumps(look.to_json(), allow_nan=False)


def test_a_handful_of_conversions_gives_no_verdict_however_extreme():
    look = judge(PLAN, Memory(), [PhaseArms(from_counts(500, 4), from_counts(500, 300))], 1.0, at_horizon=False)
    assert look.status == "inconclusive"
    assert look.reasons[0].startswith("too few events")
    assert look.memory.p_running == 1.0


def test_a_mean_speaks_from_two_units_an_arm_on_and_cautiously():
    two = PhaseArms(from_summary(2, 0.0, 1.0), from_summary(2, 9.0, 1.0))
    look = judge(MEANS, Memory(), [two], 1.0, at_horizon=False)
    assert look.status == "inconclusive"
    assert 0.0 < look.log_e < 0.1


def test_memory_is_never_edited_in_place():
    memory = Memory()
    look = judge(PLAN, memory, [conversions(0.32, 0.4, 5000)], 1.0, at_horizon=False)
    assert memory == Memory()
    assert look.memory.looks_taken == 1
    with pytest.raises(FrozenInstanceError):
        look.memory.looks_taken = 7  # type: ignore[misc]


def test_the_same_data_twice_spend_nothing_twice():
    once = judge(PLAN, Memory(), [conversions(0.32, 0.34, 5000)], 3.0, at_horizon=False)
    again = judge(PLAN, once.memory, [conversions(0.32, 0.34, 5000)], 3.0, at_horizon=False)
    assert again.memory.looks == once.memory.looks
    assert (again.p_now, again.ci_lower, again.ci_upper) == (once.p_now, once.ci_lower, once.ci_upper)


def test_every_memory_survives_json():
    for look in story(PLAN, [(0.32, 0.36)] * 15):
        assert Memory.from_json(json.loads(json.dumps(look.memory.to_json(), allow_nan=False))) == look.memory
    assert Memory.from_json(None) == Memory.from_json({}) == Memory()


def test_a_look_travels_as_json_with_infinities_spelled_out():
    look = judge(PLAN, Memory(), [], 0.0, at_horizon=False)
    values = json.loads(json.dumps(look.to_json(), allow_nan=False))
    assert (values["ci_lower"], values["ci_upper"], values["variance"], values["lift"]) == ("-inf", "inf", "inf", None)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.25, 0.4), st.floats(0.25, 0.4)), min_size=1, max_size=8),
    st.sampled_from(["hybrid", "anytime", "horizon_only"]),
    st.sampled_from(["increase", "decrease"]),
)
def test_p_interval_and_lift_tell_one_story(days, kind, direction):
    plan = make_plan(
        kind=kind, direction=direction, minimum_effect=0.03, baseline=0.32, units_per_day=1000, horizon_days=6
    )
    looks = story(plan, days, n=500)
    for look in looks:
        excluded = not look.ci_lower <= 0.0 <= look.ci_upper
        assert look.detected == (look.p_running <= plan.alpha)
        assert not excluded or look.detected
        if look.status == "invalid":
            continue
        assert look.ci_lower <= look.ci_upper
        assert excluded == (not look.lift_lower <= 0.0 <= look.lift_upper)
    running = [look.p_running for look in looks]
    assert running == sorted(running, reverse=True)


def test_a_ramp_over_a_drifting_baseline_stays_honest():
    """10 % in treatment at a low baseline, then 50 % at a high one: pooling would see an effect where there is none."""
    low, high = (
        (from_summary(9000, 10.0, 4.0), from_summary(1000, 10.0, 4.0)),
        (
            from_summary(5000, 12.0, 4.0),
            from_summary(5000, 12.0, 4.0),
        ),
    )
    phases = [PhaseArms(*low, share_treatment=0.1), PhaseArms(*high)]
    pooled = [PhaseArms(merge(low[0], high[0]), merge(low[1], high[1]), share_treatment=0.3)]
    plan = make_plan(metric_kind="mean", minimum_effect=0.1, sigma2=4.0, units_per_day=10_000, horizon_days=4)
    honest = judge(plan, Memory(), phases, 2.0, at_horizon=False)
    assert honest.estimate == pytest.approx(0.0, abs=1e-12)
    assert honest.mean_treatment - honest.mean_control == pytest.approx(honest.estimate, abs=1e-12)
    assert (honest.n_control, honest.n_treatment) == (14_000, 6_000)
    assert judge(plan, Memory(), pooled, 2.0, at_horizon=False).status == "success"


def test_shrinking_pulls_an_early_estimate_towards_nothing():
    early, late = story(PLAN, [(0.32, 0.36)] * 12)[0], story(PLAN, [(0.32, 0.36)] * 12)[-1]
    assert 0 < early.shrunk_estimate < late.shrunk_estimate < late.estimate
