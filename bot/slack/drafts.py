"""What somebody wrote into the form of a new outcome, and the outcome it makes, or what is wrong, field by field. PURE."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.spec.faults import Fault
from runtime.spec.models import OutcomeFile, OutcomeSpec
from runtime.spec.rules import ALWAYS_THERE

METHODS = {
    "event": "Share of users who do it once",
    "funnel": "Share of users who get through steps",
    "custom": "Average per user",
}
DIRECTIONS = {"increase": "Increase", "decrease": "Decrease"}
_LIMIT = re.compile(r"(?P<name>\S+)\s*(?P<sign><=|>=|≤|≥)\s*(?P<value>-?[\d.,]+\s?%?)(?:\s+from\s+(?P<place>\S+))?")
_SIDES = {"<=": "max", "≤": "max", ">=": "min", "≥": "min"}
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+")
_LONGEST_SLUG = 56
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
#: Which field of the form a key of outcome.yaml comes from.
_FIELDS = {
    "title": "title", "description": "description", "direction": "direction", "from": "from", "to": "to", "target": "to",
    "horizon": "horizon", "owner": "owner", "gates": "decider", "measurement": "minimum", "id": "title",
    "metric": "other", "source": "other", "method": "method", "funnel_steps": "steps", "unit": "unit", "signal": "method",
}  # fmt: skip


class Unclear(ValueError):
    """A field cannot be read; the text says how to write it."""


class Draft(BaseModel):
    """The form as it was left, nothing checked yet; people and the channel are Slack's ids."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = ""
    description: str = ""
    metric: str = ""
    other: str = ""
    method: str = "event"
    steps: str = ""
    unit: str = ""
    direction: str = "increase"
    start: str = ""
    goal: str = ""
    horizon: str = "6w"
    owner: str = ""
    decider: str = ""
    launcher: str = ""
    backups: tuple[str, ...] = ()
    channel: str = ""
    constraints: str = ""
    minimum: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        given = {{"from": "start", "to": "goal"}.get(name, name): value for name, value in values.items()}
        return cls.model_validate({name: value for name, value in given.items() if value})

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody it names, by Slack id."""
        return tuple(dict.fromkeys(who for who in (self.owner, self.decider, self.launcher, *self.backups) if who))

    @property
    def place(self) -> tuple[str, str]:
        """Source and metric: what was typed wins over what was picked; a metric alone is posted to us."""
        source, found, metric = (self.other.strip() or self.metric).partition("/")
        return (source, metric) if found else (ALWAYS_THERE, source)


def number(text: str) -> float:
    """`0.32`, `32 %`, `0,32`, `12,000`; raises Unclear."""
    plain = text.replace("\u00a0", " ").strip()
    share = plain.endswith("%")
    digits = plain.removesuffix("%").replace(" ", "").replace("−", "-")  # noqa: RUF001  people paste a minus sign
    if _THOUSANDS.fullmatch(digits):
        digits = digits.replace(",", "")
    elif digits.count(",") == 1 and "." not in digits:
        digits = digits.replace(",", ".")
    try:
        found = float(digits)
    except ValueError as error:
        raise Unclear("Write a number: 0.32, 32 % or 1200.") from error
    if not math.isfinite(found):
        raise Unclear("Write a number: 0.32, 32 % or 1200.")
    return float(f"{found / 100:.12g}") if share else found


def constraints(text: str, source: str) -> list[dict[str, Any]]:
    """One a line: `name <= 0.05 from source/metric` is a limit, anything else a rule in words; raises Unclear."""
    return [_constraint(line.strip(), source) for line in text.splitlines() if line.strip()]


def _constraint(line: str, source: str) -> dict[str, Any]:
    found = _LIMIT.fullmatch(line)
    if found is None:
        if any(sign in line for sign in "<>=≤≥"):
            raise Unclear(f"“{line[:60]}”: write a limit as slow_share <= 0.05 or success_rate >= 97 %.")
        return {"rule": line}
    name = found["name"]
    place, inside, metric = (found["place"] or (name if "/" in name else f"{source}/{name}")).partition("/")
    limit = {_SIDES[found["sign"]]: number(found["value"])}
    return {"signal": _signal(name), "source": place if inside else source, "metric": metric or place, **limit}


def _signal(name: str) -> str:
    """What outcome.yaml calls it: a metric such as `shop/payment.success_rate` is none of its names."""
    return name if _NAME.fullmatch(name) else re.sub(r"[^a-z0-9]+", "_", name.rpartition("/")[2].casefold()).strip("_")


def slug(title: str, taken: Sequence[str]) -> str:
    """Made of the title's letters and digits, numbered from 2 when it is taken."""
    made = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:_LONGEST_SLUG].strip("-") or "outcome"
    number_ = 2
    found = made
    while found in taken:
        found, number_ = f"{made}-{number_}", number_ + 1
    return found


def outcome(
    draft: Draft, *, emails: Mapping[str, str], channel: str, file: OutcomeFile | None
) -> tuple[OutcomeSpec | None, dict[str, str]]:
    """The outcome, or the faults by field. `emails` says who the people are; `channel` is a Slack channel's name."""
    faults = dict(_unclear(draft, emails, file))
    if faults:
        return None, faults
    try:
        return OutcomeSpec.model_validate(_document(draft, emails, channel, file)), {}
    except ValidationError as error:
        return None, _by_field(error)


def _unclear(draft: Draft, emails: Mapping[str, str], file: OutcomeFile | None) -> Iterator[tuple[str, str]]:
    source, metric = draft.place
    known = {ALWAYS_THERE, *(item.name for item in file.signal_connectors)} if file else {ALWAYS_THERE}
    if not metric.strip():
        yield "metric", "Pick the metric to move, or name one below."
    elif source not in known:
        yield "other", f"There is no source “{source[:40]}”; known are {', '.join(sorted(known))}."
    for field, text in (("from", draft.start), ("to", draft.goal), ("minimum", draft.minimum)):
        if text or field != "minimum":
            yield from _wrong(field, number, text)
    yield from _wrong("constraints", constraints, draft.constraints, source)
    if not draft.owner:
        yield "owner", "Say who answers for it."
    for field, named in (
        ("owner", (draft.owner,)),
        ("decider", (draft.decider,)),
        ("launcher", (draft.launcher,)),
        ("backups", draft.backups),
    ):
        if any(who and who not in emails for who in named):
            yield field, "I cannot find this person's confirmed e-mail address; choose somebody of this workspace."


def _wrong(field: str, read: Any, *given: str) -> Iterator[tuple[str, str]]:
    try:
        read(*given)
    except Unclear as error:
        yield field, str(error)


def signal(draft: Draft, file: OutcomeFile | None) -> dict[str, Any]:
    """What the source is asked; a metric the file reads already keeps its segment and its span."""
    source, metric = draft.place
    known = known_signal(file, source, metric)
    kept = {name: known[name] for name in ("segment", "aggregation") if name in known}
    steps = [line.strip() for line in draft.steps.splitlines() if line.strip()] if draft.method == "funnel" else []
    unit = draft.unit.strip() or ("share" if draft.method in {"funnel", "event"} else None)
    return {"source": source, "metric": metric, "method": draft.method, "funnel_steps": steps, "unit": unit} | kept


def known_signal(file: OutcomeFile | None, source: str, metric: str) -> dict[str, Any]:
    found = (
        each.model_dump(mode="json")
        for spec in (file.outcomes if file else ())
        for each in (spec.signal, *spec.secondary_signals)
        if (each.source, each.metric) == (source, metric)
    )
    return next(found, {})


def _document(draft: Draft, emails: Mapping[str, str], channel: str, file: OutcomeFile | None) -> dict[str, Any]:
    place = {"channel": f"slack:{channel}"} if channel else {}
    decider = emails.get(draft.decider) or emails[draft.owner]
    launcher = emails.get(draft.launcher) or decider
    backups = [emails[who] for who in draft.backups]

    def gate(email: str) -> dict[str, Any]:
        return {"assigned_to": email, "escalation_chain": [each for each in backups if each != email], **place}

    return {
        "id": slug(draft.title, [spec.id for spec in file.outcomes] if file else []), "title": draft.title.strip(),
        "description": draft.description.strip() or None, "signal": signal(draft, file),
        "target": {"direction": draft.direction, "from": number(draft.start), "to": number(draft.goal)},
        "constraints": constraints(draft.constraints, draft.place[0]), "horizon": draft.horizon.strip(),
        "gates": {"portfolio_review": gate(decider), "launch_approval": gate(launcher)}, "owner": emails[draft.owner],
        **({"measurement": {"minimum_effect": abs(number(draft.minimum))}} if draft.minimum else {}),
    }  # fmt: skip


def _by_field(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in error.errors():
        faults: Sequence[Fault] = (one.get("ctx") or {}).get("faults") or ()
        told = [((*one["loc"], *fault.at), _said(fault)) for fault in faults]
        for at, text in told or [(one["loc"], f"{one['msg']}.")]:
            found.setdefault(_field(at), text)
    return found


def _said(fault: Fault) -> str:
    """Slack shows no markup under a field; `from` is called From there, and a reason may begin with the text it is about."""
    text = f"{fault.reason}; {fault.mend}.".replace("`from`", "From").replace("`", "")
    return text if text.startswith('"') else f"It {text}"


def _field(at: Sequence[str | int]) -> str:
    if at and at[0] == "constraints":
        return "constraints"
    return next((_FIELDS[str(step)] for step in reversed(at) if str(step) in _FIELDS), "title")


def wanted(file: OutcomeFile | None, spec: OutcomeSpec) -> OutcomeFile:
    """The file that runs, with one more outcome (or this one in the place of its older self)."""
    if file is None:
        return OutcomeFile(version=1, outcomes=(spec,))
    others = tuple(each for each in file.outcomes if each.id != spec.id)
    return file.model_copy(update={"outcomes": (*others, spec)})
