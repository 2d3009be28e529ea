"""What is due, by id, into the queue: woken by the database when the outbox fills, and by the tick otherwise."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import structlog
from sqlalchemy import text

from runtime.core import Runtime, open_runtime
from runtime.settings import Settings, secret
from workers.actors import deliver, fire, fold, measure, perform
from workers.tidying import tidy

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
EFFECT_LEASE = timedelta(seconds=10)
FOLD_LEASE = timedelta(seconds=5)
TIDY_EVERY = timedelta(hours=6)
_BATCH = 100


async def tick(runtime: Runtime) -> int:
    """Claim and enqueue everything due; returns how much it was. Several clocks may run: claims skip each other's rows.

    Measurements are many, so here they are only announced; the workers claim them in batches.
    """
    async with runtime.engine.begin() as conn:
        timers = (
            await conn.execute(
                text("select * from claim_other_timers(:now, :lease, :most)"),
                {"now": runtime.now(), "lease": LEASE, "most": _BATCH},
            )
        ).all()
        effects = (
            await conn.execute(
                text("select * from claim_effects(:lease, :most)"), {"lease": EFFECT_LEASE, "most": 100 * _BATCH}
            )
        ).all()
        batches = (
            await conn.execute(text("select * from claim_outbox(:lease, :most)"), {"lease": LEASE, "most": _BATCH})
        ).all()
        folds = (
            await conn.execute(
                text("select * from claim_folds(:lease, :most)"), {"lease": FOLD_LEASE, "most": 10 * _BATCH}
            )
        ).all()
        measurements = (await conn.execute(text("select measurements_due(:now)"), {"now": runtime.now()})).scalar_one()
    for row in effects:
        perform.send(str(row.org_id), str(row.batch))
    for row in folds:
        fold.send(str(row.org_id))
    for row in timers:
        fire.send(str(row.org_id), row.id, row.kind)
    if measurements:
        measure.send()
    for row in batches:
        deliver.send(str(row.org_id), str(row.batch))
    return len(timers) + len(effects) + len(batches) + len(folds) + int(measurements)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Tick until told to stop; a database or queue that is away is waited for."""
    runtime, wake = open_runtime(settings), asyncio.Event()
    listener: asyncpg.Connection | None = None
    tidied: datetime | None = None
    try:
        while not stop.is_set():
            try:
                if tidied is None or runtime.now() - tidied > TIDY_EVERY:
                    await tidy(runtime)
                    tidied = runtime.now()
                listener = await _listen(settings, listener, wake)
                wake.clear()
                await tick(runtime)
            except Exception as error:  # noqa: BLE001  the clock must outlive every outage
                log.warning("clock.waiting", error=f"{type(error).__name__}: {error}"[:300])
                await asyncio.sleep(settings.clock_tick_seconds)
            await _until(wake, stop, settings.clock_tick_seconds)
    finally:
        if listener is not None:
            listener.terminate()
        await runtime.close()


async def _listen(
    settings: Settings, listener: "asyncpg.Connection | None", wake: asyncio.Event
) -> "asyncpg.Connection":
    if listener is not None and not listener.is_closed():
        return listener
    fresh: asyncpg.Connection = await asyncpg.connect(secret(settings.database_url), timeout=10)
    await fresh.add_listener("outbox", lambda *_: wake.set())
    return fresh


async def _until(wake: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    waiting = [asyncio.ensure_future(wake.wait()), asyncio.ensure_future(stop.wait())]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
