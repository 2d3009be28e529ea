"""The verdict on recorded experiments of a real shop (ASOS, NeurIPS 2021), if their file is at hand."""

import csv
import gzip
import math
import os
from collections import defaultdict
from pathlib import Path

import pytest

from runtime.statistics import Look, Memory, PhaseArms, Plan, judge
from runtime.statistics.moments import from_summary

DATA = os.environ.get("OUTCOME_RUNTIME_DATA", "")
pytestmark = pytest.mark.skipif(
    not DATA or not Path(DATA).is_file(),
    reason="set OUTCOME_RUNTIME_DATA to asos_experiments.csv.gz (doi 10.17605/OSF.IO/64JSB) to replay real experiments",
)
COLUMNS = ("time_since_start", "count_c", "count_t", "mean_c", "mean_t", "variance_c", "variance_t")


def streams() -> dict[tuple[str, ...], list[list[float]]]:
    """Usable looks by (experiment, variant, metric); early rows without a variance are left out."""
    found = defaultdict(list)
    with gzip.open(DATA, "rt") as file:
        for row in csv.DictReader(file):
            numbers = [float(row[name] or "nan") for name in COLUMNS]
            if not any(math.isnan(value) for value in numbers) and min(numbers[5:]) > 0:
                found[row["experiment_id"], row["variant_id"], row["metric_id"]].append(numbers)
    return {key: sorted(rows) for key, rows in found.items() if len(rows) >= 5}


def replay(rows: list[list[float]], every: int) -> list[Look]:
    """Planned in hindsight: horizon and information are those of the last row."""
    last = rows[-1]
    share, variance = last[2] / (last[1] + last[2]), last[5] / last[1] + last[6] / last[2]
    plan = Plan(
        metric_kind="mean",
        tau2=2.95**2 * variance,
        planned_information=1 / variance,
        horizon_days=last[0],
        minimum_days=min(7.0, last[0]),
        minimum_effect=2.95 * variance**0.5,
        allocation=share,
    )
    memory, looks = Memory(), []
    for row in [*rows[:-1:every], last]:
        arms = PhaseArms(
            from_summary(int(row[1]), row[3], row[5]),
            from_summary(int(row[2]), row[4], row[6]),
            share,
            assigned_control=0,
            assigned_treatment=0,
        )
        looks.append(judge(plan, memory, [arms], row[0], at_horizon=row[0] >= plan.horizon_days))
        memory = looks[-1].memory
    return looks


def test_advice_to_ship_real_experiments_is_rarely_contradicted_and_never_reversed():
    shipped = contradicted = reversed_sign = missed = 0
    for rows in streams().values():
        looks = replay(rows, max(1, len(rows) // 10))
        last = looks[-1]
        z = last.estimate / last.variance**0.5
        ship = next((look for look in looks if look.advice == "ship"), None)
        shipped += ship is not None
        contradicted += ship is not None and abs(z) < 1.96
        reversed_sign += ship is not None and z < 0
        missed += ship is None and z >= 2.5
        assert last.memory.horizon is not None
    assert shipped >= 15
    assert contradicted / shipped <= 0.2
    assert reversed_sign == 0
    assert missed <= 2


def test_one_hundred_million_real_units_give_finite_answers():
    for rows in list(streams().values())[:40]:
        for look in replay(rows, len(rows)):
            assert look.status in ("success", "harm", "inconclusive")
            assert math.isfinite(look.log_e)
            assert look.ci_lower <= look.ci_upper
