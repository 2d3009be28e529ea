"""The scripted person at the mailbox: answers each letter that asks, with one of the words which that letter offers."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.doors import Sandbox
from demo.person import ADVICE, REASON

Letter = Mapping[str, Any]
OFFERS = "Reply to this letter with one of these"
OFFER = re.compile(r"^ {2}([A-Z]{2,}(?: [A-Z]{2,}| \d+ ?%)?)(:? why)?", re.MULTILINE)
PLAIN, CAUTIOUS = ("APPROVE", "NO"), ("RESUME", "KILL", "ITERATE")


def offered(text: str) -> Mapping[str, str]:
    """First word of each answer the letter names, to what to write for it; empty where nothing is asked."""
    _, asks, rest = text.partition(OFFERS)
    lines = rest.partition("\n\nOr ")[0] if asks else ""
    found: dict[str, str] = {}
    for word, why in OFFER.findall(lines):
        found.setdefault(word.split()[0], f"{word}: {REASON}" if why else word)
    return found


def answer(text: str) -> str:
    """The recommended decision where there is one, else the plain approval; after a pause, on with it. Empty where nothing is asked."""
    words, advice = offered(text), ADVICE.search(text)
    wanted = [advice.group(1).upper().split()[0]] if advice else []
    return next((words[word] for word in (*wanted, *PLAIN, *CAUTIOUS) if word in words), "")


def unanswered(letters: Sequence[Letter]) -> list[Letter]:
    """Received letters without an answer by this person, the oldest first."""
    sent = {letter["in_reply_to"] for letter in letters if letter["direction"] == "out"}
    found = [letter for letter in letters if letter["direction"] == "in" and letter["message_id"] not in sent]
    return sorted(found, key=lambda letter: int(letter["id"]))


@dataclass
class ScriptedReader:
    """Reads everybody's mailbox as the page shows it, and replies as a mail client does."""

    sandbox: Sandbox
    say: Callable[[str], None]
    people: list[str] = field(default_factory=list)

    async def look(self) -> bool:
        """One look at the mailboxes; true when a letter was answered."""
        self.people = self.people or await self.sandbox.people()
        for person in self.people:
            state = await self.sandbox.state(person)
            for letter in unanswered(state.get("mail") or []):
                if words := answer(letter["text"]):
                    await self._reply(person, state, letter, words)
                    return True
        return False

    async def _reply(self, person: str, state: Mapping[str, Any], letter: Letter, words: str) -> None:
        refusal = await self.sandbox.act("mail/reply", person, mail_id=letter["id"], text=words)
        name = next((who["name"] for who in state.get("people") or [] if who["id"] == person), person)
        told = f", and is told: {refusal}" if refusal else ""
        self.say(f"{name} replies “{words}” to “{letter['subject']}”{told}")
