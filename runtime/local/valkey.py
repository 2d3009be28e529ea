"""The embedded Redis-compatible server: a queue of ids on loopback, kept in an append-only file."""

import secrets
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import LocalServerFailed
from runtime.local.binaries import valkey_program
from runtime.local.files import locked, private_directory, read_private, write_private
from runtime.local.ports import LOOPBACK, choose_port
from runtime.local.processes import Account, account_for, runs
from runtime.local.server import LocalServer, in_plain_words

_PID_FILE = "valkey.pid"
_LONGEST_ANSWER = 65_536
# Relative paths: as root we step down to an account that may stand in the directory but often not walk to it.
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir ./
pidfile ./{pid_file}
appendonly yes
appendfsync everysec
save ""
maxmemory 128mb
maxmemory-policy noeviction
set-proc-title no
"""


class ValkeyState(BaseModel):
    """What DATA_DIR/valkey.json (0600) remembers."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    port: int | None = Field(None, ge=1, le=65535)
    password: str = Field(default_factory=lambda: secrets.token_urlsafe(24), pattern=r"^[A-Za-z0-9_-]{16,}$")


class LocalValkey(LocalServer):
    """`url` is what redis clients want: redis://, with the password."""

    name = "valkey"

    def __init__(self, data_dir: Path, account: Account, state: ValkeyState, port: int) -> None:
        super().__init__(data_dir, account, port)
        self._program = valkey_program(data_dir, account)
        self._password = state.password

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def healthy(self) -> bool:
        return _ask(self.port, self._password, "PING").startswith("+PONG")

    def launch(self) -> None:
        pid = self.running()
        if pid:
            self.adopt(pid)  # somebody was quicker
        else:
            super().launch()

    def running(self) -> int | None:
        """Process id of the server on this directory, if one lives; two would spoil each other's file."""
        try:
            pid = int((self.directory / _PID_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def _argv(self) -> list[str]:
        return [str(self._program), "-", "--syslog-ident", self._mark]

    @property
    def _mark(self) -> str:
        # An option without effect (there is no syslog); it lets the process be known again by its command line.
        return f"outcome_runtime.directory=[{self.directory}]"

    def _stdin(self) -> bytes:
        # Not as arguments, for a command line can be read by everybody on the machine.
        return _CONFIGURATION.format(
            host=LOOPBACK, port=self.port, password=self._password, pid_file=_PID_FILE
        ).encode()

    def _is_ours(self, pid: int) -> bool:
        return runs(pid, self._mark)


def start_valkey(data_dir: Path, *, port: int = 0) -> LocalValkey:
    """Start the server of DATA_DIR/valkey, or adopt the one that is running there; port 0 as for Postgres."""
    data_dir = private_directory(data_dir.resolve()).resolve()
    with in_plain_words("valkey", data_dir / "valkey"), locked(data_dir / "run" / "valkey.lock", wait_seconds=60):
        account = account_for(data_dir / "valkey")
        state = _state(data_dir)
        account.own(private_directory(data_dir / "valkey"))
        return _adopt(data_dir, account, state, port) or _start(data_dir, account, state, port)


def _state(data_dir: Path) -> ValkeyState:
    path = data_dir / "valkey.json"
    text = read_private(path)
    try:
        return ValkeyState() if text is None else ValkeyState.model_validate_json(text)
    except ValidationError as error:
        raise LocalServerFailed(
            f"{path} is damaged; end the valkey-server of this directory if one is running, delete the file, and start again.",
            file=str(path),
        ) from error


def _adopt(data_dir: Path, account: Account, state: ValkeyState, port: int) -> LocalValkey | None:
    server = LocalValkey(data_dir, account, state, state.port or 0)
    pid = server.running()
    if pid is None:
        return None
    return server if server.take_over(pid, port) else None


def _start(data_dir: Path, account: Account, state: ValkeyState, port: int) -> LocalValkey:
    for attempts_left in reversed(range(5)):
        chosen = choose_port(port, state.port, setting="REDIS_EMBEDDED_PORT")
        # Written first: a start that is killed now leaves a server which the next start can find.
        write_private(
            data_dir / "valkey.json", state.model_copy(update={"port": chosen}).model_dump_json(indent=2) + "\n"
        )
        server = LocalValkey(data_dir, account, state, chosen)
        try:
            server.launch()
            server.wait_ready()
        except LocalServerFailed:
            server.stop()
            if not attempts_left or port or "Address already in use" not in server.said():
                raise
        except BaseException:
            server.stop(5)  # Ctrl-C while it starts
            raise
        else:
            return server
    raise AssertionError("the last attempt either returns or raises")


def _ask(port: int, password: str, command: str) -> str:
    """The answer to one command after AUTH; empty when nobody answers, or a stranger does."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as client:
            client.settimeout(1)
            client.sendall(f"AUTH {password}\r\n{command}\r\nQUIT\r\n".encode())
            said = b""
            while len(said) < _LONGEST_ANSWER and (chunk := client.recv(4096)):
                said += chunk
    except OSError:
        return ""
    first, _, rest = said.decode(errors="replace").partition("\r\n")
    return rest if first == "+OK" else ""
