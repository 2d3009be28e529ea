"""A person's own hypothesis: one experiment that comes to gate 1 like any other, said to be theirs."""

from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select

from runtime.db.engine import Row
from runtime.db.tables import experiments
from runtime.errors import InvalidRequest
from runtime.experiments import service
from runtime.gates import briefing, opening, pictures
from runtime.hypotheses import service as portfolios
from runtime.hypotheses.models import ExperimentDraft, OutcomeContext, violations
from runtime.identity.people import SYSTEM, By, require_member
from runtime.journal import Event, record
from runtime.outcomes import rows as outcomes

if TYPE_CHECKING:
    from runtime.core import Runtime

_FLAG = 48
_FIELDS = {
    "expected_delta": "effect",
    "delta_range": "effect",
    "prediction": "effect",
    "scope": "scope",
    "title": "title",
    "description": "change",
}


class Suggestion(BaseModel):
    """What a person fills in; the sentence of the hypothesis is made of it, so that it can be refuted."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    title: str = Field(min_length=1, max_length=160)
    change: str = Field(min_length=10, max_length=1500)
    because: str = Field(min_length=10, max_length=1500)
    effect: float
    scope: tuple[str, ...] = Field(min_length=1, max_length=20)
    confidence: float = Field(0.5, ge=0, le=1)


class Unfit(InvalidRequest):
    """This hypothesis cannot be proposed as it is; `field` says which part of it to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)
        self.field = field


async def suggest(runtime: "Runtime", org_id: UUID, slug: str, given: Suggestion, *, by: By) -> Row:
    """Write it and open gate 1 for it alone; raises Unfit while the outcome's own rules forbid it."""
    require_member(by)
    now = runtime.now()
    async with runtime.transaction(org_id) as tx:
        outcome = await outcomes.by_slug(tx, slug, lock=True)
        if outcome is None or outcome["status"] != "active":
            raise Unfit("outcome", "Only an active outcome takes hypotheses; `/outcome activate` starts a draft.")
        room = await portfolios.free_places(tx, outcome)
        if room < 1:
            raise Unfit(
                "outcome", "A portfolio waits at its gate, or as many experiments run as may; decide or end one first."
            )
        draft = _draft(given, await portfolios.context_of(tx, outcome, (), room))
        taken = set((await tx.run(select(experiments.c.feature_flag_key))).scalars())
        made = await portfolios.write(tx, outcome, draft, "person", taken)
        await service.advance(tx, made, "propose", by=SYSTEM, now=now)
        row = await service.get(tx, made["id"])
        ask = briefing.portfolio(
            outcome, [row], generated_by="person", source=f"{by.name}, by hand", rejected=[], learnings=[],
            provenance=pictures.provenance(by.name, snapshot_id="suggestion", since=None, through=now),
        )  # fmt: skip
        await opening.open_gate(tx, outcome, ask, default_channel=runtime.settings.slack_default_channel, now=now)
        await record(tx, Event("hypothesis.suggested", "experiment", row["id"], {"outcome": slug}), by=by)
        return row


def _draft(given: Suggestion, context: OutcomeContext) -> ExperimentDraft:
    way = "rises" if context.sign > 0 else "falls"
    effect = abs(given.effect) * context.sign
    low, high = sorted((effect * 0.5, effect * 1.5))
    data = {
        "title": given.title, "mechanism": given.because, "risk_level": "medium", "effort_hours": 8, "reversible": True,
        "hypothesis": f"If {_clause(given.change)}, then {context.metric} {way} by {abs(effect):g} because {_clause(given.because)}.",
        "prediction": {"signal": context.metric, "expected_delta": effect, "delta_range": (low, high), "confidence": given.confidence},
        "intervention": {"type": "code_change", "scope": given.scope, "description": given.change, "feature_flag": _flag(given.title)},
        "tags": (), "sub_problem": given.title,
    }  # fmt: skip
    try:
        draft = ExperimentDraft.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = next((_FIELDS[str(step)] for step in reversed(first["loc"]) if str(step) in _FIELDS), "change")
        raise Unfit(field, f"{first['msg'].removeprefix('Value error, ')}.") from error
    for reason in violations(draft, context):
        raise Unfit("scope" if " path" in reason else "effect", f"Not for this outcome: {reason}.")
    return draft


def _clause(text: str) -> str:
    return " ".join(text.split()).rstrip(".!")


def _flag(title: str) -> str:
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in title.casefold())
    return "-".join(part for part in letters.split("-") if part)[:_FLAG].strip("-") or "hypothesis"
