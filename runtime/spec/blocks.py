"""Rules within one block, over plain data, so that they also speak when another line of the block is broken."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any

from runtime.spec.durations import InvalidDuration, parse_duration
from runtime.spec.faults import At, Fault, spell
from runtime.spec.rules import items

GATES = ("portfolio_review", "launch_approval", "analysis_review", "scale_approval", "ship_approval")
Plain = Mapping[str, Any]


def every_block(data: Any) -> Iterator[Fault]:
    """What the models say too of blocks that are whole; a value of the wrong kind is theirs to name, and passed over here."""
    for index, outcome in items(data, "outcomes"):
        at: At = ("outcomes", index)
        yield from (fault.under(*at) for fault in outcome_rules(outcome))
        for place, rules, block in _inside(outcome):
            yield from (fault.under(*at, *place) for fault in rules(block))


def _inside(outcome: Plain) -> Iterator[tuple[At, Callable[[Plain], Iterator[Fault]], Plain]]:
    for key, rules in (("signal", signal_rules), ("target", target_rules), ("scope", scope_rules)):
        yield (key,), rules, _block(outcome.get(key))
    for index, signal in items(outcome, "secondary_signals"):
        yield ("secondary_signals", index), signal_rules, signal
    for index, constraint in items(outcome, "constraints"):
        if "rule" not in constraint:
            yield ("constraints", index), limit_rules, constraint
    gates = _block(outcome.get("gates"))
    for kind in GATES:
        yield ("gates", kind), gate_rules, _block(gates.get(kind))


def signal_rules(signal: Plain) -> Iterator[Fault]:
    steps, method = signal.get("funnel_steps") or (), signal.get("method", "event")
    if not isinstance(steps, list | tuple):
        return
    if method == "funnel" and len(steps) < 2:  # noqa: PLR2004 - a funnel leads from one step to another
        yield Fault(("funnel_steps",), "a funnel needs at least two steps", "list them under funnel_steps")
    if method in {"event", "custom"} and steps:
        yield Fault(("funnel_steps",), f"has no meaning for method {method}", "write method: funnel, or remove it")


def target_rules(target: Plain) -> Iterator[Fault]:
    start, end, direction = _number(target.get("from")), _number(target.get("to")), target.get("direction")
    if start is None or end is None or direction not in {"increase", "decrease"}:
        return
    if end == start or (end > start) != (direction == "increase"):
        side = "above" if direction == "increase" else "below"
        yield Fault(("to",), f"must lie {side} `from` to {direction}", "correct from and to, or the direction")


def limit_rules(limit: Plain) -> Iterator[Fault]:
    if limit.get("min") is None and limit.get("max") is None:
        yield Fault((), "has neither min nor max", "give it a limit: min: 0.97")
    lower, upper = _number(limit.get("min")), _number(limit.get("max"))
    if lower is not None and upper is not None and lower >= upper:
        yield Fault(("min",), "is not below max", "swap or correct min and max")


def gate_rules(gate: Plain) -> Iterator[Fault]:
    chain = gate.get("escalation_chain") or ()
    asked = [gate.get("assigned_to"), *chain] if isinstance(chain, list | tuple) else []
    for index, person in enumerate(asked[1:]):
        if isinstance(person, str) and person in asked[: index + 1]:
            yield Fault(("escalation_chain", index), "is asked already", "name somebody else, or remove it")


def scope_rules(scope: Plain) -> Iterator[Fault]:
    allowed, forbidden = scope.get("allowed_paths") or (), scope.get("forbidden_paths") or ()
    if not isinstance(allowed, list | tuple) or not isinstance(forbidden, list | tuple):
        return
    for index, path in enumerate(forbidden):
        if isinstance(path, str) and path in allowed:
            yield Fault(("forbidden_paths", index), "is allowed and forbidden", "keep it in one of the lists")


def outcome_rules(outcome: Plain) -> Iterator[Fault]:
    gates = outcome.get("gates") or {}
    if outcome.get("owner") is None and isinstance(gates, Mapping) and not any(gates.get(kind) for kind in GATES):
        yield Fault(("gates",), "names nobody who decides", "write owner: ana@example.com, or at least one gate")
    duration, horizon = _span(_block(outcome.get("measurement")).get("duration")), _span(outcome.get("horizon"))
    if duration is not None and horizon is not None and duration > horizon:
        yield Fault(("measurement", "duration"), "is longer than the horizon", "shorten it, or lengthen the horizon")
    seen: dict[tuple[str, str], int] = {}
    for index, constraint in items(outcome, "constraints"):
        field = "rule" if "rule" in constraint else "signal"
        value = constraint.get(field)
        first = seen.setdefault((field, value), index) if isinstance(value, str) else index
        if first != index:
            where = spell(("constraints", first))
            yield Fault(("constraints", index, field), f"is the same as in {where}", "merge the two, or rename one")


def _block(value: Any) -> Plain:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None


def _span(value: Any) -> timedelta | None:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value) if isinstance(value, str) else None
    except InvalidDuration:
        return None
