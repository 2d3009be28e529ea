"""The composition root: what every service call is handed."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime import numerals
from runtime.db.engine import Tx, open_engine, transaction
from runtime.errors import InvalidConfiguration, NotFound
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from runtime.integrations.http import Http
    from runtime.vault import Vault


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Runtime:
    """Settings, database, vault, HTTP client and clock. Open one per process and event loop."""

    settings: Settings
    engine: AsyncEngine
    vault: "Vault"
    http: "Http"
    now: Callable[[], datetime] = field(default=wall_clock)

    @asynccontextmanager
    async def transaction(self, org_id: UUID, *, lasting: bool = True) -> AsyncIterator[Tx]:
        """`lasting=False` is for what is done again when a crash takes it back: nothing a person decided or was told is."""
        async with transaction(self.engine, org_id, lasting=lasting) as tx:
            yield tx

    async def org_ids(self) -> list[UUID]:
        async with self.engine.connect() as conn:
            return list((await conn.execute(text("select org_ids()"))).scalars())

    async def org_by_slug(self, slug: str) -> UUID:
        async with self.engine.connect() as conn:
            found = (await conn.execute(text("select org_by_slug(:slug)"), {"slug": slug})).scalar()
        if found is None:
            raise NotFound(
                f"There is no organisation '{slug}' here; `outcome-runtime up` makes the first one.", slug=slug
            )
        return UUID(str(found))

    async def home(self) -> UUID:
        """The organisation this process serves when a request names none."""
        return await self.org_by_slug(self.settings.org)

    async def close(self) -> None:
        await self.http.close()
        await self.engine.dispose()


def open_runtime(settings: Settings) -> Runtime:
    """Wire everything from settings; nothing is connected before it is used."""
    from runtime.integrations.http import Http  # noqa: PLC0415  aiohttp is slow to import, and not every command needs it
    from runtime.vault import Vault  # noqa: PLC0415  as above, cryptography

    url, keys = secret(settings.database_url), secret(settings.encryption_keys)
    if url is None:
        raise InvalidConfiguration(
            "DATABASE_URL is not set and no embedded server is running; start one with `outcome-runtime up`."
        )
    if keys is None:
        raise InvalidConfiguration("ENCRYPTION_KEYS is not set; `outcome-runtime up` generates one under DATA_DIR.")
    numerals.use(settings.locale)
    return Runtime(settings, open_engine(url), Vault.from_keys(keys), Http(allow=_hosts(settings)))


def _hosts(settings: Settings) -> tuple[str, ...]:
    """Hosts the operator named, and that of AGENT_URL, which only the operator can set."""
    agent = urlsplit(settings.agent_url or "").hostname
    named = [host.strip() for host in settings.allow_private_hosts.split(",")]
    return tuple(host for host in (*named, agent) if host)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime for the length of one command or process."""
    runtime = open_runtime(settings)
    try:
        yield runtime
    finally:
        await runtime.close()
