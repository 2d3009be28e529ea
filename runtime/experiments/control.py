"""What people may do to an experiment outside a gate: pause it, resume it, kill it, have it built again."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from runtime.db.engine import Row
from runtime.errors import ApprovalMissing
from runtime.experiments import service
from runtime.gates import rows
from runtime.gates.consequences import final_result
from runtime.gates.service import Decision, decide, withdraw_all
from runtime.identity.people import By, require_member
from runtime.lifecycle.experiment import EXPERIMENT
from runtime.measurement import conclusion

if TYPE_CHECKING:
    from runtime.core import Runtime


async def kill(runtime: "Runtime", org_id: UUID, experiment_id: UUID, reason: str, *, by: By, now: datetime) -> Row:
    """Turn the flag off for good and end the experiment; its open gates are withdrawn."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        changes = {"final_result": final_result(row, "killed", by.name, reason), "rollout_percent": 0}
        await service.advance(tx, row, "kill", by=by, now=now, changes=changes, facts={"reason": reason})
        await withdraw_all(tx, experiment_id, f"killed by {by.name}: {reason}", by=by, now=now)
        return await service.get(tx, experiment_id)


async def pause(runtime: "Runtime", org_id: UUID, experiment_id: UUID, reason: str, *, by: By, now: datetime) -> Row:
    """Turn the flag off and ask at a gate whether to go on."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        outcome = await service.outcome_of(tx, row)
        await conclusion.pause(runtime, tx, row, outcome, f"{by.name}: {reason or 'paused by hand'}", now)
        return await service.get(tx, experiment_id)


async def resume(runtime: "Runtime", org_id: UUID, experiment_id: UUID, reason: str, *, by: By, now: datetime) -> Row:
    """Back to the rollout that was approved: the answer to the gate that the pause opened, from somebody who may give it."""
    require_member(by)
    gate = await waiting_to_resume(runtime, org_id, experiment_id)
    if gate is not None:
        await decide(runtime, org_id, gate["id"], Decision("resume", reason), by=by, now=now)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id)
    if gate is None and row["status"] == "paused":
        raise ApprovalMissing(
            "Nobody is asked about this pause any more. Press “Ask again” on the message that asked whether to resume; whoever is asked then decides.",
            experiment_id=experiment_id,
        )
    if gate is None:
        EXPERIMENT.step(row["status"], "resume", by=by.kind)
    return row


async def waiting_to_resume(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> Row | None:
    """The open gate that asks whether this paused experiment goes on."""
    async with runtime.transaction(org_id) as tx:
        found = await rows.open_of_experiment(tx, experiment_id)
    return next((gate for gate in found if gate["gate_type"] == "resume_review"), None)


async def rebuild(runtime: "Runtime", org_id: UUID, experiment_id: UUID, *, by: By, now: datetime) -> Row:
    """Send a failed build to the coding agent again, under the portfolio's approval."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        await service.advance(tx, row, "rebuild", by=by, now=now)
        return await service.get(tx, experiment_id)
