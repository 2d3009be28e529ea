"""A migration killed with kill -9 in the middle of a statement leaves nothing; the next start carries on, a second one waits."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from runtime.db.migrate import current, head, migrate, revisions
from runtime.local.databases import create_database, drop_database
from runtime.local.postgres import LocalPostgres

ROOT = Path(__file__).parents[3]
SOON = 30.0
MIGRATES = "import asyncio, sys\nfrom runtime.db.migrate import migrate\nasyncio.run(migrate(sys.argv[1]))"

# Somebody else's open transaction that stands in a migration's way: the name of the first one's last table, which it may
# not take before that transaction ends, and for the later ones the row that every migration writes as its very last step.
IN_THE_WAY = {"0001": "create table outbox (id int)"}
ON_THE_LAST_STEP = "select version_num from alembic_version for update"

# All that a migration makes, in words: a half-made, doubled or unsecured thing shows as a difference.
CATALOGUE = """
select concat_ws(' ', c.relkind::text, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relacl::text, c.relispartition)
  from pg_class c where c.relnamespace = 'public'::regnamespace
union all select concat_ws(' ', 'policy', polrelid::regclass::text, polname, polcmd::text, pg_get_expr(polqual, polrelid)) from pg_policy
union all select concat_ws(' ', 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)) from pg_constraint where connamespace = 'public'::regnamespace
union all select concat_ws(' ', 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid)) from pg_trigger where not tgisinternal
union all select concat_ws(' ', 'function', p.oid::regprocedure::text, md5(p.prosrc)) from pg_proc p where pronamespace = 'public'::regnamespace
union all select concat_ws(' ', 'extension', extname, extversion) from pg_extension
union all select 'revision ' || version_num from alembic_version
order by 1
"""
WAITING = """
select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event %s 'advisory'
"""
MADE_SO_FAR = "select count(*) from pg_locks where pid = $1 and locktype = 'relation' and mode = 'AccessExclusiveLock' and granted"


@pytest.fixture
def url(postgres: LocalPostgres) -> Iterator[str]:
    yield create_database(postgres, "migrating_killed")
    drop_database(postgres, "migrating_killed")


@pytest.fixture
async def look(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.fixture
async def stranger(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    connection.terminate()


@pytest.fixture
def another_start(url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", MIGRATES, url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.communicate(timeout=SOON)


async def eventually(reached: Callable[[], Awaitable[object]]) -> None:
    deadline = time.monotonic() + SOON
    while not await reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def in_a_statement(look: asyncpg.Connection, *, other_than: int = 0) -> list[int]:
    """Server processes whose migration cannot go on with a statement it has begun."""
    return [row["pid"] for row in await look.fetch(WAITING % "<>") if row["pid"] != other_than]


async def catalogue(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(CATALOGUE)]
    finally:
        await connection.close()


@pytest.fixture(params=revisions())
async def half_way(
    request: pytest.FixtureRequest, url: str, stranger: asyncpg.Connection, look: asyncpg.Connection
) -> str | None:
    """Where the database stands before the migration that is to be killed; that one cannot end while `stranger` lives."""
    before = [None, *revisions()][revisions().index(request.param)]
    if before:
        await migrate(url, to=before)
    await stranger.execute("begin; " + IN_THE_WAY.get(request.param, ON_THE_LAST_STEP))
    return before


async def test_a_migration_killed_half_way_leaves_nothing_and_the_next_start_carries_on(
    half_way: str | None,
    url: str,
    look: asyncpg.Connection,
    stranger: asyncpg.Connection,
    another_start: subprocess.Popen[str],
    postgres: LocalPostgres,
    template: str,
) -> None:
    await eventually(lambda: in_a_statement(look))
    [killed] = await in_a_statement(look)
    assert await look.fetchval(MADE_SO_FAR, killed) > 0, "it has not made anything yet"
    another_start.kill()
    assert another_start.wait(SOON) == -signal.SIGKILL
    assert await current(url) == half_way
    next_start = asyncio.create_task(migrate(url))
    # The statement of the dead one is still waiting for the stranger; it must not hold up the next start until he is done.
    await eventually(lambda: in_a_statement(look, other_than=killed))
    await stranger.execute("rollback")
    await asyncio.wait_for(next_start, SOON)
    assert await catalogue(url) == await catalogue(postgres.url(template))


async def test_a_second_start_waits_while_the_first_one_migrates(
    url: str, look: asyncpg.Connection, stranger: asyncpg.Connection, another_start: subprocess.Popen[str]
) -> None:
    await stranger.execute("begin; " + IN_THE_WAY[revisions()[0]])
    await eventually(lambda: in_a_statement(look))
    second = asyncio.create_task(migrate(url))
    await eventually(lambda: look.fetch(WAITING % "="))
    assert not second.done()
    assert another_start.poll() is None
    await stranger.execute("rollback")
    said, _ = await asyncio.to_thread(another_start.communicate, timeout=SOON)
    assert another_start.returncode == 0, said
    await asyncio.wait_for(second, SOON)
    assert await current(url) == head()
