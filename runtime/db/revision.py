"""Which revision a database is at and which one this code wants, without loading Alembic: asked at every start."""

from importlib.resources import files

import asyncpg


def newest() -> str:
    """The newest migration's number: file names begin with it, and they sort as they apply."""
    names = [entry.name for entry in files("migrations").joinpath("versions").iterdir() if entry.name.endswith(".py")]
    return max(name.partition("_")[0] for name in names if name[0].isdigit())


async def present(owner_url: str) -> str | None:
    """The revision a database is at; None when it was never migrated."""
    connection: asyncpg.Connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return None
        found = await connection.fetchval("select version_num from alembic_version")
        return None if found is None else str(found)
    finally:
        await connection.close(timeout=5)
