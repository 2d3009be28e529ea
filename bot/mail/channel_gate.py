"""Which letters a change of a gate calls for: each reader is told once of what concerns them, and of mere redraws nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.mail import letter_gate, outgoing
from bot.mail.channel_words import picture_words
from bot.mail.house import House
from bot.mail.letter_gate import GateLetter
from bot.mail.letter_parts import Page, Reader
from bot.mail.outgoing import Draft
from bot.slack.view import GateView, Who, gate_view
from runtime.db.engine import Row, Tx
from runtime.db.mail import gate_holds
from runtime.experiments import service as experiments
from runtime.gates import held, rows, terms
from runtime.gates.pictures import in_zone
from runtime.identity.people import Member
from runtime.lifecycle.gate import OPEN

GATE, REMINDER, MOVED, FIRST, CLOSED = "gate", "reminder", "moved", "first_of_two", "closed"


@dataclass(frozen=True, slots=True)
class Desk:
    """A gate with everything its letters are drawn from."""

    gate: Row
    letters: Sequence[Row]
    members: Mapping[str, Member]
    house: House
    now: datetime
    hold: Row | None = None
    settled: frozenset[str] = frozenset()
    """Those who decided it and were told so at once."""
    cap: str = ""
    """What holds its experiment to a share of users, in words."""

    @property
    def view(self) -> GateView:
        known = {email: Who(email, member.name) for email, member in self.members.items()}
        return gate_view(self.gate, known, None, self.hold)

    @property
    def asked(self) -> str:
        return rows.seat(self.gate).asked.lower()

    def letter(self, recipient: str, **more: Any) -> GateLetter:
        chain = [one.lower() for one in self.gate["escalation_chain"][self.gate["chain_position"] :]]
        chart = picture_words(self.chart(recipient))
        return GateLetter(self.view, self.reader(recipient), self.now, chain, chart, cap=self.cap, **more)

    def reader(self, recipient: str) -> Reader:
        member = self.members.get(recipient)
        link = self.house.link(self.gate["id"], recipient, self.gate["due_at"])
        names = {email: one.name for email, one in self.members.items()}
        return Reader(recipient, member.name if member else "", member.timezone if member else "UTC", link, names)

    def draft(self, kind: str, recipient: str, once: str, page: Page, **more: Any) -> Draft:
        """`once` tells it from other letters of this gate to this person."""
        gate = self.gate
        return Draft(
            kind, "gate", gate["id"], recipient, f"gate:{gate['id']}:{once}:{recipient}", page, letter_gate.headline(self.view), gate["id"],
            options=tuple(gate["options"] or ()), **more,
        )  # fmt: skip

    def chart(self, recipient: str) -> Mapping[str, Any] | None:
        """Its moments in the reader's own zone."""
        member = self.members.get(recipient)
        return in_zone(self.gate["context_package"].get("chart"), member.timezone if member else "UTC")


async def desk(tx: Tx, gate: Row, house: House, now: datetime) -> Desk:
    found = await outgoing.about(tx, gate["id"])
    h = gate_holds.c
    at_once = select(h.member).where(h.gate_id == gate["id"], h.ended == "carried_out", h.until <= h.created_at)
    settled = frozenset(str(row["member"]).lower() for row in await tx.all(at_once))
    people, hold = await outgoing.people(tx), await held.current(tx, gate["id"])
    return Desk(gate, found, people, house, now, hold, settled, await _cap(tx, gate))


async def _cap(tx: Tx, gate: Row) -> str:
    if gate["status"] not in OPEN or not gate["experiment_id"]:
        return ""
    row = await experiments.get(tx, gate["experiment_id"])
    found, bound = terms.cap(row["terms"]), terms.ceiling(row)
    if bound is None:
        return ""
    return terms.set_by(found) if found is not None else f"at most {bound} % of users, approved at launch"


def drafts(desk: Desk, payload: Mapping[str, Any], place: str) -> list[Draft]:
    """Drawn from the gate as it is now; what was sent is told by its key, so a notice may come twice or late."""
    if payload.get("anew"):
        return [_anew(desk, payload, place)]
    if not desk.view.open:
        return list(_closed(desk))
    if desk.hold is not None:
        return []
    return [*_asked(desk, remind=bool(payload.get("remind"))), *_copied(desk), *_moved(desk), *_first_of_two(desk)]


def _anew(desk: Desk, payload: Mapping[str, Any], place: str) -> Draft:
    """Whoever answered what the gate was is shown what it is."""
    to, mark = place.lower(), payload.get("inbound") or f"v{desk.gate['version']}"
    letter = desk.letter(to, why=str(payload.get("say") or letter_gate.CHANGED))
    page = letter_gate.asked(letter) if desk.view.open else letter_gate.closed(letter)
    return desk.draft(GATE, to, f"anew:{mark}", page, evidence=desk.gate["evidence_hash"], chart=desk.chart(to))


def _asked(desk: Desk, *, remind: bool) -> Iterator[Draft]:
    gate, to = desk.gate, desk.asked
    turn, evidence = f"asked:{gate['clock_version']}", gate["evidence_hash"]
    once = f"{turn}:{evidence[:16]}"
    before = [row for row in desk.letters if row["recipient"] == to and row["details"].get("turn") == turn]
    known = next((row for row in before if row["dedupe"].endswith(f":{once}:{to}")), None)
    reminded = gate["reminder_sent_at"].isoformat() if gate["reminder_sent_at"] else None
    if known is None or (known["sent_at"] is None and known["refused_at"] is None):
        changed = any(row["sent_at"] is not None for row in before)
        letter = desk.letter(to, before=_before(desk), why=letter_gate.CHANGED if changed else "")
        details = {"turn": turn, "reminded": reminded}
        yield desk.draft(
            GATE, to, once, letter_gate.asked(letter), evidence=evidence, chart=desk.chart(to), details=details
        )
    elif remind and reminded and reminded not in [row["details"].get("reminded") for row in before]:
        page = letter_gate.reminder(desk.letter(to))
        yield desk.draft(REMINDER, to, f"remind:{gate['clock_version']}:{reminded}", page, evidence=evidence)


def _copied(desk: Desk) -> Iterator[Draft]:
    """`channel: email:address` names somebody who reads along; they are shown the gate, and who is asked."""
    to = str(desk.gate["channel"]).partition(":")[2].lower() if str(desk.gate["channel"]).startswith("email:") else ""
    if to and to != desk.asked:
        evidence = desk.gate["evidence_hash"]
        page = letter_gate.asked(desk.letter(to, before=_before(desk)))
        once = f"copied:{desk.gate['clock_version']}:{evidence[:16]}"
        yield desk.draft(GATE, to, once, page, evidence=evidence, chart=desk.chart(to))


def _before(desk: Desk) -> str:
    """Who was asked until the chain came to somebody else; nobody where a person handed it over."""
    gate = desk.gate
    if gate["delegated_to"] or not gate["chain_position"]:
        return ""
    return str([gate["assigned_to"], *gate["escalation_chain"]][gate["chain_position"] - 1]).lower()


def _moved(desk: Desk) -> Iterator[Draft]:
    """To those who were asked in an earlier turn."""
    turn = f"asked:{desk.gate['clock_version']}"
    were = {
        row["recipient"] for row in desk.letters if row["sent_at"] and row["details"].get("turn") not in {None, turn}
    }
    for to in sorted(were - {desk.asked}):
        yield moved(desk, to)


def moved(desk: Desk, to: str, **more: Any) -> Draft:
    page = letter_gate.moved(desk.letter(to))
    return desk.draft(
        MOVED, to, f"moved:{desk.gate['clock_version']}", page, evidence=desk.gate["evidence_hash"], **more
    )


def _first_of_two(desk: Desk) -> Iterator[Draft]:
    first = desk.gate["first_answer"]
    view = desk.view
    if view.quorum < 2 or view.first is None or not view.first.counts or not first:  # noqa: PLR2004  two pairs of eyes
        return
    seat = rows.seat(desk.gate)
    able = {one.lower() for one in (seat.asked, seat.assigned_to, *seat.chain)} - {str(first["by"]).lower()}
    for to in sorted(able):
        page = letter_gate.first_of_two(desk.letter(to))
        once = f"first:{first.get('at')}:{desk.gate['evidence_hash'][:16]}"
        yield desk.draft(FIRST, to, once, page, evidence=desk.gate["evidence_hash"], chart=desk.chart(to))


def _closed(desk: Desk) -> Iterator[Draft]:
    """To everybody who got a letter of this gate; whoever decided it at once has their receipt."""
    told = {row["recipient"] for row in desk.letters if row["sent_at"]}
    for to in sorted(told - (desk.settled & {str(desk.gate["decided_by"] or "").lower()})):
        yield desk.draft(CLOSED, to, f"closed:{desk.gate['status']}", letter_gate.closed(desk.letter(to)))


def retitled(draft: Draft, title: str) -> Draft:
    """In a thread the first letter's subject stays, whatever the question is now."""
    return replace(draft, title=title) if title else draft
