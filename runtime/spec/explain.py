"""Pydantic's errors in the words of outcome.yaml: where in the file, why, and what to write instead."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runtime.spec.faults import FAULT, At, Fault, shown, spell
from runtime.spec.models import LIMIT_TAG, RULE_TAG, OutcomeFile
from runtime.spec.problems import MOST_PROBLEMS, Problem
from runtime.spec.tree import Node, find

LONGEST_GUESS = 64
TAGS = frozenset({LIMIT_TAG, RULE_TAG})

WRONG_TYPE = {
    "string_type": ("must be text", "put the value in quotes"),
    "float_type": ("must be a number", "write a bare number: 0.45"),
    "int_type": ("must be a whole number", "write a bare whole number: 3"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "finite_number": ("must be a finite number", "write a bare number: 0.45"),
    "model_type": ("must be a block of keys", "indent its keys under it"),
    "dict_type": ("must be a block of keys", "indent its keys under it"),
    "tuple_type": ("must be a list", "write one `- item` a line"),
}
BOUNDS = {
    "greater_than": ("must be above {gt}", "write a number above {gt}"),
    "greater_than_equal": ("must be at least {ge}", "write {ge} or more"),
    "less_than_equal": ("must be at most {le}", "write {le} or less"),
    "too_long": ("has {actual_length} entries, the limit is {max_length}", "keep {max_length} at most"),
}


def problems(error: ValidationError, root: Node, name: str) -> Iterator[Problem]:
    """At most a hundred; a value that is not there at all has been reported by the reader."""
    for details in error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]:
        for fault in _faults(details):
            _, node = find(root, fault.at)
            if not node.empty:
                yield place(fault, root, name, on_key=details["type"] == "extra_forbidden")


def place(fault: Fault, root: Node, name: str, *, on_key: bool = False) -> Problem:
    """On the value, or the nearest block above it that the file has."""
    key, node = find(root, fault.at)
    mark = key if on_key else node.mark
    return Problem(name, mark.line, mark.column, spell(fault.at), fault.reason, fault.mend)


def keys_at(at: At) -> tuple[str, ...]:
    """The keys the reference knows inside the block at `at`."""
    shape = tuple(step for step in at if isinstance(step, str))
    return KNOWN.get(shape, ())


def _shapes(model: type[BaseModel], shape: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    yield shape, tuple(field.alias or name for name, field in model.model_fields.items())
    for name, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            yield from _shapes(inner, (*shape, field.alias or name))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _known() -> dict[tuple[str, ...], tuple[str, ...]]:
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for shape, names in _shapes(OutcomeFile, ()):
        known[shape] = tuple(dict.fromkeys((*known.get(shape, ()), *names)))
    return known


KNOWN = _known()


def _faults(details: ErrorDetails) -> tuple[Fault, ...]:
    at = _without_tags(details["loc"])
    context = details.get("ctx", {})
    if details["type"] == FAULT:
        found: tuple[Fault, ...] = context["faults"]
        return tuple(fault.under(*at) for fault in found)
    return (Fault(at, *_words(details["type"], details["msg"], at, context)),)


def _without_tags(loc: At) -> At:
    """Pydantic puts the chosen kind of constraint into the way; the file has no such key."""
    return tuple(step for i, step in enumerate(loc) if not (i > 1 and loc[i - 2] == "constraints" and step in TAGS))


def _words(kind: str, said: str, at: At, context: Mapping[str, Any]) -> tuple[str, str]:
    """The reason and the mend for one of pydantic's own kinds of error."""
    if kind == "missing":
        return "is missing", f"add `{at[-1]}: ...` here"
    if kind == "extra_forbidden":
        return "is not a key here", _known_key(str(at[-1]), keys_at(at[:-1]))
    if kind == "literal_error":
        return "is not one of the choices", f"write {context['expected'].replace(chr(39), '')}"
    if kind in BOUNDS:
        reason, mend = BOUNDS[kind]
        return reason.format(**context), mend.format(**context)
    return WRONG_TYPE.get(kind, (said.lower(), "compare with outcome.yaml.example"))


def _known_key(key: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(key.lower(), known, 1) if len(key) <= LONGEST_GUESS else []
    if near:
        return f"did you mean `{near[0]}`?"
    return f"remove {shown(key, 30)}; keys here are {', '.join(known)}"
