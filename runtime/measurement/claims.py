"""Who measures an experiment at this moment: one worker, for the answer of an older look must not overwrite a newer one's."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_LOCK = text("""
select id from unnest(cast(:ids as uuid[])) as id where pg_try_advisory_lock(hashtextextended('measure:' || id::text, 0))
""")
_FREE = text(
    "select pg_advisory_unlock(hashtextextended('measure:' || id::text, 0)) from unnest(cast(:ids as uuid[])) as id"
)


class Held:
    """The experiments a worker may measure; what it has finished with it frees at once, for others of the batch may take long."""

    def __init__(self, conn: AsyncConnection, ids: Sequence[UUID]) -> None:
        self._conn, self._one_by_one = conn, asyncio.Lock()
        self.ids = set(ids)

    async def free(self, ids: Iterable[UUID]) -> None:
        async with self._one_by_one:
            done = self.ids.intersection(ids)
            self.ids -= done
            # A connection that broke meanwhile took its locks with it.
            with suppress(DBAPIError):
                if done:
                    await self._conn.execute(_FREE, {"ids": list(done)})


@asynccontextmanager
async def held(engine: AsyncEngine, ids: Sequence[UUID]) -> AsyncIterator[Held]:
    """Those of the experiments that nobody else is measuring. The locks end with their connection, however that ends."""
    async with engine.connect() as conn:
        await conn.execution_options(isolation_level="AUTOCOMMIT")
        mine = Held(conn, list((await conn.execute(_LOCK, {"ids": list(ids)})).scalars()))
        try:
            yield mine
        finally:
            await mine.free(set(mine.ids))
