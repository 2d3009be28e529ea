"""What a message about a gate or an experiment is drawn from: plain values, made of rows. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bot.slack.words import fit, mention
from runtime.db.engine import Row
from runtime.gates import rows, terms
from runtime.lifecycle.gate import OPEN


@dataclass(frozen=True, slots=True)
class Who:
    """A person as a reader recognises them: by mention once linked to Slack, else by name."""

    email: str
    name: str = ""
    slack_id: str | None = None
    zone: str = "UTC"

    @property
    def shown(self) -> str:
        return mention(self.slack_id) if self.slack_id else fit(self.name or self.email, 100)

    @property
    def named(self) -> str:
        """Without a mention: for places that Slack doesn't render, and where nobody shall be called."""
        return self.name or self.email


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart: the uploaded file if there is one; its words and its line of block characters in any case."""

    file_id: str | None
    alt: str
    sparkline: str


@dataclass(frozen=True, slots=True)
class First:
    """The first of two answers: who gave it, what it says, and whether it still counts."""

    who: Who
    choice: str
    words: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that is recorded and not carried out yet: until then its author can take it back."""

    who: Who
    choice: str
    via: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class GateView:
    """A gate as it is now."""

    id: UUID
    gate_type: str
    status: str
    package: Mapping[str, Any]
    options: Sequence[Mapping[str, Any]]
    asked: Who
    due_at: datetime
    sla_hours: float
    evidence: str
    picture: Picture | None = None
    business: bool = False
    stepped_in_for: str = ""
    choice: str = ""
    decided_by: Who | None = None
    decided_via: str = ""
    decided_at: datetime | None = None
    note: str = ""
    conditions: Sequence[str] = ()
    selection: Sequence[str] | None = None
    quorum: int = 1
    first: First | None = None
    waived: str = ""
    waived_by: Who | None = None
    snoozed_until: datetime | None = None
    snoozed_by: Who | None = None
    held: Waiting | None = None

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def ran_out(self) -> bool:
        """Whether silence closed it, so that somebody may ask again; a withdrawn gate was closed before its time."""
        return self.status == "timed_out" and self.decided_at is not None and self.decided_at >= self.due_at

    @property
    def headline(self) -> str:
        return str(self.package.get("headline") or "A decision is needed")

    def label(self, choice: str) -> str:
        """What stood on the button of a choice."""
        return next((str(option["label"]) for option in self.options if option["id"] == choice), choice or "Closed")


def gate_view(gate: Row, people: Mapping[str, Who], picture: Picture | None, hold: Row | None = None) -> GateView:
    """`people` maps e-mail addresses to those already known; others are shown by address. `hold` is an answer not carried out yet."""
    seat = rows.seat(gate)
    return GateView(
        id=gate["id"], gate_type=gate["gate_type"], status=gate["status"], package=gate["context_package"],
        options=gate["options"] or [], asked=person(people, seat.asked), due_at=gate["due_at"], sla_hours=gate["sla_hours"],
        business=gate.get("calendar") is not None,
        evidence=gate["evidence_hash"], picture=picture, choice=gate["choice"] or "", decided_via=gate["decided_via"] or "",
        stepped_in_for=person(people, gate["assigned_to"]).named if seat.asked != gate["assigned_to"] else "",
        decided_by=_whom(gate["decided_by"], people), decided_at=gate["responded_at"],
        note=gate["response_note"] or "", conditions=gate["conditions"] or (), selection=gate["selection"], quorum=gate["quorum"],
        first=_first(gate, people), waived=_waived(gate), waived_by=_whom(first_by(gate), people), snoozed_until=gate["snoozed_until"], snoozed_by=_whom(gate["snoozed_by"], people),
        held=_held(hold, people),
    )  # fmt: skip


def person(people: Mapping[str, Who], email: str) -> Who:
    return people.get(email.casefold()) or Who(email)


def named_in(gate: Row) -> set[str]:
    """Addresses of the people a gate's message names."""
    people = rows.seat(gate).asked, gate["decided_by"], gate["snoozed_by"], first_by(gate)
    return {address.casefold() for address in people if address}


def first_by(gate: Row) -> str | None:
    """Who gave the first of two answers, or went on without a second one."""
    found: str | None = (gate["first_answer"] or {}).get("by")
    return found


def _whom(email: str | None, people: Mapping[str, Who]) -> Who | None:
    return person(people, email) if email else None


def _first(gate: Row, people: Mapping[str, Who]) -> First | None:
    found = gate["first_answer"]
    if not found or found.get("waived"):
        return None
    share = [f"at {found['percent']} %"] if found.get("percent") is not None else []
    words = ", ".join([*share, *(terms.in_words(term) for term in terms.load(found.get("terms")))])
    counts = found.get("evidence") in {None, gate["evidence_hash"]}
    return First(person(people, found["by"]), found["choice"], words, counts)


def _held(hold: Row | None, people: Mapping[str, Who]) -> Waiting | None:
    if hold is None:
        return None
    said = str(hold["decision"].get("label") or hold["decision"]["choice"])
    return Waiting(person(people, hold["member"]), said, hold["via"], hold["created_at"], hold["until"])


def _waived(gate: Row) -> str:
    found = gate["first_answer"] or {}
    return str(found["why"]) if found.get("waived") else ""
