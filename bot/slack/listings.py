"""Answers of commands as text: short lists a person can act on. PURE."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from bot.slack.blocks import KINDS
from bot.slack.progress import STATES
from bot.slack.view import Who, person
from bot.slack.words import bold, fit, moment
from runtime.db.engine import Row
from runtime.errors import IllegalTransition, OutcomeRuntimeError
from runtime.gates import pictures
from runtime.gates.rows import seat
from runtime.gates.wording import amount, span, sure
from runtime.identity.people import Member
from runtime.learnings.service import Found
from runtime.lifecycle import EXPERIMENT, OUTCOME

DONE = {
    "activate": "{name} is active; its first portfolio is being proposed and comes to gate 1.",
    "abandon": "{name} is abandoned; the flags of its experiments go off.",
    "propose": "A portfolio for {name} is being proposed; it comes to gate 1.",
    "propose-playbook": "A portfolio for {name} is being proposed from the playbook; it comes to gate 1.",
    "pause": "{name} is paused and its flag goes off; a gate asks whether to go on.",
    "resume": "{name} runs again, at the rollout that was approved.",
    "kill": "{name} is killed; its flag goes off for everybody.",
    "rebuild": "{name} is sent to the coding agent again.",
}
"""What a command that steers answers."""
OUTCOMES = {"draft": "📝", "active": "🎯", "achieved": "🏁", "abandoned": "🚫", "expired": "⌛"}


def done(command: str, row: Mapping[str, Any]) -> str:
    """Outcomes are named as they are typed, experiments by title."""
    name = f"`{fit(row['slug'], 100)}`" if "slug" in row else f"*{fit(row['title'], 200)}*"
    return DONE[command].replace("{name}", name)


def outcome_list(found: Sequence[Row], runs: Sequence[Row]) -> str:
    if not found:
        return "There are no outcomes yet. `/outcome new` writes one with you; `/outcome import` takes an outcome.yaml."
    return "\n".join(outcome_line(row, [run for run in runs if run["outcome_id"] == row["id"]]) for row in found)


def outcome_line(row: Row, runs: Sequence[Row]) -> str:
    alive = sum(run["status"] not in EXPERIMENT.final for run in runs)
    shipped = sum(run["status"] == "shipped" for run in runs)
    counts = f"{alive} under way, {shipped} shipped, {len(runs)} in all" if runs else "no experiments yet"
    return (
        f"{OUTCOMES.get(row['status'], '')} `{fit(row['slug'], 100)}` {bold(row['title'])} ({row['status']}): {counts}"
    )


def outcome_details(row: Row, runs: Sequence[Row], waiting: Sequence[Row], people: Mapping[str, Who]) -> str:
    signal, target, unit = row["primary_signal"], row["target"], pictures.unit(row["primary_signal"])
    lines = [
        outcome_line(row, runs),
        f"{fit(signal['metric'], 200)}: {amount(target['from'], unit)} → {amount(target['to'], unit)} ({fit(target['direction'], 20)})",
        *([fit(row["description"], 1000)] if row["description"] else []),
        *([f"Ends {moment(row['deadline'])}"] if row["deadline"] else []),
        *(run_line(run, unit) for run in runs[:10]),
        *(f"🗳️ {fit(gate['question'], 200)} asks {person(people, seat(gate).asked).shown}" for gate in waiting[:10]),
    ]
    return "\n".join(lines)


def experiment_list(outcome: Row, runs: Sequence[Row]) -> str:
    unit = pictures.unit(outcome["primary_signal"])
    lines = [run_line(run, unit) for run in runs[:30]]
    return "\n".join([bold(outcome["title"]), *(lines or ["No experiments yet; a portfolio comes to gate 1 first."])])


def run_line(run: Mapping[str, Any], unit: str) -> str:
    state = STATES.get(run["status"], run["status"])
    return f"• {bold(run['title'])} `{fit(run['feature_flag_key'] or str(run['id'])[:8], 100)}` {state}{_result(run, unit)}"


def _result(run: Mapping[str, Any], unit: str) -> str:
    result = run["current_result"]
    if not result:
        return ""
    if not {result.get("ci_lower"), result.get("ci_upper")} - {None, "inf", "-inf"}:
        return ", nothing measured yet"
    return f", {amount(result.get('delta'), unit, signed=True)} ({span(result.get('ci_lower'), result.get('ci_upper'), unit)})"


def gate_list(
    waiting: Sequence[Row], links: Mapping[UUID, str | None], member: Member, people: Mapping[str, Who]
) -> str:
    if not waiting:
        return "No decision is waiting. 🎉"
    return "\n".join(gate_line(gate, links.get(gate["id"]), member, people) for gate in waiting[:30])


def gate_line(gate: Row, link: str | None, member: Member, people: Mapping[str, Who]) -> str:
    found = seat(gate)
    whom = "*you*" if member.email.casefold() in found.entitled else person(people, found.asked).shown
    question = fit(gate["question"], 300)
    shown = f"<{fit(link, 1000)}|{question.replace('|', '/')}>" if link else question
    return (
        f"🗳️ {KINDS.get(gate['gate_type'], gate['gate_type'])}: {shown} waits for {whom} until {moment(gate['due_at'])}"
    )


def decision_line(gate: Row, people: Mapping[str, Who]) -> str:
    label = next(
        (option["label"] for option in gate["options"] or [] if option["id"] == gate["choice"]), gate["choice"]
    )
    at = f", {moment(gate['responded_at'])}" if gate["responded_at"] else ""
    return f"• {bold(label or 'Closed', 80)}: {fit(gate['question'], 300)} ({person(people, gate['decided_by']).shown}{at})"


def learning_list(question: str, found: Sequence[Found]) -> str:
    if not found:
        return "Nothing was learned yet; each finished experiment adds a finding."
    title = f"*What we learned about “{fit(question, 200)}”*" if question else "*Newest learnings*"
    return "\n".join([title, *learning_lines(found)])


def learning_lines(found: Iterable[Found], *, room: int = 800) -> list[str]:
    return [f"• {fit(item.finding, room)}{sure(item.confidence)}" for item in found]


def impossible(error: OutcomeRuntimeError) -> str:
    """For a step that the present state has no room for, what it is now and which commands are possible; else nothing."""
    state, step = str(error.context.get("state", "")), error.context.get("event")
    if type(error) is not IllegalTransition or not step:
        return ""
    machine = OUTCOME if state in OUTCOME.states else EXPERIMENT
    ways = [f"`/outcome {event}`" for event in machine.events_from(state) if event in DONE]
    then = (
        "that is final"
        if state in machine.final
        else f"possible now: {' or '.join(ways)}"
        if ways
        else "look again later"
    )
    return f"Nothing was changed: `{fit(str(step), 40)}` is not possible while it is “{fit(STATES.get(state, state), 60)}”; {then}."
