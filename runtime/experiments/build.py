"""Building an experiment: the brief, its dispatch to a coding agent, and the agent's report."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select, update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import agent_runs
from runtime.errors import InvalidRequest
from runtime.experiments import service
from runtime.experiments.scope import outside_scope
from runtime.gates import briefing, opening
from runtime.identity import keys
from runtime.identity.people import SYSTEM, By
from runtime.integrations.contracts import BuildOrder
from runtime.journal import Event, record
from runtime.outcomes.connections import target

if TYPE_CHECKING:
    from runtime.core import Runtime


class BuildReport(BaseModel):
    """What an agent says it built. All of it is shown to a person as text, and none of it is obeyed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    implementation_summary: str = Field(min_length=1, max_length=8000)
    files_changed: list[str] = Field(max_length=500)
    feature_flag_key: str | None = Field(default=None, max_length=200)
    agent_notes: str = Field(default="", max_length=8000)
    diff: str = Field(default="", max_length=200_000)


def brief(experiment: Row, outcome: Row) -> dict[str, Any]:
    """Everything an agent needs to build an experiment, and nothing else."""
    spec = outcome["spec"]
    scope = spec.get("scope") or {}
    return {
        "schema": "outcome-runtime/brief@1",
        "experiment_id": str(experiment["id"]),
        "status": experiment["status"],
        "title": experiment["title"],
        "hypothesis": experiment["hypothesis"],
        "mechanism": experiment["mechanism"],
        "prediction": experiment["prediction"],
        "intervention": experiment["intervention"],
        "feature_flag_key": experiment["feature_flag_key"],
        "scope": {
            "allowed_paths": scope.get("allowed_paths") or [],
            "forbidden_paths": scope.get("forbidden_paths") or [],
        },
        "rules": [item["rule"] for item in outcome["constraints"] if item.get("rule")],
        "outcome": {"slug": outcome["slug"], "title": outcome["title"], "target": outcome["target"]},
        "how_to_report": "Call report_experiment_built, or POST to /api/v1/experiments/{id}/built. Ship nothing outside the flag.",
    }


async def dispatch(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Effect `build.dispatch`: send the order once per approval; a retry finds the run and sends the same one again."""
    now = runtime.now()
    async with runtime.transaction(org_id) as tx:
        experiment = await service.get(tx, experiment_id)
        if experiment["status"] != "building":
            return
        outcome = await service.outcome_of(tx, experiment)
        run = await _run(runtime, tx, experiment_id, now)
        key = await keys.create(
            runtime,
            tx,
            kind="agent",
            name=f"build {run['id']}",
            by=SYSTEM,
            experiment_id=experiment_id,
            expires_at=run["deadline"],
        )
    order = _order(runtime, experiment, outcome, run, key.token)
    agent = target(runtime)
    try:
        sent = await agent.dispatch(order)
    finally:
        await agent.close()
    async with runtime.transaction(org_id) as tx:
        values = {
            "state": "dispatched",
            "external_id": sent.external_id,
            "external_url": sent.url,
            "detail": sent.detail,
        }
        await tx.run(
            update(agent_runs).where(agent_runs.c.id == run["id"], agent_runs.c.state == "queued").values(values)
        )
        await record(
            tx,
            Event("build.dispatched", "experiment", experiment_id, {"run": str(run["id"]), "detail": sent.detail}),
            by=SYSTEM,
        )


async def _run(runtime: "Runtime", tx: Tx, experiment_id: UUID, now: datetime) -> Row:
    open_run = (
        select(agent_runs)
        .where(agent_runs.c.experiment_id == experiment_id, agent_runs.c.finished_at.is_(None))
        .with_for_update()
    )
    found = await tx.first(open_run)
    if found is not None:
        return found
    deadline = now + timedelta(hours=runtime.settings.build_deadline_hours)
    slug = "generic" if runtime.settings.agent_url else "mcp"
    made = await tx.first(
        insert(agent_runs)
        .values(org_id=tx.org_id, experiment_id=experiment_id, target=slug, deadline=deadline)
        .returning(agent_runs)
    )
    assert made is not None
    await timers.arm(tx, "build_deadline", made["id"], version=1, due_at=deadline)
    return made


def _order(runtime: "Runtime", experiment: Row, outcome: Row, run: Row, token: str) -> BuildOrder:
    base = runtime.settings.public_url
    return BuildOrder(
        run["id"], experiment["id"], brief(experiment, outcome), f"{base}/mcp", f"{base}/api/v1/experiments/{experiment['id']}/brief",
        f"{base}/api/v1/experiments/{experiment['id']}/built", token, run["deadline"],
    )  # fmt: skip


async def report_built(
    runtime: "Runtime", org_id: UUID, experiment_id: UUID, report: BuildReport, *, by: By, now: datetime
) -> Row:
    """An agent says it is done: check the scope, then ask a person whether to launch. A repeated report changes the evidence."""
    async with runtime.transaction(org_id) as tx:
        experiment = await service.get(tx, experiment_id, lock=True)
        outcome = await service.outcome_of(tx, experiment)
        _check(experiment, outcome, report)
        changes = {"build_report": report.model_dump(), "agent_id": by.name, "agent_runtime": by.via}
        first = experiment["status"] == "building"
        await service.advance(
            tx, experiment, "report_built", by=by, now=now, changes=changes, facts={"files": report.files_changed}
        )
        await _finish_runs(tx, experiment_id, "succeeded", now)
        built = await service.get(tx, experiment_id)
        if first:
            ask = await briefing.launch(tx, built, outcome)
            await opening.open_gate(tx, outcome, ask, default_channel=runtime.settings.slack_default_channel, now=now)
        else:
            await briefing.renew_launch(tx, built, outcome, by=by)
        return built


def _check(experiment: Row, outcome: Row, report: BuildReport) -> None:
    if report.feature_flag_key and report.feature_flag_key != experiment["feature_flag_key"]:
        raise InvalidRequest(
            f"The build names flag '{report.feature_flag_key}', the brief '{experiment['feature_flag_key']}'; build behind the brief's flag.",
            field="feature_flag_key",
        )
    strays = outside_scope(report.files_changed, outcome["spec"].get("scope") or {})
    if strays:
        raise InvalidRequest(
            f"Files outside the brief's scope: {', '.join(strays[:5])}; build within allowed_paths only.",
            field="files_changed",
        )


async def _finish_runs(tx: Tx, experiment_id: UUID, state: str, now: datetime) -> None:
    statement = update(agent_runs).where(
        agent_runs.c.experiment_id == experiment_id, agent_runs.c.finished_at.is_(None)
    )
    done = await tx.all(statement.values(state=state, finished_at=now).returning(agent_runs.c.id))
    for run in done:
        await timers.disarm(tx, run["id"])


async def run_out(tx: Tx, timer: Row, now: datetime) -> None:
    """A build nobody reported by its deadline has failed; a person may start it again."""
    run = await tx.first(select(agent_runs).where(agent_runs.c.id == timer["subject_id"]))
    if run is None or run["finished_at"] is not None:
        return
    experiment = await service.get(tx, run["experiment_id"], lock=True)
    await _finish_runs(tx, run["experiment_id"], "timed_out", now)
    if experiment["status"] == "building":
        await service.advance(
            tx, experiment, "build_failed", by=SYSTEM, now=now, facts={"reason": "no report before the deadline"}
        )
