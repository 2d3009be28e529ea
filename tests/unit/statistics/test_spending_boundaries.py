"""Error spending against published boundaries, an independent simulation, and its own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.statistics.spending import Looks, boundaries, due, extend, p_value, survival

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def z_values(looks: Looks) -> list[float]:
    return [c / t**0.5 for c, t in zip(looks.boundary, looks.information, strict=True)]


def test_kim_and_demets_published_boundaries():
    assert z_values(boundaries(FIVE, 0.05, 2.0)) == pytest.approx([3.09, 2.71, 2.47, 2.28, 2.11], abs=0.006)


def test_spending_everything_at_the_end_is_the_classical_test():
    assert boundaries((1.0,), 0.05, 2.5).critical == pytest.approx(1.959964, abs=1e-6)


def test_looking_one_at_a_time_gives_the_boundaries_of_the_whole_schedule():
    looks = Looks()
    for t in FIVE:
        looks = extend(looks, t, t, 0.045, 2.5)
    assert looks.boundary == pytest.approx(boundaries(FIVE, 0.045, 2.5).boundary, rel=1e-9)
    assert looks.closed


def test_stored_boundaries_are_never_recomputed():
    stored = Looks((0.5,), (0.5,), (1.234,))
    assert extend(stored, 0.8, 0.8, 0.05, 2.0).boundary[0] == 1.234


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12), st.sampled_from([1.0, 2.5, 3.0]))
def test_exactly_alpha_is_spent_whatever_the_schedule(steps, rho):
    times = tuple(np.cumsum(steps) / sum(steps))
    looks = boundaries(times, 0.05, rho)
    assert 1.0 - survival(times, looks.boundary, 0.0)[-1] == pytest.approx(0.05 * looks.spent[-1] ** rho, abs=1e-6)


def test_simulated_brownian_motion_crosses_as_often_as_promised():
    rng = np.random.default_rng(11)
    times = np.arange(1, 21) / 20
    looks = boundaries(tuple(times), 0.05, 2.5)
    paths = np.cumsum(rng.normal(0, np.sqrt(0.05), (40_000, 20)), axis=1)
    for drift in (0.0, 2.8):
        crossed = (np.abs(paths + drift * times) >= np.array(looks.boundary)).any(axis=1).mean()
        assert crossed == pytest.approx(1.0 - survival(tuple(times), looks.boundary, drift)[-1], abs=0.01)


def test_a_hundred_looks_still_spend_exactly_alpha():
    times = tuple(k / 100 for k in range(1, 101))
    looks = boundaries(times, 0.045, 2.5)
    assert 1.0 - survival(times, looks.boundary, 0.0)[-1] == pytest.approx(0.045, abs=1e-6)


def test_the_last_look_spends_the_rest_even_when_hardly_anything_is_new():
    looks = extend(boundaries((0.3, 0.6), 0.05, 2.5), 0.6, 1.0, 0.05, 2.5)
    assert looks.closed
    assert looks.information[-1] == pytest.approx(0.602)
    assert looks.critical < 2.1


@pytest.mark.parametrize(
    ("looks", "information", "spend", "official"),
    [
        (Looks(), 0.02, 0.02, True),
        (Looks(), 0.005, 0.005, False),
        (Looks(), 0.005, 1.0, True),
        (Looks(), 0.0, 1.0, False),
        (Looks((0.5,), (0.5,), (1.5,)), 0.505, 0.505, False),
        (Looks((0.5,), (0.5,), (1.5,)), 0.505, 1.0, True),
        (Looks((0.5,), (0.5,), (1.5,)), 0.4, 1.0, True),
        (Looks((1.2,), (0.9,), (1.5,)), 1.8, 0.9, False),
        (Looks((0.9,), (1.0,), (1.9,)), 2.0, 1.0, False),
    ],
)
def test_a_look_is_official_when_it_adds_a_hundredth_or_is_the_last(looks, information, spend, official):
    assert due(looks, information, spend) is official


def test_information_that_shrank_still_gives_a_last_boundary():
    looks = extend(Looks((0.5,), (0.5,), (1.9,)), 0.4, 1.0, 0.05, 2.5)
    assert looks.information[-1] > 0.5
    assert 1.0 < looks.critical < 3.0


@pytest.mark.parametrize("count", [1, 5, 20])
def test_the_repeated_p_value_meets_alpha_exactly_at_the_boundary(count):
    looks = boundaries(tuple((k + 1) / count for k in range(count)), 0.045, 2.5)
    assert p_value(looks, looks.critical, 2.5) == pytest.approx(0.045, rel=2e-3)
    assert p_value(looks, looks.critical + 0.01, 2.5) < 0.045 < p_value(looks, looks.critical - 0.01, 2.5)


def test_p_falls_with_z_and_stays_a_probability():
    looks = boundaries(FIVE, 0.045, 2.5)
    row = [p_value(looks, z, 2.5) for z in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 40.0)]
    assert row == sorted(row, reverse=True)
    assert row[0] <= 1.0
    assert 0.0 <= row[-1] < 1e-200
    assert p_value(Looks(), 3.0, 2.5) == 1.0
