"""Act on one claimed timer: the row decides whether it is still wanted, and is closed in the transaction that acts."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from runtime import timers
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.experiments import build
from runtime.gates import clock
from runtime.measurement import progress, tick
from runtime.outcomes import service as outcomes

Fire = Callable[[Tx, Row, datetime], Awaitable[None]]

TIMERS: dict[str, Fire] = {
    "gate_remind_half": clock.fire,
    "gate_remind_late": clock.fire,
    "gate_due": clock.fire,
    "build_deadline": build.run_out,
    "outcome_expire": outcomes.expire,
}


async def fire(runtime: Runtime, org_id: UUID, timer_id: int, kind: str) -> None:
    if kind == "measure":
        await tick.fire(runtime, org_id, timer_id)
        return
    if kind == "outcome_level":
        await progress.fire(runtime, org_id, timer_id)
        return
    async with runtime.transaction(org_id) as tx:
        timer = await timers.take(tx, timer_id)
        if timer is not None:
            await timers.close(tx, timer_id)
            await TIMERS[kind](tx, timer, runtime.now())
