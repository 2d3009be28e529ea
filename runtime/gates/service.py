"""Deciding, delegating and reopening gates: the same calls from every door."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.digest import digest
from runtime.errors import EvidenceChanged, GateAlreadyDecided, InvalidRequest, NotAllowed, NotYourGate, ReasonNeeded
from runtime.gates import binding, evidence, held, opening, policy, quorum, rows
from runtime.gates.choices import Choice, find
from runtime.gates.consequences import CONSEQUENCES, Decided
from runtime.gates.terms import Cap, Term, dump, in_words
from runtime.identity.people import By, Member, require_member
from runtime.journal import Event, record
from runtime.lifecycle import GATE, Actor, Approval
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from runtime.core import Runtime


REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said. `evidence` is the hash of what they were shown; `selection` the experiments they chose; `percent` a cap or a scale.

    `terms` are conditions that bind; `lift` ends a cap set before, for which the note is the reason.
    """

    choice: str
    note: str = ""
    evidence: str | None = None
    selection: tuple[UUID, ...] | None = None
    percent: int | None = None
    terms: tuple[Term, ...] = ()
    lift: bool = False


async def decide(runtime: "Runtime", org_id: UUID, gate_id: UUID, decision: Decision, *, by: By, now: datetime) -> Row:
    """Record a person's answer, exactly once, and set everything in motion that follows from it, in one transaction.

    Where two people must agree, the first approval is kept and the gate stays open (docs/adr/0033-conditions-and-four-eyes.md).

    Raises NotAllowed for anything that is not a person, NotYourGate, GateAlreadyDecided, ReasonNeeded, InvalidRequest,
    and EvidenceChanged, after which the gate shows the new state and waits for a new answer.
    """
    await binding.targets(runtime, org_id, decision.terms)
    async with runtime.transaction(org_id) as tx:
        result, stale = await answered(runtime, tx, gate_id, decision, by=by, now=now)
    if stale:
        raise changed(gate_id)
    return result


async def answered(
    runtime: "Runtime", tx: Tx, gate_id: UUID, decision: Decision, *, by: By, now: datetime
) -> tuple[Row, bool]:
    """`decide` within a transaction, and whether the evidence had changed: then nothing is decided, but the new state is shown."""
    gate = await rows.get(tx, gate_id, lock=True)
    stale = await settle(runtime, tx, gate, decision, by=by, now=now)
    return await rows.get(tx, gate_id), stale


async def settle(runtime: "Runtime", tx: Tx, gate: Row, decision: Decision, *, by: By, now: datetime) -> bool:
    """`answered` for a gate that the transaction has locked and read already; whether the evidence had changed."""
    member, standing = entitled(gate, decision, by)
    await held.make_way(tx, gate, decision.choice, by, now)
    said, decision = decision, quorum.meant(gate, decision)
    choice = _chosen(gate, decision)
    fresh = await evidence.current(tx, gate)
    stale = bool(digest(fresh) != gate["evidence_hash"])
    if stale:
        await _renew(tx, gate, fresh, by)
    elif _shown_other(gate, decision):
        stale = True
    else:
        bound = _terms(choice, decision)
        if bound:
            outcome = await _outcome(tx, gate["outcome_id"])
            decision = replace(decision, terms=binding.admitted(choice, bound, outcome, member, now))
        if not await quorum.waits(tx, gate, choice, decision, said.note, member, by, now):
            await _conclude(runtime, tx, gate, choice, decision, member, standing, by, now)
    return stale


def changed(gate_id: UUID) -> EvidenceChanged:
    return EvidenceChanged(
        "The evidence changed since you saw it; the message shows the new state. Look again and decide again.",
        gate_id=gate_id,
    )


def _terms(choice: Choice, decision: Decision) -> tuple[Term, ...]:
    """A capped approval is an approval with that condition."""
    percent = _percent(choice, decision)
    capped = (
        choice.id == "approve_capped"
        and percent is not None
        and not any(isinstance(term, Cap) for term in decision.terms)
    )
    return (Cap(percent=percent), *decision.terms) if capped and percent is not None else decision.terms


def entitled(gate: Row, decision: Decision, by: By) -> tuple[Member, policy.Standing]:
    """The person behind an answer and as what they give it; raises NotAllowed, GateAlreadyDecided or NotYourGate."""
    if by.kind is not Actor.HUMAN or by.member is None:
        raise NotAllowed("Gates are answered by people; agents and the system can only ask.", gate_id=gate["id"])
    if gate["status"] not in OPEN:
        raise GateAlreadyDecided(rows.already(gate), gate_id=gate["id"], status=gate["status"])
    confirming = quorum.first(gate) is not None
    standing = policy.may_decide(by.member, rows.seat(gate), note=decision.note, confirming=confirming)
    if not standing.allowed:
        raise NotYourGate(
            standing.refusal, gate_id=gate["id"], ask=rows.seat(gate).asked, override=standing.as_what == "override"
        )
    return by.member, standing


def _chosen(gate: Row, decision: Decision) -> Choice:
    choice = find(gate["options"], decision.choice)
    if choice is None:
        offered = ", ".join(option["id"] for option in gate["options"])
        raise InvalidRequest(
            f"'{decision.choice}' is not offered at this gate; offered: {offered}.", gate_id=gate["id"]
        )
    if choice.needs_reason and not decision.note.strip():
        raise ReasonNeeded(
            f"'{choice.label}' needs a reason; say in a sentence why.", gate_id=gate["id"], choice=choice.id
        )
    if choice.needs_percent and _percent(choice, decision) is None:
        raise InvalidRequest("Say a percentage between 1 and 100.", gate_id=gate["id"], choice=choice.id)
    return choice


def _percent(choice: Choice, decision: Decision) -> int | None:
    value = decision.percent if decision.percent is not None else choice.percent
    return value if value is not None and 1 <= value <= 100 else None  # noqa: PLR2004  a percentage


def _shown_other(gate: Row, decision: Decision) -> bool:
    return decision.evidence is not None and not gate["evidence_hash"].startswith(decision.evidence)


async def _renew(tx: Tx, gate: Row, fresh: Mapping[str, Any], by: By) -> None:
    version = await rows.change(tx, gate, evidence=dict(fresh), evidence_hash=digest(fresh))
    event = Event("gate.evidence_changed", "gate", gate["id"], {"was": gate["evidence_hash"], "is": digest(fresh)})
    await record(tx, event, by=by, notices=[rows.redraw(gate, version)])


async def _conclude(
    runtime: "Runtime",
    tx: Tx,
    gate: Row,
    choice: Choice,
    decision: Decision,
    member: Member,
    standing: policy.Standing,
    by: By,
    now: datetime,
) -> None:
    conditional = choice.gate_event == "approve" and decision.terms
    status = GATE.step(gate["status"], "approve_with_conditions" if conditional else choice.gate_event, by=by.kind).to
    percent = _percent(choice, decision)
    stored = [dump(term) for term in decision.terms]
    selection = [str(item) for item in decision.selection] if decision.selection is not None else None
    version = await rows.change(
        tx, gate, status=status, choice=choice.id, response_note=decision.note or None, decided_by=member.email, decided_via=by.via,
        responded_at=now, selection=selection, conditions=_conditions(choice, percent, decision.terms), terms=stored,
    )  # fmt: skip
    await timers.disarm(tx, gate["id"])
    approval = Approval(gate["gate_type"], member.email)
    decided = Decided(
        gate,
        choice,
        approval,
        decision.note,
        percent,
        decision.selection,
        by,
        now,
        member,
        decision.terms,
        decision.lift,
    )
    waiting = quorum.first(gate)
    event = Event(
        "gate.decided", "gate", gate["id"],
        {"gate_type": gate["gate_type"], "choice": choice.id, "status": status, "as": standing.as_what, "note": decision.note,
         "percent": percent, "evidence": gate["evidence_hash"], "via": by.via, "selection": selection, "terms": stored,
         "first": waiting["by"] if waiting else None},
    )  # fmt: skip
    await record(tx, event, by=by)
    await CONSEQUENCES[gate["gate_type"]](runtime, tx, decided)
    # Written last, so that in the batch every effect of the decision stands before the message that tells of it.
    await record(
        tx, Event("gate.shown", "gate", gate["id"], {"version": version}), by=by, notices=[rows.redraw(gate, version)]
    )


def _conditions(choice: Choice, percent: int | None, terms: tuple[Term, ...]) -> list[str]:
    said = [in_words(term) for term in terms]
    if choice.gate_event != "approve_with_conditions" or choice.id == "approve_capped":
        return said
    return [f"at most {percent} % of users" if percent is not None else choice.label.lower(), *said]


async def delegate(runtime: "Runtime", org_id: UUID, gate_id: UUID, *, to: Member, by: By, now: datetime) -> Row:
    """Hand a gate to a colleague, whose clock starts anew. The delegator keeps the right to answer."""
    async with runtime.transaction(org_id) as tx:
        return await handed_over(tx, gate_id, to=to, by=by, now=now)


async def handed_over(tx: Tx, gate_id: UUID, *, to: Member, by: By, now: datetime) -> Row:
    """`delegate` within a transaction."""
    gate = await rows.get(tx, gate_id, lock=True)
    entitled(gate, Decision("", note="delegating"), by)
    await held.make_way(tx, gate, "", by, now)
    if to.role == "viewer":
        raise InvalidRequest(f"{to.name} can only look; choose somebody who may decide.", gate_id=gate_id)
    status = GATE.step(gate["status"], "delegate", by=by.kind).to
    await timers.disarm(tx, gate_id)
    anew = await opening.restart(tx, gate, to.email, now)
    version = await rows.change(tx, gate, status=status, delegated_to=to.email, **anew)
    event = Event("gate.delegated", "gate", gate_id, {"to": to.email})
    await record(tx, event, by=by, notices=[rows.redraw(gate, version)])
    return await rows.get(tx, gate_id)


async def withdraw(tx: Tx, gate: Row, reason: str, *, by: By, now: datetime) -> None:
    """Close an open gate whose question is over, without approving anything."""
    status = GATE.step(gate["status"], "withdraw", by=by.kind).to
    version = await rows.change(tx, gate, status=status, response_note=reason, responded_at=now)
    await timers.disarm(tx, gate["id"])
    await record(
        tx, Event("gate.withdrawn", "gate", gate["id"], {"reason": reason}), by=by, notices=[rows.redraw(gate, version)]
    )


async def withdraw_all(tx: Tx, experiment_id: UUID, reason: str, *, by: By, now: datetime) -> None:
    for gate in await rows.open_of_experiment(tx, experiment_id):
        await withdraw(tx, gate, reason, by=by, now=now)


async def reopen(runtime: "Runtime", org_id: UUID, gate_id: UUID, *, by: By, now: datetime) -> UUID:
    """Ask again what ran out of time: a new gate with the same question and the evidence as it is now."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, gate_id, lock=True)
        if gate["status"] != "timed_out" or gate["responded_at"] < gate["due_at"] or gate["response_note"] == REOPENED:
            raise InvalidRequest("Only a gate whose time ran out can be asked again, and only once.", gate_id=gate_id)
        outcome = await _outcome(tx, gate["outcome_id"])
        ask = opening.Ask(
            gate["gate_type"], gate["question"], gate["context_package"], await evidence.current(tx, gate), gate["options"],
            gate["experiment_id"], gate["snapshot_id"], gate["signal_snapshot"], reopens=gate_id,
        )  # fmt: skip
        opened = await opening.open_gate(
            tx, outcome, ask, default_channel=runtime.settings.slack_default_channel, now=now, by=by
        )
        version = await rows.change(tx, gate, response_note=REOPENED)
        await record(
            tx,
            Event("gate.reopened", "gate", gate_id, {"as": str(opened)}),
            by=by,
            notices=[rows.redraw(gate, version)],
        )
        return opened


async def _outcome(tx: Tx, outcome_id: UUID) -> Row:
    from runtime.outcomes.rows import get  # noqa: PLC0415  outcomes open gates as well

    return await get(tx, outcome_id)
