"""The actors: thin doors from the queues to one call each. Import only after `broker.connect`."""

from uuid import UUID

import dramatiq

from runtime.ingestion import fold as folding
from workers import outbox, timers
from workers.broker import FOLD, GUARD, TALK, WORK
from workers.current import current_runtime
from workers.together import together

_BRIEFLY = 1.0
"""Seconds: a long effect's row is claimed again while it is performed, and those messages must not keep all threads waiting for it."""


@dramatiq.actor(queue_name=TALK, max_retries=0, time_limit=600_000)
async def deliver(org_id: str, *batches: str) -> None:
    """Deliver the messages of some batches. Not retried here: an undelivered row is due again by its own clock."""
    await outbox.deliver_notices(current_runtime(), UUID(org_id), [UUID(batch) for batch in batches])


@dramatiq.actor(queue_name=GUARD, max_retries=0, time_limit=600_000, priority=-10)
async def perform(org_id: str, batch: str) -> None:
    """Set the flags that one batch asks for; whatever else it asks for may take its time elsewhere."""
    if await outbox.deliver_flags(current_runtime(GUARD), UUID(org_id), UUID(batch)):
        work.send(org_id, batch)


@dramatiq.actor(queue_name=WORK, max_retries=0, time_limit=600_000, priority=-10)
async def work(org_id: str, batch: str) -> None:
    """Perform the other effects of one batch: builds, proposals, learnings."""
    await outbox.deliver(current_runtime(), UUID(org_id), UUID(batch), wanted=outbox.is_effect, patience=_BRIEFLY)


@dramatiq.actor(queue_name=WORK, max_retries=0, time_limit=600_000)
async def fire(org_id: str, timer_id: int, kind: str) -> None:
    """Act on one timer. Not retried here: a timer that did not close is claimed again when its lease ends."""
    await timers.fire(current_runtime(), UUID(org_id), timer_id, kind)


@dramatiq.actor(queue_name=FOLD, max_retries=0, time_limit=600_000)
async def fold(org_id: str) -> None:
    """Fold what an organisation was posted. Not retried here: a batch that is still there is claimed again when its lease ends."""
    await together(org_id, lambda: folding.fold(current_runtime(GUARD), UUID(org_id)))


@dramatiq.actor(queue_name=GUARD, max_retries=0, time_limit=600_000)
async def measure() -> None:
    """Measure one batch of what is due; the next batch comes as its own message."""
    if await timers.measure(current_runtime(GUARD)):
        measure.send()
