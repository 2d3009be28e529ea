"""The effects at the horizon from which the plan says ship or kill, held against the judge itself."""

from dataclasses import replace
from math import sqrt

import pytest

from runtime.answers.turning import at_horizon
from runtime.statistics.look import Horizon, Memory
from runtime.statistics.moments import from_summary
from runtime.statistics.phases import PhaseArms
from runtime.statistics.plan import Plan
from runtime.statistics.power import make_plan
from runtime.statistics.verdict import judge

DAILY = 2000


def plan(**more: object) -> Plan:
    made = make_plan(
        minimum_effect=0.02, metric_kind="mean", baseline=0.3, sigma2=0.21, units_per_day=2 * DAILY, horizon_days=14.0
    )
    return replace(made, **more)  # type: ignore[arg-type]


def arms(days: float, effect: float) -> list[PhaseArms]:
    n = round(DAILY * days)
    return [PhaseArms(from_summary(n, 0.3, 0.21), from_summary(n, 0.3 + effect, 0.21), 0.5)]


def looked(of: Plan, days: int, effect: float) -> Memory:
    memory = Memory()
    for day in range(1, days + 1):
        memory = judge(of, memory, arms(day, effect), float(day), at_horizon=False).memory
    return memory


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_the_judge_agrees_with_the_effects_on_either_side(direction: str) -> None:
    of = plan(direction=direction)
    memory = looked(of, 6, 0.0)
    turn = at_horizon(of, memory, estimate=0.0, variance=2 * 0.21 / (DAILY * 6), elapsed=6.0, horizon=14.0)
    assert turn is not None
    for effect, advice in (
        (turn.ship_from * 1.03, "ship"),
        (turn.ship_from * 0.97, "iterate"),
        (turn.kill_to * 1.03, "kill"),
        (turn.kill_to * 0.97, "iterate"),
    ):
        assert judge(of, memory, arms(14.0, effect), 14.0, at_horizon=True).advice == advice, effect


def test_what_is_to_come_fills_the_gap_between_now_and_then() -> None:
    of = plan()
    now = 0.004
    turn = at_horizon(of, looked(of, 7, now), estimate=now, variance=2 * 0.21 / (DAILY * 7), elapsed=7.0, horizon=14.0)
    assert turn is not None
    assert turn.share_to_come == pytest.approx(0.5)
    assert turn.rest_ship == pytest.approx(2 * turn.ship_from - now)
    assert turn.rest_kill == pytest.approx(2 * turn.kill_to - now)


def test_a_success_threshold_raises_what_ship_needs_and_leaves_kill_alone() -> None:
    state = {"estimate": 0.0, "variance": 2 * 0.21 / (DAILY * 6), "elapsed": 6.0, "horizon": 14.0}
    plain, demanding = (
        at_horizon(plan(), Memory(), **state),
        at_horizon(plan(success_threshold=0.05), Memory(), **state),
    )
    assert plain is not None
    assert demanding is not None
    assert plain.ship_from < demanding.ship_from == 0.05
    assert plain.kill_to == demanding.kill_to


def test_the_boundary_shrinks_with_the_information_to_come() -> None:
    of = plan()
    short, long = (
        at_horizon(of, Memory(), estimate=0.0, variance=1e-4, elapsed=5.0, horizon=days) for days in (10.0, 40.0)
    )
    assert short is not None
    assert long is not None
    assert long.ship_from == pytest.approx(short.ship_from / 2 * long.multiplier / short.multiplier)
    assert long.ship_from == pytest.approx(long.multiplier * sqrt(1e-4 * 5 / 40))


@pytest.mark.parametrize(
    "state",
    [
        {"variance": 0.0},
        {"variance": float("nan")},
        {"variance": float("inf")},
        {"estimate": float("nan")},
        {"elapsed": 0.0},
        {"elapsed": 14.0},
    ],
)
def test_without_data_or_with_nothing_left_there_is_no_such_effect(state: dict[str, float]) -> None:
    whole = {"estimate": 0.0, "variance": 1e-4, "elapsed": 7.0, "horizon": 14.0} | state
    assert at_horizon(plan(), Memory(), **whole) is None


def test_a_result_frozen_at_the_horizon_is_not_reckoned_again() -> None:
    memory = replace(Memory(), horizon=Horizon(14.0, "inconclusive", -0.01, 0.01))
    assert at_horizon(plan(), memory, estimate=0.0, variance=1e-4, elapsed=14.0, horizon=28.0) is None
