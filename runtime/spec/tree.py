"""YAML text as a tree that remembers where each key and value stands, read in one bounded pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.nodes import ScalarNode

from runtime.spec.faults import At, shown, spell
from runtime.spec.problems import MOST_PROBLEMS, InvalidOutcomeFile, Problem

MOST_NODES = 10_000
DEEPEST = 24
LONGEST_NUMBER = 100
Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A value with its place; a mapping's entries also know the place of their key. `size` and `height` count aliases expanded."""

    mark: Mark
    value: "Scalar | list[Node] | dict[str, tuple[Mark, Node]]"
    size: int = 1
    height: int = 1
    empty: bool = False

    def plain(self) -> Any:
        """The same as ordinary Python values."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, (_, node) in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def entry(self, step: str | int) -> "tuple[Mark, Node] | None":
        """The key's place and the value one step down; a list's item is its own key."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int):
            item = self.value[step]
            return item.mark, item
        return None


def find(root: Node, at: At) -> tuple[Mark, Node]:
    """The key's place and the value at the end of `at`, or the nearest above it that the file has."""
    mark, node = root.mark, root
    for step in at:
        entry = node.entry(step)
        if entry is None:
            break
        mark, node = entry
    return mark, node


def read(text: str, name: str) -> tuple[Node | None, list[Problem]]:
    """The tree and the flaws that did not stop the reading; without a tree the file cannot be read at all."""
    reader = _Reader(text, name)
    try:
        return reader.document(), reader.problems
    except MarkedYAMLError as error:
        reader.problems.append(_syntax(error, name))
    except YAMLError as error:
        reader.problems.append(_character(error, text, name))
    except InvalidOutcomeFile as error:
        reader.problems.extend(error.problems)
    except (ValueError, OverflowError):
        # The parser turns escapes like "\U99999999" into characters without looking whether there is such a one.
        reader.flaw(
            reader.last, (), "an escape in quotes after this place names no character", "correct the \\U escape"
        )
    return None, reader.problems


class _Reader:
    """Builds nodes from the parser's events; no tag is ever obeyed, no object ever made."""

    def __init__(self, text: str, name: str) -> None:
        yaml = YAML(typ="safe", pure=True)
        self.lines = text.splitlines()
        self.events: Iterator[Event] = yaml.parse(text)
        self.resolver = yaml.resolver
        self.name = name
        self.anchors: dict[str, Node | None] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        self.last = Mark(1, 1)

    def document(self) -> Node | None:
        next(self.events)
        start = next(self.events)
        if isinstance(start, StreamEndEvent):
            self.flaw(Mark(1, 1), (), "the file is empty", "start from outcome.yaml.example")
            return None
        self.directives(start)
        root = self.node(next(self.events), (), 1)
        next(self.events)
        after = next(self.events)
        if isinstance(after, DocumentStartEvent):
            self.flaw(
                _mark(after), (), "a second document starts here", "keep one document a file, without `---` between"
            )
        return root

    def directives(self, start: Event) -> None:
        if isinstance(start, DocumentStartEvent) and (start.version or start.tags):
            self.flaw(Mark(1, 1), (), "has a % directive", "remove the line; outcome.yaml is plain YAML 1.2")

    def flaw(self, mark: Mark, at: At, reason: str, mend: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(self.name, mark.line, mark.column, spell(at), reason, mend))

    def stop(self, mark: Mark, at: At, reason: str, mend: str) -> InvalidOutcomeFile:
        return InvalidOutcomeFile((Problem(self.name, mark.line, mark.column, spell(at), reason, mend),))

    def node(self, event: Event, at: At, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            return self.counted(self.alias(event, at), event, at, depth)
        assert isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent)
        if event.tag:
            self.flaw(
                _mark(event), at, f"has the tag {shown(str(event.tag))}", "remove the tag; quotes make text of anything"
            )
        self.counted(Node(_mark(event), None), event, at, depth)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self.collection(event, at, depth) if not isinstance(event, ScalarEvent) else self.scalar(event)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def counted(self, node: Node, event: Event, at: At, depth: int) -> Node:
        """Nodes are counted as if aliases were written out, so that a few lines cannot stand for millions."""
        self.nodes += node.size
        self.last = _mark(event)
        if self.nodes > MOST_NODES:
            raise self.stop(_mark(event), at, f"more than {MOST_NODES} values, aliases written out", "split the file")
        if depth + node.height - 1 > DEEPEST:
            raise self.stop(_mark(event), at, f"nested more than {DEEPEST} levels deep", "flatten it")
        return node

    def alias(self, event: AliasEvent, at: At) -> Node:
        name = str(event.anchor)
        known = self.anchors.get(name)
        if known is not None:
            return known
        if name in self.anchors:
            raise self.stop(_mark(event), at, f"the alias {shown(name)} contains itself", "write the values out")
        raise self.stop(
            _mark(event), at, f"the alias {shown(name)} has no anchor above", "write & and the name where it is defined"
        )

    def scalar(self, event: ScalarEvent) -> Node:
        if not event.implicit[0]:
            return Node(_mark(event), event.value)
        tag = str(self.resolver.resolve(ScalarNode, event.value, event.implicit)).rpartition(":")[2]
        return Node(_mark(event), _scalar(event.value, tag), empty=not event.value)

    def collection(self, event: SequenceStartEvent | MappingStartEvent, at: At, depth: int) -> Node:
        if isinstance(event, SequenceStartEvent):
            items = list(self.items(at, depth))
            return _sized(Node(_mark(event), items), items)
        entries = self.entries(at, depth)
        return _sized(Node(_mark(event), entries), [node for _, node in entries.values()])

    def items(self, at: At, depth: int) -> Iterator[Node]:
        index = 0
        while not isinstance(event := next(self.events), SequenceEndEvent):
            item = self.node(event, (*at, index), depth + 1)
            self.check_value(item, _mark(event), (*at, index))
            yield item
            index += 1

    def entries(self, at: At, depth: int) -> dict[str, tuple[Mark, Node]]:
        own: dict[str, tuple[Mark, Node]] = {}
        merged: dict[str, tuple[Mark, Node]] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key, mark = self.key(event, at, depth), _mark(event)
            value = self.node(next(self.events), (*at, key), depth + 1)
            if key == "<<" and isinstance(event, ScalarEvent) and not event.style:
                merged = self.merged(value, (*at, key)) | merged
            elif key in own:
                self.flaw(mark, (*at, key), f"stands here twice, first on line {own[key][0].line}", "keep one of them")
            else:
                self.check_value(value, mark, (*at, key))
                own[key] = mark, value
        return own | {key: entry for key, entry in merged.items() if key not in own}

    def key(self, event: Event, at: At, depth: int) -> str:
        """Keys are text whatever they look like: `on`, `1` and `null` stay what was written."""
        if isinstance(event, ScalarEvent) and not event.tag and not event.anchor:
            return str(event.value)
        raise self.stop(_mark(event), at, "has a key that is not plain text", "write `key: value`")

    def merged(self, value: Node, at: At) -> dict[str, tuple[Mark, Node]]:
        sources = value.value if isinstance(value.value, list) else [value]
        found: dict[str, tuple[Mark, Node]] = {}
        for source in sources:
            if not isinstance(source.value, dict):
                self.flaw(source.mark, at, "merges something that is not a block of keys", "merge with `<<: *name`")
                return {}
            found = source.value | found
        return found

    def check_value(self, value: Node, mark: Mark, at: At) -> None:
        if not value.empty:
            return
        line = self.lines[mark.line - 1] if mark.line <= len(self.lines) else ""
        if re.search(r"[:-]\s+#\S", line[mark.column - 1 :]):
            self.flaw(mark, at, "has no value: `#` starts a comment", 'put the value in quotes: "#name"')
        else:
            self.flaw(mark, at, "has no value", "give it one, or remove the line")


def _sized(node: Node, children: list[Node]) -> Node:
    node.size = 1 + sum(child.size for child in children)
    node.height = 1 + max((child.height for child in children), default=0)
    return node


def _mark(event: Event) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(text: str, tag: str) -> Scalar:
    """YAML 1.2's core types; dates and what else a reader may know stay text."""
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag not in {"int", "float"} or len(text) > LONGEST_NUMBER:
        return text
    try:
        return (
            _integer(text)
            if tag == "int"
            else float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        )
    except ValueError:
        return text


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    base = next((base for mark, base in (("0x", 16), ("0o", 8), ("0b", 2)) if mark in digits[:3]), 10)
    return int(digits, base)


HINTS = (
    ("\\t", "a tab stands where spaces belong", "indent with spaces"),
    (
        "mapping values are not allowed",
        "a second `: ` on one line, or a wrong indent",
        "put the value in quotes, or indent it",
    ),
    ("could not find expected ':'", "a key without its colon", "write `key: value`"),
    ("expected <block end>", "the indent does not fit the lines above", "indent it like its neighbours"),
    ("found unexpected end of stream", "a quote is never closed", "close the quote"),
    ("cannot start any token", "a value may not start with this character", "put the value in quotes"),
)


def _syntax(error: MarkedYAMLError, name: str) -> Problem:
    said = str(error.problem or error.context or "cannot be read as YAML")
    place = error.context_mark if "end of stream" in said and error.context_mark else error.problem_mark
    reason, mend = next(
        ((reason, mend) for part, reason, mend in HINTS if part in said),
        (f"not readable as YAML: {shown(said, 120)}", "compare the line with outcome.yaml.example"),
    )
    mark = place or error.context_mark
    return Problem(name, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, "", reason, mend)


def _character(error: YAMLError, text: str, name: str) -> Problem:
    before = text[: getattr(error, "position", 0)]
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Problem(name, before.count("\n") + 1, column, "", "an invisible control character", "delete it")
