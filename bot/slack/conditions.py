"""Forms that bind or shape a decision: conditions, snooze, edits of a portfolio; and what was filled in. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.slack import fields, kit
from bot.slack.kit import Block, Blocks
from bot.slack.modals import NOTE, PERCENT, needs_percent
from bot.slack.values import Form
from bot.slack.view import GateView
from bot.slack.words import bold, fit, moment
from runtime.errors import InvalidRequest
from runtime.gates import terms
from runtime.gates.terms import Cap, Deadline, Note, Term

ANSWER, CAP, DEADLINE, SEGMENT, CONSTRAINT, REMARK, UNTIL = (
    "answer", "cap", "deadline", "segment", "constraint", "remark", "until",
)  # fmt: skip
MOST_EDITED = 15
"""Experiments in one form of edits: six blocks each, of the hundred that a form has."""
_SHARE = 100


def bindable(options: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The answers of a gate that may be given with conditions, the weightiest conditions first."""
    found = [option for option in options if option.get("terms") and option.get("drawn", True)]
    return sorted(found, key=lambda option: -len(option["terms"]))


def with_terms(view: GateView, form: Form, *, override: str = "") -> Block:
    """Approve with conditions: which answer, and what binds it. Only what is possible at this gate is asked for."""
    answers = bindable(view.options)
    kinds = {kind for option in answers for kind in option["terms"]}
    kept = "and enforced; leave empty what you don't need" if kinds - {"note"} else "and shown; people see to them"
    blocks = [kit.section(f"{bold(view.headline, 300)}\nConditions are kept with the decision {kept}.")]
    if override:
        blocks.append(kit.section(fit(override, 600)))
    if len(answers) > 1:
        shown = {option["id"]: str(option["label"]) for option in answers}
        chosen = fields.choice("choice", shown, initial=answers[0]["id"])
        blocks.append(fields.field(ANSWER, "Your answer", chosen, required=True))
    if any(needs_percent(option) for option in answers):
        blocks.append(
            _number(PERCENT, "To how many percent of users? (only to scale)", hint="A whole number from 1 to 100.")
        )
    blocks += [block for kind, block in _asked_for() if kind in kinds]
    required = bool(override) or all(option.get("needs_reason") for option in answers)
    title = "Why?" if required else "Note"
    blocks.append(kit.text_input(NOTE, title, hint="Kept with the decision; everybody sees it.", required=required))
    return kit.modal("With conditions", blocks, submit="Approve", callback_id="gate-terms", metadata=form.dump())


def _asked_for() -> Iterator[tuple[str, Block]]:
    yield (
        "cap",
        _number(
            CAP, "Cap: at most how many percent of users?", hint="No rollout may exceed it until a person lifts it."
        ),
    )
    picker: Block = {"type": "datepicker", "action_id": "date"}
    yield (
        "deadline",
        fields.field(
            DEADLINE,
            "Deadline: last day",
            picker,
            hint="After it the flag goes off and you are asked whether to resume.",
        ),
    )
    line = fields.line("text", example="platform=ios")
    yield (
        "segment",
        fields.field(
            SEGMENT, "Segment: only users with", line, hint="As the flag service knows them: attribute=value."
        ),
    )
    line = fields.line("text", example="refund_rate <= 0.02")
    yield (
        "constraint",
        fields.field(
            CONSTRAINT,
            "Extra constraint",
            line,
            hint="signal <= max or signal >= min; breaking it kills the experiment.",
        ),
    )
    yield (
        "note",
        kit.text_input(REMARK, "Another condition, in words", hint="Kept and shown; people see to it.", required=False),
    )


def _number(name: str, title: str, *, hint: str) -> Block:
    element: Block = {
        "type": "number_input", "action_id": "number", "is_decimal_allowed": False, "min_value": "1", "max_value": "100",
    }  # fmt: skip
    return fields.field(name, title, element, hint=hint)


def chosen_terms(found: Mapping[str, Any]) -> tuple[Term, ...]:
    """The conditions filled in; InvalidRequest names the field that cannot be read."""
    return tuple(_filled(found))


def _filled(found: Mapping[str, Any]) -> Iterator[Term]:
    if share := str(found.get(CAP) or ""):
        if not share.isdigit() or not 1 <= int(share) <= _SHARE:
            raise InvalidRequest("A whole number from 1 to 100, please.", field=CAP)
        yield Cap(percent=int(share))
    if day := found.get(DEADLINE):
        yield Deadline(until=date.fromisoformat(str(day)))
    if said := str(found.get(SEGMENT) or "").strip():
        yield _read(f"segment {said}", SEGMENT, "Write it like platform=ios.")
    if said := str(found.get(CONSTRAINT) or "").strip():
        yield _read(said, CONSTRAINT, "Write it like refund_rate <= 0.02.")
    if said := str(found.get(REMARK) or "").strip():
        yield Note(text=said[:1000])


def _read(text: str, field: str, how: str) -> Term:
    term = terms.parse_clause(text)
    if term is None or term.kind != field:
        raise InvalidRequest(f"This cannot be read. {how}", field=field)
    return term


def snoozing(view: GateView, form: Form, *, now: datetime, zone: str) -> Block | None:
    """Until when to be left in peace; None when the gate's time is too short for any of it."""
    found = dict(_moments(now, view.due_at, zone))
    if not found:
        return None
    told = f"{bold(view.headline, 300)}\nNo reminders until then. The deadline stays: {moment(view.due_at)}."
    pick = fields.field(UNTIL, "Remind me", fields.choice("until", found), required=True)
    return kit.modal(
        "Snooze", [kit.section(told), pick], submit="Snooze", callback_id="gate-snooze", metadata=form.dump()
    )


def _moments(now: datetime, due: datetime, zone: str) -> Iterator[tuple[str, str]]:
    local = now.astimezone(ZoneInfo(zone))
    morning = datetime.combine(local.date() + timedelta(days=1), time(9), local.tzinfo)
    half = now + (due - now) / 2
    offers = [(now + timedelta(hours=hours), f"in {hours} hour{'s' if hours > 1 else ''}") for hours in (1, 4)]
    offers += [(half, "when half of the time left is over"), (morning, "tomorrow at 9:00")]
    offers.append((due - timedelta(hours=1), "one hour before the deadline"))
    yield from ((at.isoformat(), text) for at, text in offers if now < at < due)


def editing(view: GateView, form: Form, rows: Sequence[Mapping[str, Any]]) -> Block:
    """Priority, title, hypothesis and expected effect of each proposed experiment, as they are now."""
    share = str((view.package.get("outcome") or {}).get("unit")) == "share"
    blocks: Blocks = [
        kit.section(
            f"{bold(view.headline, 300)}\nNothing is approved by editing. What you change is recorded and shown; others decide on what they see then."
        )
    ]
    places = {str(n): f"{n}." for n in range(1, len(rows) + 1)}
    for at, row in enumerate(rows[:MOST_EDITED]):
        blocks += [kit.divider(), *_edited(at, row, places, share=share)]
    return kit.modal("Edit the portfolio", blocks, submit="Save", callback_id="gate-edit", metadata=form.dump())


def _edited(at: int, row: Mapping[str, Any], places: Mapping[str, str], *, share: bool) -> Blocks:
    expected = float(row["prediction"]["expected_delta"]) * (_SHARE if share else 1)
    number: Block = {
        "type": "number_input",
        "action_id": "number",
        "is_decimal_allowed": True,
        "initial_value": f"{expected:.10g}",
    }
    unit = "percentage points" if share else "in the metric's unit"
    return [
        fields.field(f"priority:{at}", "Built in place", fields.choice("priority", places, initial=str(at + 1)), required=True),
        fields.field(f"title:{at}", "Title", fields.line("text", initial=row["title"], longest=160), required=True),
        fields.field(f"hypothesis:{at}", "Hypothesis", fields.line("text", initial=row["hypothesis"], many=True, longest=2000), required=True),
        fields.field(f"expected:{at}", f"Expected effect ({unit})", number, required=True),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edited:
    """One experiment's fields as they were sent; `at` is its place in the form."""

    at: int
    experiment: UUID
    priority: int
    title: str
    hypothesis: str
    expected: float


def edits(found: Mapping[str, Any], shown: Sequence[str], *, share: bool) -> list[Edited]:
    """`shown` are the ids of the experiments in the order of the form."""
    return [
        Edited(
            at, UUID(experiment), int(found[f"priority:{at}"]), str(found[f"title:{at}"]).strip(), str(found[f"hypothesis:{at}"]).strip(),
            round(float(found[f"expected:{at}"]) / (_SHARE if share else 1), 12),
        )
        for at, experiment in enumerate(shown[:MOST_EDITED])
        if found.get(f"title:{at}") is not None
    ]  # fmt: skip
