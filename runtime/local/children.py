"""A process of our own under supervision: started on a leash, asked whether it is ready, ended with all it started."""

import contextlib
import ctypes
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from runtime.local import processes
from runtime.local.files import private_directory, size, tail
from runtime.local.ports import LOOPBACK

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
_QUIET_CHILD_SECONDS = 1.0


class Program(Protocol):
    """What can be supervised: a child of ours, or an embedded server."""

    name: str
    pid: int | None
    log: Path
    stop_seconds: float

    def launch(self) -> None: ...
    def ended(self) -> str | None: ...
    def ready(self) -> bool: ...
    def why(self) -> str: ...
    def ask_to_stop(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Child:
    """What to run. `env` is added to our own environment.

    Ready means: `ready_url` answers with 2xx, or `ready_line` stands in what it wrote, or (neither given) it lived a
    second. `port` is looked at before the first start; when it is taken, `port_setting` is named in the sentence.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None
    ready_line: str | None = None
    port: int = 0
    port_setting: str = "PORT"
    host: str = LOOPBACK
    stop_seconds: float = 10.0


_QUIET = {"OPENBLAS_NUM_THREADS": "1"}
"""Threads for linear algebra spin while they wait for each other: on two busy cores a sentence's vector costs ten times as much."""


class ChildProcess:
    """One child, launched as often as needed; everything it writes goes to DATA_DIR/logs/<name>.log."""

    def __init__(self, child: Child, data_dir: Path) -> None:
        self.child = child
        self.name = child.name
        self.stop_seconds = child.stop_seconds
        self.pid: int | None = None
        self.log = private_directory(data_dir / "logs") / f"{child.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._launched = 0.0

    def launch(self) -> None:
        self._log_start, self._launched = size(self.log), time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                list(self.child.argv),
                env={**_QUIET, **os.environ, **self.child.env, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_leash(os.getpid()),  # noqa: PLW1509 - the supervisor has one thread
            )
        self.pid = self._process.pid

    def ended(self) -> str | None:
        if self._process is None:
            return "it was not started"
        code = self._process.poll()
        if code is None:
            return None
        self._end_group()
        return processes.ending(code)

    def ready(self) -> bool:
        if self.child.ready_url:
            return _answers(self.child.ready_url)
        if self.child.ready_line:
            return self.child.ready_line in tail(self.log, 2000, start=self._log_start)
        return time.monotonic() - self._launched >= _QUIET_CHILD_SECONDS

    def why(self) -> str:
        said = tail(self.log, 1, start=self._log_start).strip()
        return f"{self.name} does not start: {said or 'it said nothing'} (its log: {self.log})"

    def ask_to_stop(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._end_group()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)

    def _end_group(self) -> None:
        """What it had started and left behind goes too; the group carries the child's number and outlives it."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie's group
                os.killpg(self.pid, signal.SIGKILL)
            self.pid = None


def end_left_over(child: Child, pid_file: Path) -> bool:
    """End the process a killed supervisor left behind; False when there is none.

    A process that is younger than the pid file, or runs something else, only has the same number.
    """
    try:
        pid, written = int(pid_file.read_text()), pid_file.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return False
    if not processes.runs(pid, " ".join(child.argv)) or processes.age_seconds(pid) + 2 < time.time() - written:
        return False
    for number, seconds in ((signal.SIGTERM, child.stop_seconds), (signal.SIGKILL, 5)):
        processes.send(pid, number)
        if processes.wait_until(lambda: not processes.command_line(pid), seconds):
            break
    return True


def _leash(parent: int) -> Callable[[], None]:
    """Runs in the child before its program: the kernel ends it when we die, however we die (Linux)."""

    def bind() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:  # we died before the leash was on
                os._exit(0)

    return bind


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or LOOPBACK, parts.port, timeout=1)
    try:
        connection.request("GET", parts.path or "/", headers={"Connection": "close"})
        return connection.getresponse().status // 100 == http.HTTPStatus.OK // 100
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
