"""Words to an answer: the documented forms decide, everything else is asked back. PURE.

Threads are read by `read`; letters, which have one addressee, by `replies.reply`, which adds plain words to it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from runtime.gates.terms import Misread, Note, Term, parse, usage

MOST_NOTE = 2000
Option: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A documented form, mapped to one of the gate's stored options."""

    choice: str
    note: str = ""
    percent: int | None = None
    terms: tuple[Term, ...] = ()
    lift: bool = False


@dataclass(frozen=True, slots=True)
class HandOver:
    """DELEGATE: `to` is a mention as the channel writes it (`<@U…>`) or an e-mail address."""

    to: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing was decided. `tried` is true when the words began like a documented form; `say` is what to answer."""

    say: str
    tried: bool
    asks_back: bool = False
    """The words were a documented form with conditions: nothing else may be read into them."""
    why: str = ""
    """In one word, for letters: a kind of doubt, `question`, `empty`, `choice`, `form` or `free`."""


Reading: TypeAlias = Answer | HandOver | Unclear
Rest: TypeAlias = "str | int | None"


@dataclass(frozen=True, slots=True)
class Form:
    """A word people write, the option it means, how it is written, and what may stand behind it on the line."""

    word: str
    choice: str
    usage: str
    behind: Callable[[str], Rest]


def _nothing(rest: str) -> str | None:
    """Only the word itself: "APPROVE if legal agrees" must never approve."""
    return "" if not rest.strip(" .!*_") else None


def _why(rest: str) -> str:
    return rest.strip(" .,:;-–—*_")  # noqa: RUF001  people type dashes


def _marked_why(rest: str) -> str | None:
    """A reason must be set off: "Kill the latency issue first" is talk, "KILL: too slow" is an answer."""
    marked = re.match(r"\s*(?:[:,;–—-]|because\b)\s*(.+)$", rest, re.IGNORECASE)  # noqa: RUF001  people type dashes
    return marked.group(1).strip() if marked else _nothing(rest)


def _share(rest: str) -> int | None:
    found = re.fullmatch(
        r"\s*(?:(?:it|this)\s+)?(?:up\s+)?(?:(?:at|to)\s+)?(\d{1,3})\s*(?:%|percent)?[ .!*_]*", rest, re.IGNORECASE
    )
    return int(found.group(1)) if found and 1 <= int(found.group(1)) <= 100 else None  # noqa: PLR2004  a percentage


FORMS = (
    Form("APPROVE", "approve", "APPROVE", _nothing),
    Form("REJECT", "reject", "REJECT why", _why),
    Form("CAP", "approve_capped", "CAP 20%", _share),
    Form("SEND BACK", "rework", "SEND BACK why", _why),
    Form("REWORK", "rework", "REWORK why", _why),
    Form("SHIP", "ship", "SHIP", _nothing),
    Form("SCALE", "scale", "SCALE 50%", _share),
    Form("RUN ON", "run_on", "RUN ON", _nothing),
    Form("ITERATE", "iterate", "ITERATE: why", _marked_why),
    Form("KILL", "kill", "KILL: why", _marked_why),
    Form("RESUME", "resume", "RESUME why", _why),
    Form("CONFIRM", "confirm", "CONFIRM", _nothing),
)
_WITH = re.compile(r"(?P<answer>.+?)\s+WITH\s*:\s*(?P<terms>.+)", re.IGNORECASE)
_LIFTING = re.compile(
    r"(?P<answer>SHIP|SCALE\s+.+?)\s+AND\s+LIFT\s+(?:THE\s+)?CAP\s*[:,;-]\s*(?P<why>.+)", re.IGNORECASE
)
_FIRST = re.compile(
    r"(?P<word>" + "|".join(form.word.replace(" ", r"\s+") for form in FORMS) + r"|DELEGATE)\b(?P<rest>.*)",
    re.IGNORECASE,
)
_SOMEBODY = re.compile(r"\s*(?:to\s+)?(?P<who><@[A-Z0-9]+>|[^@\s<>|]+@[^@\s<>|]+)[ .!]*", re.IGNORECASE)


def read(text: str, options: Sequence[Option]) -> Reading:
    """What the first line says, in any case; the lines below it are the note. A question never decides."""
    first, note = _lines(text)
    if not first.endswith("?"):
        if bound := _WITH.fullmatch(first):
            return _with_terms(bound["answer"], bound["terms"], note, options)
        if lifting := _LIFTING.fullmatch(first):
            answer = read(lifting["answer"], options)
            why = "\n".join(part for part in (lifting["why"].strip(), note) if part)[:MOST_NOTE]
            return replace(answer, note=why, lift=True) if isinstance(answer, Answer) else answer
    found = _FIRST.fullmatch(first)
    if found is None or first.endswith("?"):
        return Unclear(f"I record only these answers here, on the first line: {understood(options)}.", tried=False)
    word, rest = " ".join(found["word"].upper().split()), found["rest"]
    if word == "DELEGATE":
        return _delegate(rest)
    form = next(form for form in FORMS if form.word == word)
    option = next((option for option in options if option["id"] == form.choice), None)
    if option is None:
        return Unclear(f"{word} is not offered at this gate; I understand: {understood(options)}.", tried=True)
    return _answer(form, option, form.behind(rest), note)


def understood(options: Sequence[Option]) -> str:
    """The forms a gate takes, as people would write them."""
    offered = {option["id"] for option in options}
    bound = [
        f"{form.usage} WITH: {usage(kinds)}"
        for form in FORMS
        if form.word in _BINDABLE and (kinds := taken_with(options, form.choice))
    ]
    return ", ".join([*(form.usage for form in FORMS if form.choice in offered), "DELEGATE @somebody", *bound[:1]])


_BINDABLE = frozenset({"APPROVE", "SCALE"})


def taken_with(options: Sequence[Option], choice: str) -> Sequence[str]:
    """The kinds of conditions an answer may be given with."""
    return next((option.get("terms") or () for option in options if option["id"] == choice), ())


def _with_terms(words: str, conditions: str, note: str, options: Sequence[Option]) -> Reading:
    """APPROVE WITH: …; one condition that is not understood, or not possible there, approves nothing."""
    answer = read(words, options)
    if not isinstance(answer, Answer):
        return answer
    found = parse(conditions)
    if isinstance(found, Misread):
        return Unclear(f"I recorded nothing. {found.say}", tried=True, asks_back=True)
    refused = [term.kind for term in found if term.kind not in taken_with(options, answer.choice)]
    if refused:
        return Unclear(
            f"I recorded nothing: this answer cannot be given with a {refused[0]} here.", tried=True, asks_back=True
        )
    said = "\n".join([*(term.text for term in found if isinstance(term, Note)), *([note] if note else [])])
    return replace(answer, note=answer.note or said[:MOST_NOTE], terms=found)


def _lines(text: str) -> tuple[str, str]:
    lines = [line.strip() for line in text.strip().splitlines()]
    first = lines[0].strip("*_~` ") if lines else ""
    return first, "\n".join(lines[1:]).strip()[:MOST_NOTE]


def _delegate(rest: str) -> HandOver | Unclear:
    found = _SOMEBODY.fullmatch(rest)
    if found is None:
        return Unclear("Say to whom, and nothing else on the line: DELEGATE @somebody.", tried=True)
    return HandOver(found["who"])


def _answer(form: Form, option: Option, rest: Rest, note: str) -> Answer | Unclear:
    if rest is None:
        return Unclear(
            f"I did not record that: write {form.usage} alone on the first line, and remarks on the lines below.",
            tried=True,
        )
    if isinstance(rest, int):
        return Answer(form.choice, note, rest)
    said = "\n".join(part for part in (rest, note) if part)[:MOST_NOTE]
    if option.get("needs_reason") and not said:
        return Unclear(f"“{option['label']}” needs a reason: {form.usage}.", tried=True)
    return Answer(form.choice, said)
