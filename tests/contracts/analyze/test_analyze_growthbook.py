"""GrowthBook's own numbers, recorded by running gbstats at commit 8f1db44 (2026-08-21), are ours to eight digits.

Its one-sided p-values come from a bisection that stops at 1e-6 in metric units and is clamped to 1e-5 and 0.4999; they are
compared where neither speaks.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.analysis.stream import reply

RECORDED = [json.loads(line) for line in (Path(__file__).parent / "growthbook.jsonl").read_text().splitlines()]


def _name(case: dict[str, Any]) -> str:
    request = case["request"]
    return "-".join(str(request[key]) for key in ("kind", "difference", "side", "alpha"))


def _ours(case: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(reply(json.dumps(case["request"]).encode()))
    return answer


@pytest.mark.parametrize("case", RECORDED, ids=_name)
def test_estimate_error_and_interval_are_growthbooks(case: dict[str, Any]) -> None:
    ours = _ours(case)
    for field in ("estimate", "std_error", "ci_lower", "ci_upper"):
        theirs = case["expected"][field]
        assert ours[field] == (theirs if isinstance(theirs, str) else pytest.approx(theirs, rel=1e-8, abs=1e-12)), field


def test_the_two_sided_p_is_growthbooks() -> None:
    cases = [case for case in RECORDED if case["request"]["side"] == "two"]
    assert len(cases) == 90
    for case in cases:
        assert _ours(case)["p_value"] == pytest.approx(case["expected"]["p_value"], rel=1e-8)


def test_the_one_sided_p_is_growthbooks_where_that_is_neither_clamped_nor_coarse() -> None:
    compared = 0
    for case in RECORDED:
        theirs, wide = case["expected"]["p_value"], case["expected"]["std_error"] > 0.02
        if case["request"]["side"] != "two" and 1e-4 < theirs < 0.49 and wide:
            assert _ours(case)["p_value"] == pytest.approx(theirs, rel=5e-3)
            compared += 1
    assert compared >= 10


def test_negative_baselines_keep_the_direction_of_the_effect() -> None:
    worse = [
        case for case in RECORDED if case["request"]["difference"] == "relative" and case["expected"]["estimate"] < 0
    ]
    assert {case["request"]["kind"] for case in worse} >= {"mean", "cuped"}
    for case in worse:
        assert _ours(case)["estimate"] < 0
