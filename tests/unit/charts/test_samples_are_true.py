"""The sample effects are what the product's own statistics say of made-up counts: no picture shows a verdict they would not give."""

from datetime import datetime, timedelta
from decimal import Decimal
from math import sin

import pytest

import charts
from charts import samples
from runtime.measurement.guardrails import Watched, look_at
from runtime.measurement.result import result_of
from runtime.measurement.store import Sums
from runtime.outcomes.pictures import shown_state
from runtime.statistics.look import Look, Memory
from runtime.statistics.moments import from_sums
from runtime.statistics.phases import PhaseArms
from runtime.statistics.power import make_plan
from runtime.statistics.verdict import judge

PLAN = make_plan(
    minimum_effect=0.03, baseline=0.32, units_per_day=900, horizon_days=28, expected_effect=0.03, success_threshold=0.02
)
BASELINE, LIFT, RAMP = 0.321, 0.031, 7.0
PAYMENT = {"signal": "payment_success_rate", "min": 0.97, "source": "datadog", "metric": "payment.success_rate"}
LATENCY = {"signal": "checkout_p95_latency", "max": 800, "source": "datadog", "metric": "checkout.latency.p95"}


def arms(day: float) -> list[PhaseArms]:
    """Nine hundred users a day: a tenth of them treated in the first week, half after that."""
    found = []
    for length, share in ((min(day, RAMP), 0.1), (day - RAMP, 0.5)):
        if length > 0:
            control, treated = round(900 * length * (1 - share)), round(900 * length * share)
            rate = BASELINE + LIFT + 0.03 * sin(1.9 * day) / day
            ordered = round(control * BASELINE), round(treated * rate)
            pair = (from_sums(n, hits, hits) for n, hits in zip((control, treated), ordered, strict=True))
            found.append(PhaseArms(*pair, share))
    return found


def looks(last: int) -> list[Look]:
    memory, found = Memory(), []
    for day in range(1, last + 1):
        found.append(judge(PLAN, memory, arms(float(day)), float(day), at_horizon=False))
        memory = found[-1].memory
    return found


def watched(constraint: dict[str, object], *, n: int, good: int, slow: int | None = None) -> Watched:
    side = "max" if "max" in constraint else "min"
    sums = Sums(n, Decimal(good), Decimal(good), slow, n if slow is not None else 0)
    return look_at(constraint, side, float(str(constraint[side])), {0: {"treatment": sums}}, (), 2)


GUARDS = {
    "effect": [
        watched(PAYMENT, n=4230, good=4167),
        watched(LATENCY, n=4230, good=0, slow=148),
    ],
    "effect-violated": [
        watched(PAYMENT, n=450, good=442),
        watched(LATENCY, n=450, good=0, slow=45),
    ],
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_sample_says_what_the_statistics_say_of_its_counts(name: str) -> None:
    sample = samples.SAMPLES[name]()
    assert isinstance(sample, charts.EffectChart)
    found = looks(len(sample.points))
    for shown, true in zip(sample.points, found, strict=True):
        assert (shown.n_control, shown.n_treatment) == (true.n_control, true.n_treatment)
        told = shown.estimate, shown.lower, shown.upper
        assert told == pytest.approx((true.estimate, true.ci_lower, true.ci_upper), abs=6e-5)
    through = sample.points[-1].at
    result = result_of(PLAN, found[-1], GUARDS[name], unit="share", data_through=through, elapsed_days=len(found))
    assert (sample.status, sample.headline) == (result["status"], result["headline"])
    assert (sample.control_mean, sample.treatment_mean) == pytest.approx(
        (result["mean_control"], result["mean_treatment"]), abs=6e-5
    )
    crossed = found[-1].memory.crossed
    assert sample.crossed_at == (None if crossed is None else started(sample) + timedelta(days=crossed.day))
    for rail, item in zip(sample.guardrails, result["guardrails"], strict=True):
        assert (rail.name, rail.state, rail.unit, rail.side) == (
            item["name"],
            shown_state(item),
            item["unit"],
            item["side"],
        )
        assert (rail.value, rail.limit) == pytest.approx((item["value"], item["limit"]), abs=6e-5)


def started(sample: charts.EffectChart) -> datetime:
    assert sample.provenance.data_from is not None
    return sample.provenance.data_from


def test_the_first_sample_ends_where_the_product_advises_to_ship_and_the_other_where_it_kills() -> None:
    assert [look.advice for look in looks(len(samples.effect().points))][-2:] == ["continue", "ship"]
    assert [item.look.state for item in GUARDS["effect"]] == ["ok", "ok"]
    assert [item.look.state for item in GUARDS["effect-violated"]] == ["ok", "kill"]


def test_no_sign_of_success_stands_beside_a_violated_guardrail() -> None:
    kept, broken = charts.alt_text(samples.effect()), charts.alt_text(samples.effect_violated())
    assert "Status: success" in kept
    assert "violated" not in kept
    assert "Status: guardrail violated" in broken
    assert "success" not in broken.replace("payment_success_rate", "")
