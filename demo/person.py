"""The scripted person: reads the channel, finds buttons by what is written on them, presses as a careful human would."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.doors import Sandbox

Node = Mapping[str, Any]
REASON = "Pressed by the demo's scripted person, who follows the evidence shown."
# What to press when no recommendation says otherwise; the first label found on a message's buttons counts.
PLAIN_ANSWERS = ("Approve", "Approve launch", "Approve change", "No")
DECISIONS = ("Ship", "Kill", "Iterate", "Scale up", "Scale further", "Run on", "Resume")
CAUTIOUS = ("Kill", "Iterate")
ADVICE = re.compile(
    r"recommend\w*\W+(?:is\W+|to\W+|:\W*)*(ship|kill|iterate|scale up|scale further|run on)\b", re.IGNORECASE
)

PATIENCE_SECONDS = 5.0
MARKS = re.compile(r":[a-z0-9_+-]+:|[*_~`]")


@dataclass(frozen=True, slots=True)
class Button:
    """A button as it stands in a message."""

    label: str
    block_id: str
    action_id: str
    value: str | None


def walk(node: Any) -> Iterator[Node]:
    """Every object inside a message's blocks."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def buttons(message: Node) -> list[Button]:
    found = []
    for block in message.get("blocks") or []:
        for node in walk(block):
            if node.get("type") == "button" and not node.get("url"):
                label = str((node.get("text") or {}).get("text", "")).strip()
                found.append(
                    Button(label, str(block.get("block_id", "")), str(node.get("action_id", "")), node.get("value"))
                )
    return found


def words(message: Node) -> str:
    """All text a reader of the message sees."""
    texts = [
        node["text"]
        for block in message.get("blocks") or []
        for node in walk(block)
        if isinstance(node.get("text"), str)
    ]
    return "\n".join([str(message.get("text") or ""), *texts])


def _plain(label: str) -> str:
    return re.sub(r"[^a-z ]", "", label.casefold()).strip()


def choose(message: Node) -> Button | None:
    """What to press: the recommended decision at the third gate, caution without one, on with what was paused, otherwise the plain approval."""
    by_label = {_plain(button.label): button for button in reversed(buttons(message))}
    if any(_plain(label) in by_label for label in DECISIONS):
        advice = ADVICE.search(MARKS.sub(" ", words(message)))
        # A pause is an early warning, on little data; who resumes is told again if it was right.
        wanted = [advice.group(1)] if advice else ["Resume"]
        return next((by_label[_plain(label)] for label in (*wanted, *CAUTIOUS) if _plain(label) in by_label), None)
    return next((by_label[_plain(label)] for label in PLAIN_ANSWERS if _plain(label) in by_label), None)


def fill(view: Node) -> dict[str, dict[str, str]]:
    """A reason in every text field of a modal that is empty; everything else stays as it was offered."""
    values: dict[str, dict[str, str]] = {}
    for block in view.get("blocks") or []:
        element = block.get("element") or {}
        if element.get("type") == "plain_text_input" and not element.get("initial_value"):
            values.setdefault(str(block.get("block_id")), {})[str(element.get("action_id"))] = REASON
    return values


@dataclass
class Tried:
    """Who pressed a button that is still there, and when: those named first, then, after a while, the others."""

    people: set[str] = field(default_factory=set)
    at: float = -PATIENCE_SECONDS

    def may_press(self, person: str, asked: set[str], now: float) -> bool:
        return (
            now - self.at >= PATIENCE_SECONDS
            and person not in self.people
            and (person in asked or asked <= self.people)
        )

    def note(self, person: str, now: float, *, of: int) -> None:
        """Once all of them have tried, it begins anew."""
        self.people.add(person)
        self.at = now
        if len(self.people) >= of:
            self.people.clear()


@dataclass
class ScriptedPerson:
    """Acts as whoever a gate asks; tries the others when a gate is not theirs to decide."""

    sandbox: Sandbox
    say: Callable[[str], None]
    people: list[str] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    tried: dict[tuple[str, str, str], Tried] = field(default_factory=dict)

    async def look(self) -> bool:
        """One look at the channel; true when something was pressed. An open form comes before everything else."""
        self.people = self.people or await self.sandbox.people()
        states = [(person, await self.sandbox.state(person)) for person in self.people]
        for person, state in states:
            if modal := state.get("modal"):
                await self._submit(person, modal)
                return True
        for person, state in states:
            for message in state.get("messages") or []:
                if await self._answer(person, state, message):
                    return True
        return False

    async def _answer(self, person: str, state: Node, message: Node) -> bool:
        button = choose(message)
        if button is None:
            return False
        place = (str(message.get("channel")), str(message.get("ts")), button.label)
        tried = self.tried.setdefault(place, Tried())
        if not tried.may_press(person, self._asked(message), self.clock()):
            return False
        tried.note(person, self.clock(), of=len(self.people))
        where = {"channel": place[0], "ts": place[1], "block_id": button.block_id, "action_id": button.action_id}
        refusal = await self.sandbox.act("press", person, **where, **({"value": button.value} if button.value else {}))
        name = next((who["name"] for who in state.get("people") or [] if who["id"] == person), person)
        self.say(f"{name} presses “{button.label}”" + (f", and is told: {refusal}" if refusal else ""))
        return True

    def _asked(self, message: Node) -> set[str]:
        """Whom the message names; everybody when it names nobody here."""
        text = words(message)
        return {who for who in self.people if f"<@{who}>" in text} or set(self.people)

    async def _submit(self, person: str, modal: Node) -> None:
        refusal = await self.sandbox.act("submit", person, view_id=modal.get("id"), values=fill(modal))
        title = (modal.get("title") or {}).get("text", "form")
        self.say(f"“{title}” is filled in and sent" + (f", and is told: {refusal}" if refusal else ""))
        if refusal:
            await self.sandbox.act("close", person, view_id=modal.get("id"))
