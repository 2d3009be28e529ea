"""Four eyes: the first approval of two waits for a second person; a refusal never waits."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from runtime.db.engine import Row, Tx
from runtime.db.tables import members
from runtime.errors import InvalidRequest, ReasonNeeded
from runtime.gates import policy, rows, terms
from runtime.gates.choices import Choice
from runtime.identity.people import By, Member
from runtime.journal import Event, record

if TYPE_CHECKING:
    from runtime.gates.service import Decision

CONFIRM = "confirm"
"""The choice of whoever confirms a first answer just as it was given."""


def first(gate: Row) -> Mapping[str, Any] | None:
    """The answer that waits for a second person; one given on evidence that has changed since counts for nothing."""
    found: Mapping[str, Any] | None = gate["first_answer"]
    return found if found and found["evidence"] == gate["evidence_hash"] else None


def meant(gate: Row, decision: "Decision") -> "Decision":
    """`confirm` means what the first person said; anything else is what it says."""
    if decision.choice != CONFIRM:
        return decision
    waiting = first(gate)
    if waiting is None:
        raise InvalidRequest(
            "Nothing waits to be confirmed at this gate any more; look at it again.", gate_id=gate["id"]
        )
    note = "\n".join(part for part in (waiting["note"], decision.note) if part)
    return replace(
        decision, choice=waiting["choice"], percent=waiting["percent"], terms=terms.load(waiting["terms"]), note=note,
        selection=rows.chosen(waiting["selection"]), lift=waiting["lift"],
    )  # fmt: skip


async def waits(tx: Tx, gate: Row, choice: Choice, decision: "Decision", own_note: str, member: Member, by: By, now: datetime) -> bool:  # fmt: skip
    """Whether this answer still needs a second person; then it is kept and shown as the first of two."""
    if gate["quorum"] < 2 or choice.gate_event == "reject":  # noqa: PLR2004  two pairs of eyes
        return False
    waiting, said = first(gate), _said(decision)
    if waiting is not None and all(waiting[name] == said[name] for name in said):
        if waiting["by"] != member.email:
            return False
        raise InvalidRequest(
            f"You said {choice.label} already; one more person must confirm it, or reject.", gate_id=gate["id"]
        )
    if await _alone(tx, gate, member):
        await _waive(tx, gate, choice, own_note, by)
        return False
    answer = {
        **said,
        "label": choice.label,
        "note": decision.note,
        "by": member.email,
        "via": by.via,
        "at": now.isoformat(),
    }
    kept = {**answer, "evidence": gate["evidence_hash"]}
    version = await rows.change(tx, gate, first_answer=kept, options=[_confirmation(decision, choice), *_offered(gate)])
    event = Event("gate.first_answer", "gate", gate["id"], {**answer, "instead_of": waiting["by"] if waiting else None})
    await record(tx, event, by=by, notices=[rows.redraw(gate, version)])
    return True


def _confirmation(decision: "Decision", choice: Choice) -> dict[str, Any]:
    """The button of the second person: the first answer once more, whatever it was."""
    share = f" at {decision.percent} %" if decision.percent is not None else ""
    more = " with the conditions" if decision.terms else ""
    made = Choice(
        CONFIRM, f"Confirm: {choice.label}{share}{more}", choice.gate_event, style="primary", confirm=choice.confirm
    )
    return asdict(made) | {"terms": []}


def _offered(gate: Row) -> list[dict[str, Any]]:
    return [dict(option) for option in gate["options"] if option["id"] != CONFIRM]


def _said(decision: "Decision") -> dict[str, Any]:
    """What a second person must say as well; reasons may differ."""
    return {
        "choice": decision.choice, "percent": decision.percent, "terms": [terms.dump(term) for term in decision.terms],
        "selection": sorted(str(item) for item in decision.selection) if decision.selection is not None else None,
        "lift": decision.lift,
    }  # fmt: skip


async def _alone(tx: Tx, gate: Row, member: Member) -> bool:
    """Whether nobody else of the organisation may decide this gate, not even with a reason."""
    seat = rows.seat(gate)
    able = members.c.role.in_(policy.OVERRIDERS) | func.lower(members.c.email).in_(
        [address.casefold() for address in (*seat.entitled, *seat.chain)]
    )
    others = (members.c.role != "viewer") & (members.c.email != member.email)
    return await tx.first(select(members.c.id).where(able & others).limit(1)) is None


async def _waive(tx: Tx, gate: Row, choice: Choice, note: str, by: By) -> None:
    if not note.strip():
        raise ReasonNeeded(
            "This gate wants two people, and you are the only one who may decide; say why it goes on with one.",
            gate_id=gate["id"], choice=choice.id,
        )  # fmt: skip
    await record(tx, Event("gate.four_eyes_waived", "gate", gate["id"], {"choice": choice.id, "why": note}), by=by)
    await rows.change(tx, gate, first_answer={"waived": True, "by": by.name, "why": note, "evidence": ""})
