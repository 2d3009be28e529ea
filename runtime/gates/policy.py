"""Who may decide a gate, and who is asked next. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.identity.people import Member

OVERRIDERS = frozenset({"owner", "admin"})


@dataclass(frozen=True, slots=True)
class Seat:
    """The people of one gate: whom it was assigned to, who was put in their place, how far the chain has come."""

    assigned_to: str
    delegated_to: str | None
    chain: tuple[str, ...]
    reached: int

    @property
    def asked(self) -> str:
        """The person whose answer is awaited now."""
        return self.delegated_to or (self.chain[self.reached - 1] if self.reached else self.assigned_to)

    @property
    def entitled(self) -> frozenset[str]:
        """Everybody who has been asked so far keeps the right to answer."""
        people = [self.assigned_to, *self.chain[: self.reached], *([self.delegated_to] if self.delegated_to else [])]
        return frozenset(address.casefold() for address in people)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a person may decide, and as what; `refusal` says whom to ask instead."""

    allowed: bool
    as_what: str
    refusal: str = ""


def may_decide(member: Member, seat: Seat, *, note: str = "", confirming: bool = False) -> Standing:
    """Assignee, delegate, whoever the chain has reached; an owner or admin only with a reason, and it is recorded.

    While a first answer waits to be confirmed, everybody of the chain may confirm it (docs/adr/0033-conditions-and-four-eyes.md).
    """
    if member.role == "viewer":
        return Standing(False, "viewer", f"You can look at this gate but not decide it; ask {seat.asked}.")
    if member.email.casefold() in seat.entitled:
        return Standing(True, _as_what(member, seat))
    if confirming and member.email.casefold() in {address.casefold() for address in seat.chain}:
        return Standing(True, "second")
    if member.role in OVERRIDERS:
        if note.strip():
            return Standing(True, "override")
        return Standing(
            False,
            "override",
            f"This gate is {seat.asked}'s. As {member.role} you may decide in their place if you give a reason.",
        )
    return Standing(
        False, "stranger", f"This gate is {seat.asked}'s to decide; ask them, or have them delegate it to you."
    )


def _as_what(member: Member, seat: Seat) -> str:
    if seat.delegated_to and member.email.casefold() == seat.delegated_to.casefold():
        return "delegate"
    return "assignee" if member.email.casefold() == seat.assigned_to.casefold() else "escalation"


def next_in_chain(chain: Sequence[str], reached: int, away: frozenset[str]) -> int | None:
    """The next position whose person isn't away; the last one is asked even then. None at the end of the chain."""
    later = range(reached + 1, len(chain) + 1)
    return next((position for position in later if chain[position - 1] not in away), later[-1] if later else None)
