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
from runtime.errors import InvalidRequest
from runtime.experiments import registration
from runtime.experiments import service as experiments
from runtime.gates import rows
from runtime.gates.choices import Choice
from runtime.identity.people import By
from runtime.journal import Message
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
            await _advance(tx, row, event, decided)


async def _launch(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    row = await _subject(tx, decided)
    event = decided.choice.experiment_event or ""
    changes = _launch_changes(row, decided)
    await _advance(tx, row, event, decided, changes=changes)
    if event == "approve_launch":
        planned = registration.document(row, await experiments.outcome_of(tx, row))
        content = registration.allocated(planned, changes["rollout_percent"], changes["rollout_cap"])
        await _register(tx, row, content, "launch", decided)


def _launch_changes(row: Row, decided: Decided) -> dict[str, Any]:
    if decided.choice.experiment_event == "rework":
        return {"build_report": None}
    if decided.choice.experiment_event != "approve_launch":
        return _concluded(row, decided)
    planned = int(row["rollout_plan"]["initial_pct"])
    cap = decided.percent
    return {"rollout_percent": min(planned, cap or planned), "rollout_cap": cap, "launched_at": decided.now}


async def _analysis(runtime: "Runtime", tx: Tx, decided: Decided) -> None:
    row = await _subject(tx, decided)
    event = decided.choice.experiment_event or ""
    changes = _analysis_changes(row, decided)
    await _advance(tx, row, event, decided, changes=changes)
    registered = row["registration"]
    if registered and event == "scale":
        content = registration.allocated(registered, changes["rollout_percent"], row["rollout_cap"])
        await _register(tx, row, content, f"scale to {changes['rollout_percent']} %", decided)
    if registered and event == "run_on":
        content = registration.extended(registered, changes["extended_days"] - row["extended_days"])
        await _register(tx, row, content, "run on", decided)
    if event in {"run_on", "scale"}:
        await timers.arm(tx, "measure", row["id"], version=1, due_at=decided.now)


def _analysis_changes(row: Row, decided: Decided) -> dict[str, Any]:
    event = decided.choice.experiment_event
    if event == "scale":
        if row["rollout_cap"] is not None and (decided.percent or 0) > row["rollout_cap"]:
            raise InvalidRequest(
                f"This rollout was approved for at most {row['rollout_cap']} % of users.", cap=row["rollout_cap"]
            )
        return {"rollout_percent": decided.percent}
    if event == "run_on":
        return {"extended_days": row["extended_days"] + float(row["plan"]["horizon_days"])}
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
        await _advance(
            tx,
            row,
            resume_event(row["paused_from"] or "running"),
            decided,
            changes={"paused_from": None, "pause_reason": None},
        )
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
