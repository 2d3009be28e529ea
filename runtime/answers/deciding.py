"""Answers about who decides and what silence does, from the gates as they are now. PURE."""

from collections.abc import Sequence
from datetime import datetime

from runtime.answers.questions import Asked
from runtime.answers.subject import Subject
from runtime.answers.telling import Told
from runtime.db.engine import Row
from runtime.gates import rows
from runtime.gates.policy import OVERRIDERS
from runtime.gates.wording import amount, percent
from runtime.lifecycle.gate import OPEN

_MOST = 5


def deciders(subject: Subject, asked: Asked) -> Told:
    if not subject.gates:
        return Told([_nothing_waits(subject)])
    return Told([line for gate in subject.gates[:_MOST] for line in _decides(gate)])


def _decides(gate: Row) -> list[str]:
    seat = rows.seat(gate)
    if gate["status"] not in OPEN:
        return [f"“{gate['question']}”: {rows.already(gate)}"]
    lines = [f"“{gate['question']}” is {seat.asked}'s to decide, until {_moment(gate['due_at'])}."]
    others = sorted(set(seat.entitled) - {seat.asked.casefold()})
    if others:
        lines.append(f"May decide as well: {', '.join(others)}.")
    ahead = gate["escalation_chain"][gate["chain_position"] :]
    lines.append(f"Next in the chain: {', '.join(ahead)}." if ahead else "Nobody comes after them in the chain.")
    if gate["quorum"] > 1:
        lines.append(f"{gate['quorum']} different people must say the same.")
    lines.append(f"{' or '.join(sorted(OVERRIDERS)).capitalize()} may decide in their place with a reason.")
    return lines


def silence(subject: Subject, asked: Asked) -> Told:
    waiting = [gate for gate in subject.gates if gate["status"] in OPEN]
    if not waiting:
        return Told([f"{_nothing_waits(subject)} {_flag(subject)}".strip()])
    return Told([line for gate in waiting[:_MOST] for line in _silent(gate, subject)])


def _silent(gate: Row, subject: Subject) -> list[str]:
    ahead = gate["escalation_chain"][gate["chain_position"] :]
    hours = f"{gate['sla_hours']:g} h"
    first = f"“{gate['question']}”: nothing is approved by silence. {rows.seat(gate).asked} has until {_moment(gate['due_at'])} (within {hours})."
    then = (
        f"After that it goes to {', then '.join(ahead)}, each with {hours}; at the end it closes without a decision."
        if ahead
        else "After that it closes without a decision, and can be asked again."
    )
    return [part for part in (first, then, _flag(subject)) if part]


def _flag(subject: Subject) -> str:
    row = subject.experiment
    if row is None or not row["feature_flag_key"]:
        return ""
    return f"The flag {row['feature_flag_key']} stays at {row['rollout_percent']} % of users; a violated guardrail turns it off whatever anybody says."


def waiting(subject: Subject, asked: Asked) -> Told:
    """Of the asker: gates they are entitled to answer, the most urgent first."""
    mine: Sequence[Row] = sorted(subject.mine, key=lambda gate: gate["due_at"])
    if not mine:
        return Told(["No decision waits for you."], (subject.member.email,))
    lines = [f"• “{gate['question']}” until {_moment(gate['due_at'])}" for gate in mine[:20]]
    return Told([f"{len(mine)} decision{'s' if len(mine) != 1 else ''} for you:", *lines], (subject.member.email,))


def target(subject: Subject, asked: Asked) -> Told:
    if subject.outcome is None:
        return Told(["Name an outcome to ask how far it is from its target."])
    goal, metric = subject.outcome["target"], subject.outcome["primary_signal"]["metric"]
    start, end = float(goal["from"]), float(goal["to"])
    lines = [f"{metric}: from {amount(start, subject.unit)} to {amount(end, subject.unit)} ({goal['direction']})."]
    level = subject.level
    if level is None:
        return Told([*lines, "No level of it was stored yet."])
    share = (float(level["value"]) - start) / (end - start) if end != start else 1.0
    lines.append(
        f"Last level: {amount(level['value'], subject.unit)} at {_moment(level['time'])}, {percent(round(share, 3))} of the way. "
        "A level is for everybody and says nothing about causes."
    )
    return Told(lines)


def _nothing_waits(subject: Subject) -> str:
    return f"No gate is open about {subject.name}, so nothing waits for a decision."


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
