"""Every test of the analyze stream against an independent reference: integration, counting, or published tables."""

import json
import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from runtime.analysis.stream import reply


def ask(**request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(reply(json.dumps(request).encode()))
    assert "error" not in answer, answer
    return answer


def mixture(z: float, ratio: float) -> float:
    """Log of the average likelihood ratio over effects ~ N(0, ratio) in standard errors, by quadrature."""
    peak, spread = z * ratio / (1 + ratio), math.sqrt(ratio / (1 + ratio))
    effects = peak + spread * np.linspace(-12, 12, 20001)
    logs = z * effects - effects**2 / 2 - effects**2 / (2 * ratio) - 0.5 * math.log(2 * math.pi * ratio)
    top = float(np.max(logs))
    return top + math.log(float(np.exp(logs - top).sum()) * float(effects[1] - effects[0]))


ARMS = {"control": {"n": 400, "sum": 4000, "sumsq": 41000}, "treatment": {"n": 100, "mean": "10.4", "m2": 300}}
V = 1000 / 399 / 400 + 300 / 99 / 100


def test_difference_is_the_mixture_by_integration() -> None:
    answer = ask(id=1, test="difference", **ARMS, alpha=0.05, tau2=0.09, theta0="0.1")
    assert answer["estimate"] == pytest.approx(0.4, rel=1e-14)
    assert answer["variance_of_estimate"] == pytest.approx(V, rel=1e-14)
    strength = mixture(0.3 / math.sqrt(V), 0.09 / V)
    assert answer["log_lr"] == pytest.approx(strength, rel=1e-9)
    assert answer["p_value"] == pytest.approx(min(1, math.exp(-strength)), rel=1e-9)
    half = answer["ci_upper"] - answer["estimate"]
    assert mixture(half / math.sqrt(V), 0.09 / V) == pytest.approx(math.log(20), rel=1e-9)


def test_conversions_may_use_the_bernoulli_variance() -> None:
    arms = {"control": {"n": 200, "conversions": 20}, "treatment": {"n": 100, "conversions": 25}}
    shared = {"test": "difference", "alpha": 0.05, "tau2": 0.01, **arms}
    assert ask(**shared, variance="p(1-p)/n")["variance_of_estimate"] == pytest.approx(0.09 / 200 + 0.1875 / 100)
    assert ask(**shared)["variance_of_estimate"] == pytest.approx(0.09 / 199 + 0.1875 / 99)


def test_sums_at_a_huge_offset_lose_nothing() -> None:
    """10^12 units around 10^15 with spread 1; the difference of means is 10^-6."""
    n, offset = 10**12, 10**15
    control = {"n": n, "sum": str(n * offset), "sumsq": str(n * offset**2 + n)}
    with localcontext() as exactly:
        exactly.prec = 100
        mean = Decimal(offset) + Decimal("0.000001")
        treatment = {"n": "1e12", "sum": str(mean * n), "sumsq": str(mean * mean * n + n)}
    answer = ask(test="difference", control=control, treatment=treatment, alpha=0.05, tau2="1e-12")
    assert answer["estimate"] == pytest.approx(1e-6, rel=1e-12)
    assert answer["variance_of_estimate"] == pytest.approx(2 / (n - 1), rel=1e-12)
    merged = ask(test="merge", shards=[treatment, control])
    assert merged["n"] == 2 * n
    assert merged["variance_unbiased"] == pytest.approx((2 * n + n * 0.5e-12) / (2 * n - 1), rel=1e-12)


def test_json_numbers_are_taken_as_written_and_not_as_doubles() -> None:
    line = (
        b'{"test":"merge","shards":[{"n":2,"sum":2000000000000000.3,"sumsq":2000000000000000600000000000000.05},'
        b'{"n":0,"sum":0,"sumsq":0}]}'
    )
    assert json.loads(reply(line))["variance_unbiased"] == pytest.approx(0.005, rel=1e-12)


def test_likelihood_ratios_beyond_the_largest_double() -> None:
    arms = {"control": {"n": 10**6, "mean": 0, "m2": 10**6}, "treatment": {"n": 10**6, "mean": 1, "m2": 10**6}}
    answer = ask(test="difference", **arms, alpha=0.05, tau2=1)
    assert answer["log_lr"] == pytest.approx(mixture(1 / math.sqrt(2 / (10**6 - 1)), (10**6 - 1) / 2), rel=1e-9)
    assert answer["p_value"] == 0.0


def test_known_sigma_is_johari_in_closed_form() -> None:
    """Equal arms: sqrt(2 s2 / (2 s2 + n t2)) exp(n^2 t2 d^2 / (4 s2 (2 s2 + n t2)))."""
    answer = ask(
        test="known_sigma",
        control_values=[1, 2, 3, "4"],
        treatment_values=[3, 4.5, 5, 6],
        sigma=1.5,
        alpha=0.05,
        tau2=4,
    )
    n, s2, t2, gap = 4, 2.25, 4, 18.5 / 4 - 2.5
    inside = 2 * s2 + n * t2
    ratio = math.sqrt(2 * s2 / inside) * math.exp(n * n * t2 * gap**2 / (4 * s2 * inside))
    assert answer["log_lr"] == pytest.approx(math.log(ratio), rel=1e-12)
    assert answer["variance_of_estimate"] == pytest.approx(s2 / 2)


def test_t_mixture_is_the_marginal_likelihood_over_an_unknown_sigma() -> None:
    """Integrating effect and sigma of the invariant model gives (1 + t^2/nu) over its shrunken self, to half of nu + 1."""
    arms = {"control": {"n": 6, "sum": 30, "sumsq": 160}, "treatment": {"n": 4, "sum": 32, "sumsq": 262}}
    answer = ask(test="t_mixture", **arms, alpha=0.05, rho2=0.7)
    nu, units = 8, 6 * 4 / 10
    t = 3 / math.sqrt((10 + 6) / nu / units)
    sigmas = np.exp(np.linspace(-8, 8, 40001))

    def marginal(spread: float) -> float:
        logs = -nu * np.log(sigmas) - nu / (2 * sigmas**2) - 0.5 * t * t / (spread * sigmas**2)
        return float(np.trapezoid(np.exp(logs) / (sigmas * math.sqrt(spread)), np.log(sigmas)))

    expected = math.log(marginal(1 + units * 0.7) / marginal(1.0))
    assert (answer["t"], answer["nu"]) == (pytest.approx(t), nu)
    assert answer["log_lr"] == pytest.approx(expected, rel=1e-9)
    edge = answer["ci_lower"] / (3 / t)
    assert t - edge == pytest.approx(answer["critical_t"])


ROOT_2_PI = Decimal("2.50662827463100050241576528481104525300698674060993831662992")


def one_sided_reference(z: float, ratio: float) -> Decimal:
    """Log of the mixture over a half-normal prior, in 60 digits."""
    with localcontext() as precise:
        precise.prec = 60
        y = Decimal(z) * (Decimal(ratio) / (1 + Decimal(ratio))).sqrt()
        lifted = left_tail(y) if y < 0 else (y * y / 2).exp() - left_tail(-y)
        return Decimal(2).ln() - (1 + Decimal(ratio)).ln() / 2 + lifted.ln()


def left_tail(y: Decimal) -> Decimal:
    """exp(y^2/2) Phi(y) for y <= 0, the integral of exp(y u - u^2/2) over u > 0, by double-exponential quadrature."""
    step, total = Decimal(1) / 128, Decimal(0)
    for index in range(-420, 421):
        x = step * index
        u = (x - (-x).exp()).exp()
        if u < 60:
            total += (y * u - u * u / 2).exp() * u * (1 + (-x).exp())
    return total * step / ROOT_2_PI


@pytest.mark.parametrize("z", [-40, -12.5, -3, -0.5, 0, 0.25, 2, 7.5, 30, 60])
@pytest.mark.parametrize("ratio", [0.3, 8])
def test_one_sided_evidence_is_right_from_far_below_to_far_above(z: float, ratio: float) -> None:
    answer = ask(test="one_sided", estimate=z, variance_of_estimate=1, tau2=ratio, alpha=0.05, side="greater")
    expected = float(one_sided_reference(z, ratio))
    assert answer["log_e"] == pytest.approx(expected, rel=1e-9)
    mirrored = ask(test="one_sided", estimate=-z, variance_of_estimate=1, tau2=ratio, alpha=0.05, side="lesser")
    assert mirrored["log_e"] == answer["log_e"]
    assert mirrored["upper_bound"] == pytest.approx(-answer["lower_bound"])
    assert (mirrored["lower_bound"], answer["upper_bound"]) == ("-inf", "inf")
    at_bound = ask(
        test="one_sided", estimate=z, variance_of_estimate=1, tau2=ratio, alpha=0.05, side="greater", theta0=answer["lower_bound"]
    )  # fmt: skip
    assert at_bound["p_value"] == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize(
    ("n", "events", "a", "b"), [(1, 0, 0.5, 0.5), (50, 9, 0.5, 0.5), (4000, 260, 2, 30), (400, 5, 1, 1)]
)
def test_rate_limit_is_the_truncated_beta_mixture_by_integration(n: int, events: int, a: float, b: float) -> None:
    limit = 0.05
    answer = ask(test="rate_limit", n=n, events=events, max_rate=limit, a=a, b=b)
    # t = limit + (1 - limit) s^2 (2 - s)^2 ... a smooth walk that starts and ends slowly, so that edges do no harm
    u = np.linspace(-4.2, 4.2, 20001)
    w = 1 / (1 + np.exp(-np.pi * np.sinh(u)))
    rest = (1 - limit) / (1 + np.exp(np.pi * np.sinh(u)))
    rate = limit + (1 - limit) * w
    pace = np.pi * np.cosh(u) * (1 - limit) * w * (rest / (1 - limit))
    prior = (a - 1) * np.log(rate) + (b - 1) * np.log(rest) + np.log(pace)
    gain = events * np.log(rate / limit) + (n - events) * np.log(rest / (1 - limit))
    top = (prior + gain).max()
    expected = top + math.log(np.exp(prior + gain - top).sum() / np.exp(prior).sum())
    assert answer["log_e"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("events", "expected"), [(50000600000, -10.099821326743286365), (49999500000, -15.774587205707247468)]
)
def test_rate_limit_of_a_million_million_units(events: int, expected: float) -> None:
    """References by 60-digit adaptive quadrature."""
    assert ask(test="rate_limit", n=10**12, events=events, max_rate=0.05)["log_e"] == pytest.approx(expected, rel=1e-9)


def test_srm_is_the_urn_drawn_one_unit_at_a_time() -> None:
    counts, shares, k = [60, 25, 15], [0.5, 0.3, 0.2], 10.0
    seen, strength = [0.0, 0.0, 0.0], 0.0
    for arm, count in enumerate(counts):
        for _ in range(count):
            strength += math.log((k * shares[arm] + seen[arm]) / (k + sum(seen)) / shares[arm])
            seen[arm] += 1
    answer = ask(test="srm", counts=counts, expected_share=shares, concentration_k=k, alpha=0.01)
    assert answer["log_bf"] == pytest.approx(strength, rel=1e-11)
    assert answer["srm"] is False
    assert ask(test="srm", counts=[900, 1200], expected_share=["0.5", "0.5"], alpha=0.01)["srm"] is True


def test_sequence_agrees_with_asking_at_every_look() -> None:
    rng = np.random.default_rng(4)
    shards: dict[str, list[dict[str, Any]]] = {"control": [], "treatment": []}
    buckets, looks = [], []
    for _ in range(12):
        bucket = {}
        for name, shift in (("control", 0.0), ("treatment", 0.45)):
            values = [Decimal(round(value * 1000)) / 1000 for value in rng.normal(5 + shift, 1, 20)]
            bucket[name] = {"n": 20, "sum": str(sum(values)), "sumsq": str(sum(v * v for v in values))}
            shards[name].append(bucket[name])
        buckets.append(bucket)
        totals = {
            name: {
                "n": 20 * len(arms),
                "sum": str(sum(Decimal(arm["sum"]) for arm in arms)),
                "sumsq": str(sum(Decimal(arm["sumsq"]) for arm in arms)),
            }
            for name, arms in shards.items()
        }
        looks.append(ask(test="difference", **totals, alpha=0.05, tau2=0.09))
    answer = ask(test="sequence", buckets=buckets, alpha=0.05, tau2=0.09)
    assert [look["log_lr"] for look in answer["per_look"]] == [look["log_lr"] for look in looks]
    assert [look["ci_now"] for look in answer["per_look"]] == [[look["ci_lower"], look["ci_upper"]] for look in looks]
    lows, highs = [look["ci_lower"] for look in looks], [look["ci_upper"] for look in looks]
    for index, look in enumerate(answer["per_look"]):
        assert look["p_always_valid"] == min(one["p_value"] for one in looks[: index + 1])
        assert look["ci_running"] == [max(lows[: index + 1]), min(highs[: index + 1])]
        assert look["running_empty"] is (max(lows[: index + 1]) > min(highs[: index + 1]))
    assert answer["first_crossing_index"] == [look["reject"] for look in looks].index(True)
    again = ask(test="difference", **answer["final_totals"], alpha=0.05, tau2=0.09)
    assert again["log_lr"] == pytest.approx(looks[-1]["log_lr"], rel=1e-9)


def test_a_sequence_that_turns_round_empties_its_running_interval() -> None:
    def bucket(mean: int) -> dict[str, Any]:
        return {"control": {"n": 1000, "mean": 0, "m2": 1000}, "treatment": {"n": 1000, "mean": mean, "m2": 1000}}

    answer = ask(test="sequence", buckets=[bucket(2), bucket(-6)], alpha=0.05, tau2=1)
    assert [look["running_empty"] for look in answer["per_look"]] == [False, True]
    assert answer["first_crossing_index"] == 0


def test_e_bh_step_by_step() -> None:
    answer = ask(test="e_bh", e_values=[1, 50, 41, 0, "1e5000"], alpha=0.05)
    assert answer == {
        "id": None, "test": "e_bh", "k": 3, "threshold": pytest.approx(5 / (3 * 0.05)), "rejected_indices": [1, 2, 4],
        "mean_e": "inf", "global_null_rejected": True,
    }  # fmt: skip
    none = ask(test="e_bh", e_values=[19, 1, 1], alpha=0.05)
    assert (none["k"], none["threshold"], none["rejected_indices"]) == (0, "inf", [])
    assert none["mean_e"] == pytest.approx(7)
    assert none["global_null_rejected"] is False


def test_e_lond_spends_more_after_each_rejection() -> None:
    """Levels .05/2, then .05 * 2/6, then .05 * 2/12 where the second was not rejected."""
    assert ask(test="e_lond", e_values_in_order=[40, 59, 121], alpha=0.05)["rejected_indices"] == [0, 2]
    assert ask(test="e_lond", e_values_in_order=[39, 59, 121], alpha=0.05)["rejected_indices"] == []


@pytest.mark.parametrize("sign", [1, -1])
def test_lift_bounds_are_where_the_test_of_a_ratio_stops_rejecting(sign: int) -> None:
    arms = {
        "control": {"n": 100, "mean": 10 * sign, "m2": 9900},
        "treatment": {"n": 200, "mean": 12 * sign, "m2": 79600},
    }
    answer = ask(test="lift", **arms, alpha=0.05, tau2_over_V=8)
    assert answer["bounded"] is True
    assert answer["ratio"] == pytest.approx(1.2)
    assert answer["lift"] == pytest.approx(0.2 * sign)
    for bound in (answer["lift_lower"], answer["lift_upper"]):
        ratio = 1 + bound * sign
        variance = 400 / 200 + ratio**2 * 100 / 100
        z = (12 - ratio * 10) / math.sqrt(variance)
        assert mixture(z, 8) == pytest.approx(math.log(20), rel=1e-9)
    noisy = ask(test="lift", **{**arms, "control": {"n": 2, "mean": 1, "m2": 50}}, alpha=0.05, tau2_over_V=8)
    assert (noisy["bounded"], noisy["lift_lower"], noisy["lift_upper"]) == (False, "-inf", "inf")


def test_tuning_is_the_narrowest_interval() -> None:
    two = ask(test="tuning", alpha=0.05, sides=2)
    assert two["tau2_over_V_planned"] == pytest.approx(8.212, abs=5e-4)
    assert two["ci_halfwidth_over_se_at_plan"] == pytest.approx(3.035, abs=5e-4)
    best = two["tau2_over_V_planned"]
    halves = [
        ask(test="difference", control={"n": 2, "mean": 0, "m2": 1}, treatment={"n": 2, "mean": 0, "m2": 1}, alpha=0.05, tau2=r)
        for r in (best * 0.99, best, best * 1.01)
    ]  # fmt: skip
    assert halves[1]["ci_upper"] == pytest.approx(two["ci_halfwidth_over_se_at_plan"])
    assert halves[1]["ci_upper"] < min(halves[0]["ci_upper"], halves[2]["ci_upper"])
    assert ask(test="tuning", alpha=0.05, sides=1)["tau2_over_V_planned"] == pytest.approx(6.638, abs=5e-4)


@pytest.mark.parametrize(
    ("lower", "upper", "threshold", "expected"),
    [
        (3, 5, 2, "success"),
        (1, 5, 2, "significant_threshold_undecided"),
        (0.5, 1.5, 2, "significant_below_threshold"),
        (-1, 5, 2, "inconclusive"),
        (-5, -1, 2, "harm"),
        ("-inf", "inf", 0, "inconclusive"),
        (0.1, "inf", 0, "success"),
    ],
)
def test_verdict_reads_the_same_in_both_directions(lower: Any, upper: Any, threshold: float, expected: str) -> None:
    up = ask(test="verdict", direction="increase", ci_lower=lower, ci_upper=upper, success_threshold_abs=threshold)
    mirror = {"inf": "-inf", "-inf": "inf"}
    low, high = (mirror[end] if isinstance(end, str) else -end for end in (upper, lower))
    for size in (threshold, -threshold):
        down = ask(test="verdict", direction="decrease", ci_lower=low, ci_upper=high, success_threshold_abs=size)
        assert down["verdict"] == up["verdict"] == expected


def test_boundaries_are_those_of_kim_and_demets() -> None:
    z = ask(test="boundaries", fractions=[0.2, 0.4, 0.6, 0.8, 1], alpha=0.05, rho=2)["z"]
    assert [round(edge, 2) for edge in z] == [3.09, 2.71, 2.47, 2.28, 2.11]


SPENDING = {"alpha_spend": 0.045, "alpha_any": 0.005, "rho": 2.5}


def looks(*pairs: tuple[float, float]) -> list[dict[str, Any]]:
    """Cumulative looks of 1,000 units an arm at fraction 1, spread 1, with the treatment's mean as given."""
    return [
        {
            "fraction": fraction,
            "control": {"n": round(1000 * fraction), "mean": 0, "m2": round(1000 * fraction) - 1},
            "treatment": {"n": round(1000 * fraction), "mean": mean, "m2": round(1000 * fraction) - 1},
        }
        for fraction, mean in pairs
    ]


def test_hybrid_uses_the_boundaries_of_its_official_looks() -> None:
    answer = ask(
        test="hybrid", **SPENDING, looks=looks((0.2, 0.01), (0.205, 0.01), (0.6, 0.02), (1, 0.1), (1.4, 0.1)), tau2=0.01
    )
    planned = ask(test="boundaries", fractions=[0.2, 0.6, 1], alpha=0.045, rho=2.5)["z"]
    used = [look["boundary_z"] for look in answer["per_look"]]
    assert [used[0], used[2], used[3]] == pytest.approx(planned)
    assert (used[1], used[4]) == ("inf", "inf")
    assert (answer["stop_index"], answer["stopped_by"]) == (3, "spending")
    assert [look["verdict"] for look in answer["per_look"]][:4] == ["inconclusive"] * 3 + ["success"]
    at_horizon, after = answer["per_look"][3:]
    assert at_horizon["ci_lower"] == pytest.approx(0.1 - planned[2] * math.sqrt(2 / 1000))
    alone = ask(
        test="difference",
        **{arm: looks((1.4, 0.1))[0][arm] for arm in ("control", "treatment")},
        alpha=0.005,
        tau2=0.01,
    )
    assert [after["ci_lower"], after["ci_upper"]] == [alone["ci_lower"], alone["ci_upper"]]


def test_hybrid_lets_the_anytime_test_stop_between_official_looks_and_knows_harm() -> None:
    answer = ask(test="hybrid", **SPENDING, looks=looks((0.3, 0.0), (0.305, 0.9)), tau2=0.04, direction="decrease")
    assert (answer["stop_index"], answer["stopped_by"]) == (1, "anytime")
    assert answer["per_look"][1]["verdict"] == "harm"
    assert ask(test="hybrid", **SPENDING, looks=[], tau2=1)["stop_index"] is None


def test_a_horizon_look_without_data_is_not_used_up() -> None:
    empty = {"fraction": 1, "control": {"n": 0, "sum": 0, "sumsq": 0}, "treatment": {"n": 1, "sum": 1, "sumsq": 1}}
    answer = ask(test="hybrid", **SPENDING, looks=[empty, *looks((1, 0.2))], tau2=0.01)
    assert answer["per_look"][0]["boundary_z"] == "inf"
    assert answer["per_look"][1]["boundary_z"] == pytest.approx(2.0047, abs=1e-3)


def test_plan_of_one_look_is_the_textbook_sample_size() -> None:
    """2 sigma^2 (1.9600 + 0.8416)^2 / mde^2, and the sequential plans cost a little and a lot more."""
    textbook = 2 * 0.1 * 0.9 * (1.959964 + 0.841621) ** 2 / 0.01**2
    sizes = {
        plan: ask(test="plan", rate=0.1, mde=0.01, traffic_per_day=1000, plan=plan)
        for plan in ("horizon_only", "hybrid", "anytime")
    }
    assert sizes["horizon_only"]["n_per_arm"] == pytest.approx(textbook, rel=1e-3)
    assert sizes["horizon_only"]["days"] == math.ceil(2 * sizes["horizon_only"]["n_per_arm"] / 1000)
    assert 1.0 < sizes["hybrid"]["n_per_arm"] / textbook < 1.15
    assert 1.4 < sizes["anytime"]["n_per_arm"] / textbook < 2.0
    assert sizes["hybrid"]["tau2"] == pytest.approx(0.0001)


def test_plan_takes_its_baseline_in_any_spelling_and_any_allocation() -> None:
    asked = [
        ask(test="plan", baseline={"mean": 20, "sd": 5}, mde=-1, allocation=0.2),
        ask(test="plan", mean=20, sd=5, mde=1, allocation=0.2),
        ask(test="plan", baseline=20, sd=5, mde=1, allocation=0.2),
    ]
    assert asked[0] == asked[1] == asked[2]
    assert asked[0]["n_control"] == pytest.approx(4 * asked[0]["n_treatment"], rel=0.01)
    assert (asked[0]["n_per_arm"], asked[0]["days"]) == (asked[0]["n_control"], None)


NOTHING = [
    {"n": 0, "sum": 0, "sumsq": 0},
    {"n": 1, "mean": 3, "m2": 0},
    {"n": 0, "conversions": 0},
]


@pytest.mark.parametrize("arm", NOTHING)
@pytest.mark.parametrize("side", ["control", "treatment"])
def test_arms_too_small_give_no_verdict_and_no_error(arm: dict[str, Any], side: str) -> None:
    arms = {**ARMS, side: arm}
    said = [
        ask(test="difference", **arms, alpha=0.05, tau2=1),
        ask(test="t_mixture", **arms, alpha=0.05, rho2=1),
        ask(test="asymptotic_cs", **arms, alpha=0.05),
        ask(test="asymptotic_cs", **arms, alpha=0.05, difference="relative", side="lesser"),
    ]
    for answer in said:
        assert (answer["p_value"], answer["ci_lower"], answer["ci_upper"]) == (1.0, "-inf", "inf")
    assert said[0]["reject"] is False
    lift = ask(test="lift", **arms, alpha=0.05)
    assert (lift["bounded"], lift["lift_lower"], lift["lift_upper"]) == (False, "-inf", "inf")
    look = ask(test="sequence", buckets=[arms], alpha=0.05, tau2=1)
    assert look["per_look"][0]["p_always_valid"] == 1.0
    assert look["first_crossing_index"] is None


def test_values_that_do_not_vary_give_no_verdict() -> None:
    arms = {"control": {"n": 10, "sum": 50, "sumsq": 250}, "treatment": {"n": 10, "sum": 60, "sumsq": 360}}
    answer = ask(test="difference", **arms, alpha=0.05, tau2=1)
    assert (answer["estimate"], answer["p_value"], answer["reject"]) == (1.0, 1.0, False)
    assert (answer["ci_lower"], answer["ci_upper"]) == ("-inf", "inf")
    assert ask(test="t_mixture", **arms, alpha=0.05, rho2=1)["critical_t"] == "inf"
    still = {"n": 5, "sum_y": 5, "sumsq_y": 5, "sum_x": 5, "sumsq_x": 5, "sum_xy": 5}
    nil = {"n": 0, "sum_y": 0, "sumsq_y": 0, "sum_x": 0, "sumsq_x": 0, "sum_xy": 0}
    for arm in (still, nil):
        for kind in ("ratio", "cuped"):
            for how in ("absolute", "relative"):
                said = ask(test="asymptotic_cs", control=arm, treatment=still, alpha=0.05, kind=kind, difference=how)
                assert (said["p_value"], said["ci_lower"], said["ci_upper"]) == (1.0, "-inf", "inf")
    assert ask(test="merge", shards=[]) == {
        "id": None,
        "test": "merge",
        "n": 0,
        "mean": None,
        "variance_unbiased": "inf",
    }
    assert (
        ask(test="known_sigma", control_values=[], treatment_values=[1], sigma=1, alpha=0.05, tau2=1)["p_value"] == 1.0
    )
    assert (
        ask(test="one_sided", estimate=1, variance_of_estimate=0, tau2=1, alpha=0.05, side="greater")["p_value"] == 1.0
    )
    assert ask(test="rate_limit", n=0, events=0, max_rate=0.1)["p_value"] == 1.0
    assert ask(test="srm", counts=[0, 0], expected_share=[0.5, 0.5], alpha=0.01)["srm"] is False
