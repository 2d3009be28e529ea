"""Opening gates: whom to ask, until when, with what evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import insert

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import human_gates
from runtime.digest import digest
from runtime.gates import pictures, rows
from runtime.gates.policy import clock
from runtime.identity.people import SYSTEM, By
from runtime.journal import Event, record
from runtime.outcomes.connections import is_simulated
from runtime.spec.models import GateKind, OutcomeSpec

_KIN: dict[str, GateKind] = {
    "change_review": "portfolio_review", "resume_review": "launch_approval", "agent_question": "launch_approval",
}  # fmt: skip
"""Gates outcome.yaml does not name, and whose settings they take."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a gate puts before a person. `evidence` names the facts the answer is bound to; `package` is what is shown."""

    gate_type: str
    question: str
    package: Mapping[str, Any]
    evidence: Mapping[str, Any]
    options: Sequence[Mapping[str, Any]]
    experiment_id: UUID | None = None
    snapshot_id: UUID | None = None
    snapshot: Mapping[str, Any] | None = None
    reopens: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """SLA, chain and channel, copied onto the gate so that later edits of outcome.yaml don't rewrite history."""

    assigned_to: str
    sla: timedelta
    channel: str
    chain: tuple[str, ...]


def terms(outcome: Row, gate_type: str, *, default_channel: str) -> Terms:
    """The gate's settings from the outcome's spec, or those of its nearest kin there."""
    found = OutcomeSpec.model_validate(outcome["spec"]).gate(_KIN.get(gate_type) or cast("GateKind", gate_type))
    return Terms(found.assigned_to, found.sla, found.channel or f"slack:{default_channel}", found.escalation_chain)


async def open_gate(tx: Tx, outcome: Row, ask: Ask, *, default_channel: str, now: datetime, by: By = SYSTEM) -> UUID:
    """Write the gate, its timers, journal entry and first message. The database refuses a second open gate of the same kind."""
    settings = terms(outcome, ask.gate_type, default_channel=default_channel)
    evidence = dict(ask.evidence)
    package = pictures.marked(ask.package, simulated=await is_simulated(tx, outcome))
    opened = await tx.first(
        insert(human_gates)
        .values(
            org_id=tx.org_id, outcome_id=outcome["id"], experiment_id=ask.experiment_id, gate_type=ask.gate_type,
            context_package=package, question=ask.question, signal_snapshot=ask.snapshot, snapshot_id=ask.snapshot_id,
            options=[dict(option) for option in ask.options], assigned_to=settings.assigned_to, escalation_chain=list(settings.chain),
            sla_hours=settings.sla / timedelta(hours=1), due_at=now + settings.sla, channel=settings.channel,
            evidence=evidence, evidence_hash=digest(evidence), reopens=ask.reopens, created_at=now,
        )
        .returning(human_gates)
    )  # fmt: skip
    assert opened is not None
    await arm_clock(tx, opened["id"], version=1, opened=now, sla=settings.sla)
    event = Event(
        "gate.opened",
        "gate",
        opened["id"],
        {"gate_type": ask.gate_type, "assigned_to": settings.assigned_to, **ask.facts},
    )
    await record(tx, event, by=by, notices=[rows.redraw(opened, 1)])
    return UUID(str(opened["id"]))


async def arm_clock(tx: Tx, gate_id: UUID, *, version: int, opened: datetime, sla: timedelta) -> None:
    """Reminders at half and 80 %, the end at the SLA; all carry the clock's version and disarm themselves when it moved on."""
    times = clock(opened, sla)
    await timers.arm(tx, "gate_remind_half", gate_id, version=version, due_at=times.reminders[0])
    await timers.arm(tx, "gate_remind_late", gate_id, version=version, due_at=times.reminders[1])
    await timers.arm(tx, "gate_due", gate_id, version=version, due_at=times.due)
