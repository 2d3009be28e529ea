"""What must hold for every arm anybody may send."""

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runtime.analysis.stream import reply

values = st.lists(st.integers(-1000, 1000), min_size=0, max_size=12)
varied = st.lists(st.integers(-50, 50), min_size=3, max_size=12).filter(lambda row: len(set(row)) > 1)
alphas = st.sampled_from([0.001, 0.05, 0.2])
scales = st.sampled_from([Fraction(1, 10**9), Fraction(3, 8), Fraction(10**6)])


def ask(**request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(reply(json.dumps(request).encode()))
    assert "error" not in answer, answer
    return answer


def decimal(value: Fraction) -> str:
    """Exactly: denominators here are products of twos and fives."""
    for digits in range(60):
        if (value * 10**digits).denominator == 1:
            return f"{int(value * 10**digits)}e-{digits}"
    raise AssertionError(value)


def arm(row: list[int], scale: Fraction = Fraction(1), shift: Fraction = Fraction(0)) -> dict[str, Any]:
    moved = [value * scale + shift for value in row]
    return {"n": len(row), "sum": decimal(sum(moved, Fraction(0))), "sumsq": decimal(sum((v * v for v in moved), Fraction(0)))}  # fmt: skip


def number(value: Any) -> float:
    return float(value)


@given(varied, varied, alphas, st.floats(0.01, 100), st.floats(-40, 40))
def test_rejecting_is_excluding_the_null(a: list[int], b: list[int], alpha: float, tau2: float, theta0: float) -> None:
    answer = ask(test="difference", control=arm(a), treatment=arm(b), alpha=alpha, tau2=tau2, theta0=theta0)
    low, high = answer["ci_lower"], answer["ci_upper"]
    assume(min(abs(theta0 - low), abs(theta0 - high)) > 1e-9 * (high - low))
    assert answer["reject"] is not (low < theta0 < high)
    assert answer["reject"] is (answer["p_value"] <= alpha)


@given(varied, varied, alphas, st.floats(0.01, 10))
def test_the_t_test_too(a: list[int], b: list[int], alpha: float, rho2: float) -> None:
    answer = ask(test="t_mixture", control=arm(a), treatment=arm(b), alpha=alpha, rho2=rho2)
    reach = number(answer["critical_t"])
    assume(abs(abs(answer["t"]) - reach) > 1e-9 * reach or math.isinf(reach))
    assert (abs(answer["t"]) > reach) is (answer["log_lr"] >= -math.log(alpha))


@given(varied, varied, scales, st.sampled_from([0, 10**15, -7]))
def test_units_of_measurement_change_nothing(a: list[int], b: list[int], scale: Fraction, shift: int) -> None:
    plain = ask(test="difference", control=arm(a), treatment=arm(b), alpha=0.05, tau2=2)
    moved = ask(
        test="difference", control=arm(a, scale, Fraction(shift)), treatment=arm(b, scale, Fraction(shift)),
        alpha=0.05, tau2=float(2 * scale**2),
    )  # fmt: skip
    assert moved["estimate"] == pytest.approx(plain["estimate"] * float(scale), rel=1e-9, abs=1e-12 * float(scale))
    assert moved["log_lr"] == pytest.approx(plain["log_lr"], rel=1e-9, abs=1e-9)
    assert moved["ci_lower"] == pytest.approx(plain["ci_lower"] * float(scale), rel=1e-9)


@given(varied, varied, st.sampled_from(["difference", "asymptotic_cs"]))
def test_swapping_the_arms_swaps_the_sign(a: list[int], b: list[int], test: str) -> None:
    shared: dict[str, Any] = {"test": test, "alpha": 0.05, **({"tau2": 3} if test == "difference" else {})}
    one, other = ask(control=arm(a), treatment=arm(b), **shared), ask(control=arm(b), treatment=arm(a), **shared)
    assert one["estimate"] == -other["estimate"]
    assert one["p_value"] == pytest.approx(other["p_value"], rel=1e-12)
    assert one["ci_lower"] == pytest.approx(-other["ci_upper"], rel=1e-12)


@given(st.lists(values, max_size=6), st.randoms(use_true_random=False))
def test_merging_knows_neither_order_nor_brackets(rows: list[list[int]], random: Any) -> None:
    whole = ask(test="merge", shards=[arm([value for row in rows for value in row])])
    shuffled = random.sample(rows, len(rows))
    half = len(shuffled) // 2
    brackets = [arm([v for row in part for v in row]) for part in (shuffled[:half], shuffled[half:])]
    assert ask(test="merge", shards=[arm(row) for row in shuffled]) == whole
    assert ask(test="merge", shards=brackets) == whole


@given(varied, varied, st.floats(0, 20), st.sampled_from(["increase", "decrease"]))
def test_the_verdict_agrees_with_the_test(a: list[int], b: list[int], threshold: float, direction: str) -> None:
    found = ask(test="difference", control=arm(a), treatment=arm(b), alpha=0.05, tau2=10)
    ends = {"ci_lower": found["ci_lower"], "ci_upper": found["ci_upper"]}
    assume(0.0 not in ends.values())
    said = ask(test="verdict", direction=direction, **ends, success_threshold_abs=threshold)["verdict"]
    good = (found["estimate"] > 0) is (direction == "increase")
    assert (said == "inconclusive") is not found["reject"]
    assert (said == "harm") is (found["reject"] and not good)


@settings(max_examples=30)
@given(varied, varied, st.floats(0.3, 30), st.integers(150, 900), st.sampled_from(["greater", "lesser"]))
def test_the_one_sided_asymptotic_p_is_where_its_bound_meets_the_null(
    a: list[int], b: list[int], rho: float, shift: int, side: str
) -> None:
    far = Fraction(shift if side == "greater" else -shift)
    shared = {"test": "asymptotic_cs", "control": arm(a), "treatment": arm(b, shift=far), "rho": rho, "side": side}
    p = ask(**shared, alpha=0.05)["p_value"]
    assume(1e-250 < p < 0.999)
    there = ask(**shared, alpha=p)
    bound = there["ci_lower"] if side == "greater" else there["ci_upper"]
    assert bound == pytest.approx(0, abs=1e-9 * abs(there["estimate"]))


@given(st.lists(st.tuples(values, values), max_size=5))
def test_a_sequence_never_forgets(buckets: list[tuple[list[int], list[int]]]) -> None:
    asked = [{"control": arm(a), "treatment": arm(b)} for a, b in buckets]
    answer = ask(test="sequence", buckets=asked, alpha=0.05, tau2=100)
    running = [look["p_always_valid"] for look in answer["per_look"]]
    assert running == sorted(running, reverse=True)
    lows = [number(look["ci_running"][0]) for look in answer["per_look"]]
    assert lows == sorted(lows)
    crossed = [index for index, p in enumerate(running) if p <= 0.05]
    assert answer["first_crossing_index"] == (crossed[0] if crossed else None)
