"""The plain patterns of free text at a gate: what a person seems to want, proposed and never decided. PURE."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from runtime.gates.language import Answer
from runtime.gates.phrases import opening
from runtime.gates.replies import reply
from runtime.gates.terms import Cap, Term

Option: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody seems to want. `to` is a person as the words name them; `percent` belongs to choices that need one, `lift` ends a cap."""

    kind: Literal["decide", "hand_over"]
    choice: str = ""
    percent: int | None = None
    terms: tuple[Term, ...] = ()
    to: str = ""
    lift: bool = False


_MANY = 400
"""Longer texts are a conversation, and no pattern is meant for them."""
_OPEN_ENDED = re.compile(
    r"\b(?:if|unless|once|when|whether|provided|assuming|after|before|maybe|perhaps|might|should we|could|would|not sure)\b|\?",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not|never|no longer|cannot|can't|don't|won't|wouldn't|shouldn't|isn't|do n't|dont|wont)\b", re.IGNORECASE
)
_SOMEBODY = r"(?P<who><@[A-Z0-9]+>|[^@\s<>|,]+@[^@\s<>|,]+\.[a-z]{2,}|@[\w.\-]+)"
_HAND = re.compile(
    rf"(?:please\s+|can you\s+|let's\s+|i(?:'d| would) like to\s+)?(?:hand|give|pass|delegate|assign|forward|leave)\b[^@<]{{0,60}}\bto\s+{_SOMEBODY}[\s.!,]*(?:please|thanks)?[\s.!]*",
    re.IGNORECASE,
)
_AGREE = r"(?:approved?|ok(?:ay)?|yes|fine|go ahead|launch(?: it)?|let's launch(?: it)?|ship(?: it)?|let's ship(?: it)?|lgtm|looks good)"
_CAPPED = re.compile(
    rf"(?:i\s+)?{_AGREE}\b.{{0,60}}?\b(?:cap(?:ped)?|limit(?:ed)?|at most|max(?:imum)?|up to|no more than|only|not more than)\b\D{{0,30}}(?P<n>\d{{1,3}})\s*(?:%|percent|per cent)\D*",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_YES = re.compile(
    rf"(?:(?:i|we)\s+)?(?:please\s+)?{_AGREE}(?:[\s,]+(?:please|it|this|that|{_AGREE}|from me|to me|for me))*[\s.!👍✅🎉🚢]*",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    r"(?:please\s+|i\s+|let's\s+|we should\s+)?(?P<word>reject(?:ed)?|declined?|kill|stop|drop)\b(?:\s+(?:it|this|that))?[\s,:;-]*(?:because|since|as|:)\s+\S.*",
    re.IGNORECASE | re.DOTALL,
)
_WAIT = re.compile(
    r"(?:no[,\s]+)?(?:not yet|wait\b|hold on|hold off|too early|too soon|let(?:'s| us)? (?:it run|wait)|keep (?:it |this )?(?:going|running)|give it (?:more|another))",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"(?:please\s+|let's\s+)?(?:scale|ramp|roll|raise|increase)\b\D{0,40}\bto\s+(?P<n>\d{1,3})\s*(?:%|percent|per cent)\D*",
    re.IGNORECASE,
)


def read_plainly(text: str, options: Sequence[Option]) -> Wish | None:
    """The wish of a short, unconditional sentence that the gate can grant; None for all else."""
    said = " ".join(text.replace("’", "'").split())  # noqa: RUF001  people's keyboards type it
    if not said or len(said) > _MANY:
        return None
    if _WAIT.match(said) and not said.endswith("?"):
        return _offered(options, "run_on")
    if _OPEN_ENDED.search(_beginning(said)):
        return None
    if (hand := _HAND.fullmatch(said)) is not None:
        return Wish("hand_over", to=hand["who"].rstrip(".,!"))
    return _decided(said, options) or _in_letters_words(said, options)


def _in_letters_words(said: str, options: Sequence[Option]) -> Wish | None:
    """What would approve as the answer to a letter, in any of its languages; a weak word or a no is talk between colleagues."""
    found = reply(said, options)
    if not isinstance(found, Answer) or found.choice != "approve" or "strong" not in opening(said).tags:
        return None
    return Wish("decide", found.choice, found.percent, found.terms)


def _beginning(said: str) -> str:
    """Up to the reason: what stands behind `because` explains a wish and sets it no condition."""
    return re.split(r"\b(?:because|since)\b", said, maxsplit=1, flags=re.IGNORECASE)[0] + (
        "?" if said.endswith("?") else ""
    )


def _decided(said: str, options: Sequence[Option]) -> Wish | None:
    if _REJECTED.fullmatch(said) and not _NOT.search(_beginning(said)):
        return _offered(options, "reject") or _offered(options, "kill")
    for form, make in _FORMS:
        found = form.fullmatch(said)
        if found is not None:
            refuses = _NOT.search(said.replace("not more than", ""))
            return None if refuses else make(found, options)
    return None


def _capped(found: re.Match[str], options: Sequence[Option]) -> Wish | None:
    return capped(int(found["n"]), options)


def capped(percent: int, options: Sequence[Option]) -> Wish | None:
    """An approval for at most so many per cent: by a condition where the gate takes one, else by the choice that needs a share."""
    if not 1 <= percent <= 100:  # noqa: PLR2004  a percentage
        return None
    for option in options:
        if option["gate_event"] == "approve" and "cap" in (option.get("terms") or ()):
            return Wish("decide", option["id"], terms=(Cap(percent=percent),))
    for option in options:
        if option["gate_event"] == "approve_with_conditions" and option.get("needs_percent"):
            return Wish("decide", option["id"], percent)
    return None


def _agreed(found: re.Match[str], options: Sequence[Option]) -> Wish | None:
    """To the one thing the gate offers for a yes; shipping only where shipping was said."""
    if "ship" in found[0].casefold():
        return _offered(options, "ship")
    return _offered(options, "approve") or _offered(options, "resume")


def _scaled(found: re.Match[str], options: Sequence[Option]) -> Wish | None:
    wish, percent = _offered(options, "scale"), int(found["n"])
    return Wish("decide", wish.choice, percent) if wish and 1 <= percent <= 100 else None  # noqa: PLR2004  a percentage


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Sequence[Option]], Wish | None]], ...] = (
    (_CAPPED, _capped),
    (_SCALE, _scaled),
    (_PLAIN_YES, _agreed),
)


def _offered(options: Sequence[Option], choice: str) -> Wish | None:
    return Wish("decide", choice) if any(option["id"] == choice for option in options) else None
