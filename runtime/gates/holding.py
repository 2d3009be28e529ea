"""Decisions by letter or page: bound at once, carried out when the time to take them back is over (docs/adr/0035-decisions-by-mail-are-held.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select, update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.mail import gate_holds
from runtime.db.tables import timers as timers_table
from runtime.errors import GateAlreadyDecided, InvalidRequest, NotYourGate, OutcomeRuntimeError
from runtime.gates import binding, held, opening, rows, service, terms
from runtime.gates.clock import AFTER_HOLD
from runtime.gates.held import TIMER, current
from runtime.gates.service import Decision
from runtime.identity import members
from runtime.identity.people import SYSTEM, By, Member, person, require_member
from runtime.journal import Event, Message, record
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from runtime.core import Runtime

__all__ = ["TIMER", "Held", "current", "fire", "hold", "undo"]

EMAIL, RECEIPT, UNDONE, ENDED = "email", "mail_receipt", "mail_undone", "mail_hold_ended"
"""Letters about a held decision, by the names that bot/mail/contracts.py gives them."""
_NEXT_STEPS = frozenset({"iterate", "rework"})
"""Refusals that start something of their own, and so can be taken back like an approval."""
_h = gate_holds.c


@dataclass(frozen=True, slots=True)
class Held:
    """A decision as it was recorded. `at_once`: it is carried out already, and cannot be taken back."""

    id: UUID
    gate_id: UUID
    member: str
    answer: str
    until: datetime
    evidence: str
    at_once: bool

    @classmethod
    def of(cls, row: Row) -> "Held":
        at_once = row["until"] <= row["created_at"]
        return cls(
            row["id"], row["gate_id"], row["member"], held.answer(row), row["until"], row["evidence_hash"], at_once
        )


async def hold(
    runtime: "Runtime",
    org_id: UUID,
    gate_id: UUID,
    decision: Decision,
    *,
    by: By,
    now: datetime,
    letter_id: UUID | None = None,
) -> Held:
    """Bind a person's answer, and carry it out when MAIL_UNDO_SECONDS are over; an answer that stops harm takes effect at once.

    Raises whatever `service.decide` raises, for the same reasons. `letter_id` names the message that said it: the same message again
    returns what it was recorded as, so that a process may die between recording and remembering.
    """
    await binding.targets(runtime, org_id, decision.terms)
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, gate_id, lock=True)
        known = await _recorded(tx, gate_id, letter_id)
        if known is not None:
            return Held.of(known)
        await held.make_way(tx, gate, decision.choice, by, now)
        at_once = _at_once(runtime, gate, decision)
        stale = await _answered(runtime, tx, gate_id, decision, by=by, now=now, rehearse=not at_once)
        row = None if stale else await _keep(runtime, tx, gate, decision, by, now, letter_id, at_once=at_once)
    if row is None:
        raise service.changed(gate_id)
    return Held.of(row)


async def _recorded(tx: Tx, gate_id: UUID, letter_id: UUID | None) -> Row | None:
    if letter_id is None:
        return None
    return await tx.first(select(gate_holds).where(_h.gate_id == gate_id, _h.letter_id == letter_id))


def _at_once(runtime: "Runtime", gate: Row, decision: Decision) -> bool:
    stops = held.refusing(gate, decision.choice) and decision.choice not in _NEXT_STEPS
    return stops or runtime.settings.mail_undo_seconds <= 0


async def _answered(
    runtime: "Runtime", tx: Tx, gate_id: UUID, decision: Decision, *, by: By, now: datetime, rehearse: bool
) -> bool:
    """Whether the evidence had changed. Rehearsed to its end and rolled back, an answer is held to exactly what it will be held to."""
    step = await tx.conn.begin_nested()
    try:
        _, stale = await service.answered(runtime, tx, gate_id, decision, by=by, now=now)
    except BaseException:
        await step.rollback()
        raise
    # What the changed evidence shows now stays written; nobody decided anything.
    await (step.rollback() if rehearse and not stale else step.commit())
    return stale


async def _keep(
    runtime: "Runtime", tx: Tx, gate: Row, decision: Decision, by: By, now: datetime, letter_id: UUID | None, *, at_once: bool
) -> Row:  # fmt: skip
    member = require_member(by)
    until = now if at_once else now + timedelta(seconds=runtime.settings.mail_undo_seconds)
    ended = {"ended": "carried_out", "ended_at": now} if at_once else {}
    values = {
        "org_id": tx.org_id, "gate_id": gate["id"], "member": member.email, "via": by.via, "decision": _dumped(gate, decision),
        "evidence_hash": gate["evidence_hash"], "created_at": now, "until": until, "letter_id": letter_id, **ended,
    }  # fmt: skip
    row = await tx.first(insert(gate_holds).values(values).returning(gate_holds))
    assert row is not None
    notices = [_letter(RECEIPT, row)]
    if not at_once:
        await timers.arm(tx, TIMER, row["id"], version=1, due_at=until)
        notices.append(rows.redraw(gate, await rows.change(tx, gate)))
    facts = {
        "hold": str(row["id"]), "choice": decision.choice, "until": until.isoformat(), "via": by.via,
        "evidence": gate["evidence_hash"], "letter": str(letter_id) if letter_id else None,
    }  # fmt: skip
    name = "gate.decision_taken" if at_once else "gate.decision_held"
    await record(tx, Event(name, "gate", gate["id"], facts), by=by, notices=notices)
    return row


def _letter(kind: str, row: Row) -> Message:
    """To the author alone, in the thread of the gate's letters."""
    return Message(kind, row["gate_id"], EMAIL, row["member"], once=str(row["id"]), payload={"hold": str(row["id"])})


def _dumped(gate: Row, decision: Decision) -> dict[str, Any]:
    label = next((option["label"] for option in gate["options"] if option["id"] == decision.choice), decision.choice)
    return {
        "choice": decision.choice, "label": label, "note": decision.note, "percent": decision.percent, "lift": decision.lift,
        "terms": [terms.dump(term) for term in decision.terms],
        "selection": [str(item) for item in decision.selection] if decision.selection is not None else None,
    }  # fmt: skip


def _loaded(row: Row) -> Decision:
    kept = row["decision"]
    return Decision(
        kept["choice"], kept["note"], row["evidence_hash"], rows.chosen(kept["selection"]), kept["percent"],
        terms.load(kept["terms"]), kept["lift"],
    )  # fmt: skip


async def undo(runtime: "Runtime", org_id: UUID, gate_id: UUID, *, by: By, now: datetime) -> Held:
    """Take a held decision back: only its author, only until it is carried out. The gate is open again, its clock as it was."""
    member = require_member(by)
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, gate_id, lock=True)
        row = await current(tx, gate_id, lock=True)
        if row is None:
            return Held.of(await _undone_before(tx, gate, member))
        if row["member"].casefold() != member.email.casefold():
            raise NotYourGate(
                f"Only {row['member']}, who gave this answer, can take it back. {held.said(row)}", gate_id=gate_id
            )
        await held.end(tx, row, "undone", now=now)
        await timers.disarm(tx, row["id"], TIMER)
        await _wake_clock(tx, row, now)
        notices = [rows.redraw(gate, await rows.change(tx, gate)), _letter(UNDONE, row)]
        await record(
            tx, Event("gate.decision_undone", "gate", gate_id, {"hold": str(row["id"])}), by=by, notices=notices
        )
        return Held.of(row)


async def _undone_before(tx: Tx, gate: Row, member: Member) -> Row:
    """Asking twice is answered twice; anything else has nothing to take back."""
    newest = select(gate_holds).where(_h.gate_id == gate["id"]).order_by(_h.created_at.desc(), _h.until.desc()).limit(1)
    row = await tx.first(newest)
    if row is not None and row["ended"] == "undone" and row["member"] == member.email and gate["status"] in OPEN:
        return row
    if gate["status"] not in OPEN:
        raise GateAlreadyDecided(f"{rows.already(gate)} That cannot be taken back any more.", gate_id=gate["id"])
    raise InvalidRequest("No answer waits at this gate that could be taken back.", gate_id=gate["id"])


async def _wake_clock(tx: Tx, row: Row, now: datetime) -> None:
    """What the gate's clock put off because of this answer is due at once."""
    t = timers_table.c
    waiting = (t.subject_id == row["gate_id"]) & (t.status == "armed") & t.kind.in_(opening.KINDS)
    await tx.run(update(timers_table).where(waiting, t.due_at == row["until"] + AFTER_HOLD).values(due_at=now))


async def fire(runtime: "Runtime", org_id: UUID, timer_id: int) -> None:
    """Carry out what was held, in the transaction that ends it: once, however many workers try and whenever they die."""
    async with runtime.transaction(org_id) as tx:
        statement = select(gate_holds).join(timers_table, timers_table.c.subject_id == _h.id)
        row = await tx.first(statement.where(timers_table.c.id == timer_id))
    if row is None:
        return
    refusal = await _unkeepable(runtime, org_id, _loaded(row))
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, row["gate_id"], lock=True)
        if await timers.take(tx, timer_id) is None:
            return
        await timers.close(tx, timer_id)
        mine = await current(tx, gate["id"], lock=True)
        if mine is not None and mine["id"] == row["id"]:
            await _carry_out(runtime, tx, gate, mine, refusal, runtime.now())


async def _unkeepable(runtime: "Runtime", org_id: UUID, decision: Decision) -> str:
    """Why its conditions cannot be kept any more; asked outside the transaction, since the flag service is asked."""
    try:
        await binding.targets(runtime, org_id, decision.terms)
    except OutcomeRuntimeError as error:
        return error.message
    return ""


async def _carry_out(runtime: "Runtime", tx: Tx, gate: Row, row: Row, refusal: str, now: datetime) -> None:
    if gate["status"] not in OPEN:
        await _tell(tx, gate, row, "overtaken", rows.already(gate), now)
        return
    why = refusal or await _taken(runtime, tx, row, now)
    if why:
        await _tell(tx, gate, row, "failed", why, now)


async def _taken(runtime: "Runtime", tx: Tx, row: Row, now: datetime) -> str:
    """The same call as any door makes, by the same person; returns why it could not be."""
    member = await members.by_email(tx, row["member"])
    if member is None:
        return f"{row['member']} is nobody of this organisation any more."
    step = await tx.conn.begin_nested()
    try:
        await held.end(tx, row, "carried_out", now=now)
        by = person(member, row["via"])
        _, stale = await service.answered(runtime, tx, row["gate_id"], _loaded(row), by=by, now=now)
    except OutcomeRuntimeError as error:
        await step.rollback()
        return error.message
    await step.commit()
    return service.changed(row["gate_id"]).message if stale else ""


async def _tell(tx: Tx, gate: Row, row: Row, how: str, why: str, now: datetime) -> None:
    """Nothing was decided by it; its author learns why and sees the gate as it is."""
    await held.end(tx, row, how, now=now, why=why)
    notices = [_letter(ENDED, row)]
    if gate["status"] in OPEN:
        await _wake_clock(tx, row, now)
        gate = await rows.get(tx, gate["id"])
        notices.append(rows.redraw(gate, await rows.change(tx, gate)))
    facts = {"hold": str(row["id"]), "how": how, "why": why, "by": row["member"]}
    await record(tx, Event("gate.hold_ended", "gate", gate["id"], facts), by=SYSTEM, notices=notices)
