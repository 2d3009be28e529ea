"""The connection pool, and transactions that see one organisation only."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, Executable, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Row: TypeAlias = Mapping[str, Any]
"""A row as a plain mapping: a value that pure code may take."""

APP_ROLE = "outcome_app"
"""The role the application works as: no superuser, no BYPASSRLS, owner of nothing."""


def to_json(value: Any) -> str:
    """JSON for columns: exact, with decimals and times as strings, and never NaN (Postgres refuses it)."""
    return json.dumps(value, default=str, allow_nan=False, ensure_ascii=False)


def async_url(url: str) -> str:
    """The same address with the asyncpg driver named."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+asyncpg{separator}{rest}" if scheme in {"postgresql", "postgres"} else url


def open_engine(url: str, *, role: str | None = APP_ROLE, pool_size: int = 5) -> AsyncEngine:
    """A pool on `url`; each connection takes on `role` at its start, so that row-level security binds it."""
    server_settings = {"application_name": "outcome-runtime", **({"role": role} if role else {})}
    return create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        json_serializer=to_json,
        connect_args={"server_settings": server_settings, "timeout": 10, "command_timeout": 60},
    )


@dataclass(slots=True)
class Tx:
    """One transaction of one organisation. Rows come back as mappings; what it puts in the outbox leaves as one batch."""

    conn: AsyncConnection
    org_id: UUID
    batch: UUID = field(default_factory=uuid4)
    position: int = 0

    async def run(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        return await self.conn.execute(statement, parameters)

    async def first(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Row | None:
        found = (await self.conn.execute(statement, parameters)).mappings().first()
        return None if found is None else {**found}

    async def all(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        return [{**row} for row in (await self.conn.execute(statement, parameters)).mappings()]

    async def value(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        return (await self.conn.execute(statement, parameters)).scalar()

    def next_position(self) -> int:
        self.position += 1
        return self.position


@asynccontextmanager
async def transaction(engine: AsyncEngine, org_id: UUID) -> AsyncIterator[Tx]:
    """Begin, show only this organisation's rows, commit at the end or roll back on any error."""
    async with engine.begin() as conn:
        await conn.execute(text("select set_config('app.org_id', :org, true)"), {"org": str(org_id)})
        yield Tx(conn, org_id)


@asynccontextmanager
async def exclusive(engine: AsyncEngine, key: str, *, wait_seconds: float = 0.0) -> AsyncIterator[bool]:
    """Hold a lock of the database's by name; yields False if somebody else still has it after the wait.

    The lock belongs to a connection, so it is free again the moment its process dies; nothing to clean up, no lease to guess.
    """
    async with engine.connect() as conn:
        await conn.execution_options(isolation_level="AUTOCOMMIT")
        deadline = time.monotonic() + wait_seconds
        mine = await _try_lock(conn, key)
        while not mine and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            mine = await _try_lock(conn, key)
        try:
            yield mine
        finally:
            if mine:
                # A connection that broke meanwhile took its lock with it.
                with suppress(DBAPIError):
                    await conn.execute(text("select pg_advisory_unlock(hashtextextended(:key, 0))"), {"key": key})


async def _try_lock(conn: AsyncConnection, key: str) -> bool:
    return bool(
        (await conn.execute(text("select pg_try_advisory_lock(hashtextextended(:key, 0))"), {"key": key})).scalar()
    )
