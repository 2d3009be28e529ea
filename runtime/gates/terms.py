"""Conditions a person sets with an approval: what they may say, how they are written, what they add up to. PURE."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from runtime.gates import bounds

MOST = 10
_WORD = r"[A-Za-z][\w.\-]{0,79}"
Kind: TypeAlias = Literal["cap", "deadline", "segment", "constraint", "note"]


class _Condition(BaseModel):
    """What a condition says; who set it stands beside it where it is kept."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Cap(_Condition):
    """At most so many per cent of users."""

    kind: Literal["cap"] = "cap"
    percent: int = Field(ge=1, le=100)


class Deadline(_Condition):
    """The last day, in the zone of whoever set it; after it the experiment is paused and a person is asked."""

    kind: Literal["deadline"] = "deadline"
    until: date


class Segment(_Condition):
    """Only users with these attributes, as the flag service knows them."""

    kind: Literal["segment"] = "segment"
    attributes: dict[Annotated[str, Field(pattern=rf"^{_WORD}$")], Annotated[str, Field(min_length=1, max_length=80)]]

    @model_validator(mode="after")
    def _names_something(self) -> "Segment":
        if not 1 <= len(self.attributes) <= 5:  # noqa: PLR2004  more is no segment but a list
            raise ValueError("a segment names between one and five attributes")
        return self


class Limit(_Condition):
    """One more guardrail: a signal that must not leave its bound. `source` and `metric` are filled in when it is accepted."""

    kind: Literal["constraint"] = "constraint"
    signal: str = Field(pattern=rf"^{_WORD}$")
    min: float | None = None
    max: float | None = None
    source: str | None = None
    metric: str | None = None

    @model_validator(mode="after")
    def _has_one_bound(self) -> "Limit":
        if (self.min is None) == (self.max is None):
            raise ValueError("an extra constraint has a max or a min")
        return self


class Note(_Condition):
    """In words, for people; nothing enforces it but they."""

    kind: Literal["note"] = "note"
    text: str = Field(min_length=1, max_length=1000)


Term: TypeAlias = Annotated[Cap | Deadline | Segment | Limit | Note, Field(discriminator="kind")]
_ONE: TypeAdapter[Term] = TypeAdapter(Term)


@dataclass(frozen=True, slots=True)
class Held:
    """A condition an experiment carries: `lifted` by a person or, for a deadline, `met`."""

    term: Term
    by: str
    at: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class Misread:
    """Conditions that were not understood, so that nothing is approved; `say` is what to answer."""

    say: str


def load(stored: Sequence[Mapping[str, Any]] | None) -> tuple[Term, ...]:
    """Conditions as a gate keeps them."""
    return tuple(_ONE.validate_python(item) for item in stored or ())


def dump(term: Term) -> dict[str, Any]:
    plain: dict[str, Any] = term.model_dump(mode="json", exclude_none=True)
    return plain


def held(stored: Sequence[Mapping[str, Any]] | None) -> tuple[Held, ...]:
    """Conditions as an experiment keeps them, oldest first."""
    return tuple(
        Held(_ONE.validate_python(item), item["by"], datetime.fromisoformat(item["at"]), bool(item.get("over")))
        for item in stored or ()
    )


def stamped(term: Term, *, by: str, at: datetime, gate: str) -> dict[str, Any]:
    return {**dump(term), "by": by, "at": at.isoformat(), "gate": gate}


def cap(stored: Sequence[Mapping[str, Any]] | None) -> Held | None:
    """The tightest cap in force."""
    caps = [item for item in held(stored) if isinstance(item.term, Cap) and not item.over]
    return min(caps, key=lambda item: item.term.percent if isinstance(item.term, Cap) else 0, default=None)


def ceiling(row: Mapping[str, Any]) -> int | None:
    """At most so many per cent of users may see an experiment's change, by all that was ever said of it."""
    found, older = cap(row["terms"]), row["rollout_cap"] if row["status"] != "shipped" else None
    bounds = [found.term.percent] if found is not None and isinstance(found.term, Cap) else []
    return min([*bounds, *([int(older)] if older is not None else [])], default=None)


def deadline(stored: Sequence[Mapping[str, Any]] | None) -> Held | None:
    """The newest deadline, unless it is over: who sets another one moves it."""
    found = [item for item in held(stored) if isinstance(item.term, Deadline)]
    return found[-1] if found and not found[-1].over else None


def segment(stored: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """All attributes that users must have."""
    found: dict[str, str] = {}
    for item in held(stored):
        if isinstance(item.term, Segment) and not item.over:
            found |= item.term.attributes
    return found


def over(stored: Sequence[Mapping[str, Any]], kind: Kind, *, by: str, at: datetime, why: str) -> list[dict[str, Any]]:
    """The conditions of a kind are no longer in force; that they were, and who ended them, stays written."""
    ended = {"over": {"by": by, "at": at.isoformat(), "why": why}}
    return [{**item, **ended} if item["kind"] == kind and not item.get("over") else dict(item) for item in stored]


def tightened(
    constraints: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """An outcome's constraints with the extra ones: each bound only ever becomes stricter, and a new signal joins at the end."""
    result = [dict(item) for item in constraints]
    for item in held(stored):
        if isinstance(item.term, Limit) and not item.over:
            _tighten(result, item.term)
    return result


def _tighten(constraints: list[dict[str, Any]], limit: Limit) -> None:
    at = next((i for i, item in enumerate(constraints) if item.get("signal") == limit.signal), None)
    if at is None:
        plain = {"signal": limit.signal, "min": limit.min, "max": limit.max}
        constraints.append({**plain, "source": limit.source or "webhook", "metric": limit.metric or limit.signal})
        return
    known = constraints[at]
    sharper = {}
    if limit.max is not None:
        sharper["max"] = limit.max if known.get("max") is None else min(float(known["max"]), limit.max)
    if limit.min is not None:
        sharper["min"] = limit.min if known.get("min") is None else max(float(known["min"]), limit.min)
    constraints[at] = known | sharper


def in_words(term: Term) -> str:
    """As it is shown and kept."""
    match term:
        case Cap():
            return f"at most {term.percent} % of users"
        case Deadline():
            return f"until {term.until.isoformat()}, then paused"
        case Segment():
            return "only users with " + ", ".join(f"{name}={value}" for name, value in term.attributes.items())
        case Limit():
            return f"{term.signal} {bounds.in_words({'signal': term.signal, 'min': term.min, 'max': term.max})}"
        case Note():
            return term.text


def set_by(item: Held) -> str:
    """A condition with its author, for whoever runs into it."""
    return f"{in_words(item.term)} (set by {item.by} on {item.at:%Y-%m-%d})"


_EXAMPLES = {
    "cap": "cap 20%", "deadline": "until 2026-12-01", "segment": "segment platform=ios", "constraint": "refund_rate <= 0.02",
    "note": "note any words",
}  # fmt: skip


def usage(kinds: Collection[str]) -> str:
    """How these kinds of conditions are written, the note last."""
    return ", ".join(text for kind, text in _EXAMPLES.items() if kind in kinds)


USAGE = usage(_EXAMPLES)
_RESERVED = frozenset({"cap", "until", "segment", "note", "deadline"})
_BOUNDS = {
    "<=": "max",
    "<": "max",
    "≤": "max",
    "at most": "max",
    ">=": "min",
    ">": "min",
    "≥": "min",
    "at least": "min",
}
_CAP = re.compile(
    r"(?:cap(?:ped)?(?:\s+(?:it\s+)?(?:at|of|to))?|at\s+most|up\s+to)\s*:?\s*(\d{1,3})\s*(?:%|percent)", re.IGNORECASE
)
_UNTIL = re.compile(r"(?:until|till|deadline)\s*:?\s*(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
_SEGMENT = re.compile(rf"segment\s*:?\s*(?:({_WORD})\s*=\s*)?([\w.\-]{{1,80}})", re.IGNORECASE)
_LIMIT = re.compile(rf"({_WORD})\s*(<=|>=|<|>|≤|≥|at most|at least)\s*(-?\d+(?:\.\d+)?)\s*(%?)", re.IGNORECASE)
_NOTE = re.compile(r"note\s*:?\s+(.+)", re.IGNORECASE | re.DOTALL)


def parse_clause(text: str) -> Term | None:
    """One condition as people write it, or None when it is not one: "cap 20%", "until 2026-12-01", "refund_rate <= 2%"."""
    clause = text.strip().strip(".")
    for form, make in _FORMS:
        found = form.fullmatch(clause)
        if found is not None:
            try:
                return make(found)
            except (ValidationError, ValueError):
                return None
    return None


def parse(text: str) -> tuple[Term, ...] | Misread:
    """All conditions of a line, separated by commas; one that is not understood leaves all of them unread."""
    found: list[Term] = []
    for clause in _clauses(text):
        term = parse_clause(clause)
        if term is None:
            return Misread(f"I do not understand the condition “{clause[:120]}”; I read: {USAGE}.")
        found.append(term)
    return checked(found)


def checked(found: Sequence[Term]) -> tuple[Term, ...] | Misread:
    """Each kind at most once, extra constraints once a signal: of two caps nobody could say which is meant."""
    marks = [f"{term.kind}:{term.signal}" if isinstance(term, Limit) else term.kind for term in found]
    if not found:
        return Misread(f"Say at least one condition: {USAGE}.")
    if len(set(marks)) != len(marks) or len(found) > MOST:
        return Misread(f"Say each condition once, and at most {MOST}: {USAGE}.")
    return tuple(found)


def _clauses(text: str) -> Iterator[str]:
    """A note takes the rest of the line, commas and all."""
    rest = text.strip()
    while rest:
        if _NOTE.fullmatch(rest):
            yield rest
            return
        cut = re.search(r"[,;]", rest)
        clause, rest = (rest[: cut.start()], rest[cut.end() :]) if cut else (rest, "")
        rest = rest.strip()
        if clause.strip():
            yield clause.strip()


def _a_segment(found: re.Match[str]) -> Segment:
    return Segment(attributes={found[1] or "segment": found[2]})


def _a_limit(found: re.Match[str]) -> Limit:
    if found[1].casefold() in _RESERVED:
        raise ValueError(found[1])
    value = float(found[3]) / (100 if found[4] else 1)
    return Limit.model_validate({"signal": found[1], _BOUNDS[" ".join(found[2].casefold().split())]: value})


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Term]], ...] = (
    (_NOTE, lambda found: Note(text=found[1].strip())),
    (_CAP, lambda found: Cap(percent=int(found[1]))),
    (_UNTIL, lambda found: Deadline(until=date.fromisoformat(found[1]))),
    (_SEGMENT, _a_segment),
    (_LIMIT, _a_limit),
)
