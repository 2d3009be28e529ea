# ruff: noqa: RUF001 - the true minus sign and dash are what is tested
import math
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import charts
from charts import GuardrailStrip, PhaseMark, PortfolioItem, SignalPoint
from charts import launch as launch_kind
from charts.models import Interval

STEADY = settings(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ANY_FLOAT = st.floats()
MONSTER = "\u202eevil\n\x00" + "long name " * 400


def with_last(effect, estimate, lower, upper):
    last = replace(effect.points[-1], estimate=estimate, lower=lower, upper=upper)
    return replace(effect, points=(*effect.points[:-1], last))


@STEADY
@given(estimate=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200))
def test_the_effect_in_words_has_the_sign_of_the_data(effect, estimate):
    said = charts.alt_text(with_last(effect, estimate, estimate - 1, estimate + 1))
    sign = re.search(r"control on checkout_completed: ([+−]?)\d", said).group(1)
    assert sign == ("+" if estimate > 0 else "−" if estimate < 0 else "")


@STEADY
@given(first=st.floats(-1e9, 1e9), last=st.floats(-1e9, 1e9))
def test_the_level_in_words_moves_the_way_the_data_move(signal, first, last):
    points = (replace(signal.points[0], value=first), replace(signal.points[1], value=last))
    said = charts.alt_text(replace(signal, points=points))
    assert (", up " in said) == (last > first)
    assert (", down " in said) == (last < first)


@STEADY
@given(expected=ANY_FLOAT, low=ANY_FLOAT, high=ANY_FLOAT, confidence=ANY_FLOAT)
def test_no_number_a_model_returns_can_break_the_portfolio_text(portfolio, expected, low, high, confidence):
    item = PortfolioItem("odd", low, expected, high, confidence, "?", Interval(low, high, expected))
    chart = replace(portfolio, items=(item,), baseline=low, target=high)
    assert "1. odd" in charts.alt_text(chart)
    assert charts.sparkline(chart)


def test_every_text_names_source_cut_off_and_snapshot(every_chart):
    for chart in every_chart:
        said = charts.alt_text(chart)
        assert chart.title in said
        assert "from mixpanel" in said
        cut = f"{chart.provenance.data_through:%d %b %Y %H:%M} UTC".removeprefix("0")
        assert f"Cut-off {cut}, snapshot 0190f3a2-7c41-7d2e-9a55-3b1c2f0e8d77" in said
        assert "SIMULATED" not in said


def test_simulated_numbers_are_called_so_in_every_text(every_chart, provenance):
    for chart in every_chart:
        assert "SIMULATED DATA" in charts.alt_text(replace(chart, provenance=replace(provenance, simulated=True)))


def test_monstrous_names_stay_within_the_limit_on_one_line_and_keep_the_provenance(
    effect, portfolio, launch, signal, provenance
):
    origin = replace(provenance, source=MONSTER, simulated=True)
    rails = tuple(GuardrailStrip(MONSTER, 1.0, 2.0, "max", MONSTER, MONSTER) for _ in range(50))
    marks = tuple(PhaseMark(point.at, MONSTER) for point in effect.points)
    items = tuple(replace(portfolio.items[0], name=MONSTER, risk=MONSTER) for _ in range(12))
    named = {"title": MONSTER, "metric": MONSTER, "unit": MONSTER, "provenance": origin}
    for chart in (
        replace(effect, guardrails=rails, phases=marks, headline=MONSTER, status=MONSTER, **named),
        replace(portfolio, items=items, outcome=MONSTER, generated_by=MONSTER, **named),
        replace(launch, guardrails=(MONSTER,) * 50, flag_key=MONSTER, plan_digest=MONSTER, **named),
        replace(signal, marks=marks, **named),
    ):
        said = charts.alt_text(chart)
        assert len(said) <= 1900
        assert "snapshot 0190f3a2" in said
        assert "SIMULATED DATA" in said
        assert not [c for c in said + charts.sparkline(chart) if unicodedata.category(c).startswith("C")]


def test_improvement_is_only_said_when_the_interval_leaves_zero_out(effect):
    certain = charts.alt_text(with_last(effect, 0.031, 0.012, 0.05))
    assert "+3.1 pp, an improvement (higher is better)" in certain
    assert "95 % always-valid interval: +1.2 to +5.0 pp; the whole interval is above zero" in certain
    unsure = charts.alt_text(with_last(effect, 0.031, -0.012, 0.07))
    assert "improvement" not in unsure
    assert "in the wanted direction" in unsure
    assert "zero lies inside the interval" in unsure


def test_a_drop_is_an_improvement_where_lower_is_better(effect):
    said = charts.alt_text(replace(with_last(effect, -0.031, -0.05, -0.012), direction="decrease"))
    assert "−3.1 pp, an improvement (lower is better)" in said
    assert "the whole interval is below zero" in said


def test_a_confidence_level_nobody_gave_is_not_invented(effect):
    said = charts.alt_text(replace(effect, confidence=None))
    assert "Always-valid interval:" in said
    assert "95 %" not in said


def test_a_broken_split_is_said_before_the_effect(effect):
    said = charts.alt_text(replace(effect, srm_flagged=True))
    assert said.index("do not trust") < said.index("Treatment minus control")


def test_a_violated_guardrail_is_named_first_with_its_limit(effect):
    kept, slow = effect.guardrails
    broken = replace(effect, guardrails=(kept, replace(slow, value=842.0, limit=800.0, unit="ms", state="violated")))
    assert "Guardrails: checkout_p95_latency 842 ms (max 800 ms): violated; payment" in charts.alt_text(broken)


def test_an_experiment_without_readings_says_so(effect, signal):
    assert "No effect on checkout_completed has been measured yet" in charts.alt_text(replace(effect, points=()))
    assert "No reading yet" in charts.alt_text(replace(signal, points=()))


def test_playbook_proposals_are_never_passed_off_as_a_model_s(portfolio):
    assert "catalogue tactics (playbook), not model output" in charts.alt_text(portfolio)
    assert "proposed by some-model-4" in charts.alt_text(replace(portfolio, generated_by="some-model-4"))


def test_the_portfolio_text_sets_the_best_proposal_against_what_is_needed(portfolio):
    assert "+13.0 pp still needed; the best of 3 expects +5.0 pp, 1 of 3 could reach it" in charts.alt_text(portfolio)
    alone = replace(portfolio, items=portfolio.items[:1])
    assert "none reaches it alone" in charts.alt_text(alone)


def test_the_best_proposal_is_the_lowest_where_lower_is_better(portfolio):
    items = tuple(replace(item, low=-item.high, expected=-item.expected, high=-item.low) for item in portfolio.items)
    said = charts.alt_text(replace(portfolio, items=items, direction="decrease", baseline=0.45, target=0.32))
    assert "−13.0 pp still needed; the best of 3 expects −5.0 pp, 1 of 3 could reach it" in said


def test_power_between_two_days_is_interpolated_and_never_guessed_beyond_them(launch):
    plan = replace(launch, days=(10.0, 0.0), power=(0.5, 0.0))
    assert launch_kind.power_at(plan, 5.0) == pytest.approx(0.25)
    assert launch_kind.power_at(plan, 11.0) is None
    assert launch_kind.power_at(plan, math.nan) is None


def test_a_plan_with_little_power_says_that_it_has(launch):
    weak = charts.alt_text(replace(launch, power=tuple(p / 3 for p in launch.power)))
    assert "31 % chance to detect +2.0 pp by day 42, below the usual 80 %" in weak
    assert "80 % is not reached" in weak
    assert "94 % chance to detect +2.0 pp by day 42. 80 % is reached on day 30" in charts.alt_text(launch)


def test_a_reached_target_is_said_in_either_direction(signal):
    assert "4.6 pp below the target of 45 %" in charts.alt_text(signal)
    assert "the target of 40 % is reached" in charts.alt_text(replace(signal, target=0.40))
    falling = replace(signal, points=(SignalPoint(signal.points[0].at, 0.2),), baseline=0.3, target=0.25)
    assert "the target of 25 % is reached" in charts.alt_text(falling)


def test_a_level_never_claims_a_cause(signal):
    assert "not its cause" in charts.alt_text(signal)


def test_a_sparkline_runs_from_the_first_value_to_the_last(signal, effect, launch, portfolio):
    assert charts.sparkline(signal) == "32 % ▁▁▁▂▂▂▃▃▄▄▄▅▅▅▆▆▇▇▇███ 40.4 %"
    assert charts.sparkline(effect) == "+5.7 pp █▁▁▄▂▁▃▃▂▂▃▂▂▃▂ +3.0 pp"
    assert charts.sparkline(launch).startswith("0 % ▁")
    assert charts.sparkline(launch).endswith("█ 99 %")
    assert charts.sparkline(portfolio) == "+3.0 pp ▄█▁ +1.2 pp"


def test_a_sparkline_of_many_values_keeps_the_spike(signal):
    points = tuple(SignalPoint(signal.points[0].at, 9.0 if i == 777 else 1.0) for i in range(5000))
    line = charts.sparkline(replace(signal, points=points, unit=""))
    assert line.count("█") == 1
    assert len(line) < 40


def test_a_sparkline_of_nothing_or_one_value_is_a_sentence(signal):
    assert charts.sparkline(replace(signal, points=())) == "no data yet"
    assert charts.sparkline(replace(signal, points=signal.points[:1])) == "32 % (one reading)"
    nothing = (replace(signal.points[0], value=math.nan),)
    assert charts.sparkline(replace(signal, points=nothing)) == "no data yet"
