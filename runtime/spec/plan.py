"""What would change between two outcome.yaml files, field by field, and which of it a person must agree to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runtime.spec.advice import masked
from runtime.spec.export import FREE_FORM, document, lines
from runtime.spec.faults import At, spell_step
from runtime.spec.models import OutcomeFile

Kind = Literal["add", "remove", "change"]
GUARDED = frozenset({"signal", "target", "constraints", "gates", "scope", "measurement"})
NAMED_BY = {"outcomes": "id", "signal_connectors": "name", "constraints": "signal"}
SIGNS: Mapping[Kind, str] = {"add": "+", "remove": "-", "change": "~"}
NOTHING = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One field. An empty path is the whole outcome. `guarded`: a running outcome needs a gate first. Secrets are hidden."""

    outcome_id: str | None
    path: str
    before: Any
    after: Any
    kind: Kind
    guarded: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order of the wanted file, removals after."""

    changes: tuple[Change, ...]

    @property
    def guarded(self) -> tuple[str, ...]:
        """The outcomes with a change that a person must agree to if they are running."""
        return tuple(dict.fromkeys(c.outcome_id for c in self.changes if c.guarded and c.outcome_id))

    def whole(self, kind: Kind) -> tuple[str, ...]:
        """The outcomes that are added or removed as a whole."""
        return tuple(c.outcome_id for c in self.changes if c.outcome_id and not c.path and c.kind == kind)


def diff(current: OutcomeFile | None, wanted: OutcomeFile) -> Plan:
    """Lists of named things are compared by name, so that moving a block is no change."""
    before = document(current) if current else {"version": wanted.version}
    return Plan(tuple(_change(*found) for found in _differences(before, document(wanted), ())))


def render(plan: Plan) -> str:
    """One line a field, `+` added, `-` removed, `~` changed; `!` marks what a running outcome needs a gate for."""
    if not plan.changes:
        return "no changes"
    shown: list[str] = []
    heading = ""
    for change in plan.changes:
        whole = bool(change.outcome_id) and not change.path
        title = f"outcome {change.outcome_id}" if change.outcome_id else "file"
        if title != heading:
            shown.append(f"{SIGNS[change.kind] if whole else ' '} {title}")
            heading = title
        shown += _details(change) if whole else [_line(change)]
    return "\n".join(shown)


def _details(change: Change) -> Iterator[str]:
    content = change.after if change.kind == "add" else change.before
    yield from (f"{SIGNS[change.kind]} {line}" for line in lines(content, 2))


def _line(change: Change) -> str:
    values = [_shown(value) for value in (change.before, change.after) if value is not None]
    return f"    {SIGNS[change.kind]} {change.path}: {' -> '.join(values)}{' !' if change.guarded else ''}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class _Name(str):
    """The name of a thing in a list: `constraints[payment_success_rate]` rather than a key."""

    __slots__ = ()


def _differences(before: Any, after: Any, at: At) -> Iterator[tuple[At, Any, Any]]:
    if before == after and type(before) is type(after):
        return
    old, new = _entries(before, at), _entries(after, at)
    if old is None or new is None:
        yield at, before, after
        return
    for key in (*new, *(key for key in old if key not in new)):
        yield from _differences(old.get(key, NOTHING), new.get(key, NOTHING), (*at, key))


def _entries(value: Any, at: At) -> Mapping[str, Any] | None:
    """What can be compared piece by piece: blocks by key, lists of named things by name, but no list in free-form config."""
    naming = NAMED_BY.get(str(at[-1])) if at and FREE_FORM not in at else None
    if naming and value is NOTHING:
        return {}
    if naming and isinstance(value, list):
        return {_Name(item.get(naming) or item["rule"]): item for item in value}
    return value if isinstance(value, dict) else None


def _change(at: At, before: Any, after: Any) -> Change:
    kind: Kind = "add" if before is NOTHING else "remove" if after is NOTHING else "change"
    of_outcome = len(at) > 1 and at[0] == "outcomes"
    inner = at[2:] if of_outcome else at
    guarded = of_outcome and (inner[0] in GUARDED if inner else kind == "remove")
    old, new = (None if value is NOTHING else masked(at, value) for value in (before, after))
    return Change(str(at[1]) if of_outcome else None, _path(inner), old, new, kind, guarded)


def _path(at: At) -> str:
    return "".join(map(_step, at)).removeprefix(".")


def _step(step: str | int) -> str:
    dotted = spell_step(step)
    return f"[{dotted[1:]}]" if isinstance(step, _Name) and dotted.startswith(".") else dotted
