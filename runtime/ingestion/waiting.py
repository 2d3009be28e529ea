"""What is accepted and not folded yet: a bound on it, so that senders wait instead of the queue growing for ever."""

from sqlalchemy import func, select

from runtime.db.engine import Tx
from runtime.db.tables import ingested_batches
from runtime.ingestion.limits import TooBusy

RETRY_AFTER = 5


async def rows(tx: Tx) -> int:
    """Accepted rows of this organisation that no sum holds yet."""
    return int(await tx.value(select(func.coalesce(func.sum(ingested_batches.c.rows), 0))) or 0)


def check(waiting: int, more: int, most: int) -> None:
    """Raises TooBusy when the organisation has as many rows waiting as it may."""
    if waiting and waiting + more > most:
        raise TooBusy(
            f"{waiting} rows wait to be added up; send the same message again in {RETRY_AFTER} seconds.",
            retry_after=RETRY_AFTER,
            waiting=waiting,
        )
