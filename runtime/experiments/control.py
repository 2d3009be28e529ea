"""What people may do to an experiment outside a gate: pause it, resume it, kill it, have it built again."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from runtime import timers
from runtime.db.engine import Row
from runtime.experiments import service
from runtime.gates.consequences import final_result
from runtime.gates.service import withdraw_all
from runtime.identity.people import By, require_member
from runtime.lifecycle.experiment import resume_event
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


async def resume(runtime: "Runtime", org_id: UUID, experiment_id: UUID, *, by: By, now: datetime) -> Row:
    """Back to the rollout that was approved at launch or scaling; the pause's gate is withdrawn."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        event = resume_event(row["paused_from"] or "running")
        await service.advance(tx, row, event, by=by, now=now, changes={"paused_from": None, "pause_reason": None})
        await withdraw_all(tx, experiment_id, f"resumed by {by.name}", by=by, now=now)
        await timers.arm(tx, "measure", experiment_id, version=1, due_at=now)
        return await service.get(tx, experiment_id)


async def rebuild(runtime: "Runtime", org_id: UUID, experiment_id: UUID, *, by: By, now: datetime) -> Row:
    """Send a failed build to the coding agent again, under the portfolio's approval."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id, lock=True)
        await service.advance(tx, row, "rebuild", by=by, now=now)
        return await service.get(tx, experiment_id)
