"""The connection pool, and transactions that see one organisation only."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import CursorResult, Executable, event
from sqlalchemy.exc import DisconnectionError
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


_ASK_AFTER = 30.0
"""Seconds of idleness after which a connection is asked whether it still works: one that a firewall forgot says nothing by itself."""


_UNHURRIED = "set_config('synchronous_commit', 'off', true)"


class _Line(asyncpg.Connection):  # type: ignore[misc]
    """A connection that says with BEGIN whose rows are to be seen: one message instead of two, and none without a statement."""

    __slots__ = ("lasting", "org_id", "used_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.org_id: UUID | None = None
        self.lasting = True
        self.used_at = time.monotonic()

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if self.org_id is not None and query.startswith("BEGIN"):
            query = f"{query} select set_config('app.org_id', '{self.org_id}', true)"
            query, self.org_id = query if self.lasting else f"{query}, {_UNHURRIED}", None
        return str(await super().execute(query, *args, **options))


def open_engine(url: str, *, role: str | None = APP_ROLE, pool_size: int = 10, overflow: int = 0) -> AsyncEngine:
    """A pool on `url`; each connection takes on `role` at its start, so that row-level security binds it.

    What overflows is closed after each use, and opening one takes longer than most transactions: for rare peaks only.
    """
    server_settings = {"application_name": "outcome-runtime", **({"role": role} if role else {})}
    engine = create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=overflow,
        json_serializer=to_json,
        connect_args={
            "server_settings": server_settings,
            "timeout": 10,
            "command_timeout": 60,
            "connection_class": _Line,
        },
    )
    event.listen(engine.sync_engine.pool, "checkout", _still_there)
    event.listen(engine.sync_engine.pool, "checkin", _used)
    return engine


def _still_there(adapted: Any, _record: Any, _proxy: Any) -> None:
    """A connection that its server has closed is known to be closed; only one that stood idle is asked, which costs three messages."""
    line: _Line = adapted.driver_connection
    if line.is_closed():
        raise DisconnectionError
    if time.monotonic() - line.used_at > _ASK_AFTER:
        try:
            adapted.ping()
        except Exception as error:
            raise DisconnectionError from error


def _used(adapted: Any, _record: Any) -> None:
    if adapted is not None:
        adapted.driver_connection.used_at = time.monotonic()


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


@dataclass(slots=True)
class _Held:
    """A connection that holds a lock for one task; its transactions run on it as well, so that no holder waits for a second one."""

    engine: AsyncEngine
    conn: AsyncConnection
    task: asyncio.Task[Any] | None


_held: ContextVar[_Held | None] = ContextVar("held", default=None)


@asynccontextmanager
async def transaction(engine: AsyncEngine, org_id: UUID, *, lasting: bool = True) -> AsyncIterator[Tx]:
    """Begin, show only this organisation's rows, commit at the end or roll back on any error.

    One that is not `lasting` does not wait for the disk: a crash of the database's machine may take it back as a whole.
    """
    async with _connection(engine) as conn, conn.begin():
        line = await _line(conn)
        line.org_id, line.lasting = UUID(str(org_id)), lasting
        try:
            yield Tx(conn, org_id)
        finally:
            line.org_id = None


@asynccontextmanager
async def _connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    held = _held.get()
    mine = held is not None and held.engine is engine and held.task is asyncio.current_task()
    if held is not None and mine and not held.conn.in_transaction():
        yield held.conn
    else:
        async with engine.connect() as conn:
            yield conn


@asynccontextmanager
async def plainly(engine: AsyncEngine) -> AsyncIterator["asyncpg.Connection"]:
    """The driver's own connection, each statement for itself: for the few that run all the time."""
    async with engine.connect() as conn:
        yield await _line(conn)


async def _line(conn: AsyncConnection) -> _Line:
    found: _Line = (await conn.get_raw_connection()).driver_connection  # type: ignore[assignment]
    return found


@asynccontextmanager
async def exclusive(engine: AsyncEngine, key: str, *, wait_seconds: float = 0.0) -> AsyncIterator[bool]:
    """Hold a lock of the database's by name; yields False if somebody else still has it after the wait.

    The lock belongs to a connection, so it is free again the moment its process dies; nothing to clean up, no lease to guess.
    """
    async with engine.connect() as conn:
        line = await _line(conn)
        deadline = time.monotonic() + wait_seconds
        mine = await _try_lock(line, key)
        while not mine and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            mine = await _try_lock(line, key)
        before = _held.set(_Held(engine, conn, asyncio.current_task()))
        try:
            yield mine
        finally:
            _held.reset(before)
            if mine:
                # A connection that broke meanwhile took its lock with it.
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await _ask(line, "select pg_advisory_unlock(hashtextextended($1, 0))", key)


async def _try_lock(line: _Line, key: str) -> bool:
    return bool(await _ask(line, "select pg_try_advisory_lock(hashtextextended($1, 0))", key))


async def _ask(line: _Line, question: str, key: str) -> Any:
    """Whoever is stopped in the middle cannot know whether the lock was taken: it goes with the connection."""
    try:
        return await line.fetchval(question, key)
    except BaseException:
        line.terminate()
        raise
