"""Act on claimed timers: the row decides whether one is still wanted, and is closed in the transaction that acts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from runtime import digests, timers
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.experiments import build, deadlines
from runtime.gates import clock, holding
from runtime.ingestion import news
from runtime.measurement import progress, tick
from runtime.outcomes import service as outcomes
from workers import outbox

log = structlog.get_logger()

Fire = Callable[[Tx, Row, datetime], Awaitable[None]]

TIMERS: dict[str, Fire] = {
    "gate_remind_half": clock.fire,
    "gate_remind_late": clock.fire,
    "gate_people": clock.fire,
    "gate_due": clock.fire,
    "build_deadline": build.run_out,
    "outcome_expire": outcomes.expire,
}


MEASURED_AT_ONCE = 50
"""As many as are read and judged in about a second on a busy machine: news of one of them wait for the others."""
_LEASE = timedelta(seconds=5)
"""Until the experiments of a worker that died are claimed anew. Those of a living one are held by its locks, and come back a second later."""
_PATIENCE = 2.0
"""Seconds a batch has the room for itself; one whose sources take longer to answer goes on beside the others."""
_MOST_SLOW = 4
_ORGS_AT_ONCE, _FLAGS_AT_ONCE = 2, 2
"""Each holds a connection of its own while it is under way, out of the pool that all its work comes from."""


@dataclass(frozen=True, slots=True)
class _Lane:
    """What is due for so long, how much of it at once, and how many of it make it likely that there is more."""

    late: timedelta
    most: int
    enough: int
    room: asyncio.Semaphore
    slow: set[asyncio.Task[None]]


_NEWS = _Lane(news.AHEAD, 10, 1, asyncio.Semaphore(2), set())
_TURN = _Lane(timedelta(), MEASURED_AT_ONCE, MEASURED_AT_ONCE, asyncio.Semaphore(1), set())


async def measure(runtime: Runtime) -> bool:
    """Measure one batch of what is due, by organisation; True if there may be more.

    What has news goes first, in small batches with rooms of their own: it must not wait for a hundred others to be read. A process whose
    batches are all under way takes no more: what it has not claimed, another one may.
    """
    return await _batch(runtime, _NEWS) or await _batch(runtime, _TURN)


async def _batch(runtime: Runtime, lane: _Lane) -> bool:
    if lane.room.locked() or len(lane.slow) >= _MOST_SLOW:
        return False
    async with lane.room:
        claimed: dict[UUID, list[UUID]] = {}
        async with runtime.engine.begin() as conn:
            values = {"now": runtime.now() - lane.late, "lease": _LEASE, "most": lane.most}
            rows = (await conn.execute(text("select * from claim_measurements(:now, :lease, :most)"), values)).all()
        for row in rows:
            claimed.setdefault(row.org_id, []).append(row.subject_id)
        if claimed:
            work = asyncio.create_task(_measured(runtime, claimed))
            if not (await asyncio.wait({work}, timeout=_PATIENCE))[0]:
                lane.slow.add(work)
                work.add_done_callback(lane.slow.discard)
    return len(rows) >= lane.enough


async def _measured(runtime: Runtime, claimed: Mapping[UUID, Sequence[UUID]]) -> None:
    """Organisations do not wait for each other's sources. What fails is claimed again when its lease ends."""
    room = asyncio.Semaphore(_ORGS_AT_ONCE)
    flags = asyncio.Semaphore(_FLAGS_AT_ONCE)

    async def act(org_id: UUID, batch: UUID) -> None:
        async with flags:
            await outbox.deliver_flags(runtime, org_id, batch)

    async def one(org_id: UUID, experiments: Sequence[UUID]) -> None:
        async with room:
            try:
                await tick.measure(runtime, org_id, experiments, act)
            except Exception as error:  # noqa: BLE001  one organisation's trouble must not stop the others
                log.warning("measure.failed", org=str(org_id), error=f"{type(error).__name__}: {error}"[:300])

    await asyncio.gather(*(one(*item) for item in claimed.items()))


async def fire(runtime: Runtime, org_id: UUID, timer_id: int, kind: str) -> None:
    if kind == "measure":
        await tick.fire(runtime, org_id, timer_id)
        return
    if kind == "outcome_level":
        await progress.fire(runtime, org_id, timer_id)
        return
    if kind == holding.TIMER:
        await holding.fire(runtime, org_id, timer_id)
        return
    async with runtime.transaction(org_id) as tx:
        timer = await timers.take(tx, timer_id)
        if timer is not None:
            await timers.close(tx, timer_id)
            if kind == news.KIND:
                await news.fire(runtime, tx, timer)
            elif kind == digests.KIND:
                await digests.fire(runtime, tx, timer)
            elif kind == deadlines.KIND:
                await deadlines.fire(runtime, tx, timer, runtime.now())
            else:
                await TIMERS[kind](tx, timer, runtime.now())
