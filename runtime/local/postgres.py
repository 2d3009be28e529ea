"""The embedded Postgres: started on loopback, adopted when it outlived us, stopped without losing a row."""

import signal
import socket
import struct
from pathlib import Path

from runtime.errors import LocalServerFailed
from runtime.local.cluster import (
    APPLICATION,
    DATABASE,
    OWNER,
    Cluster,
    PostgresState,
    open_cluster,
    prepare,
    read_state,
    write_state,
)
from runtime.local.files import locked, private_directory
from runtime.local.ports import LOOPBACK, choose_port
from runtime.local.processes import command_line, runs, wait_until
from runtime.local.server import LocalServer, in_plain_words

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "48MB",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
_PORT_LINE = 4  # of postmaster.pid
_NOBODYS_PID = "2147483646"  # above every limit of process ids
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class LocalPostgres(LocalServer):
    """`owner_url` owns the tables and runs migrations; `app_url` is the role the product works as, under row security."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": open transactions are rolled back, then a checkpoint

    def __init__(self, cluster: Cluster, state: PostgresState, port: int, *, durable: bool) -> None:
        super().__init__(cluster.data_dir, cluster.account, port)
        self.cluster = cluster
        self._state = state
        self._durable = durable

    @property
    def owner_url(self) -> str:
        return self.url(DATABASE)

    @property
    def app_url(self) -> str:
        return self.url(DATABASE, APPLICATION)

    @property
    def owner_password(self) -> str:
        return self._state.owner_password

    def url(self, database: str, role: str = OWNER) -> str:
        password = self._state.owner_password if role == OWNER else self._state.app_password
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def healthy(self) -> bool:
        """Whether it asks a client for a password: a starting or recovering server answers with an error instead."""
        parameters = b"user\0%b\0database\0postgres\0\0" % OWNER.encode()
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as client:
                client.sendall(struct.pack("!ii", len(parameters) + 8, 196608) + parameters)
                return client.recv(1024).startswith(b"R")
        except OSError:
            return False

    def launch(self) -> None:
        found = _running(self.cluster)
        if found and found[1] == self.port:
            self.adopt(found[0])  # somebody was quicker
        else:
            super().launch()

    def _argv(self) -> list[str]:
        settings = {**_SETTINGS, "port": str(self.port), **({} if self._durable else _THROW_AWAY)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = str(self.cluster.programs / "postgres")
        return [program, "-D", self.cluster.named(self.directory), *options, "-c", _mark(self.cluster)]

    def _is_ours(self, pid: int) -> bool:
        return runs(pid, _mark(self.cluster))


def start_postgres(data_dir: Path, *, port: int = 0, durable: bool = True) -> LocalPostgres:
    """Start the server of DATA_DIR/postgres, or adopt the one that is running there already.

    Port 0 takes the remembered port, or a free one. `durable=False` trades the rows of a crash for speed: tests only.
    """
    data_dir = private_directory(data_dir.resolve()).resolve()
    with (
        in_plain_words("postgres", data_dir / "postgres"),
        locked(data_dir / "run" / "postgres.lock", wait_seconds=120),
    ):
        cluster = open_cluster(data_dir)
        return _adopt(cluster, port, durable=durable) or _start(cluster, port, durable=durable)


def _mark(cluster: Cluster) -> str:
    """Stands in the server's command line, so that its process is known again after a restart of ours."""
    return f"outcome_runtime.directory=[{cluster.directory}]"


def _adopt(cluster: Cluster, port: int, *, durable: bool) -> LocalPostgres | None:
    found = _running(cluster)
    state = read_state(cluster)
    if found is None:
        return None
    pid, its_port = found
    server = LocalPostgres(cluster, state or PostgresState(), its_port, durable=durable)
    if state is None:  # nobody knows its passwords any more; the next start sets new ones
        server.adopt(pid)
        server.stop()
        return None
    return server if server.take_over(pid, port) else None


def _running(cluster: Cluster) -> tuple[int, int] | None:
    """Process id and port of the server on this directory, if one lives."""
    lock_file = cluster.directory / "postmaster.pid"
    lines = lock_file.read_text().splitlines() if lock_file.is_file() else []
    if len(lines) < _PORT_LINE or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    if runs(pid, _mark(cluster)):
        return pid, int(lines[_PORT_LINE - 1])
    if str(cluster.directory) in command_line(pid):
        raise LocalServerFailed(
            f"A Postgres started by other hands (pid {pid}) uses {cluster.directory}; stop it first.", pid=pid
        )
    # The number may belong to a stranger or a zombie now, and Postgres would take either for a living predecessor.
    # The file stays, for by its other lines Postgres looks whether processes of a killed server are still going.
    lock_file.write_text("\n".join([_NOBODYS_PID, *lines[1:], ""]))
    return None


def _start(cluster: Cluster, port: int, *, durable: bool) -> LocalPostgres:
    state = prepare(cluster)
    for attempts_left in reversed(range(5)):
        chosen = choose_port(port, state.port, setting="POSTGRES_PORT")
        server = LocalPostgres(cluster, state, chosen, durable=durable)
        try:
            server.launch()
            server.wait_ready()
        except LocalServerFailed:
            server.stop()
            if not attempts_left or not _worth_another_try(server, port):
                raise
        except BaseException:
            server.stop(5)  # Ctrl-C while it starts
            raise
        else:
            write_state(cluster, state.model_copy(update={"port": chosen}))
            return server
    raise AssertionError("the last attempt either returns or raises")


def _worth_another_try(server: LocalPostgres, port: int) -> bool:
    """A port snatched between our look and its bind, or processes of a killed server that are still going."""
    said = server.said()
    if "pre-existing shared memory block" in said:
        wait_until(lambda: False, 1)
        return True
    return "Address already in use" in said and port == 0
