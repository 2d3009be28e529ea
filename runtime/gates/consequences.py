"""What follows from an answered gate, in the transaction of the answer: one function a gate type."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import deliveries
from runtime.errors import InvalidRequest, ReasonNeeded
from runtime.experiments import registration
from runtime.experiments import service as experiments
from runtime.gates import binding, rows, terms
from runtime.gates.choices import Choice
from runtime.gates.terms import Term
from runtime.identity.people import By, Member
from runtime.journal import Effect, Event, Message, record
from runtime.lifecycle import Approval
from runtime.lifecycle.experiment import resume_event

if TYPE_CHECKING:
    from runtime.core import Runtime

EVERYBODY = 100


@dataclass(frozen=True, slots=True)
class Decided:
    """A valid answer by an entitled person."""

    gate: Row
    choice: Choice
    approval: Approval
    note: str
    percent: int | None
    selection: tuple[UUID, ...] | None
    by: By
    now: datetime
    member: Member
    terms: tuple[Term, ...] = ()
    lift: bool = False


async def _portfolio(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    offered = rows.subjects(decided.gate)
    wanted = set(offered if decided.selection is None else decided.selection)
    approving = decided.choice.id == "approve"
    if approving and not wanted & set(offered):
        raise InvalidRequest(
            "No experiment is selected; select at least one, or reject the portfolio.", gate_id=decided.gate["id"]
        )
    for experiment_id in offered:
        row = await experiments.get(tx, experiment_id, lock=True)
        if row["status"] == "awaiting_portfolio_gate":
            event = "approve_portfolio" if approving and experiment_id in wanted else "reject_portfolio"
            changes = await _bound(tx, row, decided) if event == "approve_portfolio" and decided.terms else None
            await _advance(tx, row, event, decided, changes=changes)


async def _bound(tx: Tx, row: Row, decided: Decided) -> dict[str, Any]:
    """The columns of an experiment that from now on carries the decision's conditions; its deadline is set."""
    stored = binding.carried(row, decided.terms, member=decided.member, now=decided.now, gate=decided.gate["id"])
    await binding.arm(tx, row["id"], stored)
    return binding.changes(row, stored)


async def _launch(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    row = await _subject(tx, decided)
    event = decided.choice.experiment_event or ""
    bound = await _bound(tx, row, decided) if event == "approve_launch" else {}
    row = {**row, **bound}
    changes = bound | _launch_changes(row, decided)
    await _advance(tx, row, event, decided, changes=changes)
    if event == "approve_launch":
        binding.refuse_late(row, decided.now)
        planned = registration.document(row, await experiments.outcome_of(tx, row))
        content = registration.allocated(planned, changes["rollout_percent"], changes["rollout_cap"])
        await _register(tx, row, content, "launch", decided)


def _launch_changes(row: Row, decided: Decided) -> dict[str, Any]:
    if decided.choice.experiment_event == "rework":
        return {"build_report": None}
    if decided.choice.experiment_event != "approve_launch":
        return _concluded(row, decided)
    planned, cap = int(row["rollout_plan"]["initial_pct"]), terms.ceiling(row)
    return {"rollout_percent": min(planned, cap or planned), "rollout_cap": cap, "launched_at": decided.now}


async def _analysis(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    event = decided.choice.experiment_event or ""
    row, bound = await _lifted(tx, await _subject(tx, decided), decided)
    if event in {"run_on", "scale"} and decided.terms:
        bound |= await _bound(tx, row, decided)
        row = {**row, **bound}
    changes = bound | _analysis_changes(row, decided)
    await _advance(tx, row, event, decided, changes=changes)
    registered = row["registration"]
    if registered and event == "scale":
        content = registration.allocated(registered, changes["rollout_percent"], row["rollout_cap"])
        await _register(tx, row, await _guarded(tx, row, content), f"scale to {changes['rollout_percent']} %", decided)
    if registered and event == "run_on":
        content = registration.extended(registered, changes["extended_days"] - row["extended_days"])
        if decided.terms:
            content = registration.allocated(content, changes["rollout_percent"], row["rollout_cap"])
        await _register(tx, row, await _guarded(tx, row, content), "run on", decided)
        if decided.terms:
            await _new_phase(tx, row, decided)
    if event in {"run_on", "scale"}:
        await timers.arm(tx, "measure", row["id"], version=1, due_at=decided.now)


async def _lifted(tx: Tx, row: Row, decided: Decided) -> tuple[Row, dict[str, Any]]:
    """The experiment without its cap, if the person ends it and says why; otherwise as it is."""
    if not decided.lift or terms.ceiling(row) is None:
        return row, {}
    if not decided.note.strip():
        raise ReasonNeeded("Lifting a cap needs a reason; say in a sentence why.", choice=decided.choice.id)
    free = await binding.lifted(tx, row, decided.note, by=decided.by, now=decided.now)
    return free, {"terms": free["terms"], "rollout_cap": None}


async def _guarded(tx: Tx, row: Row, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The registered plan with the extra constraints that a person set after data had been seen."""
    wanted = terms.tightened(registration.bare(content["constraints"]), row["terms"])
    found = registration.constrained(content, wanted, await registration.next_phase(tx, row["id"]))
    return content if found is None else found


async def _new_phase(tx: Tx, row: Row, decided: Decided) -> None:
    """The flag is set anew under the conditions, and what they guard is judged from there on."""
    effect = Effect("flag.rollout", row["id"], once=f"terms-{decided.gate['id']}")
    facts = {"gate": str(decided.gate["id"])}
    await record(tx, Event("experiment.conditions", "experiment", row["id"], facts), by=decided.by, effects=[effect])


def _analysis_changes(row: Row, decided: Decided) -> dict[str, Any]:
    event = decided.choice.experiment_event
    if event == "scale":
        binding.refuse_beyond(row, decided.percent or 0)
        return {"rollout_percent": decided.percent}
    if event == "run_on":
        longer = row["extended_days"] + float(row["plan"]["horizon_days"])
        return {
            "extended_days": longer,
            "rollout_percent": min(int(row["rollout_percent"]), terms.ceiling(row) or EVERYBODY),
        }
    if event == "ship":
        binding.refuse_beyond(row, EVERYBODY)
    share = {"rollout_percent": EVERYBODY if event == "ship" else 0}
    return share | _concluded(row, decided)


def _concluded(row: Row, decided: Decided) -> dict[str, Any]:
    conclusion = {"ship": "shipped", "iterate": "iterated"}.get(decided.choice.experiment_event or "", "killed")
    return {"final_result": final_result(row, conclusion, decided.by.name, decided.note)}


def final_result(row: Row, conclusion: str, decided_by: str, note: str) -> dict[str, Any]:
    """The experiment's last word: the numbers it was decided on, frozen, and the conclusion drawn from them."""
    look: Mapping[str, Any] = row["current_result"] or {}
    numbers = {
        name: look.get(name)
        for name in (
            "delta",
            "ci_lower",
            "ci_upper",
            "p_value",
            "sample_size",
            "significant",
            "status",
            "horizon_reached",
        )
    }
    return {**numbers, "conclusion": conclusion, "decided_by": decided_by, "note": note}


async def _change(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    if decided.choice.id == "approve":
        from runtime.outcomes.service import apply_change  # noqa: PLC0415  outcomes open gates as well

        await apply_change(tx, decided.gate, by=decided.by, now=decided.now)


async def _resume(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    row = await _subject(tx, decided)
    if decided.choice.id == "resume":
        bound = await _bound(tx, row, decided) if decided.terms else {}
        bounded = {**row, **bound}
        share = {"rollout_percent": min(int(row["rollout_percent"]), terms.ceiling(bounded) or EVERYBODY)}
        changes = {"paused_from": None, "pause_reason": None, **share, **bound}
        await _advance(tx, row, resume_event(row["paused_from"] or "running"), decided, changes=changes)
        if bound and row["registration"]:
            content = registration.allocated(row["registration"], share["rollout_percent"], bound["rollout_cap"])
            await _register(tx, row, await _guarded(tx, bounded, content), "conditions of a resumption", decided)
        await timers.arm(tx, "measure", row["id"], version=1, due_at=decided.now)
    else:
        await _advance(tx, row, "kill", decided, changes=_concluded(row, decided))


async def _nothing(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    """An agent's question: the answer itself is what it waits for."""


async def _register(tx: Tx, row: Row, content: Mapping[str, Any], reason: str, decided: Decided) -> None:
    await registration.register(
        tx, row, content, reason=reason, by=decided.by, now=decided.now, gate_id=decided.gate["id"]
    )


async def _subject(tx: Tx, decided: Decided) -> Row:
    return await experiments.get(tx, decided.gate["experiment_id"], lock=True)


async def _farewell(tx: Tx, decided: Decided, row: Row) -> list[Message]:
    """The living message of a measured experiment gets its last state; one that never ran has none."""
    known = await tx.first(
        select(deliveries).where(deliveries.c.subject_kind == "experiment", deliveries.c.subject_id == row["id"])
    )
    if known is None:
        return []
    return [Message("experiment", row["id"], known["channel"], known["place"], once=f"end-{decided.gate['id']}")]


async def _advance(tx: Tx, row: Row, event: str, decided: Decided, *, changes: Mapping[str, Any] | None = None) -> None:
    facts = {"gate": str(decided.gate["id"]), "note": decided.note}
    notices = await _farewell(tx, decided, row)
    await experiments.advance(
        tx,
        row,
        event,
        by=decided.by,
        now=decided.now,
        approval=decided.approval,
        changes=changes,
        facts=facts,
        notices=notices,
    )


CONSEQUENCES: dict[str, Callable[["Runtime", Tx, Decided], Awaitable[None]]] = {
    "portfolio_review": _portfolio,
    "launch_approval": _launch,
    "analysis_review": _analysis,
    "scale_approval": _analysis,
    "ship_approval": _analysis,
    "change_review": _change,
    "resume_review": _resume,
    "agent_question": _nothing,
}
