"""Real servers for every test: one embedded Postgres and one queue a session, one fresh database a test."""

import asyncio
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import structlog
from pydantic import SecretStr
from xdist.scheduler import LoadScopeScheduling

from runtime.core import Runtime, open_runtime
from runtime.db.migrate import migrate
from runtime.identity.members import ensure_home
from runtime.local.databases import create_database
from runtime.local.postgres import LocalPostgres, start_postgres
from runtime.local.valkey import LocalValkey, start_valkey
from runtime.settings import Settings
from tests.snapshots import Copier, Ground, Snapshots, compile_once, owner_settings
from tests.story import Story
from workers import outbox

# Wall time is no property of the code here: the machine may be busy, and tracing slows everything.
hypothesis.settings.register_profile(
    "suite", deadline=None, max_examples=30, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

# A traceback with every local variable in a box takes a second to draw, and pytest shows one of its own.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEMORY, ROOM, PREFIX = Path("/dev/shm"), 4 * 2**30, "outcome-tests-"
BY_ITSELF = {"database", "settings"}
"""A test that asks for one of these may connect by itself; for others the database is made at the first connection."""
_numbers = count(1)


TOGETHER = ("tests/scenarios", "tests/browser", "tests/docs", "tests/house", "tests/contracts/llm")
"""Folders whose tests share what takes seconds to start, read or import, so that one process has them; the first two take longest."""
UNTRACED = (
    "tests/docs",
    "tests/house",
    "tests/browser",
    "tests/scenarios",
    "tests/service/demo",
    "red_team",
    "mail/test_corpus",
    "contracts/slack",
    "simulated",
    "round_trips",
)
"""Tests that exercise other processes, other people's code or the same lines ten thousand times: tracing them only costs minutes."""
CHEAP_TRACING = os.environ.get("COVERAGE_CORE") == "sysmon"
"""A line that was seen once costs nothing more; stopping and starting again does, since then every line is new."""


class Together(LoadScopeScheduling):
    """A process takes a file, or one of these folders, as a whole: what its tests share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process works alone at the end."""
    longest = [f"{folder}/" for folder in TOGETHER[:2]]
    items.sort(key=lambda item: next((at for at, folder in enumerate(longest) if folder in item.nodeid), len(longest)))
    for item in items:
        if not CHEAP_TRACING and any(part in str(item.path) for part in UNTRACED):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported by its end stays: the collector need not walk through it, neither meanwhile nor after every test."""
    gc.disable()
    done = yield
    gc.collect()
    gc.freeze()
    gc.enable()
    return done


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=_disk(tmp_path_factory)) as place:
        server = start_postgres(Path(place), durable=False)
        yield server
        server.stop()


def _disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Memory where there is room: every test copies a database and drops it, some hundred small files each time."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return tmp_path_factory.mktemp("postgres")
    for left in MEMORY.glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return MEMORY


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalValkey]:
    server = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgres: LocalPostgres) -> str:
    """A migrated database that tests copy."""
    asyncio.run(migrate(create_database(postgres, "template_outcome")))
    return "template_outcome"


@pytest.fixture(scope="session")
def snapshots(postgres: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshots]:
    copier = Copier(postgres)
    yield Snapshots(postgres, copier, tmp_path_factory.mktemp("snapshots"))
    copier.close()


@pytest.fixture
def ground(request: pytest.FixtureRequest, template: str, snapshots: Snapshots) -> Iterator[Ground]:
    """A database of the test's own; who asks for the organisation finds it there."""
    home = snapshots.home(template) if "org_id" in request.fixturenames else None
    ground = Ground(snapshots, f"test_{next(_numbers)}", template, home)
    if home is None or BY_ITSELF & set(request.node._fixtureinfo.argnames):
        ground.make()
    yield ground
    snapshots.copier.drop(ground.database)


@pytest.fixture
def database(ground: Ground) -> str:
    return ground.database


@pytest.fixture
def settings(postgres: LocalPostgres, valkey: LocalValkey, database: str, tmp_path: Path) -> Settings:
    return owner_settings(
        postgres.url(database, "outcome_app"),
        tmp_path / "data",
        migration_database_url=SecretStr(postgres.url(database)),
        redis_url=SecretStr(valkey.url),
        measure_every_seconds=1,
        llm_retry_seconds=0,
    )


@pytest.fixture
async def runtime(settings: Settings, ground: Ground) -> AsyncIterator[Runtime]:
    opened = open_runtime(settings)
    compile_once(opened)
    ground.make_when_needed(opened)
    yield opened
    await opened.close()
    outbox._channels.clear()  # a process has one runtime, a session of tests many


@pytest.fixture
async def org_id(runtime: Runtime, ground: Ground) -> UUID:
    return ground.home.org_id if ground.home else await ensure_home(runtime)


@pytest.fixture
def story(runtime: Runtime, org_id: UUID) -> Story:
    return Story(runtime, org_id)
