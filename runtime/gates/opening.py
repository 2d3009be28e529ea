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
from runtime.gates.calendar import Calendar, Clock, clock
from runtime.identity import members
from runtime.identity.people import SYSTEM, By
from runtime.journal import Effect, Event, record
from runtime.outcomes.connections import is_simulated
from runtime.spec.durations import BusinessTime
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
    quorum: int = 1


def terms(outcome: Row, gate_type: str, *, default_channel: str) -> Terms:
    """The gate's settings from the outcome's spec, or those of its nearest kin there."""
    found = OutcomeSpec.model_validate(outcome["spec"]).gate(_KIN.get(gate_type) or cast("GateKind", gate_type))
    return Terms(
        found.assigned_to,
        found.sla,
        found.channel or f"slack:{default_channel}",
        found.escalation_chain,
        _quorum(gate_type, found.quorum),
    )


def _quorum(gate_type: str, wanted: int) -> int:
    """An agent's question launches nothing; one person answers it."""
    return 1 if gate_type == "agent_question" else wanted


async def open_gate(tx: Tx, outcome: Row, ask: Ask, *, default_channel: str, now: datetime, by: By = SYSTEM) -> UUID:
    """Write the gate, its timers, journal entry and first message. The database refuses a second open gate of the same kind."""
    settings = terms(outcome, ask.gate_type, default_channel=default_channel)
    evidence = dict(ask.evidence)
    calendar = await _calendar(tx, settings.assigned_to) if isinstance(settings.sla, BusinessTime) else None
    times = clock(now, settings.sla, calendar)
    package = pictures.marked(ask.package, simulated=await is_simulated(tx, outcome))
    opened = await tx.first(
        insert(human_gates)
        .values(
            org_id=tx.org_id, outcome_id=outcome["id"], experiment_id=ask.experiment_id, gate_type=ask.gate_type,
            context_package=package, question=ask.question, signal_snapshot=ask.snapshot, snapshot_id=ask.snapshot_id,
            options=[dict(option) for option in ask.options], assigned_to=settings.assigned_to, escalation_chain=list(settings.chain),
            quorum=settings.quorum,
            sla_hours=settings.sla / timedelta(hours=1), due_at=times.due, channel=settings.channel, calendar=_kept(calendar),
            evidence=evidence, evidence_hash=digest(evidence), reopens=ask.reopens, created_at=now,
        )
        .returning(human_gates)
    )  # fmt: skip
    assert opened is not None
    await _arm(tx, opened["id"], 1, now, times)
    event = Event(
        "gate.opened",
        "gate",
        opened["id"],
        {"gate_type": ask.gate_type, "assigned_to": settings.assigned_to, **ask.facts},
    )
    await record(tx, event, by=by, effects=[look_for_people(opened["id"], "opened")], notices=[rows.redraw(opened, 1)])
    return UUID(str(opened["id"]))


def look_for_people(gate_id: UUID, once: str) -> Effect:
    """Ask the channel who of a gate's people is away. It happens beside the clock: nothing waits for the answer."""
    return Effect("gate.people", gate_id, once=once)


async def restart(tx: Tx, gate: Row, whom: str, now: datetime) -> dict[str, Any]:
    """Start a gate's clock anew for whoever is asked now, business hours in their own zone. Returns what to write to the gate."""
    sla = timedelta(hours=gate["sla_hours"])
    calendar = await _calendar(tx, whom) if gate["calendar"] is not None else None
    times = clock(now, sla, calendar)
    version = int(gate["clock_version"]) + 1
    await timers.disarm(tx, gate["id"], *KINDS)
    await _arm(tx, gate["id"], version, now, times)
    return {
        "clock_version": version, "due_at": times.due, "calendar": _kept(calendar), "snoozed_until": None, "snoozed_by": None,
    }  # fmt: skip


KINDS = ("gate_remind_half", "gate_remind_late", "gate_people", "gate_due")
_AHEAD = timedelta(minutes=10)
"""How long before a gate runs out it is looked who of the next ones is away; in short SLAs a twentieth of it."""


async def _arm(tx: Tx, gate_id: UUID, version: int, opened: datetime, times: Clock) -> None:
    """All timers carry the clock's version and disarm themselves when it moved on."""
    ahead = times.due - min(_AHEAD, (times.due - opened) / 20)
    for kind, due_at in zip(KINDS, (*times.reminders, ahead, times.due), strict=True):
        await timers.arm(tx, kind, gate_id, version=version, due_at=due_at)


async def _calendar(tx: Tx, email: str) -> Calendar:
    """UTC for people nobody knows the zone of yet."""
    member = await members.by_email(tx, email)
    return Calendar(member.timezone if member else "UTC")


def _kept(calendar: Calendar | None) -> dict[str, Any] | None:
    return calendar.to_json() if calendar else None
