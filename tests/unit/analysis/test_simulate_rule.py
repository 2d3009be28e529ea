"""The vectorised rule calls exactly what `judge` calls, on every look of some hundred simulated experiments."""

import numpy as np
import pytest

from runtime.analysis.crossing import PhasePath, first_calls
from runtime.analysis.worlds import WORLDS, Setting, arrivals
from runtime.statistics import Memory, Moments, PhaseArms, Plan, judge, make_plan

RUNS = 8
CASES = [
    ("conversion", "hybrid", "conversion", 0.03, 0.5, 100),
    ("conversion", "hybrid", "conversion", -0.05, 0.3, 40),
    ("conversion", "hybrid", "conversion", 0.0, 0.5, 25),
    ("normal", "hybrid", "mean", 0.03, 0.3, 100),
    ("normal", "hybrid", "mean", 0.0, 0.5, 40),
    ("normal", "anytime", "mean", 0.05, 0.5, 40),
    ("normal", "horizon_only", "mean", 0.03, 0.5, 20),
    ("revenue", "hybrid", "mean", 0.3, 0.5, 40),
    ("ramp", "hybrid", "mean", 0.04, 0.5, 40),
    ("fading", "hybrid", "mean", 0.08, 0.5, 40),
]


def arms(phases: list[PhasePath], run: int, look: int) -> list[PhaseArms]:
    found = []
    for phase in phases:
        pair = [
            Moments(int(arm.n[look]), float(arm.mean[run, look]), float(arm.m2[run, look]))
            for arm in (phase.control, phase.treatment)
        ]
        units = pair[0].n + pair[1].n
        found.append(PhaseArms(*pair, share_treatment=pair[1].n / units if units else 0.5))
    return found


def scalar_call(plan: Plan, phases: list[PhasePath], run: int, looks: int) -> tuple[int, str | None]:
    memory = Memory()
    for look in range(looks):
        day = plan.horizon_days * (look + 1) / looks
        memory = judge(plan, memory, arms(phases, run, look), day, at_horizon=look == looks - 1).memory
        if memory.crossed is not None:
            return look, memory.crossed.status
    return -1, None


@pytest.mark.parametrize("direction", ["increase", "decrease"])
@pytest.mark.parametrize(("world", "kind", "metric", "effect", "allocation", "looks"), CASES)
def test_both_forms_call_at_the_same_look_in_the_same_direction(
    world, kind, metric, effect, allocation, looks, direction
):
    units, sd = 6000, 0.458 if world != "revenue" else 0.3 * 13.7
    plan = make_plan(
        kind=kind,
        metric_kind=metric,
        direction=direction,
        minimum_effect=0.03 if world != "revenue" else 0.3,
        baseline=0.3,
        sigma2=sd**2 if metric == "mean" else None,
        units_per_day=units / 20,
        horizon_days=20,
        allocation=allocation,
    )
    seed = 11 if direction == "increase" else 12
    phases = WORLDS[world](
        np.random.default_rng(seed), RUNS, Setting(*arrivals(units, allocation, looks), 0.3, sd, effect)
    )
    calls = first_calls(plan, phases)
    for run in range(RUNS):
        look, status = scalar_call(plan, phases, run, looks)
        assert calls.look[run] == look
        if status is not None:
            assert bool(calls.improvement[run]) == (status == "success")


def test_a_tiny_experiment_and_traffic_far_above_plan_agree_too():
    for arm, planned in ((60, 60), (6000, 2000)):
        plan = make_plan(
            metric_kind="mean", minimum_effect=2.8 * (2 / planned) ** 0.5, sigma2=1.0, horizon_days=10, alpha=0.2
        )
        phases = WORLDS["normal"](np.random.default_rng(3), RUNS, Setting(*arrivals(2 * arm, 0.5, 50), 0.0, 1.0, 0.05))
        calls = first_calls(plan, phases)
        assert [int(look) for look in calls.look] == [scalar_call(plan, phases, run, 50)[0] for run in range(RUNS)]


def test_more_experiments_than_fit_together_are_told_of_as_they_are_done():
    plan = make_plan(metric_kind="mean", minimum_effect=0.3, sigma2=1.0, horizon_days=10)
    phases = WORLDS["normal"](np.random.default_rng(3), 600, Setting(*arrivals(400, 0.5, 5), 0.0, 1.0, 0.3))
    heard: list[int] = []
    calls = first_calls(plan, phases, heard.append)
    assert heard == [256, 512, 600]
    assert len(calls.look) == 600
