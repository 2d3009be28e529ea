"""Migrations: Alembic on the owner's connection, under an advisory lock, so that two starts never migrate at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from runtime.db.engine import async_url, open_engine
from runtime.errors import DatabaseFailed

_LOCK = 7_230_114_002
_DEATH_NOTICED_WITHIN = "1s"
"""Else the server would finish the statement of a start that was killed, and hold its lock, before the next start's turn."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision this code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revisions() -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _patient_engine(owner_url: str) -> AsyncEngine:
    """Statements may take as long as the tables are large, and a second start waits as long as the first one works."""
    server_settings = {"application_name": "outcome-runtime"}
    return create_async_engine(
        async_url(owner_url), poolclass=NullPool, connect_args={"server_settings": server_settings, "timeout": 10}
    )


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        first, *_ = str(cause).splitlines() or [type(cause).__name__]
        raise DatabaseFailed(
            f"The database refused a migration: {first.rpartition('>: ')[2].rstrip('.')}. "
            "The step was taken back whole; mend what is named and start again, and it carries on there."
        ) from error


async def migrate(owner_url: str, *, to: str = "head") -> None:
    """Bring the database to a revision. Each migration is one transaction: killed half-way it leaves nothing behind."""
    engine = _patient_engine(owner_url)
    try:
        async with engine.connect() as conn:
            await conn.execute(text(f"set client_connection_check_interval = '{_DEATH_NOTICED_WITHIN}'"))
            await conn.execute(text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
            await conn.commit()
            with _told_in_a_sentence():
                await conn.run_sync(lambda sync: command.upgrade(_config(sync), to))
            await conn.commit()
            await conn.execute(text("select pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            await conn.commit()
    finally:
        await engine.dispose()


async def current(url: str, *, role: str | None = None) -> str | None:
    """The revision a database is at; None when it was never migrated."""
    engine = open_engine(url, role=role, pool_size=1, overflow=1)
    try:
        async with engine.connect() as conn:
            return await conn.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()
