"""What cannot be answered is refused by the name of its field, in words that say how to mend it."""

import json
from typing import Any

import pytest

from runtime.analysis.stream import reply

ARM = {"n": 100, "sum": 500, "sumsq": 2700}
BINARY = {"n": 100, "conversions": 10}
TWO = {"n": 10, "sum_y": 10, "sumsq_y": 20, "sum_x": 10, "sumsq_x": 30, "sum_xy": 12}
DIFFERENCE = {"test": "difference", "control": ARM, "treatment": ARM, "alpha": 0.05, "tau2": 1}
ASYMPTOTIC = {"test": "asymptotic_cs", "control": ARM, "treatment": ARM, "alpha": 0.05}
LOOK = {"fraction": 0.5, "control": ARM, "treatment": ARM}
HYBRID = {"test": "hybrid", "looks": [LOOK], "alpha_spend": 0.045, "alpha_any": 0.005, "rho": 2.5, "tau2": 1}
SRM = {"test": "srm", "counts": [10, 20], "expected_share": [0.5, 0.5], "alpha": 0.01}
VERDICT = {"test": "verdict", "direction": "increase", "ci_lower": 0, "ci_upper": 1, "success_threshold_abs": 1}
ONE_SIDED = {"test": "one_sided", "estimate": 1, "variance_of_estimate": 1, "tau2": 1, "alpha": 0.05, "side": "greater"}
RATE = {"test": "rate_limit", "n": 10, "events": 1, "max_rate": 0.1}
PLAN = {"test": "plan", "rate": 0.1, "mde": 0.01}
E_BH = {"test": "e_bh", "e_values": [1, 2], "alpha": 0.05}
KNOWN = {
    "test": "known_sigma", "control_values": [1], "treatment_values": [2], "sigma": 1, "alpha": 0.05, "tau2": 1,
}  # fmt: skip


def put(request: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The request with the value at a dotted path changed; the original is left as it is."""
    changed: dict[str, Any] = json.loads(json.dumps(request))
    *way, last = path.split(".")
    place: Any = changed
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return changed


def error(line: bytes) -> dict[str, Any]:
    answer = json.loads(reply(line))
    assert set(answer) <= {"id", "test", "error"}, answer
    assert set(answer["error"]) == {"code", "message", "field"}
    fault: dict[str, Any] = answer["error"]
    return fault


WRONG = [
    (DIFFERENCE, "treatment.n", -1),
    (DIFFERENCE, "treatment.n", 10.5),
    (DIFFERENCE, "treatment.n", "1.5"),
    (DIFFERENCE, "treatment.n", True),
    (DIFFERENCE, "treatment.n", None),
    (DIFFERENCE, "control.sum", "1_000"),
    (DIFFERENCE, "control.sum", " 5"),
    (DIFFERENCE, "control.sum", "nan"),
    (DIFFERENCE, "control.sum", "inf"),
    (DIFFERENCE, "control.sum", "0x10"),
    (DIFFERENCE, "control.sum", float("nan")),
    (DIFFERENCE, "control.sum", float("inf")),
    (DIFFERENCE, "control.sum", float("-inf")),
    (DIFFERENCE, "control.sum", "1e400"),
    (DIFFERENCE, "control.sum", "1e-99999999"),
    (DIFFERENCE, "control.sum", "1e99999999999999999999"),
    (DIFFERENCE, "control.sum", 10**400),
    (DIFFERENCE, "control.sum", "1" * 3000),
    (DIFFERENCE, "control.sum", [1]),
    (DIFFERENCE, "control.sumsq", 2499),
    (DIFFERENCE, "control.sumsq", -1),
    (DIFFERENCE, "control", [1]),
    (DIFFERENCE, "control", 7),
    (DIFFERENCE, "control.colour", 1),
    (DIFFERENCE, "alpha", 0),
    (DIFFERENCE, "alpha", 1),
    (DIFFERENCE, "alpha", -0.1),
    (DIFFERENCE, "alpha", 95),
    (DIFFERENCE, "alpha", "0.05%"),
    (DIFFERENCE, "tau2", 0),
    (DIFFERENCE, "tau2", -1),
    (DIFFERENCE, "tau2", "1e-1000"),
    (DIFFERENCE, "theta0", "Infinity"),
    (DIFFERENCE, "variance", "biased"),
    (DIFFERENCE, "tau", 1),
    (ASYMPTOTIC, "kind", "median"),
    (ASYMPTOTIC, "side", "left"),
    (ASYMPTOTIC, "difference", "scaled"),
    (ASYMPTOTIC, "planned_n_total", 0),
    (ASYMPTOTIC, "rho", 0),
    (HYBRID, "looks.0.fraction", 0),
    (HYBRID, "looks.0.treatment.n", 0.5),
    (HYBRID, "alpha_any", 1),
    (HYBRID, "direction", "up"),
    (HYBRID, "rho", 0),
    (SRM, "counts.1", -3),
    (SRM, "expected_share.0", 1.5),
    (SRM, "expected_share", [0.5, 0.2]),
    (SRM, "expected_share", [0.2, 0.3, 0.5]),
    (SRM, "counts", [10]),
    (SRM, "concentration_k", 0),
    (VERDICT, "ci_lower", "-Infinity"),
    (VERDICT, "ci_upper", -1),
    (VERDICT, "success_threshold_abs", -1),
    (VERDICT, "direction", "sideways"),
    (ONE_SIDED, "variance_of_estimate", -1),
    (ONE_SIDED, "side", "two"),
    (RATE, "events", 11),
    (RATE, "max_rate", 0),
    (RATE, "a", 0),
    (PLAN, "mde", 0),
    (PLAN, "power", 1),
    (PLAN, "baseline", {"rate": 0.1, "sd": 3}),
    (PLAN, "traffic_per_day", 0),
    (PLAN, "plan", "fixed"),
    (E_BH, "e_values.1", -1),
    (E_BH, "e_values.0", "inf"),
    (E_BH, "e_values", 5),
    (KNOWN, "sigma", 0),
    (KNOWN, "treatment_values.0", None),
    ({"test": "tuning", "alpha": 0.05}, "sides", 3),
    ({"test": "boundaries", "alpha": 0.05, "rho": 2, "fractions": [0.5, 1]}, "fractions.1", 0.5),
    ({"test": "boundaries", "alpha": 0.05, "rho": 2, "fractions": [0.5, 1]}, "fractions.1", 1.2),
    ({"test": "boundaries", "alpha": 0.05, "rho": 2, "fractions": [0.5, 1]}, "fractions", []),
    ({"test": "merge", "shards": [ARM, ARM]}, "shards.1.n", 0),
    ({"test": "merge", "shards": [ARM, BINARY]}, "shards.1.conversions", 101),
    ({"test": "sequence", "buckets": [{"control": ARM, "treatment": ARM}], "alpha": 0.1, "tau2": 1}, "buckets.0.control.n", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "path", "value"), WRONG)
def test_the_field_is_named(request_: dict[str, Any], path: str, value: Any) -> None:
    assert "error" not in json.loads(reply(json.dumps(request_).encode()))
    fault = error(json.dumps(put(request_, path, value)).encode())
    assert fault["code"] == "INVALID_REQUEST"
    assert fault["field"] == path
    assert fault["message"].startswith(f"`{path}` ")
    assert len(fault["message"]) < 300


@pytest.mark.parametrize("path", ["control", "treatment.sumsq", "alpha", "tau2"])
def test_what_is_missing_is_named(path: str) -> None:
    request = json.loads(json.dumps(DIFFERENCE))
    *way, last = path.split(".")
    del (request[way[0]] if way else request)[last]
    fault = error(json.dumps(request).encode())
    assert (fault["field"], fault["message"]) == (path, f"`{path}` is missing; add it.")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"control": {"n": 10, "sum": 100, "sumsq": 900}}, "control.sumsq"),
        ({"control": {"n": 0, "sum": 1, "sumsq": 1}}, "control.n"),
        ({"control": TWO}, "control.sum"),
        ({"control": {"n": 1, "sum": 5, "sumsq": 26}}, "control.sumsq"),
        ({"treatment": {"n": 5, "mean": 1, "m2": -1}}, "treatment.m2"),
        ({"treatment": {"n": 1, "mean": 1, "m2": 1}}, "treatment.m2"),
        ({"treatment": {"n": 5, "mean": 1, "m2": 1, "sum": 3}}, "treatment.sum"),
        ({"treatment": {"n": 5, "mean": 1}}, "treatment.m2"),
        ({"variance": "p(1-p)/n"}, "control"),
        ({"control": {"n": 3, "sum": "1e300", "sumsq": "1e307"}}, "control.sumsq"),
    ],
)
def test_sums_that_cannot_be(changes: dict[str, Any], field: str) -> None:
    assert error(json.dumps({**DIFFERENCE, **changes}).encode())["field"] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "ratio"}, "control"),
        ({"kind": "cuped", "control": TWO}, "treatment"),
        ({"control": TWO}, "control"),
        ({"kind": "proportion"}, "control"),
        ({"rho": 0.1, "planned_n_total": 5}, "rho"),
        ({"side": "greater", "alpha": 0.5}, "alpha"),
        ({"kind": "ratio", "control": {**TWO, "sum_xy": 100}, "treatment": TWO}, "control.sum_xy"),
        ({"kind": "ratio", "control": TWO, "treatment": {**TWO, "sumsq_x": 9}}, "treatment.sumsq_x"),
        ({"kind": "ratio", "control": {**dict.fromkeys(TWO, 0), "sum_xy": 1}, "treatment": TWO}, "control.sum_xy"),
    ],
)
def test_arms_that_do_not_suit_their_kind(changes: dict[str, Any], field: str) -> None:
    assert error(json.dumps({**ASYMPTOTIC, **changes}).encode())["field"] == field


def test_plans_that_do_not_hold_together() -> None:
    hybrid = {**HYBRID, "alpha_spend": 0, "alpha_any": 0}
    assert error(json.dumps(hybrid).encode())["field"] == "alpha_spend"
    backwards = {**HYBRID, "looks": [LOOK, {**LOOK, "fraction": 0.4}]}
    assert error(json.dumps(backwards).encode())["field"] == "looks.1.fraction"
    assert error(b'{"test": "tuning", "alpha": 0.6, "sides": 1}')["field"] == "alpha"
    assert error(b'{"test": "plan", "mde": 1}')["field"] == "baseline"


def test_an_unknown_test_names_those_there_are() -> None:
    fault = error(b'{"id": 1, "test": "anova"}')
    assert (fault["code"], fault["field"]) == ("UNKNOWN_TEST", "test")
    assert "difference, merge" in fault["message"]
    assert error(b'{"id": 1}')["field"] == "test"
    assert error(b'{"test": ["difference"]}')["field"] == "test"
    assert error(b'{"test": null}')["field"] == "test"


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1, 2]",
        b'"difference"',
        b"null",
        b'{"id": 1, "test": ',
        b'{"id": 1} {"id": 2}',
        b"\xff\xfe\x00",
        bytes(range(256)),
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"id": ' + b"9" * 10_000 + b"}",
    ],
    ids=range(12),
)
def test_lines_that_hold_no_request(line: bytes) -> None:
    fault = error(line)
    assert (fault["code"], fault["field"]) == ("INVALID_JSON", None)
    assert fault["message"]


def test_deep_nesting_where_a_number_belongs() -> None:
    for depth in (10, 500, 900):
        line = b'{"test": "tuning", "sides": 2, "alpha": ' + b"[" * depth + b"]" * depth + b"}"
        assert error(line)["code"] in {"INVALID_REQUEST", "INVALID_JSON"}


@pytest.mark.parametrize("name", [[1], {}, float("nan")])
def test_an_id_is_a_scalar(name: Any) -> None:
    assert error(json.dumps({**DIFFERENCE, "id": name}).encode())["field"] == "id"


def test_numbers_beyond_doubles_are_an_error_and_not_a_crash() -> None:
    huge = {**KNOWN, "sigma": "1e200"}
    assert error(json.dumps(huge).encode())["code"] == "OUT_OF_RANGE"
    squares = {**DIFFERENCE, "control": {"n": 4, "sum": 0, "sumsq": "1e307"}}
    assert "error" not in json.loads(reply(json.dumps(squares).encode()))
    far = {**DIFFERENCE, "control": {"n": 4, "mean": "1e300", "m2": 1}}
    assert json.loads(reply(json.dumps(far).encode()))["estimate"] == -1e300
