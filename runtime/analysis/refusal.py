"""Why a request was refused: the field by its dotted path, the reason, and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

_SHOWN = 60  # characters of a value that is repeated back
_TYPES = {
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "missing": "is missing; add it",
}
_COMPARED = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be one of {expected}",
    "too_short": "has {actual_length} entries; give {min_length} or more",
    "too_long": "has more than {max_length} entries; split the request",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`field` is None when the line as a whole cannot be read."""

    code: str
    message: str
    field: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "field": self.field}


def explain(error: ValidationError) -> Refusal:
    """The first fault; the rest show when it is mended."""
    fault = error.errors(include_url=False)[0]
    context: Mapping[str, Any] = fault.get("ctx", {})
    if fault["type"].startswith("union_tag"):
        return _unknown_test(fault, context)
    path = [str(step) for step in fault["loc"][1:] if not str(step).startswith("<")]
    field = ".".join([*path, *([context["field"]] if "field" in context else [])]) or "test"
    return Refusal("INVALID_REQUEST", f"`{field}` {_reason(fault['type'], context, fault['msg'])}.", field)


def _unknown_test(fault: Mapping[str, Any], context: Mapping[str, Any]) -> Refusal:
    if fault["type"] == "union_tag_not_found":
        return Refusal("INVALID_REQUEST", "`test` is missing; say which test to run.", "test")
    known = str(context["expected_tags"]).replace("'", "")
    named = str(context["tag"])[:_SHOWN]
    return Refusal("UNKNOWN_TEST", f"`test` is {named!r}; the tests are {known}.", "test")


def _reason(kind: str, context: Mapping[str, Any], fallback: str) -> str:
    if kind == "refused":
        return str(context["reason"])
    if kind == "extra_forbidden":
        return "is not a field of this request; remove it or correct its name"
    if kind in _COMPARED:
        return _COMPARED[kind].format(**context)
    return _TYPES.get(kind, fallback[:1].lower() + fallback[1:])
