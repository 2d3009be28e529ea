"""Write an outcome.yaml: `load(dump(file)) == file`, in the order of the reference, byte for byte the same each time."""

import json
import re
from collections.abc import Iterator
from typing import Any

from runtime.spec.models import OutcomeFile

PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./@:#-]*[A-Za-z0-9_./@#-])?|[0-9]+[wdhms](?:[0-9wdhms]*|_rolling)")
OTHER_MEANING = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
FREE_FORM = "config"


def dump(file: OutcomeFile) -> str:
    """References stay as written; what has no value is left out, defaults are written out."""
    blocks = ("\n".join(lines({key: value})) for key, value in document(file).items())
    return "\n\n".join(blocks) + "\n"


def document(file: OutcomeFile) -> dict[str, Any]:
    """The file as plain data, durations in their short form, without empty blocks."""
    data = file.model_dump(mode="json", by_alias=True)
    return {**_pruned(data), "outcomes": _pruned(data["outcomes"])}


def _pruned(value: Any) -> Any:
    """Config is free-form: there an empty map or a null is somebody's value."""
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: inner if key == FREE_FORM else _pruned(inner) for key, inner in value.items()}
    return {key: inner for key, inner in kept.items() if inner is not None and inner not in ([], {})}


def lines(mapping: dict[str, Any], indent: int = 0) -> Iterator[str]:
    """Plain data as YAML, line by line."""
    for key, value in mapping.items():
        yield from _labelled(f"{' ' * indent}{_inline(key)}:", value, indent)


def _labelled(label: str, value: Any, indent: int) -> Iterator[str]:
    if value and isinstance(value, dict | list):
        yield label
        yield from _block(value, indent + 2)
    elif isinstance(value, str) and _flows(value):
        yield f"{label} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"{' ' * (indent + 2)}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{label} {_inline(value)}"


def _block(value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, dict):
        yield from lines(value, indent)
        return
    for item in value:
        yield from _item(item, indent)


def _item(item: Any, indent: int) -> Iterator[str]:
    if not item or not isinstance(item, dict | list):
        yield from _labelled(f"{' ' * indent}-", item, indent)
        return
    first, *rest = _block(item, indent + 2)
    yield f"{' ' * indent}- {first[indent + 2 :]}"
    yield from rest


def _inline(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if PLAIN.fullmatch(value) and value.lower() not in OTHER_MEANING:
        return value
    return f'"{"".join(_escaped(character) for character in value)}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - YAML's three widths


def _flows(text: str) -> bool:
    """Whether a text reads the same as an indented block: several printable lines, none that the indent could swallow."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() for line in lines)
        and lines[0][:1] not in {"", " "}
        and bool(lines[-1])
    )
