"""What is remembered between looks changes nothing but the time they take; the quadrature is as fine as it must be."""

import sys
from math import sqrt
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.statistics import Memory, PhaseArms, judge, make_plan
from runtime.statistics.moments import from_summary
from runtime.statistics.spending import START, Looks, boundaries, extend, forget, p_value, planned_looks

SCHEDULES = [
    (0.2, 0.4, 0.6, 0.8, 1.0),
    tuple((k + 1) / 20 for k in range(20)),
    (0.1, 0.3, 0.31, 0.32, 0.9, 1.0),
    (0.497, 0.994, 1.0),
]


def fine_grid(times: tuple[float, ...], alpha: float, rho: float, cells: int = 6000) -> list[float]:
    """The same recursion by midpoints on the whole line, with masses cut at the boundary: slow and independent."""
    edges = np.linspace(-6.0, 6.0, cells + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    density, before, spent, found = None, 0.0, 0.0, []
    for time in times:
        scale = sqrt(time - before)
        if density is None:
            density = np.exp(-0.5 * (middle / scale) ** 2) / (scale * sqrt(2 * np.pi))
        else:
            kernel = np.exp(-0.5 * (middle / scale) ** 2) / (scale * sqrt(2 * np.pi))
            size = 2 * cells
            spread = np.fft.irfft(np.fft.rfft(density, size) * np.fft.rfft(kernel, size), size) * width
            density = spread[cells // 2 : cells // 2 + cells]
            density = 0.5 * (density[1:] + density[:-1])
            density = np.append(density, 0.0)
            density = 0.5 * (density + density[::-1])
        target = alpha * (min(time, 1.0) ** rho - spent)
        tail = np.cumsum(np.maximum(density[cells // 2 :], 0.0)[::-1])[::-1] * width * 2
        place = np.interp(-target, -tail, edges[cells // 2 : -1])
        found.append(float(place))
        inside = np.clip((place - np.abs(middle)) / width + 0.5, 0.0, 1.0)
        density, before, spent = density * inside, time, time**rho
    return found


@pytest.mark.parametrize("times", SCHEDULES[:2])
def test_boundaries_agree_with_another_method(times):
    assert boundaries(times, 0.05, 2.0).boundary == pytest.approx(fine_grid(times, 0.05, 2.0), abs=4e-3)


@pytest.mark.parametrize("times", SCHEDULES)
def test_boundaries_are_right_to_a_millionth_against_a_far_finer_quadrature(times):
    alive, spent = START, 0.0
    for time, ours in zip(times, boundaries(times, 0.048, 2.2).boundary, strict=True):
        target, low, high = 0.048 * (time**2.2 - spent), 0.0, 10.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if alive.leaving(time, middle) > target else (low, middle)
        assert ours == pytest.approx(high, rel=1e-6)
        alive, spent = alive.onto(time, high, 400), time**2.2


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.01, 0.3), min_size=2, max_size=10))
def test_a_fresh_process_finds_the_same_boundaries_as_one_that_remembers(steps):
    times = np.cumsum(steps).tolist()
    looks, fresh = Looks(), Looks()
    for time in times:
        looks = extend(looks, time, min(time, 0.9), 0.048, 2.2)
        forget()
        fresh = extend(fresh, time, min(time, 0.9), 0.048, 2.2)
        forget()
        p = p_value(fresh, 2.0, 2.2)
        assert p == p_value(looks, 2.0, 2.2)
    assert looks == fresh


def level_by_bisection(looks: Looks, z: float) -> float:
    low, high = 1e-9, 1.0
    for _ in range(45):
        middle = sqrt(low * high) if high < 0.5 else 0.5 * (low + high)
        rejects = z >= boundaries(looks.information, middle, 2.2, looks.spent).critical
        low, high = (low, middle) if rejects else (middle, high)
    return high


@pytest.mark.parametrize("times", SCHEDULES)
@pytest.mark.parametrize("z", [1.2, 1.9, 2.4, 3.3, 4.4])
def test_p_is_the_level_whose_boundaries_just_reject(times, z):
    looks = boundaries(times, 0.048, 2.2)
    assert p_value(looks, z, 2.2) == pytest.approx(level_by_bisection(looks, z), rel=3e-3)


def test_beyond_the_last_level_p_is_an_upper_limit_and_still_falls():
    looks = boundaries(SCHEDULES[1], 0.048, 2.2)
    row = [p_value(looks, z, 2.2) for z in (5.0, 5.4, 6.0, 8.0, 20.0)]
    assert row == sorted(row, reverse=True)
    assert row[1] >= level_by_bisection(looks, 5.4)


def test_a_history_of_many_hundred_looks_does_not_exhaust_the_stack():
    times = tuple(np.linspace(0.001, 0.9, 700))
    looks = Looks(times, times, tuple(4.0 * sqrt(time) for time in times))
    forget()
    assert 0.0 < extend(looks, 1.0, 1.0, 0.048, 2.2).critical < 4.0
    assert 0.0 < p_value(looks, 2.5, 2.2) <= 1.0


def test_which_looks_will_be_official_is_known_beforehand():
    daily = planned_looks(tuple((k + 1) / 20 for k in range(20)))
    assert [index for index, _ in daily] == [*range(18), 19]
    assert [share for _, share in daily[-2:]] == [pytest.approx(0.9), 1.0]
    hourly = planned_looks(tuple((k + 1) / 500 for k in range(500)))
    assert len(hourly) <= 92


def test_error_spending_waits_until_the_variance_is_known_from_more_than_a_handful_of_units():
    plan = make_plan(metric_kind="mean", minimum_effect=0.4, sigma2=1.0, horizon_days=10)
    few, more = (PhaseArms(from_summary(n, 0.0, 0.01), from_summary(n, 1.0, 0.01)) for n in (5, 20))
    assert judge(plan, Memory(), [few], 1.0, at_horizon=False).memory.looks == Looks()
    assert judge(plan, Memory(), [more], 1.0, at_horizon=False).memory.looks.closed is False
    assert judge(plan, Memory(), [more], 1.0, at_horizon=False).memory.looks.boundary
    assert judge(plan, Memory(), [few], 10.0, at_horizon=True).memory.looks.closed


def test_the_engine_is_imported_without_scipy():
    code = "import sys, runtime.statistics; sys.exit(any(name.startswith('scipy') for name in sys.modules))"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
