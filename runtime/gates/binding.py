"""Conditions at the moment of decision: whether they can be kept, and how an experiment carries them from then on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.errors import InvalidRequest
from runtime.gates import terms
from runtime.gates.choices import Choice
from runtime.gates.terms import Cap, Deadline, Limit, Segment, Term
from runtime.identity.people import By, Member
from runtime.journal import Event, record

if TYPE_CHECKING:
    from runtime.core import Runtime

TIMER = "terms_deadline"
_NAMES = {"cap": "a cap", "deadline": "a deadline", "segment": "a segment", "constraint": "an extra constraint"}


async def targets(runtime: "Runtime", org_id: UUID, wanted: Sequence[Term]) -> None:
    """Refuse a segment that the flag service cannot keep: a promise nobody enforces is worse than none."""
    from runtime.outcomes.connections import flags  # noqa: PLC0415  outcomes open gates as well

    if not any(isinstance(term, Segment) for term in wanted):
        return
    service = await flags(runtime, org_id)
    await service.close()
    if not service.takes_segments:
        raise InvalidRequest(
            f"The flag service '{service.slug}' cannot show a change to a segment only; decide without the segment, "
            "or configure a flag service that takes one (docs/connectors.md).", field="segment",
        )  # fmt: skip


def admitted(choice: Choice, wanted: Sequence[Term], outcome: Row, member: Member, now: datetime) -> tuple[Term, ...]:
    """The conditions as they are kept, or InvalidRequest with the sentence that says which one cannot be."""
    found = terms.checked(wanted) if wanted else ()
    if isinstance(found, terms.Misread):
        raise InvalidRequest(found.say, field="terms")
    for term in found:
        if term.kind not in choice.terms:
            raise InvalidRequest(
                f"“{choice.label}” cannot be given with {_NAMES.get(term.kind, 'conditions')} here.", field=term.kind
            )
        if isinstance(term, Deadline) and ends(term.until, member) <= now:
            raise InvalidRequest(f"The deadline {term.until} has passed already; name a later day.", field="deadline")
    return tuple(_located(term, outcome) if isinstance(term, Limit) else term for term in found)


def _located(limit: Limit, outcome: Row) -> Limit:
    """Where an extra constraint's signal comes from: only one the outcome reads already, since no other was ever seen to answer."""
    known = {item["signal"]: item for item in outcome["constraints"] if item.get("signal")}
    for signal in (outcome["primary_signal"], *outcome["secondary_signals"]):
        known.setdefault(signal["metric"], signal)
    found = known.get(limit.signal)
    if found is None:
        raise InvalidRequest(
            f"No signal '{limit.signal}' is read for this outcome; known are {', '.join(known)}. "
            "Another one becomes known as a secondary signal or constraint in outcome.yaml.", field="constraint",
        )  # fmt: skip
    return limit.model_copy(update={"source": found["source"], "metric": found["metric"]})


def ends(until: date, member: Member) -> datetime:
    """The end of a day where the person lives who named it."""
    try:
        zone = ZoneInfo(member.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return datetime.combine(until + timedelta(days=1), time(), zone).astimezone(UTC)


def carried(row: Row, new: Sequence[Term], *, member: Member, now: datetime, gate: UUID) -> list[dict[str, Any]]:
    """An experiment's conditions with those of a decision. A new deadline moves the old one; all others add up."""
    stored = [dict(item) for item in row["terms"]]
    if any(isinstance(term, Deadline) for term in new):
        stored = terms.over(stored, "deadline", by=member.email, at=now, why="moved")
    stamps = [terms.stamped(term, by=member.email, at=now, gate=str(gate)) for term in new]
    return [*stored, *(_dated(item, member) for item in stamps)]


def _dated(item: dict[str, Any], member: Member) -> dict[str, Any]:
    return item | {"ends": ends(date.fromisoformat(item["until"]), member).isoformat()} if "until" in item else item


def changes(row: Row, stored: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns that follow from an experiment's conditions."""
    found = terms.cap(stored)
    older = row["rollout_cap"] if not any(item["kind"] == "cap" for item in row["terms"]) else None
    bounds = [older, found.term.percent if found is not None and isinstance(found.term, Cap) else None]
    return {"terms": list(stored), "rollout_cap": min((bound for bound in bounds if bound is not None), default=None)}


async def arm(tx: Tx, experiment_id: UUID, stored: Sequence[Mapping[str, Any]]) -> None:
    """Set the timer of the deadline in force; setting it again moves it."""
    due = due_at(stored)
    if due is not None:
        await timers.arm(tx, TIMER, experiment_id, version=1, due_at=due)


def due_at(stored: Sequence[Mapping[str, Any]]) -> datetime | None:
    if terms.deadline(stored) is None:
        return None
    return datetime.fromisoformat([item["ends"] for item in stored if item["kind"] == "deadline"][-1])


def refuse_beyond(row: Row, percent: int) -> None:
    """No rollout above the cap is accepted; the sentence names the condition and who set it."""
    bound = terms.ceiling(row)
    if bound is None or percent <= bound:
        return
    found = terms.cap(row["terms"])
    said = terms.set_by(found) if found is not None else f"at most {bound} % of users, approved at launch"
    raise InvalidRequest(
        f"{percent} % of users is more than a condition allows: {said}. Stay within it, or lift the cap with a reason.",
        cap=bound,
    )


def refuse_late(row: Row, now: datetime) -> None:
    """Nothing starts after its own deadline."""
    due, found = due_at(row["terms"]), terms.deadline(row["terms"])
    if due is not None and found is not None and due <= now:
        raise InvalidRequest(
            f"A condition has run out: {terms.set_by(found)}. Name a later deadline with your approval, or reject.",
            field="deadline",
        )


async def lifted(tx: Tx, row: Row, why: str, *, by: By, now: datetime) -> Row:
    """The experiment without its cap; a person said why, and it stays written who."""
    found = terms.cap(row["terms"])
    facts = {"was": terms.set_by(found) if found else row["rollout_cap"], "why": why}
    await record(tx, Event("terms.cap_lifted", "experiment", row["id"], facts), by=by)
    return {**row, "terms": terms.over(row["terms"], "cap", by=by.name, at=now, why=why), "rollout_cap": None}
