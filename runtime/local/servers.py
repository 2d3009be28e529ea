"""The stores this installation works with: the ones the settings name, or embedded ones under DATA_DIR."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from runtime.local.files import DirectoryBusy, exclusively, locked
from runtime.local.postgres import LocalPostgres, start_postgres
from runtime.local.server import LocalServer, in_plain_words
from runtime.local.valkey import start_valkey
from runtime.settings import Settings, secret

_PRODUCT = "outcome-runtime"


class AlreadyRunning(DirectoryBusy):
    """Outcome Runtime is running on this data directory already; stop it, or name another directory in DATA_DIR."""

    code = "ALREADY_RUNNING"


@dataclass
class Servers:
    """Addresses of the stores, and the embedded servers among them (`started` here, or adopted).

    Close it when done, or use it as a context manager: servers that another command still uses stay up.
    """

    database_url: str
    migration_database_url: str
    redis_url: str
    embedded: list[LocalServer]
    _users: ExitStack = field(repr=False)
    _lock: int = field(repr=False)

    @property
    def started(self) -> list[LocalServer]:
        return [server for server in self.embedded if not server.adopted]

    @property
    def postgres(self) -> LocalPostgres | None:
        return next((server for server in self.embedded if isinstance(server, LocalPostgres)), None)

    def environment(self) -> dict[str, str]:
        """The settings that lead another process to the same stores."""
        return {
            "DATABASE_URL": self.database_url,
            "MIGRATION_DATABASE_URL": self.migration_database_url,
            "REDIS_URL": self.redis_url,
        }

    def close(self) -> None:
        """Let go of the servers; the last user stops them, the queue first and then the database."""
        alone = bool(self.embedded) and exclusively(self._lock)
        for server in reversed(self.embedded):
            if alone:
                server.stop()
            else:
                server.let_go()
        self.embedded = []
        self._users.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ensure_servers(settings: Settings) -> Servers:
    """Start or adopt what the settings do not name; on any failure what was started is stopped again."""
    data_dir = settings.data_dir.resolve()
    with ExitStack() as failed:
        users = failed.enter_context(ExitStack())
        with in_plain_words(_PRODUCT, data_dir):
            lock = users.enter_context(locked(data_dir / "run" / "servers.lock", wait_seconds=60, shared=True))
        servers = Servers("", "", "", [], users, lock)
        failed.callback(servers.close)
        _find_database(servers, settings, data_dir)
        _find_queue(servers, settings, data_dir)
        failed.pop_all()
    return servers


def _find_database(servers: Servers, settings: Settings, data_dir: Path) -> None:
    given = secret(settings.database_url)
    if given:
        servers.database_url = given
        servers.migration_database_url = secret(settings.migration_database_url) or given
        return
    postgres = start_postgres(data_dir, port=settings.postgres_port)
    servers.embedded.append(postgres)
    servers.database_url, servers.migration_database_url = postgres.app_url, postgres.owner_url


def _find_queue(servers: Servers, settings: Settings, data_dir: Path) -> None:
    given = secret(settings.redis_url)
    if given:
        servers.redis_url = given
        return
    valkey = start_valkey(data_dir, port=settings.redis_embedded_port)
    servers.embedded.append(valkey)
    servers.redis_url = valkey.url


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Let one `up` work on a directory at a time; a second one is told which process the first one is."""
    with ExitStack() as held:
        try:
            with in_plain_words(_PRODUCT, data_dir):
                descriptor = held.enter_context(locked(data_dir.resolve() / "run" / "up.lock", wait_seconds=0))
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except DirectoryBusy as error:
            pid = error.context["pid"]
            raise AlreadyRunning(
                f"Outcome Runtime is already running on {data_dir} (pid {pid}); "
                "stop it, or name another directory in DATA_DIR.",
                pid=pid,
            ) from error
        yield
