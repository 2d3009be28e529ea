"""What is due, by id, into the queue: woken by the database when the outbox fills, and by the tick otherwise."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from runtime.core import Runtime, open_runtime
from runtime.db.engine import plainly
from runtime.settings import Settings, secret
from workers.actors import deliver, fire, fold, measure, perform
from workers.tidying import tidy

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
EFFECT_LEASE = timedelta(seconds=10)
FOLD_LEASE = timedelta(seconds=5)
TIDY_EVERY = timedelta(hours=6)
_BATCH = 100
_IN_ONE = 10
_BREATH = 0.05
"""Seconds between two looks however often the outbox wakes us: what comes within them is claimed together."""


async def tick(runtime: Runtime) -> int:
    """Claim and enqueue everything due; returns how much it was. Several clocks may run: claims skip each other's rows.

    Measurements are many, so here they are only announced; the workers claim them in batches.
    """
    async with plainly(runtime.engine) as conn, conn.transaction():
        # A lease that a crash of the database takes back is only claimed anew.
        await conn.execute("set local synchronous_commit = off")
        due = await conn.fetch(_CLAIM, runtime.now(), LEASE, _BATCH, EFFECT_LEASE, FOLD_LEASE)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in due:
        found.setdefault(row["what"], []).append(row)
    for row in found.get("effect", ()):
        perform.send(str(row["org_id"]), str(row["batch"]))
    for row in found.get("fold", ()):
        fold.send(str(row["org_id"]))
    for row in found.get("timer", ()):
        fire.send(str(row["org_id"]), row["id"], row["kind"])
    if "measurements" in found:
        measure.send()
    for org_id, some in _together(found.get("outbox", ())):
        deliver.send(str(org_id), *map(str, some))
    return len(due)


_CLAIM = """
select 'timer' as what, org_id, id, kind, null::uuid as batch from claim_other_timers($1, $2, $3)
union all select 'effect', org_id, null, null, batch from claim_effects($4, 100 * $3)
union all select 'outbox', org_id, null, null, batch from claim_outbox($2, $3)
union all select 'fold', org_id, null, null, null from claim_folds($5, 10 * $3)
union all select 'measurements', null, null, null, null where measurements_due($1)
"""
"""One question, since it is asked at every change. Effects are claimed before what else is in the outbox, which then leaves them alone."""


def _together(claimed: Iterable[Mapping[str, Any]]) -> Iterator[tuple[UUID, Sequence[UUID]]]:
    """Batches of one organisation, some in one message: one that waits at a busy process should not take all others with it."""
    found: dict[UUID, list[UUID]] = {}
    for row in claimed:
        found.setdefault(row["org_id"], []).append(row["batch"])
    for org_id, batches in found.items():
        for start in range(0, len(batches), _IN_ONE):
            yield org_id, batches[start : start + _IN_ONE]


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
            await asyncio.sleep(_BREATH)
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
