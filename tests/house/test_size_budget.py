"""Small functions and small modules: the budget that keeps every line findable, counted."""

import ast
from statistics import median, quantiles
from typing import Any

LONGEST_FUNCTION, LONGEST_MODULE, MEDIAN, P90, COMMENTS = 60, 400, 9, 30, 0.05


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _p90(lengths: list[int]) -> float:
    return quantiles([*lengths, *lengths], n=10)[8]


def test_no_function_is_longer_than_a_page(modules: dict[str, Any]) -> None:
    long = {
        f"{module.path}:{function.lineno} {function.name}": _length(function)
        for module in modules.values()
        for function in module.functions
        if _length(function) > LONGEST_FUNCTION
    }
    assert not long


def test_no_module_is_a_drawer_for_everything(modules: dict[str, Any]) -> None:
    lines = {module.path: module.text.count("\n") for module in modules.values()}
    assert not {path: count for path, count in lines.items() if count > LONGEST_MODULE}


def test_functions_are_short_as_a_rule(modules: dict[str, Any]) -> None:
    lengths = [_length(function) for module in modules.values() for function in module.functions]
    assert median(lengths) <= MEDIAN
    assert _p90(lengths) <= P90


def test_no_room_hides_its_long_functions_behind_the_others(modules: dict[str, Any]) -> None:
    """The Slack layer is where other houses swell."""
    rooms: dict[str, list[int]] = {}
    for module in modules.values():
        for place in {module.path.partition("/")[0], "/".join(module.path.split("/")[:2])}:
            rooms.setdefault(place, []).extend(_length(function) for function in module.functions)
    assert not {place: _p90(lengths) for place, lengths in rooms.items() if len(lengths) > 9 and _p90(lengths) > P90}


def test_comments_are_rare(modules: dict[str, Any]) -> None:
    """About three lines in a hundred; more means the code does not speak for itself."""
    lines = [line.strip() for module in modules.values() for line in module.text.splitlines() if line.strip()]
    assert sum(line.startswith("#") for line in lines) / len(lines) < COMMENTS
