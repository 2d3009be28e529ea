"""The actors: thin doors from the queue to one call each. Import only after `broker.connect`."""

from uuid import UUID

import dramatiq

from runtime.ingestion import fold as folding
from workers import outbox, timers
from workers.broker import QUEUE
from workers.current import current_runtime


@dramatiq.actor(queue_name=QUEUE, max_retries=0, time_limit=600_000, priority=20)
async def deliver(org_id: str, batch: str) -> None:
    """Deliver one batch of the outbox. Not retried here: an undelivered row is due again by its own clock."""
    await outbox.deliver(current_runtime(), UUID(org_id), UUID(batch))


@dramatiq.actor(queue_name=QUEUE, max_retries=0, time_limit=600_000, priority=-10)
async def perform(org_id: str, batch: str) -> None:
    """Perform the effects of one batch, before any message waiting in this worker: kill first, speak later."""
    await outbox.deliver(current_runtime(), UUID(org_id), UUID(batch), effects_only=True)


@dramatiq.actor(queue_name=QUEUE, max_retries=0, time_limit=600_000)
async def fire(org_id: str, timer_id: int, kind: str) -> None:
    """Act on one timer. Not retried here: a timer that did not close is claimed again when its lease ends."""
    await timers.fire(current_runtime(), UUID(org_id), timer_id, kind)


@dramatiq.actor(queue_name=QUEUE, max_retries=0, time_limit=600_000, priority=-5)
async def fold(org_id: str) -> None:
    """Fold what an organisation was posted. Not retried here: a batch that is still there is claimed again when its lease ends."""
    await folding.fold(current_runtime(), UUID(org_id))


@dramatiq.actor(queue_name=QUEUE, max_retries=0, time_limit=600_000, priority=10)
async def measure() -> None:
    """Measure one batch of what is due, after whatever else waits in this worker; the next batch comes as its own message."""
    if await timers.measure(current_runtime()):
        measure.send()
