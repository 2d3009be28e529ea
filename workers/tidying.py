"""What is done every few hours: forgetting what has served its time, and having ready what the next days need."""

from datetime import timedelta

from sqlalchemy import delete, text

from runtime import digests
from runtime.core import Runtime
from runtime.db.tables import inbound_events
from runtime.ingestion import retention

REMEMBERED = timedelta(days=7)


async def tidy(runtime: Runtime) -> None:
    """Forget message ids after their replay window and raw rows of what has ended; have next month's partition and the next digests ready."""
    for org_id in await runtime.org_ids():
        async with runtime.transaction(org_id) as tx:
            await tx.run(delete(inbound_events).where(inbound_events.c.received_at < runtime.now() - REMEMBERED))
            await tx.run(text("select ensure_measurement_partitions(:now)"), {"now": runtime.now()})
            await retention.prepare(tx, runtime.now())
            await retention.forget(tx, runtime.now(), runtime.settings.raw_rows_days)
            await digests.arm(runtime, tx)
