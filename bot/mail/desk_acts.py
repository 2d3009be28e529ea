"""What a person's letter does: the same calls as any other door makes, all of it in one transaction with the mark that it was done."""

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from bot.mail import astray, desk_robots, desk_say, intake
from bot.mail.desk_case import Case
from bot.mail.desk_ready import Ready
from bot.mail.desk_say import Done
from bot.mail.desk_together import Together
from runtime.db.engine import Tx
from runtime.db.mail import gate_holds, inbound_mail
from runtime.errors import EvidenceChanged, GateAlreadyDecided, InvalidRequest, NotAllowed, OutcomeRuntimeError
from runtime.gates import holding, language, readings, replies, rows, service, terms
from runtime.gates.service import Decision
from runtime.identity import members
from runtime.identity.people import Member, person
from runtime.journal import Message
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from runtime.core import Runtime

VIA = "mail"
_CHANGED = "The evidence changed since the letter you answered, so nothing was recorded. This letter shows how it stands now; answer it again."


async def act(runtime: "Runtime", tx: Tx, case: Case, ready: Ready) -> Done:
    """Carry out the verdict. Refusals become letters; anything else that fails takes everything back, to be tried again."""
    verdict = case.verdict
    if verdict.robot is not None:
        return await desk_robots.heed(runtime, tx, case, verdict.robot)
    if verdict.action in {"ignore", "bounce"}:
        return Done()
    if verdict.action == "quarantine" or not case.proven:
        return await _quarantine(runtime, tx, case)
    if case.gate is None:
        return await astray.answered(tx, case, ready)
    together = Together.of(runtime, tx)
    try:
        done = await _said(together, tx, case, ready)
    except EvidenceChanged as error:
        done = Done(await _anew(tx, case), {"refused": error.code})
    except (GateAlreadyDecided, NotAllowed, InvalidRequest) as error:
        done = Done([_refusal(case, error)], {"refused": error.code, "why": error.message})
    if done.decision == "" and done.notices and not await desk_say.may_say(tx, case):
        return Done(facts={**done.facts, "silent": "answered often enough within the hour"})
    return done


async def _anew(tx: Tx, case: Case) -> list[Message]:
    """Not to whoever gets the gate's own new letter anyhow, because it was just found to have changed."""
    assert case.gate is not None
    gate = await rows.get(tx, case.gate["id"])
    renewed = gate["evidence_hash"] != case.gate["evidence_hash"]
    writer = case.member.email.casefold() if case.member else ""
    told = renewed and rows.place(gate)[0] == "email" and rows.seat(gate).asked.casefold() == writer
    return [] if told else [desk_say.shows_anew(case, _CHANGED)]


def _refusal(case: Case, error: OutcomeRuntimeError) -> Message:
    """What can be mended by answering otherwise is asked back; the rest says who decided or whom to ask."""
    if isinstance(error, InvalidRequest):
        return desk_say.asks_back(case, error.message)
    return desk_say.refuses(case, error.message)


async def _said(together: Together, tx: Tx, case: Case, ready: Ready) -> Done:
    verdict = case.verdict
    if verdict.kind == "undo":
        return await _undo(together, case)
    if verdict.kind in {"yes", "no"}:
        return await _proposed(together, tx, case, confirmed=verdict.kind == "yes")
    if verdict.action == "decide":
        return await _decide(together, tx, case)
    if ready.proposal is not None:
        return await _propose(together, case, ready)
    if verdict.action == "answer" and ready.found is not None:
        return Done([desk_say.answers(case, ready.found)], {"query": ready.found.query})
    say = " ".join(verdict.reasons) or "I could not read a decision in it."
    return Done([desk_say.asks_back(case, say)])


async def _decide(together: Together, tx: Tx, case: Case) -> Done:
    verdict = case.verdict
    if verdict.decision == "delegate":
        to = await members.by_email(tx, verdict.delegate_to or "")
        if to is None:
            raise InvalidRequest(
                f"Nobody of this organisation has the address {verdict.delegate_to}; delegate to somebody named in outcome.yaml."
            )
        return await _hand_over(together, case, to)
    decision = Decision(
        verdict.choice, verdict.note, _evidence(case), None, verdict.percent, tuple(verdict.terms), verdict.lift
    )
    return await _hold(together, case, decision)


async def _hold(together: Together, case: Case, decision: Decision) -> Done:
    gate, member = _at(case)
    if await _taken_back(together, case):
        raise InvalidRequest("This is a copy of the answer you took back. If you mean it again, write it again.")
    mail_id: UUID = case.mail["id"]
    kept = await holding.hold(
        together, together_org(together), gate, decision, by=person(member, VIA), now=case.now, letter_id=mail_id
    )
    return Done(facts={"hold": str(kept.id), "answer": kept.answer}, decision=decision.choice)


async def _taken_back(together: Together, case: Case) -> bool:
    """Whether it says what an undone answer of its author said, and is no newer: a signed letter can be sent again by whoever has a copy of it.

    A signature covers the words, so other words are the author's own, also where a Date in whole seconds tells no order.
    """
    written, h, m = case.incoming.date, gate_holds.c, inbound_mail.c
    mine = (h.gate_id == _at(case)[0]) & (h.member == _at(case)[1].email) & (h.ended == "undone")
    statement = (
        select(m.raw).join(gate_holds, h.letter_id == m.id).where(mine, m.id != case.mail["id"], m.raw.is_not(None))
    )
    assert together.tx is not None
    undone = [intake.read(bytes(row["raw"]), "", ()) for row in await together.tx.all(statement)]
    return written is not None and any(
        before.date is not None and written <= before.date and before.text == case.incoming.text for before in undone
    )


async def _hand_over(together: Together, case: Case, to: Member) -> Done:
    gate, member = _at(case)
    await service.delegate(together, together_org(together), gate, to=to, by=person(member, VIA), now=case.now)
    return Done([desk_say.confirms(case)], {"to": to.email}, decision="delegate")


async def _undo(together: Together, case: Case) -> Done:
    gate, member = _at(case)
    taken = await holding.undo(together, together_org(together), gate, by=person(member, VIA), now=case.now)
    return Done(facts={"undone": str(taken.id)}, decision="undo")


async def _proposed(together: Together, tx: Tx, case: Case, *, confirmed: bool) -> Done:
    """YES or NO to what free words were understood as."""
    _, member = _at(case)
    reading_id = case.reading
    if reading_id is None:
        raise InvalidRequest("No proposal of mine waits for your yes; write the answer itself.")
    by = person(member, VIA)
    if not confirmed:
        await readings.drop(together, together_org(together), reading_id, by=by)
        return Done(facts={"dropped": str(reading_id)}, decision="no")
    taken = await readings.take(together, together_org(together), reading_id, by=by)
    here = replace(case, gate=taken.gate)
    done = await _hand_over(together, here, taken.to) if taken.to else await _hold(together, here, taken.decision)
    return replace(done, facts={**done.facts, "proposal": str(reading_id)})


async def _propose(together: Together, case: Case, ready: Ready) -> Done:
    """Free words of somebody who may decide are shown back to them, and recorded only by their YES."""
    assert ready.proposal is not None
    assert case.gate is not None
    _, member = _at(case)
    made = await readings.propose(
        together, together_org(together), case.gate, ready.proposal, case.words, member=member, evidence=_evidence(case),
        by_model=ready.by_model, via=VIA,
    )  # fmt: skip
    return Done([desk_say.proposes(case, made.id, made.says)], {"reading": str(made.id)}, action="ask_back")


async def _quarantine(runtime: "Runtime", tx: Tx, case: Case) -> Done:
    """Kept as it came, and decided by nothing. Whose answer it claims to be is asked whether it is; whoever wrote it hears nothing."""
    done = Done(facts={"unproven": list(case.verdict.reasons)}, action="quarantine")
    if case.gate is None or case.gate["status"] not in OPEN:
        return done
    claimed = await members.by_email(tx, case.owner or case.incoming.sender or "")
    wished = _wished(case)
    if claimed is None or wished is None or claimed.role == "viewer":
        return done
    may_ask = await desk_say.may_ask_whether(tx, case)
    done.proposal = {"member": claimed.email, "evidence": _evidence(case), **wished}
    if may_ask:
        done.notices.append(desk_say.was_it_you(case, runtime.settings, claimed.email, case.verdict.reasons))
    return done


def _wished(case: Case) -> dict[str, object] | None:
    """The documented answer it gave, if it gave one: anything less is not worth a question."""
    assert case.gate is not None
    options = case.gate["options"] or []
    said = replies.reply(case.words, options)
    if isinstance(said, language.HandOver):
        return {"kind": "hand_over", "to": said.to, "says": f"hand this gate to {said.to}"}
    if not isinstance(said, language.Answer):
        return None
    label = next((str(option["label"]) for option in options if option["id"] == said.choice), said.choice)
    return {
        "kind": "decide", "choice": said.choice, "note": said.note, "percent": said.percent, "lift": said.lift, "says": label,
        "terms": [terms.dump(term) for term in said.terms],
    }  # fmt: skip


def _evidence(case: Case) -> str | None:
    """What the letter they answered had shown them."""
    return case.letter["evidence_hash"] if case.letter else None


def _at(case: Case) -> tuple[UUID, Member]:
    if case.gate is None or case.member is None:
        raise NotAllowed("Only people of the organisation can decide its gates.")
    return case.gate["id"], case.member


def together_org(together: Together) -> UUID:
    assert together.tx is not None
    return together.tx.org_id
