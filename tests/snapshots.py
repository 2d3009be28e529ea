"""Where tests set out from: whoever gets to a place the long way leaves a copy of what is there, and the next ones begin with it."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic import SecretStr
from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import LRUCache

from runtime.core import Runtime, open_runtime, wall_clock
from runtime.errors import LocalServerFailed
from runtime.identity.members import ensure_home
from runtime.integrations.flags.memory import MemoryFlags
from runtime.local.cluster import OWNER
from runtime.local.databases import quoted
from runtime.local.ports import LOOPBACK
from runtime.local.postgres import LocalPostgres
from runtime.settings import Settings

KEYS = "test:" + "A" * 43 + "="
ADDRESSES = ("_dir", "_url", "port", "host", "_hosts", "_listen")
"""Settings that differ from test to test; what is kept depends at most on whether they are set."""
LISTENERS = ("anthropic_api_key", "openai_api_key", "agent_url")
"""With one of these set, somebody outside hears of each step, and has to hear of it in each test."""
DONE = "that is done"
STILL = 3
"""Looks at the pool in a row that find nobody at work."""
_numbers = count(1)


def owner_settings(url: str, data: Path, **more: Any) -> Settings:
    """Settings of a fresh organisation; nothing is read from the environment's .env."""
    return Settings(
        _env_file=None, data_dir=data, database_url=SecretStr(url), encryption_keys=SecretStr(KEYS), api_secret=SecretStr("s" * 40),
        owner_email="arun@example.com", owner_name="Arun", **more,
    )  # fmt: skip


class Copier:
    """Makes and drops databases through one psql, whose start and greeting take as long as a copy."""

    def __init__(self, server: LocalPostgres) -> None:
        address = ("-h", LOOPBACK, "-p", str(server.port), "-U", OWNER, "-d", "postgres")
        self._psql = subprocess.Popen(
            [str(server.cluster.programs / "psql"), "-X", "-q", *address],
            env={"PATH": os.defpath, "PGPASSWORD": server.owner_password, "LC_ALL": "C"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def copy(self, template: str, name: str) -> None:
        """Nobody may be connected to the template."""
        self._run(f"create database {quoted(name)} template {quoted(template)} strategy file_copy;")

    def drop(self, name: str) -> None:
        """And whoever is connected to it."""
        self._run(f"drop database if exists {quoted(name)} with (force);")

    def close(self) -> None:
        self._psql.communicate("")

    def _run(self, sql: str) -> None:
        assert self._psql.stdin is not None
        assert self._psql.stderr is not None
        self._psql.stdin.write(f"{sql}\n\\warn {DONE}\n")
        self._psql.stdin.flush()
        said = []
        for line in self._psql.stderr:
            if line.strip() == DONE:
                break
            said.append(line)
        if "ERROR" in "".join(said) or self._psql.poll() is not None:
            raise LocalServerFailed(f"Postgres refused to copy: {''.join(said)}")


@dataclass(frozen=True)
class Home:
    """A database with nothing but the organisation and its owner."""

    database: str
    org_id: UUID


@dataclass(frozen=True)
class Kept:
    """Everything that is in one place: the database, flags of this process, and what else the place is made of."""

    database: str
    flags: dict[str, Any]
    answer: Any
    beside: Any


@dataclass
class Beside:
    """What belongs to a place and is not in the database: how it is kept, and how it is put back."""

    fresh: Callable[[], bool]
    keep: Callable[[], Any]
    restore: Callable[[Any], None]
    traits: Hashable


@dataclass
class Snapshots:
    """All of one process of tests."""

    server: LocalPostgres
    copier: Copier
    folder: Path
    homes: dict[str, Home] = field(default_factory=dict)
    kept: dict[Hashable, Kept] = field(default_factory=dict)

    def home(self, template: str) -> Home:
        if template not in self.homes:
            name = self.keep(template)
            settings = owner_settings(self.server.url(name, "outcome_app"), self.folder)
            self.homes[template] = Home(name, asyncio.run(_home(settings)))
        return self.homes[template]

    def keep(self, database: str) -> str:
        name = f"kept_{next(_numbers)}"
        self.copier.copy(database, name)
        return name


class _Compiled(LRUCache[Any, Any]):
    """Statements as text, by all but the first part of their key: the dialect, an equal one in each test."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


_compiled = _Compiled(4000)


def compile_once(runtime: Runtime) -> None:
    """A process of the product has one engine and makes text of a statement once; so does a process of tests."""
    runtime.engine.sync_engine._compiled_cache = _compiled


async def _home(settings: Settings) -> UUID:
    runtime = open_runtime(settings)
    compile_once(runtime)
    try:
        return await ensure_home(runtime)
    finally:
        await runtime.close()


@dataclass
class Ground:
    """What one test stands on."""

    snapshots: Snapshots
    database: str
    template: str
    home: Home | None
    """None: the organisation is still to be made, and nothing is kept."""
    made: bool = False
    begun: bool = False

    def make(self) -> None:
        """The database is a copy of where the test begins."""
        if not self.made:
            self._copy(self.home.database if self.home else self.template)

    def _copy(self, database: str) -> None:
        if self.made:
            self.snapshots.copier.drop(self.database)
        self.snapshots.copier.copy(database, self.database)
        self.made = True

    def make_when_needed(self, runtime: Runtime) -> None:
        """At the first connection, by which time it may be known that the test begins further on."""
        _grounds[runtime.engine.sync_engine] = self
        event.listen(runtime.engine.sync_engine, "do_connect", lambda *_: self.make())

    async def reach(
        self, place: str, runtime: Runtime, walk: Callable[[], Awaitable[Any]], beside: Beside | None = None
    ) -> Any:
        """What `walk` answers; it is walked only once by all tests whose settings are alike and who did nothing before."""
        if self.begun or self.home is None or not _fresh(runtime) or (beside and not beside.fresh()):
            return await walk()
        key = (place, self.home.database, traits(runtime.settings), beside.traits if beside else ())
        if kept := self.snapshots.kept.get(key):
            return self._begin(kept, beside)
        answer = await walk()
        self.begun = True
        await _quiet(runtime)
        # Whoever works on there all the same keeps this one from being copied; a later test tries again.
        with suppress(LocalServerFailed):
            database, flags = self.snapshots.keep(self.database), deepcopy(MemoryFlags._books)
            self.snapshots.kept[key] = Kept(database, flags, deepcopy(answer), beside.keep() if beside else None)
        return answer

    def _begin(self, kept: Kept, beside: Beside | None) -> Any:
        self._copy(kept.database)
        self.begun = True
        for book, flags in deepcopy(kept.flags).items():
            MemoryFlags._books.setdefault(book, {}).update(flags)
        if beside:
            beside.restore(kept.beside)
        return deepcopy(kept.answer)


_grounds: WeakKeyDictionary[Engine, Ground] = WeakKeyDictionary()


async def reach(runtime: Runtime, place: str, walk: Callable[[], Awaitable[Any]], beside: Beside | None = None) -> Any:
    """Be where `walk` leads from the very beginning; another test may have walked it already."""
    ground = _grounds.get(runtime.engine.sync_engine)
    return await ground.reach(place, runtime, walk, beside) if ground else await walk()


def _fresh(runtime: Runtime) -> bool:
    """No connection was made yet, the clock is the wall's, and nobody outside has a say in where this leads."""
    pool = runtime.engine.pool
    unused = isinstance(pool, QueuePool) and pool.checkedin() + pool.checkedout() == 0
    alone = not any(getattr(runtime.settings, name) for name in LISTENERS)
    return unused and alone and runtime.now is wall_clock


async def _quiet(runtime: Runtime) -> None:
    """What was set going in the background has ended, and nobody is connected."""
    still = 0
    for _ in range(250):
        still = 0 if runtime.engine.pool.checkedout() else still + 1  # type: ignore[attr-defined]
        if still > STILL:
            break
        await asyncio.sleep(0.02)
    await runtime.engine.dispose()


def traits(settings: Settings) -> Hashable:
    """What of the settings could matter to what is kept."""
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in settings}
    return tuple((name, bool(value) if name.endswith(ADDRESSES) else str(value)) for name, value in plain.items())
