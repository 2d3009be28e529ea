"""Reading outcomes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from runtime.db.engine import Row, Tx
from runtime.db.tables import outcomes
from runtime.errors import NotFound


async def get(tx: Tx, outcome_id: UUID, *, lock: bool = False) -> Row:
    statement = select(outcomes).where(outcomes.c.id == outcome_id)
    row = await tx.first(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(f"There is no outcome {outcome_id}; `/outcome list` shows them.", outcome_id=outcome_id)
    return row


async def by_slug(tx: Tx, slug: str, *, lock: bool = False) -> Row | None:
    statement = select(outcomes).where(outcomes.c.slug == slug)
    return await tx.first(statement.with_for_update() if lock else statement)


async def listed(tx: Tx, *, status: str | None = None) -> Sequence[Row]:
    statement = select(outcomes).order_by(outcomes.c.created_at, outcomes.c.slug)
    return await tx.all(statement.where(outcomes.c.status == status) if status else statement)
