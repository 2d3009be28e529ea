"""Migrations: Alembic on the owner's connection, under an advisory lock, so that two starts never migrate at once."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from runtime.db.engine import open_engine

_LOCK = 7_230_114_002


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


async def migrate(owner_url: str, *, to: str = "head") -> None:
    """Bring the database to a revision. A migration that dies half-way leaves nothing behind: each is one transaction."""
    engine = open_engine(owner_url, role=None, pool_size=1)
    try:
        async with engine.connect() as conn:
            await conn.execute(text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
            await conn.commit()
            await conn.run_sync(lambda sync: command.upgrade(_config(sync), to))
            await conn.commit()
            await conn.execute(text("select pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            await conn.commit()
    finally:
        await engine.dispose()


async def current(url: str, *, role: str | None = None) -> str | None:
    """The revision a database is at; None when it was never migrated."""
    engine = open_engine(url, role=role, pool_size=1)
    try:
        async with engine.connect() as conn:
            return await conn.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()
