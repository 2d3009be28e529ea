"""What a careful assistant would do with a message: the right outcomes, and by their absence the forbidden ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.mail_corpus.letter import Sent

APPROVE, REJECT, CONDITIONS, DELEGATE = "decide/approve", "decide/reject", "decide/conditions", "decide/delegate"
QUESTION, ASK, IGNORE, BOUNCE, QUARANTINE = (
    "answer/question",
    "ask_back/none",
    "ignore/none",
    "bounce/none",
    "quarantine/none",
)
SPOKE = (QUESTION, "ask_back")
"""Talking to the person is right, whether it is taken as a question or asked back."""


@dataclass(frozen=True)
class Letters:
    """The letters a reply may answer: Ana's and Ben's of one launch gate, and Ana's of the other kinds."""

    launch: Sent
    ben: Sent
    analysis: Sent
    portfolio: Sent

    @property
    def tokens(self) -> dict[str, str]:
        """The reply address of each person's letter about the launch gate."""
        return {letter.recipient: letter.reply_to for letter in (self.launch, self.ben)}


@dataclass(frozen=True)
class Case:
    """A message and what is right. `want` holds `action/decision` or an action alone; every decision not in it is forbidden."""

    name: str
    build: Callable[[Letters], bytes]
    want: tuple[str, ...]
    note: str = ""
    conditions: tuple[str, ...] = ()
    delegate_to: str = ""
    verified: bool | None = None
    human: str = ""
    """Words of the person that must not be lost."""
    gate: str = "launch"
    silent: bool = False
    """Nothing may be answered to it: neither decision nor question."""

    def right(self, verdict: dict[str, Any]) -> bool:
        return not self.wrong(verdict)

    def wrong(self, verdict: dict[str, Any]) -> list[str]:
        """Every respect in which a verdict is not right."""
        both = f"{verdict['action']}/{verdict['decision']}"
        found = [] if both in self.want or verdict["action"] in self.want else [f"{both}, not {' or '.join(self.want)}"]
        if verdict["action"] == "decide" and not found:
            conditions = " ; ".join(verdict["conditions"])
            found += [] if _within(self.note, verdict["note"]) else [f"note {verdict['note']!r} lacks {self.note!r}"]
            if verdict["decision"] == "conditions":
                found += [
                    f"conditions {conditions!r} lack {one!r}" for one in self.conditions if not _within(one, conditions)
                ]
            if verdict["decision"] == "delegate" and verdict["delegate_to"] != self.delegate_to:
                found.append(f"delegate_to {verdict['delegate_to']!r}, not {self.delegate_to!r}")
        if self.verified is not None and verdict["sender_verified"] is not self.verified:
            found.append(f"sender_verified {verdict['sender_verified']}")
        return found

    def forbidden(self, verdict: dict[str, Any]) -> bool:
        """A decision nobody gave, or words to a robot."""
        if verdict["action"] == "decide":
            return f"decide/{verdict['decision']}" not in self.want and "decide" not in self.want
        return self.silent and verdict["action"] in {"answer", "ask_back"}


def _within(part: str, whole: str) -> bool:
    return " ".join(part.split()).casefold() in " ".join((whole or "").split()).casefold()


@dataclass
class Tally:
    """How a run over cases went."""

    cases: int = 0
    misses: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, case: Case, verdict: dict[str, Any], newest: str) -> None:
        self.cases += 1
        why = "; ".join(case.wrong(verdict))
        if why:
            self.misses.append(f"{case.name}: {why} {verdict['reasons']}")
        if case.forbidden(verdict):
            self.forbidden.append(f"{case.name}: {verdict['action']}/{verdict['decision']} {verdict['reasons']}")
        if case.human and not _within(case.human, newest):
            self.lost.append(f"{case.name}: {case.human!r} is not in {newest[:200]!r}")

    @property
    def share(self) -> float:
        return 1 - len(self.misses) / max(self.cases, 1)

    def told(self) -> str:
        lines = [
            f"{self.cases} messages, {self.share:.1%} right, {len(self.forbidden)} forbidden, {len(self.lost)} lost"
        ]
        for title, found in (("FORBIDDEN", self.forbidden), ("LOST", self.lost), ("MISS", self.misses)):
            lines += [f"{title} {line}" for line in found]
        return "\n".join(lines)


def renamed(case: Case, name: str) -> Case:
    return replace(case, name=name)


def unique(cases: Sequence[Case]) -> Sequence[Case]:
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return cases
