"""What a gate's answer is bound to: recomputed at the moment of decision and held against what the person was shown."""

from typing import Any

from sqlalchemy import select

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments, outcomes, snapshots
from runtime.digest import digest
from runtime.experiments import registration
from runtime.gates import rows


def of_portfolio(drafts: list[Row]) -> dict[str, Any]:
    return {
        "experiments": {str(row["id"]): digest([row["draft"], row["plan_digest"], row["status"]]) for row in drafts}
    }


def of_launch(experiment: Row, outcome: Row) -> dict[str, Any]:
    return {
        "brief": digest(experiment["draft"]),
        "plan": digest(registration.document(experiment, outcome)),
        "build": digest(experiment["build_report"]),
    }


def of_analysis(experiment: Row, snapshot_digest: str) -> dict[str, Any]:
    return {"snapshot": snapshot_digest, "status": experiment["status"], "plan": experiment["plan_digest"]}


def of_resume(experiment: Row) -> dict[str, Any]:
    return {"status": experiment["status"], "reason": experiment["pause_reason"], "plan": experiment["plan_digest"]}


def of_change(outcome: Row, wanted: Any) -> dict[str, Any]:
    return {"outcome_version": outcome["version"], "wanted": digest(wanted)}


async def current(tx: Tx, gate: Row) -> dict[str, Any]:
    """The evidence as it is now. Equal to `gate.evidence` unless something changed since the gate was shown."""
    wanted = rows.subjects(gate)
    locked = select(experiments).where(experiments.c.id.in_(wanted)).order_by(experiments.c.id).with_for_update()
    subjects = await tx.all(locked) if wanted else []
    kind = gate["gate_type"]
    if kind == "portfolio_review":
        order = {"order": gate["context_package"]["experiment_ids"]} if gate["context_package"].get("edited") else {}
        return of_portfolio(list(subjects)) | order
    if kind == "launch_approval":
        return of_launch(subjects[0], await _outcome(tx, gate))
    if kind in {"analysis_review", "scale_approval", "ship_approval"}:
        return of_analysis(subjects[0], await _snapshot_digest(tx, gate))
    if kind == "resume_review":
        return of_resume(subjects[0])
    if kind == "change_review":
        return of_change(await _outcome(tx, gate), gate["context_package"]["wanted"])
    return dict(gate["evidence"])


async def _outcome(tx: Tx, gate: Row) -> Row:
    return (await tx.all(select(outcomes).where(outcomes.c.id == gate["outcome_id"])))[0]


async def _snapshot_digest(tx: Tx, gate: Row) -> str:
    data = await tx.value(select(snapshots.c.data).where(snapshots.c.id == gate["snapshot_id"]))
    return digest(data)
