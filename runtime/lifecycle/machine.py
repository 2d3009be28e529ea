"""A lifecycle as one table of values: (state, event) -> step, with the approval that guards it and the effects it causes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from runtime.errors import ApprovalMissing, IllegalTransition, NotAllowed


class Actor(StrEnum):
    """Who caused an event. Only `HUMAN` can ever carry an approval."""

    HUMAN = "human"
    AGENT = "agent"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Approval:
    """Proof that a person answered a gate: made by `runtime.gates.service.decide` alone."""

    gate_type: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of a lifecycle table; `guard` names the gate types of which one must have been answered by a person."""

    source: str
    event: str
    target: str
    by: frozenset[Actor]
    guard: frozenset[str] = frozenset()
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from an event: the new state, and the effects to put into the outbox in the same transaction."""

    to: str
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A lifecycle. Undefined (state, event) pairs are errors, never silently ignored."""

    name: str
    initial: str
    final: frozenset[str]
    table: Mapping[tuple[str, str], Transition]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(
            {
                self.initial,
                *self.final,
                *(t.source for t in self.table.values()),
                *(t.target for t in self.table.values()),
            }
        )

    def events_from(self, state: str) -> tuple[str, ...]:
        return tuple(event for source, event in self.table if source == state)

    def step(self, state: str, event: str, *, by: Actor, approval: Approval | None = None) -> Step:
        row = self.table.get((state, event))
        if row is None:
            possible = ", ".join(self.events_from(state)) or "nothing: this state is final"
            raise IllegalTransition(
                f"{self.name}: '{event}' is not possible while '{state}'; possible now: {possible}.",
                state=state,
                event=event,
            )
        if by not in row.by:
            raise NotAllowed(
                f"{self.name}: '{event}' is for {_names(row.by)}, not for {by.value}.", state=state, event=event
            )
        if row.guard and not _approves(approval, row.guard, by):
            raise ApprovalMissing(
                f"{self.name}: '{event}' needs a person's answer at gate {_names(row.guard)} first.",
                state=state,
                event=event,
            )
        return Step(row.target, row.effects)


def machine(name: str, initial: str, final: frozenset[str], rows: tuple[Transition, ...]) -> Machine:
    """Build the table; two rows for one (state, event) pair are a programming error."""
    table = {(row.source, row.event): row for row in rows}
    if len(table) != len(rows):
        raise ValueError(f"{name}: a (state, event) pair stands twice in the table")
    return Machine(name, initial, final, table)


def mermaid(lifecycle: Machine) -> str:
    """The lifecycle as a Mermaid state diagram; guarded steps carry the gate's name in brackets."""
    lines = ["stateDiagram-v2", f"    [*] --> {lifecycle.initial}"]
    for row in lifecycle.table.values():
        guard = f" [{' | '.join(sorted(row.guard))}]" if row.guard else ""
        lines.append(f"    {row.source} --> {row.target}: {row.event}{guard}")
    lines += [f"    {state} --> [*]" for state in sorted(lifecycle.final)]
    return "\n".join(lines)


def _approves(approval: Approval | None, guard: frozenset[str], by: Actor) -> bool:
    return approval is not None and by is Actor.HUMAN and approval.gate_type in guard and bool(approval.decided_by)


def _names(values: frozenset[Actor] | frozenset[str]) -> str:
    return " or ".join(sorted(str(value) for value in values))
