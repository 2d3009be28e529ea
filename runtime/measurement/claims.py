"""Who measures an experiment at this moment: one worker, for the answer of an older look must not overwrite a newer one's."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

_LOCK = text("""
select id from unnest(cast(:ids as uuid[])) as id where pg_try_advisory_lock(hashtextextended('measure:' || id::text, 0))
""")
_FREE = text(
    "select pg_advisory_unlock(hashtextextended('measure:' || id::text, 0)) from unnest(cast(:ids as uuid[])) as id"
)


@asynccontextmanager
async def held(engine: AsyncEngine, ids: Sequence[UUID]) -> AsyncIterator[list[UUID]]:
    """Those of the experiments that nobody else is measuring. The locks end with their connection, however that ends."""
    async with engine.connect() as conn:
        await conn.execution_options(isolation_level="AUTOCOMMIT")
        mine = list((await conn.execute(_LOCK, {"ids": list(ids)})).scalars())
        try:
            yield mine
        finally:
            # A connection that broke meanwhile took its locks with it.
            with suppress(DBAPIError):
                await conn.execute(_FREE, {"ids": mine})
