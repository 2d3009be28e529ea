"""Guardrails: exact rates, means, margins against control, the ladder and the breaker."""

import json
from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, special

from runtime.statistics.constraints import ConstraintLook, Guardrail, breaker, check, check_rate, ladder
from runtime.statistics.moments import EMPTY, Moments, from_counts, from_summary
from runtime.statistics.phases import PhaseArms
from runtime.statistics.rates import log_e_rate_above, log_e_rate_below, rate_lower, rate_upper

ERRORS = Guardrail(name="error_rate", kind="rate", side="max", limit=0.05)
PAYMENTS = Guardrail(name="payment_success_rate", kind="rate", side="min", limit=0.97)
LATENCY = Guardrail(name="latency_ms", kind="mean", side="max", limit=800.0)
BASKET = Guardrail(name="basket", kind="relative", side="min", limit=0.02)


def arms(control: Moments, treatment: Moments) -> list[PhaseArms]:
    return [PhaseArms(control, treatment)]


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 20), (8, 100), (30, 400), (2, 400)])
@pytest.mark.parametrize("limit", [0.01, 0.05, 0.5, 0.97])
def test_rate_evidence_is_the_integral_over_the_truncated_beta(hits, n, limit):
    def integrand(u: float) -> float:  # p = sin^2 u takes the singular ends out of the Beta(1/2, 1/2) density
        p = np.sin(u) ** 2
        return exp(hits * log(p / limit) + (n - hits) * log1m(p) - (n - hits) * log(1 - limit))

    def log1m(p: float) -> float:
        return log(max(1 - p, 1e-300))

    start, end = np.arcsin(limit**0.5), np.pi / 2
    peak = np.arcsin(min(max(hits / n, limit + 1e-9), 1 - 1e-9) ** 0.5)
    integral = sum(integrate.quad(integrand, a, b, limit=200)[0] for a, b in ((start, peak), (peak, end)))
    assert log_e_rate_above(hits, n, limit) == pytest.approx(log(integral / (end - start)), rel=1e-6, abs=1e-6)


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.001, 0.999))
def test_rate_evidence_agrees_with_scipy_s_incomplete_beta(n, share, limit):
    hits = round(share * n)
    a, b = hits + 0.5, n - hits + 0.5
    tail, prior = special.betaincc(a, b, limit), special.betaincc(0.5, 0.5, limit)
    assume(tail > 1e-280)
    oracle = log(tail) + special.betaln(a, b) - log(prior) - special.betaln(0.5, 0.5)
    oracle -= hits * log(limit) + (n - hits) * log(1 - limit)
    assert log_e_rate_above(hits, n, limit) == pytest.approx(oracle, rel=1e-7, abs=1e-7)


def test_a_rate_hopelessly_on_the_good_side_still_has_a_finite_e():
    assert -40 < log_e_rate_above(0, 10_000_000, 0.5) < -10
    assert log_e_rate_above(5_000_000, 10_000_000, 0.5) == pytest.approx(-8, abs=1.5)


@pytest.mark.parametrize(
    ("hits", "n", "limit", "expected"), [(1, 5, 0.0, inf), (0, 5, 0.0, 0.0), (5, 5, 1.0, 0.0), (0, 0, 0.5, 0.0)]
)
def test_limits_at_the_very_ends(hits, n, limit, expected):
    assert log_e_rate_above(hits, n, limit) == expected


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0.01, 0.99), st.sampled_from([0.01, 0.05, 0.1]))
def test_a_rate_is_rejected_exactly_when_its_bound_lies_beyond_the_limit(n, share, limit, alpha):
    hits = round(share * n)
    above, below = log_e_rate_above(hits, n, limit), log_e_rate_below(hits, n, limit)
    assume(min(abs(above + log(alpha)), abs(below + log(alpha))) > 1e-6)
    assert (above >= -log(alpha)) == (rate_lower(hits, n, alpha) > limit)
    assert (below >= -log(alpha)) == (rate_upper(hits, n, alpha) < limit)


def test_peeking_at_a_rate_on_its_limit_rarely_kills():
    rng = np.random.default_rng(9)
    hits = np.cumsum(rng.binomial(40, 0.05, (500, 50)), axis=1)
    n = np.arange(40, 2001, 40)
    a, b = hits + 0.5, n - hits + 0.5
    log_e = np.log(special.betaincc(a, b, 0.05)) + special.betaln(a, b) - np.log(special.betaincc(0.5, 0.5, 0.05))
    log_e -= special.betaln(0.5, 0.5) + hits * np.log(0.05) + (n - hits) * np.log(0.95)
    assert log_e[3, 20] == pytest.approx(log_e_rate_above(int(hits[3, 20]), int(n[20]), 0.05), abs=1e-8)
    assert (log_e.max(axis=1) >= log(10)).mean() <= 0.10 + 3 * 0.0134
    assert (log_e.max(axis=1) >= log(100)).mean() <= 0.01 + 3 * 0.0045


def test_the_ladder_climbs_with_the_evidence_and_only_kill_is_shared_out():
    assert [ladder(log(e), ERRORS) for e in (1, 5.1, 10.1, 100.1)] == ["ok", "warn", "pause", "kill"]
    assert [ladder(log(e), ERRORS, 4) for e in (10.1, 100.1, 400.1)] == ["pause", "pause", "kill"]


def test_a_broken_checkout_is_killed_and_a_healthy_one_is_safe():
    broken = check_rate(ERRORS, 120, 1000)
    healthy = check_rate(ERRORS, 20, 1000)
    early = check_rate(ERRORS, 1, 10)
    assert (broken.state, broken.safe) == ("kill", False)
    assert broken.lower > 0.05
    assert (healthy.state, healthy.safe) == ("ok", True)
    assert healthy.upper < 0.05
    assert (early.state, early.safe, early.reason) == ("ok", False, "no evidence either way yet")


def test_a_floor_reads_the_other_way_round():
    falling = check(PAYMENTS, arms(EMPTY, from_counts(2000, 1880)))
    fine = check(PAYMENTS, arms(EMPTY, from_counts(2000, 1980)))
    assert falling.state == "kill"
    assert falling.upper < 0.97
    assert (fine.state, fine.safe) == ("ok", True)
    assert fine.lower > 0.97


def test_a_mean_limit_waits_for_fifty_units_and_then_speaks():
    assert check(LATENCY, arms(EMPTY, from_summary(49, 5000.0, 100.0))).reason == "too few units to say anything"
    slow = check(LATENCY, arms(EMPTY, from_summary(400, 900.0, 200.0**2)))
    fast = check(LATENCY, arms(EMPTY, from_summary(400, 700.0, 200.0**2)))
    assert (slow.state, fast.state, fast.safe) == ("kill", "ok", True)
    assert slow.lower > 800 > fast.upper


def test_a_relative_guardrail_tolerates_its_margin_and_no_more():
    control = from_summary(20_000, 100.0, 900.0)
    assert check(BASKET, arms(control, from_summary(20_000, 95.0, 900.0))).state == "kill"
    tolerated = check(BASKET, arms(control, from_summary(20_000, 98.5, 900.0)))
    assert tolerated.state == "ok"
    better = check(BASKET, arms(control, from_summary(20_000, 101.0, 900.0)))
    assert better.safe
    assert better.lower > -0.02
    assert better.limit == -0.02


def test_a_relative_guardrail_needs_units_and_a_positive_baseline():
    few = from_summary(30, 100.0, 900.0)
    negative = from_summary(100, -5.0, 9.0)
    assert check(BASKET, arms(few, few)).n == 0
    assert check(BASKET, arms(negative, negative)).state == "ok"


@given(st.floats(80, 120), st.floats(1, 900), st.floats(1, 900), st.sampled_from(["max", "min"]))
def test_relative_states_and_bounds_agree(mean, v_c, v_t, side):
    guardrail = Guardrail(name="x", kind="relative", side=side, limit=0.02)
    look = check(guardrail, arms(from_summary(500, 100.0, v_c), from_summary(500, mean, v_t)))
    assume(min(abs(look.log_e - log(10)), abs(look.log_e_safe - log(20))) > 1e-6)
    beyond, within = (
        (look.lower > 0.02, look.upper < 0.02) if side == "max" else (look.upper < -0.02, look.lower > -0.02)
    )
    assert (look.state in ("pause", "kill")) == beyond
    assert look.safe == within


def test_the_breaker_pauses_without_any_statistics():
    look = check_rate(ERRORS, 0, 3, recent=(0.02, 0.3, 0.4, float("nan"), 0.5))
    assert (look.state, look.breaker) == ("pause", True)
    assert look.reason.startswith("hard-limit breaker")
    assert not check_rate(ERRORS, 0, 3, recent=(0.02, 0.051, 0.052, 0.053)).breaker


def test_old_buckets_fall_out_of_the_breaker():
    assert not breaker(ERRORS, (0.9, 0.9, 0.9, 0.0, 0.0, 0.0))
    assert breaker(BASKET, (-0.05, -0.05, -0.05))
    assert not breaker(BASKET, (0.05, 0.05, 0.05))
    assert breaker(PAYMENTS, (0.95, 0.95, 0.95))


def test_the_breaker_never_softens_a_kill():
    look = check_rate(ERRORS, 500, 1000, recent=(0.5, 0.5, 0.5))
    assert (look.state, look.breaker) == ("kill", True)


def test_a_constraint_look_travels_as_json_with_infinities():
    look = check(LATENCY, arms(EMPTY, EMPTY))
    text = json.dumps(look.to_json(), allow_nan=False)
    assert '"lower": "-inf"' in text
    assert ConstraintLook.from_json(json.loads(text)) == look
    assert Guardrail.from_json(json.loads(json.dumps(BASKET.to_json()))) == BASKET
