"""What is done every few hours: forgetting what has served its time, and having ready what the next days need."""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, text

from runtime import digests, forgetting
from runtime.core import Runtime
from runtime.db.tables import inbound_events
from runtime.ingestion import retention

log = structlog.get_logger(__name__)

REMEMBERED = timedelta(days=7)


async def tidy(runtime: Runtime) -> None:
    """Forget message ids after their replay window, raw rows of what has ended and the text of old mail; have next month's partition and the next digests ready."""
    for org_id in await runtime.org_ids():
        try:
            await _tidy(runtime, org_id)
        except Exception as error:  # noqa: BLE001  one organisation's trouble must not stop the others, nor the clock
            log.warning("tidying.failed", org=str(org_id), error=f"{type(error).__name__}: {error}"[:300])


async def _tidy(runtime: Runtime, org_id: UUID) -> None:
    async with runtime.transaction(org_id) as tx:
        await tx.run(delete(inbound_events).where(inbound_events.c.received_at < runtime.now() - REMEMBERED))
        await tx.run(text("select ensure_measurement_partitions(:now)"), {"now": runtime.now()})
        await retention.prepare(tx, runtime.now())
        await retention.forget(tx, runtime.now(), runtime.settings.raw_rows_days)
    async with runtime.transaction(org_id) as tx:
        await digests.arm(runtime, tx)
    await forgetting.mail(runtime, org_id, runtime.now())
