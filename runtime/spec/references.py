"""`${NAME}` and `${NAME:-default}`: stored as written, resolved from the environment where the value is used."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.errors import InvalidConfiguration
from runtime.spec.faults import At, Fault

REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}|\$\{")
PLACES = ("signal_connectors", "feature_flags", "notifications")


def resolve(value: Any, env: Mapping[str, str]) -> Any:
    """The value with every reference filled in, as text; an unset or empty variable takes its default. `$${` writes `${`."""
    missing = sorted(set(_missing(value, env)))
    if missing:
        names = ", ".join(missing)
        raise InvalidConfiguration(
            f"outcome.yaml needs {names}; set it in the environment or in .env.", missing=missing
        )
    return _resolved(value, env)


def missing_variables(data: Any, env: Mapping[str, str]) -> Iterator[Fault]:
    """One fault for each value that names a variable which is not set and has no default."""
    for at, text in readable(data):
        for name in dict.fromkeys(_missing(text, env)):
            yield Fault(at, f"${{{name}}} is not set", f"set {name}, or write ${{{name}:-default}}")


def readable(data: Any) -> Iterator[tuple[At, str]]:
    """Every text of the file in which references are read: connectors, feature flags, notifications."""
    if isinstance(data, Mapping):
        for place in PLACES:
            yield from texts(data.get(place), (place,))


def texts(value: Any, at: At = ()) -> Iterator[tuple[At, str]]:
    """Every text inside maps and lists with the way to it."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(inner, (*at, str(key)))
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from texts(inner, (*at, index))


def malformed(value: Any) -> Iterator[Fault]:
    """Texts with a `${` that opens no readable reference."""
    for at, text in texts(value):
        if any(found.group() == "${" for found in REFERENCE.finditer(text)):
            yield Fault(
                at, "has a `${` that names no variable", "write ${NAME}, ${NAME:-default}, or $${ for the characters"
            )


def has_reference(text: str) -> bool:
    return any(found["name"] for found in REFERENCE.finditer(text))


def literal_part(text: str) -> str:
    """What is left of a text without its references: the part that stands in the file for all to read."""
    return REFERENCE.sub(lambda found: (found["default"] or ":-")[2:], text)


def defaults(text: str) -> str:
    """What a text's references say themselves, should the variables be unset."""
    return "".join((found["default"] or "")[2:] for found in REFERENCE.finditer(text))


def _missing(value: Any, env: Mapping[str, str]) -> Iterator[str]:
    for _, text in texts(value):
        for found in REFERENCE.finditer(text):
            if found["name"] and found["default"] is None and found["name"] not in env:
                yield found["name"]


def _resolved(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: _filled(found, env), value)
    if isinstance(value, Mapping):
        return {key: _resolved(inner, env) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_resolved(inner, env) for inner in value]
    return value


def _filled(found: re.Match[str], env: Mapping[str, str]) -> str:
    if not found["name"]:
        return "${"
    if found["default"] is None:
        return env[found["name"]]
    return env.get(found["name"]) or found["default"][2:]
