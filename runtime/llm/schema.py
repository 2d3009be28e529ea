"""A pydantic model as the strict JSON Schema both vendors accept, and an answer read back through the model."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

_KEPT = frozenset({"type", "enum", "const", "anyOf", "allOf", "items", "properties", "required", "description", "$ref"})
_CHILD_LISTS = ("anyOf", "allOf")
_CHILD_MAPS = ("properties", "$defs")
_TOLD = 20


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """All fields required, nothing else allowed; limits that the vendors' grammars don't know move to the description.

    They stay binding: the answer is validated by the model itself.
    """
    return _strict(model.model_json_schema())


def _strict(node: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    strict = {key: value for key, value in node.items() if key in _KEPT}
    for key in _CHILD_LISTS:
        if key in node:
            strict[key] = [_strict(child) for child in node[key]]
    for key in _CHILD_MAPS:
        if key in node:
            strict[key] = {name: _strict(child) for name, child in node[key].items()}
    if "items" in node:
        strict["items"] = _strict(node["items"])
    if node.get("type") == "object":
        strict |= {"additionalProperties": False, "required": list(node.get("properties", {}))}
    return _with_limits(strict, node)


def _with_limits(strict: dict[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    ignored = {*_KEPT, "$defs", "title", "default", "additionalProperties"}
    limits = ", ".join(f"{key}: {value}" for key, value in node.items() if key not in ignored)
    if limits:
        strict["description"] = " ".join(filter(None, [strict.get("description"), f"({limits})"]))
    return strict


def read(model: type[BaseModel], content: str, context: Mapping[str, Any] | None = None) -> BaseModel:
    """The answer as a model; a Markdown fence around the JSON is forgiven, anything else raises ValidationError."""
    text = content.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[3:-3].removeprefix("json").strip()
    return model.model_validate_json(text, context=dict(context) if context else None)


def complaints(error: ValidationError) -> list[str]:
    """What is wrong, a line a fault, for the model to mend; the first 20, without the offending values."""
    return [
        f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)[:_TOLD]
    ]
