"""Editing a proposed portfolio before its approval: order, titles, hypotheses, expected effects, each within bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import update

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments as table
from runtime.digest import digest
from runtime.errors import EvidenceChanged, InvalidRequest
from runtime.experiments import service
from runtime.gates import briefing, evidence, pictures, rows
from runtime.gates.service import Decision, entitled
from runtime.gates.wording import amount
from runtime.hypotheses.models import CREDIBLE_GAPS, ExperimentDraft
from runtime.identity.people import By
from runtime.journal import Event, record

if TYPE_CHECKING:
    from runtime.core import Runtime


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person wants of one proposed experiment; `priority` 1 is built first, None leaves a field as it is."""

    experiment: UUID
    priority: int | None = None
    title: str | None = None
    hypothesis: str | None = None
    expected: float | None = None


class OutOfBounds(InvalidRequest):
    """An edit lies outside its bounds; correct the field that is named."""

    def __init__(self, experiment: UUID, field: str, message: str) -> None:
        super().__init__(message, experiment_id=experiment, field=field)
        self.experiment, self.field = experiment, field


async def edit(
    runtime: "Runtime", org_id: UUID, gate_id: UUID, edits: Sequence[Edit], *, seen: str, by: By, now: datetime
) -> Row:
    """Write the edits, show them, and change the gate's evidence, so that others decide on what they saw.

    `seen` is the beginning of the evidence hash the form was opened on. Nothing is approved by editing.
    """
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, gate_id, lock=True)
        entitled(gate, Decision("", note="editing"), by)
        if gate["gate_type"] != "portfolio_review":
            raise InvalidRequest("Only a proposed portfolio can be edited.", gate_id=gate_id)
        if not gate["evidence_hash"].startswith(seen):
            raise EvidenceChanged("The portfolio changed since you opened the form; open it again.", gate_id=gate_id)
        outcome = await service.outcome_of(tx, await service.get(tx, rows.subjects(gate)[0]))
        known = {item: await service.get(tx, item, lock=True) for item in rows.subjects(gate)}
        if foreign := [item.experiment for item in edits if item.experiment not in known]:
            raise InvalidRequest("This experiment is not part of the portfolio.", experiment_id=foreign[0])
        said = {str(item.experiment): await _apply(tx, known[item.experiment], item, outcome, now) for item in edits}
        order = _order(list(known), edits)
        said = {key: value for key, value in said.items() if value}
        if said or order != list(known):
            await _show(tx, gate, outcome, order, said, by)
        return await rows.get(tx, gate_id)


def _order(known: Sequence[UUID], edits: Sequence[Edit]) -> list[UUID]:
    """By priority; equal priorities keep the order they had."""
    wanted = {item.experiment: item.priority for item in edits if item.priority is not None}
    return sorted(known, key=lambda item: (wanted.get(item, known.index(item) + 1), known.index(item)))


async def _apply(tx: Tx, row: Row, item: Edit, outcome: Row, now: datetime) -> dict[str, list[Any]]:
    """The fields that changed, each with what it was and what it is."""
    was = {"title": row["title"], "hypothesis": row["hypothesis"], "expected": row["prediction"]["expected_delta"]}
    wanted = {name: getattr(item, name) for name in was if getattr(item, name) is not None}
    changed = {name: [was[name], value] for name, value in wanted.items() if value != was[name]}
    if not changed:
        return {}
    draft = _redrafted(row, changed, outcome)
    plain = draft.model_dump(mode="json")
    values: dict[str, Any] = {
        "title": draft.title,
        "hypothesis": draft.hypothesis,
        "prediction": plain["prediction"],
        "draft": plain,
    }
    if "expected" in changed:
        values |= _replanned(outcome, draft)
    await tx.run(
        update(table).where(table.c.id == row["id"]).values(**values, version=row["version"] + 1, updated_at=now)
    )
    return changed


def _redrafted(row: Row, changed: Mapping[str, Sequence[Any]], outcome: Row) -> ExperimentDraft:
    draft = {**row["draft"], **{name: changed[name][1].strip() for name in ("title", "hypothesis") if name in changed}}
    if "expected" in changed:
        draft["prediction"] = _predicted(row, float(changed["expected"][1]), outcome)
    try:
        found = ExperimentDraft.model_validate(draft)
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0]) if fault["loc"] else "hypothesis"
        text = str(fault["msg"]).removeprefix("Value error, ")
        raise OutOfBounds(row["id"], "expected" if field == "prediction" else field, f"{text}.") from error
    metric = str(outcome["primary_signal"]["metric"])
    if "hypothesis" in changed and _plain(metric) not in _plain(found.hypothesis):
        raise OutOfBounds(row["id"], "hypothesis", f"The hypothesis must name the metric {metric}.")
    return found


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _predicted(row: Row, wanted: float, outcome: Row) -> dict[str, Any]:
    """The range moves along where the new expectation would lie outside it."""
    target = outcome["target"]
    bound = CREDIBLE_GAPS * (float(target["to"]) - float(target["from"]))
    if wanted * bound <= 0 or abs(wanted) > abs(bound):
        most = amount(bound, pictures.unit(outcome["primary_signal"]), signed=True)
        raise OutOfBounds(row["id"], "expected", f"Stay in the direction of the target, and within {most}.")
    low, high = row["prediction"]["delta_range"]
    return {**row["prediction"], "expected_delta": wanted, "delta_range": [min(low, wanted), max(high, wanted)]}


def _replanned(outcome: Row, draft: ExperimentDraft) -> dict[str, Any]:
    """No data were seen yet, so the plan may still follow the expectation."""
    from runtime.hypotheses.service import measurement_of, plan_of  # noqa: PLC0415  hypotheses open gates as well
    from runtime.spec.models import OutcomeSpec  # noqa: PLC0415  as above

    plan = plan_of(OutcomeSpec.model_validate(outcome["spec"]), draft)
    return {"plan": plan.to_json(), "plan_digest": plan.digest(), "measurement_plan": measurement_of(plan)}


async def _show(
    tx: Tx, gate: Row, outcome: Row, order: Sequence[UUID], said: Mapping[str, Mapping[str, Sequence[Any]]], by: By
) -> None:
    proposed = [await service.get(tx, item) for item in order]
    edited = [
        *gate["context_package"].get("edited", []),
        *_told(said, proposed, by, outcome, order != rows.subjects(gate)),
    ]
    package = briefing.renewed_portfolio(gate["context_package"], outcome, proposed, edited)
    fresh = evidence.of_portfolio(sorted(proposed, key=lambda row: str(row["id"]))) | {
        "order": package["experiment_ids"]
    }
    version = await rows.change(tx, gate, context_package=package, evidence=fresh, evidence_hash=digest(fresh))
    facts = {"edits": {key: dict(value) for key, value in said.items()}, "order": package["experiment_ids"]}
    event = Event("portfolio.edited", "gate", gate["id"], facts | {"was": gate["evidence_hash"], "is": digest(fresh)})
    await record(tx, event, by=by, notices=[rows.redraw(gate, version)])


def _told(
    said: Mapping[str, Mapping[str, Sequence[Any]]], proposed: Sequence[Row], by: By, outcome: Row, moved: bool  # noqa: FBT001  a fact among others
) -> list[str]:  # fmt: skip
    unit = pictures.unit(outcome["primary_signal"])
    lines = [f"{by.name} changed the order"] if moved else []
    for row in proposed:
        for name, (was, now_is) in said.get(str(row["id"]), {}).items():
            values = [
                amount(value, unit, signed=True) if name == "expected" else f"“{value}”" for value in (was, now_is)
            ]
            what = "expected effect" if name == "expected" else name
            lines.append(f"{by.name} changed the {what} of “{row['title']}” from {values[0]} to {values[1]}")
    return lines
