"""What a letter's answer needs from outside the database, fetched before its transaction begins: a model's reading, an answer's words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from bot.mail.desk_case import Case
from bot.mail.desk_say import may_say
from runtime.answers.questions import asks
from runtime.answers.service import Answer, answer
from runtime.db.engine import Row
from runtime.errors import OutcomeRuntimeError
from runtime.gates import policy, quorum, readings, rows
from runtime.gates.plainly import Wish, read_plainly
from runtime.identity.people import Member
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from runtime.core import Runtime


@dataclass(frozen=True, slots=True)
class Ready:
    """A question's answer, or what free words seem to wish for."""

    found: Answer | None = None
    proposal: Wish | None = None
    by_model: bool = False


async def prepare(runtime: "Runtime", org_id: UUID, case: Case) -> Ready:
    """Nothing for mail that is not proven to be a member's, nor for somebody who was answered often enough."""
    if not case.proven or case.member is None or case.verdict.action not in {"answer", "ask_back"}:
        return Ready()
    async with runtime.transaction(org_id) as tx:
        if not await may_say(tx, case):
            return Ready()
    if case.verdict.action == "answer":
        return Ready(found=await _answered(runtime, org_id, case, case.member))
    if case.gate is None:
        return Ready()
    return await _understood(runtime, org_id, case, case.gate, case.member)


async def _answered(runtime: "Runtime", org_id: UUID, case: Case, member: Member) -> Answer | None:
    """About the gate, else about what the letter they answer was about."""
    if case.verdict.kind not in {"", "question"}:
        return None
    asked = case.verdict.note.strip() or case.words
    try:
        return await answer(runtime, org_id, asked, member=member, **_about(case))
    except OutcomeRuntimeError as error:
        return Answer(error.message, "", understood=False)


def _about(case: Case) -> dict[str, UUID]:
    if case.gate is not None:
        return {"gate_id": case.gate["id"]}
    kind = case.letter["subject_kind"] if case.letter else ""
    return {f"{kind}_id": case.letter["subject_id"]} if case.letter and kind in {"experiment", "outcome"} else {}


async def _understood(runtime: "Runtime", org_id: UUID, case: Case, gate: Row, member: Member) -> Ready:
    """A proposal for somebody who could have it; what was asked back for its doubt stays asked back."""
    may = policy.may_decide(member, rows.seat(gate), confirming=quorum.first(gate) is not None).allowed
    if not may or gate["status"] not in OPEN or not case.words or asks(case.words):
        return Ready()
    found = await _read(runtime, org_id, case, gate)
    if found is None or (found[0].kind == "hand_over" and "@" not in found[0].to):
        return Ready()
    wish, by_model = found
    return Ready(proposal=wish, by_model=by_model)


async def _read(runtime: "Runtime", org_id: UUID, case: Case, gate: Row) -> tuple[Wish, bool] | None:
    """Free words go to the patterns and then to a model; a condition that no form takes only to the patterns, which know a cap."""
    if case.verdict.why == "free":
        return await readings.interpret(runtime, org_id, gate, case.words)
    plain = read_plainly(case.words, gate["options"] or []) if case.verdict.why == "condition" else None
    return (plain, False) if plain else None
