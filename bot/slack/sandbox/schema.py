"""PURE: a few checks that snap together into a description of a JSON shape, and complain in Slack's words."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def problem(pointer: str, message: str) -> str:
    return f"[ERROR] {message} [json-pointer:{pointer}]"


def anything(_value: Any, _pointer: str) -> Iterator[str]:
    yield from ()


def string(limit: int, *, least: int = 0) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield problem(pointer, "must provide a string")
        elif len(value) > limit:
            yield problem(pointer, f"must be less than {limit + 1} characters")
        elif len(value) < least:
            yield problem(pointer, f"must be more than {least - 1} characters")

    return check


def word(*allowed: str) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if value not in allowed:
            yield problem(pointer, f"must be one of: {', '.join(allowed)}")

    return check


def flag(value: Any, pointer: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield problem(pointer, "must provide a boolean")


def number(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield problem(pointer, "must provide a number")


def whole(low: int, high: int) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            yield problem(pointer, f"must be a whole number from {low} to {high}")

    return check


def listing(each: Check, most: int, *, least: int = 1) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield problem(pointer, "must provide an array")
            return
        if len(value) > most:
            yield problem(pointer, f"no more than {most} items allowed")
        if len(value) < least:
            yield problem(pointer, f"no fewer than {least} items allowed")
        for index, item in enumerate(value):
            yield from each(item, f"{pointer}/{index}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with exactly these keys: Slack refuses the ones it does not know."""
    known = {**(optional or {}), **required}

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield problem(pointer, "must provide an object")
            return
        yield from (problem(pointer, f"missing required field: {key}") for key in required if key not in value)
        for key, found in value.items():
            if key in known:
                yield from known[key](found, f"{pointer}/{key}")
            else:
                yield problem(pointer, f"invalid additional property: {key}")

    return check


def typed(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which check it must pass."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            yield problem(pointer, "missing required field: type")
        elif kind not in kinds:
            yield problem(f"{pointer}/type", f"unsupported type: {kind}")
        else:
            yield from kinds[kind](value, pointer)

    return check


def both(*checks: Check) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        for one in checks:
            yield from one(value, pointer)

    return check


def exactly_one(*keys: str) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        given = [key for key in keys if isinstance(value, dict) and key in value]
        if len(given) != 1:
            yield problem(pointer, f"must provide exactly one of: {', '.join(keys)}")

    return check


def at_least_one(*keys: str) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if isinstance(value, dict) and not any(value.get(key) for key in keys):
            yield problem(pointer, f"must provide one of: {', '.join(keys)}")

    return check
