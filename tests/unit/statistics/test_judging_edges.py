"""Judgements at their edges: ties, reversals, evidence that only seems to stand, and what is said about each."""

from dataclasses import replace
from math import inf, isnan

import pytest

from runtime.statistics import Look, Memory, PhaseArms, Plan, judge, make_plan, merge
from runtime.statistics.look import Crossing, Horizon, Official
from runtime.statistics.moments import EMPTY, Moments, from_counts, from_summary
from runtime.statistics.sequential import EVERYTHING, Interval
from runtime.statistics.spending import Looks, boundaries

PLAN = make_plan(minimum_effect=0.02, baseline=0.32, units_per_day=2000, horizon_days=14)
MEANS = make_plan(metric_kind="mean", minimum_effect=1.0, sigma2=100.0, units_per_day=400, horizon_days=14)
ALWAYS = replace(MEANS, kind="anytime", alpha_spend=0.0, alpha_any=0.05)


def rates(control: float, treatment: float, n: int = 1000) -> PhaseArms:
    return PhaseArms(from_counts(n, round(control * n)), from_counts(n, round(treatment * n)))


def means(gap: float, n: int = 2000) -> PhaseArms:
    return PhaseArms(from_summary(n, 50.0, 100.0), from_summary(n, 50.0 + gap, 100.0))


def story(plan: Plan, days: list[tuple[float, float]], n: int = 1000) -> list[Look]:
    memory, looks = Memory(), []
    control, treatment = EMPTY, EMPTY
    for day, (c, t) in enumerate(days, 1):
        today = rates(c, t, n)
        control, treatment = merge(control, today.control), merge(treatment, today.treatment)
        looks.append(judge(plan, memory, [PhaseArms(control, treatment)], float(day), day >= plan.horizon_days))
        memory = looks[-1].memory
    return looks


@pytest.mark.parametrize(("least", "status", "kind"), [(4, "inconclusive", "none"), (5, "success", "hybrid")])
@pytest.mark.parametrize("common", [False, True])
def test_five_events_of_each_kind_are_enough_to_be_judged(least, status, kind, common):
    few, many = (500 - least, 500 - 300) if common else (least, 300)
    plan = replace(PLAN, direction="decrease" if common else "increase")
    look = judge(plan, Memory(), [PhaseArms(from_counts(500, few), from_counts(500, many))], 1.0, at_horizon=False)
    assert (look.status, look.interval_kind) == (status, kind)
    assert (look.reasons[0] == "too few events: 5 of each kind are needed in each arm") == (least == 4)


def test_too_few_events_show_numbers_and_claim_nothing():
    look = judge(PLAN, Memory(), [PhaseArms(from_counts(500, 4), from_counts(500, 300))], 1.0, at_horizon=False)
    assert look.estimate == pytest.approx(0.592)
    assert (look.p_now, look.log_e, look.ci_lower, look.ci_upper) == (1.0, 0.0, -inf, inf)
    assert (look.lift_lower, look.lift_upper, look.detected, look.advice) == (-inf, inf, False, "continue")
    assert not any("baseline" in reason for reason in look.reasons)


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_an_interval_that_only_touches_the_margin_does_not_exclude_it(direction):
    sign = 1.0 if direction == "increase" else -1.0
    free = judge(ALWAYS, Memory(), [means(-3.0 * sign)], 3.0, at_horizon=False)
    worst, best = sorted((sign * free.ci_lower, sign * free.ci_upper))
    assert worst < best < 0.0
    for margin, status in (
        (worst, "inconclusive"),
        (worst - 1e-9, "success"),
        (best, "inconclusive"),
        (best + 1e-9, "harm"),
    ):
        plan = replace(ALWAYS, success_threshold=margin, direction=direction)
        look = judge(plan, Memory(), [means(-3.0 * sign)], 3.0, at_horizon=False)
        assert (look.status, look.detected) == (status, status != "inconclusive")


def test_an_estimate_that_meets_the_threshold_exactly_reaches_it():
    free = judge(MEANS, Memory(), [means(1.5)], 3.0, at_horizon=True)
    for short, status in ((0.0, "success"), (1e-9, "inconclusive")):
        plan = replace(MEANS, success_threshold=free.estimate + short)
        assert judge(plan, Memory(), [means(1.5)], 3.0, at_horizon=True).status == status


def test_the_first_rejection_is_dated_and_only_the_opposite_one_replaces_it():
    looks = story(PLAN, [(0.32, 0.40)] * 4 + [(0.40, 0.28)] * 9)
    first = next(index for index, look in enumerate(looks, 1) if look.detected)
    turned = next(index for index, look in enumerate(looks, 1) if look.status == "harm")
    for look in looks[first - 1 : turned - 1]:
        assert look.crossed == Crossing("success", first, float(first), "spending")
    for look in looks[turned - 1 :]:
        assert look.crossed == Crossing("harm", turned, float(turned), "spending")
        assert (look.status, look.advice) == ("harm", "kill")
        assert "the effect is in the harmful direction" in look.reasons
    assert looks[-1].memory.looks_taken == 13


def test_every_crossing_names_the_part_of_the_plan_that_crossed():
    always = judge(ALWAYS, Memory(), [means(2.0)], 3.0, at_horizon=False)
    at_the_end = judge(MEANS, Memory(), [means(1.0)], 14.0, at_horizon=True)
    before = judge(MEANS, Memory(), [means(1.5)], 3.0, at_horizon=False)
    parts = [look.crossed and look.crossed.part for look in (always, at_the_end, before)]
    assert parts == ["anytime", "horizon", "spending"]


def test_an_older_interval_does_not_make_new_evidence_stand():
    """Between official looks the last interval is still shown, but shipping asks for what the data say today."""
    looks = boundaries((0.5,), PLAN.alpha_spend, PLAN.rho)
    older = Official(Interval(0.001, 0.05), Interval(0.003, 0.15), 0.01)
    memory = Memory(3, 0.01, Crossing("success", 3, 7.0, "spending"), looks, older, standing_since=3.0)
    size = 14_000 // 2
    faded = judge(PLAN, memory, [rates(0.32, 0.331, size)], 8.0, at_horizon=False)
    assert faded.memory.looks == looks
    assert faded.ci_lower > 0.0
    assert (faded.status, faded.standing_days, faded.memory.standing_since) == ("success", 0.0, None)
    assert faded.memory.official == older
    assert faded.reasons == ("the effect was detected earlier, but the present evidence no longer excludes no effect",)
    alone = judge(PLAN, replace(memory, official=None), [rates(0.32, 0.331, size)], 8.0, at_horizon=False)
    assert alone.ci_lower < 0.0
    assert alone.reasons == faded.reasons
    firm = judge(PLAN, memory, [rates(0.32, 0.355, size)], 8.0, at_horizon=False)
    assert (firm.standing_days, firm.memory.standing_since) == (5.0, 3.0)


def test_evidence_short_of_the_success_threshold_does_not_stand():
    looks = story(replace(PLAN, success_threshold=0.05), [(0.32, 0.36)] * 10)
    assert looks[-1].detected
    assert {look.memory.standing_since for look in looks} == {None}


def after_horizon(status: str, gap: float) -> Look:
    """Day 20, the present evidence beyond the horizon's boundary but inside the anytime interval."""
    looks = boundaries((1.0,), PLAN.alpha_spend, PLAN.rho)
    horizon = Horizon(14.0, status, -0.01, 0.02)
    memory = Memory(14, 0.01, Crossing("success", 3, 3.0, "spending"), looks, None, horizon=horizon)
    return judge(PLAN, memory, [rates(0.32, 0.32 + gap, 14_000)], 20.0, at_horizon=True)


def test_past_the_horizon_its_frozen_success_counts_while_the_data_still_bear_it():
    held = after_horizon("success", 0.014)
    assert held.ci_lower < 0.0
    assert (held.advice, held.memory.standing_since) == ("ship", 20.0)
    for status, gap in (("inconclusive", 0.014), ("harm", 0.014), ("success", 0.008)):
        dropped = after_horizon(status, gap)
        assert (dropped.advice, dropped.memory.standing_since) == ("iterate", None)
    assert after_horizon("inconclusive", 0.05).advice == "ship"


def test_a_success_of_the_horizon_stays_shipped_day_after_day():
    looks = story(PLAN, [(0.32, 0.342)] * 17)
    assert {look.advice for look in looks[13:]} == {"ship"}
    assert [look.standing_days for look in looks[14:]] == [looks[13].standing_days + k for k in (1, 2, 3)]
    assert looks[16].memory.official == looks[13].memory.official
    assert looks[13].memory.horizon == Horizon(14.0, "success", looks[13].ci_lower, looks[13].ci_upper)


def test_an_effect_that_shows_only_on_the_last_day_is_shipped_without_a_hold():
    looks = story(PLAN, [(0.32, 0.32)] * 13 + [(0.22, 0.62)])
    assert not looks[12].detected
    assert (looks[13].standing_days, looks[13].advice) == (0.0, "ship")


def test_an_effect_that_no_longer_stands_at_the_horizon_is_not_shipped():
    looks = story(PLAN, [(0.32, 0.42)] * 3 + [(0.32, 0.30)] * 11)
    assert looks[2].detected
    assert looks[13].status == "success"
    assert (looks[13].memory.standing_since, looks[13].advice) == (None, "iterate")
    assert looks[13].memory.horizon is not None
    assert looks[13].memory.horizon.status == "inconclusive"


def test_the_estimate_is_shrunk_by_noise_over_prior():
    look = judge(replace(MEANS, tau2=0.25), Memory(), [means(1.5, 300)], 3.0, at_horizon=False)
    assert look.variance == pytest.approx(200.0 / 300)
    assert look.shrunk_estimate == pytest.approx(1.5 / (1.0 + look.variance / 0.25))


def test_a_second_look_adds_to_what_the_first_remembered():
    first = judge(MEANS, Memory(), [means(1.2)], 3.0, at_horizon=False)
    second = judge(MEANS, first.memory, [means(0.1, 3000)], 4.0, at_horizon=False)
    assert second.p_now > second.p_running == first.p_now
    assert second.memory.looks_taken == 2
    assert second.memory.looks.information[0] == first.memory.looks.information[0]


BROKEN = [PhaseArms(from_counts(10_000, 3200), from_counts(9_000, 3600))]


def test_an_invalid_look_shows_what_was_counted_and_keeps_what_was_known():
    memory = Memory(
        4, 0.2, Crossing("success", 2, 2.0, "anytime"), standing_since=2.0, looks=boundaries((0.3,), 0.048, 2.2)
    )
    look = judge(PLAN, memory, BROKEN, 5.0, at_horizon=False)
    assert look.memory == replace(memory, looks_taken=5, standing_since=None)
    assert (look.estimate, look.lift) == (pytest.approx(0.08), pytest.approx(0.25))
    assert 0.0 < look.variance < 1e-3
    assert look.fraction == pytest.approx(1.0 / look.variance / PLAN.planned_information)
    assert (look.n_control, look.n_treatment, look.mean_control, look.mean_treatment) == (10_000, 9_000, 0.32, 0.4)
    assert (look.p_now, look.p_running, look.log_e, look.interval_kind) == (1.0, 0.2, 0.0, "none")
    assert (look.ci_lower, look.ci_upper, look.lift_lower, look.lift_upper) == (-inf, inf, -inf, inf)
    assert (look.detected, look.standing_days, look.shrunk_estimate) == (True, 0.0, 0.0)
    assert (look.advice, look.horizon_reached) == ("iterate", False)
    assert look.srm.flagged


def test_values_that_do_not_vary_wait_for_more_until_the_horizon():
    same = [PhaseArms(Moments(50, 3.0, 0.0), Moments(40, 4.0, 0.0))]
    early, late = (judge(MEANS, Memory(), same, 1.0, at_horizon=end) for end in (False, True))
    assert (early.advice, late.advice) == ("continue", "iterate")
    assert (early.horizon_reached, late.horizon_reached) == (False, True)
    assert (early.estimate, early.variance, early.fraction) == (1.0, inf, 0.0)
    assert early.lift == pytest.approx(1.0 / 3.0)
    assert early.reasons == ("degenerate: the values do not vary, so there is nothing to compare",)


def test_an_empty_arm_has_no_difference_and_no_lift():
    look = judge(MEANS, Memory(), [PhaseArms(from_summary(50, 3.0, 1.0), EMPTY)], 1.0, at_horizon=False)
    assert look.estimate == 0.0
    assert isnan(look.lift)
    assert judge(MEANS, Memory(), [PhaseArms(EMPTY, from_summary(50, 3.0, 1.0))], 1.0, at_horizon=False).estimate == 0.0
    assert look.reasons == (
        "insufficient: at least two units are needed in each arm, there are 50 in control and 0 in treatment",
    )


def test_two_units_an_arm_in_one_phase_are_needed_not_over_all_phases():
    lonely = [PhaseArms(Moments(1, 1.0, 0.0), from_summary(9, 3.0, 1.0)), PhaseArms(from_summary(9, 3.0, 1.0), EMPTY)]
    assert judge(MEANS, Memory(), lonely, 1.0, at_horizon=False).reasons[0].startswith("insufficient")
    for one in (PhaseArms(Moments(1, 1.0, 0.0), EMPTY), PhaseArms(from_summary(9, 3.0, 1.0), Moments(1, 1.0, 0.0))):
        assert judge(MEANS, Memory(), [one], 1.0, at_horizon=False).reasons[0].startswith("insufficient")
    flat = PhaseArms(Moments(2, 1.0, 0.0), Moments(2, 1.0, 0.0))
    assert judge(MEANS, Memory(), [flat], 1.0, at_horizon=False).reasons[0].startswith("degenerate")


def reasons(plan: Plan, phase: PhaseArms, memory: Memory | None = None, *, at_horizon: bool = False) -> str:
    return " | ".join(judge(plan, memory or Memory(), [phase], 3.0, at_horizon=at_horizon).reasons)


def test_a_clear_success_has_nothing_to_explain_but_the_wait():
    assert reasons(MEANS, means(5.0)) == "waiting until the evidence has stood for 1 day and day 3.5"
    assert reasons(MEANS, means(5.0), at_horizon=True) == "an effect of zero is excluded at the horizon"
    half = replace(MEANS, hold_days=0.5)
    assert "for 0.5 days and" in reasons(half, means(5.0))


def test_nothing_found_says_nothing_until_the_horizon():
    assert reasons(MEANS, means(0.05)) == ""
    assert reasons(MEANS, means(0.05), at_horizon=True) == "the horizon is reached without a call"


def test_harm_is_named_and_not_also_called_a_missed_target():
    assert reasons(MEANS, means(-5.0)) == "the effect is in the harmful direction"
    assert reasons(MEANS, means(-5.0), at_horizon=True) == "the effect is in the harmful direction"


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (0.5, "waiting until"),
        (0.8, "waiting until"),
        (1.4, "the estimate reaches the success threshold; the interval does not exclude less | waiting until"),
        (1.6, "an effect was detected, but the estimate is short of the success threshold"),
        (9.0, "an effect was detected, but the estimate is short of the success threshold | even the best value"),
    ],
)
@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_every_distance_from_the_target_is_put_into_words(threshold, said, direction):
    plan = replace(MEANS, success_threshold=threshold, direction=direction)
    phase = means(1.5 * plan.sign, 4000)
    assert reasons(plan, phase).startswith(said)
    assert ("misses the target" in reasons(plan, phase)) == (threshold == 9.0)


def test_a_target_at_the_very_end_of_the_interval_is_not_excluded():
    free = judge(MEANS, Memory(), [means(1.5, 4000)], 3.0, at_horizon=False)
    plan = replace(MEANS, success_threshold=free.ci_lower)
    assert reasons(plan, means(1.5, 4000)).startswith("the estimate reaches the success threshold; the interval")
    assert reasons(replace(plan, success_threshold=free.ci_lower - 1e-9), means(1.5, 4000)).startswith("waiting")


def test_a_margin_is_no_threshold_to_fall_short_of():
    assert reasons(replace(MEANS, success_threshold=-2.0), means(0.0, 4000)).startswith("waiting until")


def test_a_baseline_near_zero_is_said_to_have_no_lift():
    phase = PhaseArms(from_summary(2000, 0.001, 100.0), from_summary(2000, 2.0, 100.0))
    said = "the baseline is not distinguishable from zero, so the lift has no interval"
    assert said in reasons(MEANS, phase).split(" | ")
    silent = replace(MEANS, kind="horizon_only", alpha_spend=0.05, alpha_any=0.0)
    assert judge(silent, Memory(), [phase], 3.0, at_horizon=False).ci_upper == EVERYTHING.upper
    assert reasons(silent, phase) == ""


def test_the_hold_counts_from_the_margin_and_by_the_information_that_has_come():
    margin = replace(PLAN, success_threshold=-0.03)
    assert "stood for 1 day and" in reasons(margin, rates(0.32, 0.32, 5000))
    # Half of the days have passed with three tenths of the information: the slower of the two says what may still fade.
    standing = Official(Interval(0.01, 9.0), Interval(0.0002, 0.2), 0.04)
    memory = Memory(looks=Looks((0.3,), (0.3,), (2.0 * 0.3**0.5,)), official=standing)
    distance = 2.2 / (0.3 * MEANS.planned_information) ** 0.5
    look = judge(replace(MEANS, horizon_days=6.0), memory, [means(distance, 840)], 3.0, at_horizon=False)
    persist = (1.959964 * 0.3**0.5 / 2.2 - 0.3) / 0.7
    assert look.reasons == (f"waiting until the evidence has stood for 1 day and day {7.0 * persist:.2g}",)


@pytest.mark.parametrize(
    ("since", "day", "advice"), [(2.5, 3.5, "ship"), (2.51, 3.5, "continue"), (1.0, 3.4, "continue")]
)
def test_the_hold_ends_on_the_day_it_was_promised_for(since, day, advice):
    """A clear effect: it must have stood for one day, and day 3.5 of 14 must have come."""
    memory = Memory(3, 1e-9, Crossing("success", 3, since, "spending"), standing_since=since)
    look = judge(MEANS, memory, [means(5.0)], day, at_horizon=False)
    assert look.standing_days == pytest.approx(day - since)
    assert look.advice == advice
