"""From settings to a runtime on this machine: embedded servers where none are named, generated secrets where none are given."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from bot.cli.completion import complete
from runtime.core import Runtime, running
from runtime.db.migrate import current, head
from runtime.errors import DatabaseFailed, InvalidConfiguration
from runtime.identity import members
from runtime.identity.people import By, person
from runtime.local.secrets import load_or_create_secrets
from runtime.local.servers import ensure_servers
from runtime.settings import Settings, secret

Result = TypeVar("Result")


@contextmanager
def local() -> Iterator[Settings]:
    """Complete settings for the length of one command; servers that `up` runs are used and left running."""
    settings = Settings()
    with ensure_servers(settings) as servers:
        yield complete(settings, servers, load_or_create_secrets(settings.data_dir))


def local_settings() -> Settings:
    """As `local`, for a process that lives as long as its parent wants; the servers must be running already."""
    with local() as settings:
        return settings


def with_runtime(work: Callable[[Runtime, UUID], Awaitable[Result]]) -> Result:
    """Run one piece of work on a migrated database as the local organisation."""
    with local() as settings:
        try:
            return asyncio.run(_work(settings, work))
        except (SQLAlchemyError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise DatabaseFailed(
                f"The database did not do what was asked: {reason}. `outcome-runtime doctor` says what is reachable."
            ) from error


async def _work(settings: Settings, work: Callable[[Runtime, UUID], Awaitable[Result]]) -> Result:
    at = await current(secret(settings.migration_database_url) or "")
    if at != head():
        raise InvalidConfiguration(
            f"The database is at revision {at or 'none'}, this version needs {head()}; run `outcome-runtime migrate`."
        )
    async with running(settings) as runtime:
        return await work(runtime, await members.ensure_home(runtime))


async def operator(runtime: Runtime, org_id: UUID) -> By:
    """Who types: the person at this machine's command line acts as the organisation's owner. No command decides a gate."""
    async with runtime.transaction(org_id) as tx:
        owner = await members.owner(tx)
    if owner is None:
        raise InvalidConfiguration("This organisation has no owner; set OWNER_EMAIL and start again.")
    return person(owner, "cli")
