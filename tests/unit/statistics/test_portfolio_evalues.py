"""Decisions over many e-values: published procedures, and error rates that hold."""

from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.statistics.portfolio import any_segment, e_bh, e_lond, from_running_p, unit_share


def brute_e_bh(es: list[float], alpha: float) -> int:
    ranked = sorted(es, reverse=True)
    return max([k for k in range(1, len(es) + 1) if ranked[k - 1] >= len(es) / (k * alpha)], default=0)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=12))
def test_e_bh_rejects_as_many_as_its_definition(es):
    decided = e_bh([log(e) for e in es], 0.05)
    assert sum(decided) >= brute_e_bh(es, 0.05 * (1 - 1e-9))
    assert sum(decided) <= brute_e_bh(es, 0.05 * (1 + 1e-9)) + (len(es) - len(set(es)))


def test_in_company_an_experiment_needs_less_than_alone_in_the_crowd():
    assert e_bh([log(30.0), log(30.0)], 0.05) == (True, True)
    assert e_bh([log(30.0), log(1.0)], 0.05) == (False, False)
    assert e_bh([log(41.0), log(1.0)], 0.05) == (True, False)
    assert e_bh([], 0.05) == ()


def test_false_discoveries_stay_below_alpha_under_dependence():
    rng = np.random.default_rng(2)
    shared, own = rng.normal(size=(4000, 1)), rng.normal(size=(4000, 10))
    x = 0.8 * shared + 0.6 * own
    x[:, :3] += 3.0
    wealth = 3.0 * x - 4.5
    false = total = 0.0
    for row in wealth:
        decided = np.array(e_bh(row.tolist(), 0.1))
        total += 1
        false += decided[3:].sum() / max(1, decided.sum())
    assert false / total <= 0.1


def test_e_lond_earns_a_higher_level_with_every_discovery():
    assert sum(unit_share(turn) for turn in range(1, 10_000)) == pytest.approx(1.0, abs=1e-3)
    assert e_lond([log(41.0), log(61.0), log(1.0)], 0.05) == (True, True, False)
    assert e_lond([log(1.0), log(61.0)], 0.05) == (False, False)
    assert e_lond([log(9.0), log(50.0)], 0.2, lambda _: 0.5) == (False, True)


def test_segments_speak_together_through_their_mean():
    assert any_segment([log(1.0), log(3.0)]) == pytest.approx(log(2.0))
    assert any_segment([900.0, 0.0]) == pytest.approx(900.0 - log(2.0))
    assert any_segment([]) == 0.0


def test_a_running_p_is_exchanged_at_a_loss():
    p = np.random.default_rng(1).uniform(size=200_000)
    assert np.mean([0.5 / q**0.5 for q in p]) == pytest.approx(1.0, abs=0.05)
    assert from_running_p(0.0001) == pytest.approx(log(50.0))
    assert from_running_p(0.0) == inf


def test_unless_told_otherwise_one_in_twenty_may_be_false():
    assert e_bh([log(20.1)]) == (True,)
    assert e_bh([log(19.9)]) == (False,)
    assert e_lond([log(40.1)]) == (True,)
    assert e_lond([log(39.9)]) == (False,)
