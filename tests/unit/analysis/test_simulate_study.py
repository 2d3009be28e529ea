"""Studies of plans before launch: figures, worlds, what is refused, and the command itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from bot.cli.simulate import simulate as command
from runtime.analysis.simulate import InvalidStudy, Study, effect_of, fixed_power, plan_of, simulate, table
from runtime.analysis.worlds import RAMP_SHARE, REVENUE_SPREAD, WORLDS, Setting, arrivals, gauges

STUDY = Study(mde="0.02", rate=0.3, runs=600, looks=20, traffic_per_day=2000)


@pytest.fixture(scope="module")
def report():
    return simulate(STUDY)


def test_errors_stay_below_alpha_and_the_planned_effect_is_found_as_often_as_asked(report):
    nothing, half, planned, double = report.effects
    assert report.type_one == nothing.called <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5
    assert nothing.success + nothing.harm == pytest.approx(nothing.called)
    assert planned.called == pytest.approx(0.8, abs=0.06)
    assert half.called < planned.called < double.called
    assert double.units_mean < planned.units_mean < half.units_mean <= report.units
    assert double.days_median < planned.days_mean <= report.days
    assert planned.called <= planned.fixed_power


def test_estimates_at_an_early_stop_overstate_and_the_shrunken_ones_less(report):
    planned = report.effects[2]
    assert planned.exaggeration > 1.1
    assert 0.8 < planned.exaggeration_shrunk < planned.exaggeration
    assert report.effects[0].exaggeration is None


def test_the_same_seed_gives_the_same_report_and_another_seed_another():
    small = replace(STUDY, runs=50, effects=("1x",))
    assert simulate(small) == simulate(small)
    assert simulate(small).effects[1] != simulate(replace(small, seed=2)).effects[1]


def test_nothing_is_always_tried_once_whatever_was_asked():
    small = replace(STUDY, runs=10)
    assert [found.effect for found in simulate(replace(small, effects=("0.01",))).effects] == [0.0, 0.01]
    assert [found.effect for found in simulate(replace(small, effects=("1x", "0", "0x"))).effects] == [0.02, 0.0]


def test_effects_are_read_as_multiples_shares_and_plain_numbers():
    assert effect_of("0.5x", STUDY) == pytest.approx(0.01)
    assert effect_of("-2x", STUDY) == pytest.approx(-0.04)
    assert effect_of("10%", STUDY) == pytest.approx(0.03)
    assert effect_of("0.007", STUDY) == 0.007


def test_a_metric_that_should_fall_succeeds_by_falling():
    falling = simulate(replace(STUDY, mde="-0.04", runs=60, effects=("1x", "-1x")))
    down, up = falling.effects[1:]
    assert falling.plan.direction == "decrease"
    assert (down.effect, down.harm, up.effect, up.success) == (-0.04, 0.0, 0.04, 0.0)
    assert down.success > 0.6
    assert up.harm > 0.6


def test_a_plain_anytime_plan_finds_less_than_the_hybrid_in_the_same_time():
    hybrid = simulate(replace(STUDY, runs=300, effects=("1x",), days=20))
    anytime = simulate(replace(STUDY, runs=300, effects=("1x",), days=20, kind="anytime"))
    assert anytime.units == hybrid.units
    assert anytime.effects[1].called < hybrid.effects[1].called


def test_the_fixed_test_beside_is_the_textbook_s():
    fixed = plan_of(replace(STUDY, kind="horizon_only", traffic_per_day=None))
    assert fixed_power(fixed, 0.02) == pytest.approx(0.8, abs=1e-3)
    assert fixed_power(fixed, 0.0) == pytest.approx(0.05)
    uneven = simulate(replace(STUDY, runs=5, allocation=0.1, effects=("0x",)))
    even = simulate(replace(STUDY, runs=5, effects=("0x",)))
    assert uneven.fixed_units == pytest.approx(even.fixed_units * 0.25 / 0.09, rel=1e-3)
    assert uneven.n_treatment == pytest.approx(uneven.units / 10, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sd": 1.0}, "not both"),
        ({"rate": None}, "give --sd or --rate"),
        ({"rate": 1.5}, "--rate"),
        ({"rate": None, "sd": -1.0}, "--sd must be positive"),
        ({"rate": None, "sd": 1.0, "world": "conversion"}, "needs --rate"),
        ({"world": "revenue"}, "positive --baseline"),
        ({"world": "atlantis"}, "--world must be one of"),
        ({"mde": "2x"}, "multiple of itself"),
        ({"mde": "much"}, "not a number"),
        ({"effects": ("infx",)}, "not finite"),
        ({"looks": 0}, "--looks"),
        ({"allocation": 1.0}, "--allocation"),
        ({"mde": "0.4", "looks": 500, "traffic_per_day": None}, "fewer than two a look"),
    ],
)
def test_studies_that_describe_no_experiment_are_refused_with_the_way_out(change, said):
    with pytest.raises(InvalidStudy, match=said):
        simulate(replace(STUDY, **change))


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_has_the_effect_and_the_spread_it_was_asked_for(world):
    sd = {"conversion": 0.3, "revenue": REVENUE_SPREAD * 0.1}.get(world, 0.5)
    control, treatment = arrivals(8000, 0.25, 8)
    phases = WORLDS[world](np.random.default_rng(1), 400, Setting(control, treatment, 0.1, sd, 0.05))
    last = phases[-1]
    gap = (last.treatment.mean - last.control.mean)[:, -1].mean()
    expected = 0.05 if world != "fading" else 0.05 * np.mean(0.05 ** np.linspace(0, 1, 8))
    assert gap == pytest.approx(expected, abs=0.15 * 0.05)
    spread = np.median(np.sqrt(last.control.m2[:, -1] / (last.control.n[-1] - 1)))
    assert spread == pytest.approx(sd, rel=0.25)
    assert sum(phase.control.n[-1] + phase.treatment.n[-1] for phase in phases) == 8000


def test_the_ramp_starts_with_a_tenth_in_treatment_and_pooling_it_would_mislead():
    first, second = WORLDS["ramp"](np.random.default_rng(1), 200, Setting(*arrivals(20_000, 0.5, 20), 10.0, 1.0, 0.0))
    assert first.treatment.n[-1] / (first.treatment.n[-1] + first.control.n[-1]) == pytest.approx(RAMP_SHARE)
    assert second.treatment.n[9] == 0
    n = [phase.treatment.n[-1] for phase in (first, second)], [phase.control.n[-1] for phase in (first, second)]
    pooled = [
        sum(size * getattr(phase, arm).mean[:, -1] for size, phase in zip(sizes, (first, second), strict=True))
        / sum(sizes)
        for sizes, arm in zip(n, ("treatment", "control"), strict=True)
    ]
    assert np.mean(np.abs(pooled[0] - pooled[1]) > 1.96 * (1 / sum(n[0]) + 1 / sum(n[1])) ** 0.5) > 0.9


def test_gauges_remember_within_the_day_and_share_its_shock():
    days = gauges(np.random.default_rng(2), 300, 10, 0.9)
    assert days.shape == (300, 10)
    assert days.std() == pytest.approx((2 * 100 / 288) ** 0.5, rel=0.1)


def test_the_table_says_what_a_person_must_know(report):
    lines = table(report)
    assert lines[0].startswith("hybrid plan: ")
    assert "error 0.05, of which 0.048 up to the horizon and 0.002 for ever" in lines[0]
    assert "False calls at any of the looks" in lines[-2]
    assert len([line for line in lines if "x " in line and "%" in line]) == 4


def test_the_command_prints_a_table_or_json_and_one_line_of_progress():
    asked = ["--rate", "0.3", "--mde", "10%", "--runs", "40", "--looks", "10"]
    printed = CliRunner().invoke(command, asked, catch_exceptions=False)
    assert printed.exit_code == 0
    assert "hybrid plan" in printed.stdout
    assert printed.stderr.splitlines() == ["Simulating 40 experiments of 10 looks for each effect ..."]
    found = json.loads(CliRunner().invoke(command, [*asked, "--json", "--effect", "1x", "--seed", "3"]).stdout)
    assert [each["multiple"] for each in found["effects"]] == [0.0, 1.0]
    assert (found["seed"], found["plan"]["minimum_effect"]) == (3, pytest.approx(0.03))


def test_the_command_refuses_nonsense_before_it_simulates():
    assert CliRunner().invoke(command, ["--rate", "1.5", "--mde", "0.1"]).exit_code == 2
    refused = CliRunner().invoke(command, ["--mde", "0.1"])
    assert isinstance(refused.exception, InvalidStudy)
    assert refused.stderr == ""
