"""What a person filled in on a gate's page, as the answer it means. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bot.slack import conditions
from runtime.errors import InvalidRequest
from runtime.gates.service import Decision
from runtime.gates.terms import Term

TERMS = {
    "cap": conditions.CAP, "deadline": conditions.DEADLINE, "segment": conditions.SEGMENT, "constraint": conditions.CONSTRAINT,
    "note": conditions.REMARK,
}  # fmt: skip
"""Kinds of conditions and the fields they are written in."""
FIELDS = ("choice", "note", "percent", *TERMS.values(), "to", "question", "lift")
"""Everything a person can write; shown again as it was where something is wrong."""
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of a form as they came. `do` is what shall be done with them."""

    do: str
    values: Mapping[str, str] = field(default_factory=dict)
    picked: tuple[str, ...] | None = None
    csrf: str = ""
    once: str = ""
    code: str = ""
    code_id: str = ""

    def get(self, name: str) -> str:
        return self.values.get(name, "")


def typed(sent: Sequence[tuple[str, str]]) -> Typed:
    """`picks` says that the form had boxes to tick, since unticked ones are not sent at all."""
    found = {name: value[:_LONGEST] for name, value in reversed(sent)}
    picked = tuple(value for name, value in sent if name == "pick")
    return Typed(
        found.get("do", ""), {name: found[name] for name in FIELDS if found.get(name)}, picked if "picks" in found else None,
        found.get("csrf", ""), found.get("once", ""), found.get("code", ""), found.get("code_id", ""),
    )  # fmt: skip


def decision(form: Typed, options: Sequence[Mapping[str, Any]], evidence: str) -> Decision:
    """Raises InvalidRequest with the field that is wrong; whether the gate takes it is the service's to say."""
    if not form.get("choice"):
        raise InvalidRequest("Choose an answer first.", field="choice")
    option: Mapping[str, Any] = next((item for item in options if item["id"] == form.get("choice")), {})
    approving = option.get("gate_event") != "reject"
    return Decision(
        form.get("choice"), form.get("note").strip(), evidence, _selection(form) if approving else None,
        _percent(form) if option.get("needs_percent") else None, _terms(form), bool(form.get("lift")),
    )  # fmt: skip


def _selection(form: Typed) -> tuple[UUID, ...] | None:
    try:
        return tuple(UUID(item) for item in form.picked) if form.picked is not None else None
    except ValueError as error:
        raise InvalidRequest("These experiments are not the gate's; open the page again.", field="pick") from error


def _percent(form: Typed) -> int | None:
    said = form.get("percent").strip().removesuffix("%").strip()
    if said and not (said.isascii() and said.isdigit()):
        raise InvalidRequest("Write the percentage as a whole number from 1 to 100.", field="percent")
    return int(said[:4]) if said else None


def _terms(form: Typed) -> tuple[Term, ...]:
    found = {name: form.get(name).strip() for name in TERMS.values()}
    try:
        return conditions.chosen_terms(found)
    except ValueError as error:
        raise InvalidRequest("Write the last day as 2026-12-31.", field=conditions.DEADLINE) from error
