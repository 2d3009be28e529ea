"""Letters that answer somebody's letter, tell of an experiment, or say plain words: from a notice and the rows it names."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from bot.mail import channel_gate, contracts, letter_notes, outgoing
from bot.mail.channel_gate import Desk, desk
from bot.mail.channel_words import picture_words
from bot.mail.house import House
from bot.mail.letter_gate import GateLetter
from bot.mail.letter_notes import Hold
from bot.mail.letter_parts import Block, Page, Reader
from bot.mail.outgoing import Draft
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.db.mail import gate_holds, inbound_mail, letters
from runtime.db.tables import human_gates, outcomes
from runtime.digest import digest
from runtime.experiments import service as experiments
from runtime.gates import held, pictures, rows, terms
from runtime.identity import codes
from runtime.integrations.contracts import Notice
from runtime.measurement.early import early

_CALM = frozenset({"safe", "ok", ""})


@dataclass(frozen=True, slots=True)
class At:
    """What every maker of a letter is handed."""

    runtime: Runtime
    tx: Tx
    house: House
    notice: Notice
    now: datetime

    @property
    def to(self) -> str:
        return self.notice.place.lower()

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.notice.payload


Make = Callable[[At], Awaitable[list[Draft]]]


async def receipt(at: At) -> list[Draft]:
    """A hold's receipt, or that of a step that is done: handed over, or decided at once."""
    here, hold = await _desk(at), await _hold(at)
    if hold is None and here.view.open:
        return [channel_gate.moved(here, at.to, answers=await inbound_id(at))]
    page = letter_notes.receipt(here.letter(at.to), _held(hold) if hold is not None else None)
    mark = f"receipt:{hold['id'] if hold is not None else at.payload.get('inbound')}"
    return [here.draft(contracts.RECEIPT, at.to, mark, page, answers=await _answered(at, hold), details=_holding(hold))]


async def undone(at: At) -> list[Draft]:
    here, hold = await _desk(at), await _hold(at)
    if hold is None:
        return []
    page = letter_notes.undone(here.letter(at.to), _held(hold))
    return [here.draft(contracts.UNDONE, at.to, f"undone:{hold['id']}", page, evidence=here.gate["evidence_hash"])]


async def hold_ended(at: At) -> list[Draft]:
    here, hold = await _desk(at), await _hold(at)
    if hold is None:
        return []
    page = letter_notes.hold_ended(here.letter(at.to), _held(hold))
    return [here.draft(contracts.HOLD_ENDED, at.to, f"ended:{hold['id']}", page)]


async def answer(at: At) -> list[Draft]:
    chart = at.payload.get("chart")
    said = str(at.payload.get("question") or ""), str(at.payload.get("text") or "")
    return [await _replied(at, lambda letter: letter_notes.answer(letter, *said, picture_words(chart)), chart=chart)]


async def ask_back(at: At) -> list[Draft]:
    said = str(at.payload.get("question") or ""), str(at.payload.get("say") or "")
    return [await _replied(at, lambda letter: letter_notes.ask_back(letter, *said))]


async def proposal(at: At) -> list[Draft]:
    said = str(at.payload.get("question") or ""), str(at.payload.get("says") or "")
    return [
        await _replied(
            at, lambda letter: letter_notes.proposal(letter, *said), details={"reading": at.payload.get("reading")}
        )
    ]


async def refusal(at: At) -> list[Draft]:
    said = str(at.payload.get("text") or ""), str(at.payload.get("question") or "")
    others = await waiting(at)
    return [await _replied(at, lambda letter: letter_notes.refusal(letter, *said, others))]


async def waiting(at: At) -> list[Block]:
    """Gates that ask this person now, and have no answer that is held; the one that is due first comes first."""
    mine = [row for row in await rows.listed(at.tx) if rows.seat(row).asked.casefold() == at.to]
    taken = await held.of(at.tx, [row["id"] for row in mine])
    free = sorted((row for row in mine if row["id"] not in taken), key=lambda row: row["due_at"])
    links = {row["id"]: at.house.link(row["id"], at.to, row["due_at"]) for row in free}
    member = (await outgoing.people(at.tx)).get(at.to)
    return letter_notes.waits(free, links, Reader(at.to, zone=member.timezone if member else "UTC"))


async def was_it_you(at: At) -> list[Draft]:
    """No token in it and no answer to the suspicious letter: whoever reads along gains nothing."""
    here = await _desk(at)
    page = letter_notes.was_it_you(here.letter(at.to), [str(one) for one in at.payload.get("reasons") or ()])
    draft = here.draft(contracts.WAS_IT_YOU, at.to, f"was_it_you:{at.payload.get('inbound')}", page)
    return [replace(draft, tokenless=True)]


async def code(at: At) -> list[Draft]:
    """The digits are in the letter and nowhere else."""
    here, named = await _desk(at), UUID(str(at.payload["code"]))
    words = codes.words(at.runtime.settings, named, here.view.headline)
    page = letter_notes.note("Your code for the gate's page", words)
    draft = here.draft(contracts.PAGE_CODE, at.to, f"code:{named}", page)
    return [replace(draft, tokenless=True, secret=codes.digits(at.runtime.settings, named))]


async def words(at: At) -> list[Draft]:
    """Plain words, said once; in a gate's thread if they are about one."""
    said = str(at.payload.get("text") or at.notice.event)
    once = f"{at.notice.kind}:{at.notice.subject_id}:{digest([at.notice.event, said])[:16]}:{at.to}"
    gate = await at.tx.first(select(human_gates).where(human_gates.c.id == at.notice.subject_id))
    outcome = None if gate else await at.tx.first(select(outcomes).where(outcomes.c.id == at.notice.subject_id))
    title = str(gate["question"] if gate else outcome["title"] if outcome else "Outcome Runtime")
    kind = "gate" if gate else "outcome" if outcome else "org"
    return [
        Draft(
            at.notice.kind,
            kind,
            at.notice.subject_id,
            at.to,
            once,
            letter_notes.note(title, said),
            title,
            gate["id"] if gate else None,
        )
    ]


async def experiment(at: At) -> list[Draft]:
    """Only what is worth a letter: an end, a pause, a verdict or a guardrail; the figures between are in the digest."""
    row = await experiments.get(at.tx, at.notice.subject_id)
    outcome, result = await experiments.outcome_of(at.tx, row), row["current_result"] or {}
    soon = (early(result, at.runtime.settings) or "") if result else ""
    state = _state(row, result, soon)
    if state is None:
        return []
    shape = None if soon else (row["final_result"] or {}).get("chart") or result.get("chart")
    reader = (await outgoing.people(at.tx)).get(at.to)
    chart = pictures.in_zone(shape, reader.timezone if reader else "UTC")
    page = letter_notes.result(row, outcome, pictures.unit(outcome["primary_signal"]), picture_words(chart), early=soon)
    gate = await _last_gate(at, row["id"])
    title = str(gate["question"] if gate else row["title"])
    once = f"experiment:{row['id']}:{state}:{at.to}"
    return [
        Draft(
            "experiment", "experiment", row["id"], at.to, once, page, title, gate["id"] if gate else None, chart=chart
        )
    ]


def _state(row: Row, result: Mapping[str, Any], soon: str) -> str | None:
    final = row["final_result"] or {}
    if row["status"] in {"shipped", "killed"} or final.get("violated"):
        return str(row["status"])
    if row["status"] == "paused":
        return f"paused:{digest(row['pause_reason'] or '')[:12]}"
    verdict = "" if soon else str(result.get("status") or "")
    guards = sorted(
        f"{one['name']}={one['state']}" for one in result.get("guardrails") or () if one["state"] not in _CALM
    )
    told = [
        *([verdict] if verdict not in {"", "inconclusive"} else []),
        *guards,
        *(["srm"] if result.get("srm_flagged") else []),
    ]
    return digest(told)[:16] if told else None


async def _last_gate(at: At, experiment_id: UUID) -> Row | None:
    """The newest gate of the experiment this person had letters about: its thread goes on."""
    sent, g = letters.c, human_gates.c
    mine = select(sent.gate_id).where(sent.recipient == at.to, sent.sent_at.is_not(None))
    return await at.tx.first(
        select(human_gates).where(g.experiment_id == experiment_id, g.id.in_(mine)).order_by(g.created_at.desc())
    )


async def _replied(at: At, draw: Callable[[GateLetter], Page], **more: Any) -> Draft:
    here = await _desk(at)
    once = f"{at.notice.kind}:{at.payload.get('inbound')}"
    evidence = _seen(here, at.to) if here.view.open else None
    page = draw(here.letter(at.to))
    return here.draft(at.notice.kind, at.to, once, page, answers=await inbound_id(at), evidence=evidence, **more)


def _seen(here: Desk, to: str) -> str:
    """The evidence this person was shown last: an answer to this letter is an answer to that."""
    shown = [
        row["evidence_hash"]
        for row in here.letters
        if row["recipient"] == to and row["evidence_hash"] and row["sent_at"]
    ]
    return str(shown[-1] if shown else here.gate["evidence_hash"])


async def _desk(at: At) -> Desk:
    return await desk(at.tx, await rows.get(at.tx, at.notice.subject_id), at.house, at.now)


async def _hold(at: At) -> Row | None:
    named = at.payload.get("hold")
    return await at.tx.first(select(gate_holds).where(gate_holds.c.id == UUID(str(named)))) if named else None


def _holding(hold: Row | None) -> dict[str, Any]:
    return {"hold": str(hold["id"])} if hold is not None else {}


async def _answered(at: At, hold: Row | None) -> str:
    """The letter that decided, by the hold's own word or the notice's."""
    if hold is not None and hold["letter_id"] is not None:
        found = await at.tx.value(select(inbound_mail.c.message_id).where(inbound_mail.c.id == hold["letter_id"]))
        return str(found or "")
    return await inbound_id(at)


async def inbound_id(at: At) -> str:
    named = at.payload.get("inbound")
    if not named:
        return ""
    return str(await at.tx.value(select(inbound_mail.c.message_id).where(inbound_mail.c.id == UUID(str(named)))) or "")


def _held(hold: Row) -> Hold:
    kept = hold["decision"]
    said = tuple(terms.in_words(term) for term in terms.load(kept.get("terms")))
    return Hold(
        str(kept.get("label") or kept["choice"]), hold["member"], hold["via"], hold["created_at"], hold["until"], hold["evidence_hash"],
        str(kept.get("note") or ""), said, kept.get("percent"), hold["ended"] or "", hold["why"] or "",
    )  # fmt: skip
