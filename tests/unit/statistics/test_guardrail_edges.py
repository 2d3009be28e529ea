"""Guardrails at their edges: where each rung begins, bounds that agree with the ladder, and the breaker's tolerance."""

from dataclasses import replace
from math import inf, log, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runtime.statistics.constraints import ConstraintLook, Guardrail, breaker, check, check_rate, ladder
from runtime.statistics.moments import EMPTY, Moments, from_counts, from_summary
from runtime.statistics.phases import PhaseArms
from runtime.statistics.sequential import log_e_above

ERRORS = Guardrail(name="error_rate", kind="rate", side="max", limit=0.05)
PAYMENTS = Guardrail(name="payment_success_rate", kind="rate", side="min", limit=0.97)
LATENCY = Guardrail(name="latency_ms", kind="mean", side="max", limit=800.0)
BASKET = Guardrail(name="basket", kind="relative", side="min", limit=0.02)
SIDES = st.sampled_from(["max", "min"])


def alone(treatment: Moments) -> list[PhaseArms]:
    return [PhaseArms(EMPTY, treatment)]


def agrees(guardrail: Guardrail, look: ConstraintLook) -> None:
    """Past the limit exactly when the ladder says pause, or safe; never past it at both ends."""
    assume(min(abs(look.log_e - log(10)), abs(look.log_e_safe - log(20))) > 1e-6)
    above, below = look.lower > look.limit, look.upper < look.limit
    bad, good = (above, below) if guardrail.side == "max" else (below, above)
    assert (look.state in ("pause", "kill"), look.safe) == (bad, good)
    assert look.lower <= look.estimate <= look.upper


def test_every_rung_of_the_ladder_begins_at_its_registered_odds():
    assert [ladder(log(e), ERRORS) for e in (4.9, 9.9, 99.9)] == ["ok", "warn", "pause"]
    assert [ladder(x, ERRORS) for x in (log(5.0), -log(0.10), -log(0.01))] == ["warn", "pause", "kill"]
    strict = replace(ERRORS, warn_e=2.0, alpha_pause=0.5, alpha_kill=0.2)
    assert [ladder(log(e), strict) for e in (1.9, 2.1, 4.9, 5.1)] == ["ok", "pause", "pause", "kill"]
    assert ladder(log(101.0), ERRORS, 0) == "kill"


def test_safe_is_said_from_odds_of_twenty_to_one_on():
    hesitant, certain = check_rate(ERRORS, 31, 1000), check_rate(ERRORS, 30, 1000)
    assert log(13.4) < hesitant.log_e_safe < log(20) < certain.log_e_safe
    assert (hesitant.safe, certain.safe) == (False, True)


def test_alone_a_guardrail_kills_at_a_hundred_to_one_and_in_company_later():
    arms = alone(from_counts(500, 47))
    assert log(100) < check_rate(ERRORS, 47, 500).log_e < log(200)
    assert [check_rate(ERRORS, 47, 500).state, check(ERRORS, arms).state] == ["kill", "kill"]
    assert [check_rate(ERRORS, 47, 500, guardrails=n).state for n in (1, 2)] == ["kill", "pause"]
    assert check(ERRORS, arms, guardrails=2).state == "pause"


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0.01, 0.99), SIDES)
def test_states_and_bounds_of_a_rate_agree(n, share, limit, side):
    guardrail = Guardrail(name="x", kind="rate", side=side, limit=limit)
    look = check_rate(guardrail, round(share * n), n)
    assert look.estimate == round(share * n) / n
    agrees(guardrail, look)


@given(st.floats(-300, 300), st.floats(1, 1e5), st.integers(50, 5000), SIDES, st.sampled_from([None, 3.0]))
def test_states_and_bounds_of_a_mean_agree(above, variance, n, side, tau):
    guardrail = Guardrail(name="x", kind="mean", side=side, limit=800.0, tau=tau)
    look = check(guardrail, alone(from_summary(n, 800.0 + above, variance)))
    assert look.n == n
    agrees(guardrail, look)


@given(st.integers(0, 400), st.integers(400, 800), st.floats(0.01, 0.99))
def test_a_rate_that_must_not_fall_is_its_complement_that_must_not_rise(hits, n, limit):
    floor = check_rate(Guardrail(name="x", kind="rate", side="min", limit=limit), hits, n)
    ceiling = check_rate(Guardrail(name="x", kind="rate", side="max", limit=1.0 - limit), n - hits, n)
    assert floor.log_e == pytest.approx(ceiling.log_e, rel=1e-9, abs=1e-9)
    assert floor.log_e_safe == pytest.approx(ceiling.log_e_safe, rel=1e-9, abs=1e-9)
    assert (floor.lower, floor.upper) == pytest.approx((1.0 - ceiling.upper, 1.0 - ceiling.lower), abs=1e-9)


def test_a_rate_is_counted_exactly_whether_it_comes_as_an_arm_or_as_counts():
    for guardrail, hits in ((ERRORS, 47), (PAYMENTS, 470)):
        arm = check(
            guardrail,
            [
                PhaseArms(EMPTY, from_counts(200, hits * 2 // 5)),
                PhaseArms(EMPTY, from_counts(300, hits - hits * 2 // 5)),
            ],
        )
        assert arm == check_rate(guardrail, hits, 500)
    assert check(ERRORS, alone(from_counts(3, 0))).n == 3  # exact from the first unit on, unlike a mean


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (-1, 10), (11, 10)])
def test_counts_that_cannot_be_say_nothing(hits, n):
    look = check_rate(ERRORS, hits, n)
    assert (look.state, look.safe, look.n, look.breaker) == ("ok", False, 0, False)
    assert (look.log_e, look.log_e_safe, look.estimate) == (0.0, 0.0, 0.0)
    assert (look.lower, look.upper, look.reason) == (-inf, inf, "too few units to say anything")
    assert (look.name, look.limit, look.side) == ("error_rate", 0.05, "max")


def test_none_and_all_are_rates_like_any_other():
    assert check_rate(ERRORS, 0, 200).safe
    assert check_rate(ERRORS, 1, 1).n == 1
    assert check_rate(ERRORS, 20, 20).state == "kill"


def test_a_mean_speaks_from_fifty_units_whose_values_vary():
    assert check(LATENCY, alone(from_summary(50, 5000.0, 100.0))).state == "kill"
    assert check(LATENCY, alone(from_summary(49, 5000.0, 100.0))).n == 0
    assert check(LATENCY, alone(from_summary(500, 5000.0, 0.0))).n == 0
    assert check(LATENCY, alone(Moments(500, 5000.0, inf))).n == 0


@pytest.mark.parametrize(
    ("guardrail", "tau"),
    [(LATENCY, 80.0), (replace(LATENCY, tau=20.0), 20.0), (replace(LATENCY, limit=-800.0), 80.0)],
)
def test_the_excess_worth_finding_is_a_tenth_of_the_limit_unless_registered(guardrail, tau):
    look = check(guardrail, alone(from_summary(400, guardrail.limit + 30.0, 250_000.0)))
    assert look.log_e == pytest.approx(log_e_above(30.0, 625.0, tau * tau))
    assert look.log_e_safe == pytest.approx(log_e_above(-30.0, 625.0, tau * tau))


def test_around_a_limit_of_zero_a_tenth_of_the_spread_is_worth_finding():
    look = check(replace(LATENCY, limit=0.0), alone(from_summary(400, 30.0, 250_000.0)))
    assert look.log_e == pytest.approx(log_e_above(30.0, 625.0, 2500.0))


@pytest.mark.parametrize(("limit", "tau", "expected"), [(0.02, None, 0.05), (0.2, None, 0.2), (0.02, 0.01, 0.01)])
@pytest.mark.parametrize(("side", "margin"), [("max", 1.0), ("min", -1.0)])
def test_a_relative_limit_is_a_test_of_the_contrast_with_the_baseline_s_own_noise(limit, tau, expected, side, margin):
    guardrail = Guardrail(name="x", kind="relative", side=side, limit=limit, tau=tau)
    look = check(guardrail, [PhaseArms(from_summary(400, 50.0, 900.0), from_summary(100, 52.0, 400.0))])
    gap = 52.0 - (1.0 + margin * limit) * 50.0
    variance = 400.0 / 100 + (1.0 + margin * limit) ** 2 * 900.0 / 400
    assert look.log_e == pytest.approx(log_e_above(margin * gap, variance, (expected * 50.0) ** 2))
    assert look.log_e_safe == pytest.approx(log_e_above(-margin * gap, variance, (expected * 50.0) ** 2))
    assert (look.estimate, look.limit, look.n) == (pytest.approx(0.04), margin * limit, 100)


@given(st.floats(0.9, 1.1), st.floats(1e-3, 1e3), SIDES)
def test_a_relative_guardrail_does_not_mind_the_currency(ratio, currency, side):
    guardrail = Guardrail(name="x", kind="relative", side=side, limit=0.02)
    looks = [
        check(guardrail, [PhaseArms(from_summary(500, 100.0 * k, 90.0 * k * k), from_summary(500, 100.0 * ratio * k, 70.0 * k * k))])
        for k in (1.0, currency)
    ]  # fmt: skip
    numbers = [(look.log_e, look.log_e_safe, look.estimate, look.lower, look.upper) for look in looks]
    assert numbers[1] == pytest.approx(numbers[0], rel=1e-6, abs=1e-6)


def test_a_relative_guardrail_waits_for_fifty_units_in_each_arm():
    few, many = from_summary(49, 100.0, 900.0), from_summary(50, 100.0, 900.0)
    assert [check(BASKET, [PhaseArms(*pair)]).n for pair in ((few, many), (many, few), (many, many))] == [0, 0, 50]
    same = from_summary(500, 100.0, 0.0)
    assert check(BASKET, [PhaseArms(same, same)]).n == 0
    flat = from_summary(500, 0.0, 900.0)
    assert check(BASKET, [PhaseArms(flat, many)]).n == 0


def test_a_conversion_s_relative_guardrail_uses_the_spread_of_a_conversion():
    phases = [PhaseArms(from_counts(600, 300), from_counts(600, 300))]
    as_conversion, as_mean = check(BASKET, phases, metric_kind="conversion"), check(BASKET, phases)
    assert as_mean.lower < as_conversion.lower < 0.0 < as_conversion.upper < as_mean.upper


def test_before_anything_is_known_the_limit_shown_is_the_one_that_will_be_tested():
    early = check(BASKET, [PhaseArms(EMPTY, EMPTY)])
    later = check(BASKET, [PhaseArms(from_summary(500, 100.0, 9.0), from_summary(500, 100.0, 9.0))])
    assert early.limit == later.limit == -0.02


@pytest.mark.parametrize(
    ("guardrail", "clearly", "hardly"),
    [
        (ERRORS, 0.0552, 0.0548),  # a tenth of the limit beyond
        (PAYMENTS, 0.9668, 0.9672),  # a tenth of what is left above the limit
        (replace(PAYMENTS, side="max"), 0.9732, 0.9728),
        (LATENCY, 881.0, 879.0),
        (replace(LATENCY, side="min"), 719.0, 721.0),
        (replace(LATENCY, limit=-800.0), -719.0, -721.0),
        (BASKET, -0.0221, -0.0219),
        (replace(BASKET, side="max"), 0.0221, 0.0219),
        (replace(BASKET, side="max", limit=0.7), 0.78, 0.75),
        (replace(LATENCY, limit=0.7), 0.78, 0.75),
        (replace(ERRORS, breaker_tolerance=0.5), 0.0752, 0.0748),
    ],
)
def test_the_breaker_counts_buckets_clearly_beyond_the_limit(guardrail, clearly, hardly):
    assert breaker(guardrail, (clearly,) * 3)
    assert not breaker(guardrail, (clearly, clearly, hardly, hardly, hardly))


def test_the_breaker_looks_back_five_buckets_and_wants_three():
    assert breaker(ERRORS, (0.9, 0.0, 0.9, 0.0, 0.9))
    assert not breaker(ERRORS, (0.9, 0.0, 0.0, 0.9, 0.0, 0.9))
    assert not breaker(ERRORS, (0.9, 0.9))
    assert breaker(ERRORS, (0.9, 0.9, nan, inf, 0.9))
    assert breaker(replace(ERRORS, breaker_hits=1, breaker_buckets=1), (0.0, 0.9))


def test_the_breaker_pauses_what_the_ladder_calls_safe_and_says_why():
    look = check_rate(ERRORS, 0, 500, recent=(0.9, 0.9, 0.9))
    assert (look.state, look.safe, look.breaker) == ("pause", False, True)
    assert look.reason == "hard-limit breaker: 3 of the last 5 buckets are clearly beyond the limit"
    assert not check_rate(ERRORS, 0, 500).breaker
    warned = check_rate(ERRORS, 74, 1000, recent=(0.9, 0.9, 0.9))
    assert (check_rate(ERRORS, 74, 1000).state, warned.state) == ("warn", "pause")
    assert check_rate(ERRORS, 77, 1000, recent=(0.9, 0.9, 0.9)).state == "pause"


def test_a_violation_is_told_in_odds_and_a_kept_limit_in_words():
    assert check_rate(ERRORS, 47, 500).reason == (
        "evidence of a violation: the data are 150 times likelier beyond the limit than at it"
    )
    assert "the data are 6,305,293 times likelier" in check_rate(ERRORS, 98, 1000).reason
    assert "the data are more than 10^7 times likelier beyond the limit" in check_rate(ERRORS, 99, 1000).reason
    assert "the data are more than 10^16 times likelier beyond the limit" in check_rate(ERRORS, 500, 1000).reason
    assert check_rate(ERRORS, 20, 1000).reason == "the limit is kept"
    assert check_rate(ERRORS, 50, 1000).reason == "no evidence either way yet"


def test_stored_guardrails_may_lack_what_was_added_later():
    assert Guardrail.from_json({"name": "x", "kind": "rate", "side": "max", "limit": 0.05, "gone": 1}) == replace(
        ERRORS, name="x"
    )
