"""Act on claimed timers: the row decides whether one is still wanted, and is closed in the transaction that acts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from runtime import timers
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.experiments import build
from runtime.gates import clock
from runtime.ingestion import news
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


MEASURED_AT_ONCE = 100
_LEASE = timedelta(seconds=30)
_room = asyncio.Semaphore(2)


async def measure(runtime: Runtime) -> bool:
    """Measure one batch of what is due, by organisation; True if there was as much as fits into one.

    A process whose batches are all under way takes no more: what it has not claimed, another one may.
    """
    if _room.locked():
        return False
    async with _room:
        claimed: dict[UUID, list[UUID]] = {}
        async with runtime.engine.begin() as conn:
            values = {"now": runtime.now(), "lease": _LEASE, "most": MEASURED_AT_ONCE}
            rows = (await conn.execute(text("select * from claim_measurements(:now, :lease, :most)"), values)).all()
        for row in rows:
            claimed.setdefault(row.org_id, []).append(row.subject_id)
        for org_id, experiments in claimed.items():
            await tick.measure(runtime, org_id, experiments)
    return len(rows) == MEASURED_AT_ONCE


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
            if kind == news.KIND:
                await news.fire(runtime, tx, timer)
            else:
                await TIMERS[kind](tx, timer, runtime.now())
