"""The desk: each letter that came in is understood and acted on once; all that it causes is committed together with the mark that it was done."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from sqlalchemy import or_, select, update

from bot.mail.addresses import storable
from bot.mail.desk_acts import act
from bot.mail.desk_case import Case, open_case
from bot.mail.desk_ready import prepare
from bot.mail.desk_say import Done
from runtime.db.engine import Row, Tx
from runtime.db.mail import inbound_mail
from runtime.identity.people import SYSTEM, By
from runtime.journal import Event, record
from runtime.lifecycle import Actor

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
"""After so many failures a letter is put aside with its error: a person must look."""
LEASE = timedelta(minutes=3)
"""Longer than a model may take to read one; a bot that died leaves its letters to the others after it."""
AT_ONCE = 3
_BATCH = 50
_m = inbound_mail.c


async def handle(runtime: "Runtime", org_id: UUID, mail_id: UUID) -> bool:
    """Act on one letter; False when it was done before, or somebody else has it. A process may die at any line of this."""
    mail = await _claim(runtime, org_id, mail_id)
    if mail is None:
        return False
    try:
        case = await open_case(runtime, org_id, mail)
        ready = await prepare(runtime, org_id, case)
        async with runtime.transaction(org_id) as tx:
            if await _mine(tx, mail_id) is None:
                return False
            done = await act(runtime, tx, case, ready)
            await _done(tx, case, done)
    except Exception as error:  # noqa: BLE001  whatever one letter does, the others must still be read
        await _failed(runtime, org_id, mail, error)
        return False
    log.info(
        "mail.handled",
        mail=str(mail_id),
        action=case.verdict.action,
        decision=done.decision,
        refused=done.facts.get("why"),
    )
    return True


async def handle_waiting(runtime: "Runtime") -> int:
    """Everything that waits, of every organisation; what a process left behind when it died as well. Returns how much was done."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(org_id: UUID, mail_id: UUID) -> bool:
        async with room:
            return await handle(runtime, org_id, mail_id)

    waiting = [(org_id, mail_id) for org_id in await runtime.org_ids() for mail_id in await _waiting(runtime, org_id)]
    return sum(await asyncio.gather(*(one(*item) for item in waiting)))


async def _waiting(runtime: "Runtime", org_id: UUID) -> list[UUID]:
    free = or_(_m.lease_until.is_(None), _m.lease_until <= runtime.now())
    statement = select(_m.id).where(_m.handled_at.is_(None), free).order_by(_m.received_at).limit(_BATCH)
    async with runtime.transaction(org_id) as tx:
        return [row["id"] for row in await tx.all(statement)]


async def _claim(runtime: "Runtime", org_id: UUID, mail_id: UUID) -> Row | None:
    """Take a letter for a while. Attempts are counted before they are made, so that one that kills its process is put aside as well."""
    now = runtime.now()
    free = or_(_m.lease_until.is_(None), _m.lease_until <= now)
    statement = select(inbound_mail).where(_m.id == mail_id, _m.handled_at.is_(None), free)
    async with runtime.transaction(org_id) as tx:
        mail = await tx.first(statement.with_for_update(skip_locked=True))
        if mail is None:
            return None
        if mail["attempts"] >= MOST_ATTEMPTS:
            await _put_aside(tx, mail, "its handling was begun five times and never ended", now)
            return None
        values = {"attempts": mail["attempts"] + 1, "lease_until": now + LEASE}
        await tx.run(update(inbound_mail).where(_m.id == mail_id).values(values))
    return {**mail, **values}


async def _mine(tx: Tx, mail_id: UUID) -> Row | None:
    """Locked until the end: nobody else can act on it meanwhile."""
    statement = select(inbound_mail).where(_m.id == mail_id, _m.handled_at.is_(None))
    return await tx.first(statement.with_for_update(skip_locked=True))


async def _done(tx: Tx, case: Case, done: Done) -> None:
    verdict = case.verdict
    action, decision = (
        done.action or verdict.action,
        done.decision or ("question" if verdict.kind == "question" else "none"),
    )
    values: dict[str, Any] = {
        "handled_at": case.now, "lease_until": None, "action": action, "decision": decision, "reasons": _listed(verdict.reasons),
        "proposal": done.proposal, "sender": storable(case.incoming.sender) or None,
        "gate_id": case.gate["id"] if case.gate else None, "letter_id": case.letter["id"] if case.letter else None,
    }  # fmt: skip
    await tx.run(update(inbound_mail).where(_m.id == case.mail["id"]).values(values))
    facts = {
        "mail": str(case.mail["id"]), "way": case.mail["way"], "from": values["sender"], "action": action, "decision": decision,
        "verified": verdict.sender_verified, "reasons": values["reasons"], **done.facts,
    }  # fmt: skip
    subject = ("gate", case.gate["id"]) if case.gate else ("mail", case.mail["id"])
    await record(tx, Event("mail.handled", *subject, facts), by=_author(case), notices=done.notices)


def _author(case: Case) -> By:
    """A letter's words are its writer's only where that is proven."""
    if case.proven and case.member is not None and case.verdict.robot is None:
        return By(Actor.HUMAN, case.member.email, "mail", case.member)
    return SYSTEM


async def _failed(runtime: "Runtime", org_id: UUID, mail: Row, error: Exception) -> None:
    why = f"{type(error).__name__}: {error}"[:500]
    log.error("mail.not_handled", mail=str(mail["id"]), attempts=mail["attempts"], error=why)
    async with runtime.transaction(org_id) as tx:
        if await _mine(tx, mail["id"]) is None:
            return
        if mail["attempts"] >= MOST_ATTEMPTS:
            await _put_aside(tx, mail, why, runtime.now())
        else:
            later = runtime.now() + timedelta(seconds=2 ** mail["attempts"])
            await tx.run(
                update(inbound_mail).where(_m.id == mail["id"]).values(lease_until=later, reasons=_listed([why]))
            )


async def _put_aside(tx: Tx, mail: Row, why: str, now: datetime) -> None:
    values = {"handled_at": now, "lease_until": None, "action": "quarantine", "reasons": _listed([why])}
    await tx.run(update(inbound_mail).where(_m.id == mail["id"]).values(values))
    facts = {"mail": str(mail["id"]), "way": mail["way"], "why": storable(why)}
    await record(tx, Event("mail.put_aside", "mail", mail["id"], facts), by=SYSTEM)


def _listed(reasons: Any) -> list[str]:
    return [storable(str(reason), 500) for reason in list(reasons)[:20]]
