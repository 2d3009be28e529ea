"""Rules that span the whole file, over plain data, so that they also speak when a part of it is broken."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from runtime.spec.faults import At, Fault, shown, spell

ALWAYS_THERE = "webhook"


def whole_file(data: Any) -> Iterator[Fault]:
    yield from _unique(data, "outcomes", "id")
    yield from _unique(data, "signal_connectors", "name")
    yield from _undeclared_sources(data)


def _unique(data: Any, block: str, key: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, item in items(data, block):
        value = item.get(key)
        first = seen.setdefault(value, index) if isinstance(value, str) else index
        if first != index:
            where = spell((block, first))
            yield Fault((block, index, key), f"{shown(value)} is the {key} of {where} already", "choose another")


def _undeclared_sources(data: Any) -> Iterator[Fault]:
    """Without any connector in the file, sources are those the organisation has set up; else the file must name them."""
    declared = [item["name"] for _, item in items(data, "signal_connectors") if isinstance(item.get("name"), str)]
    if not declared:
        return
    for at, source in _sources(data):
        if source != ALWAYS_THERE and source not in declared:
            yield Fault(at, f"{shown(source)} is not a connector of this file", _suggestion(source, declared))


def _suggestion(source: str, declared: list[str]) -> str:
    near = get_close_matches(source[:64], declared, 1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"declare it under signal_connectors, or use {', '.join(declared[:5])} or {ALWAYS_THERE}"


def _sources(data: Any) -> Iterator[tuple[At, str]]:
    for index, outcome in items(data, "outcomes"):
        signal = outcome.get("signal")
        blocks: list[tuple[At, Any]] = [(("signal",), signal)] if isinstance(signal, Mapping) else []
        for name in ("secondary_signals", "constraints"):
            blocks += [((name, place), block) for place, block in items(outcome, name)]
        for at, block in blocks:
            if isinstance(block.get("source"), str):
                yield ("outcomes", index, *at, "source"), block["source"]


def items(data: Any, block: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = data.get(block) if isinstance(data, Mapping) else None
    for index, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
        if isinstance(item, Mapping):
            yield index, item
