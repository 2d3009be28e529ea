"""Child processes of the demo: started in their own session, waited for, stopped in reverse, never left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from demo.errors import DemoFailed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses names other than this machine's own, so that no web site can reach in through DNS."""
    if request.url.host not in {"127.0.0.1", "localhost", "::1"}:
        return web.json_response({"error": "not_here", "message": "only 127.0.0.1 is served"}, status=421)
    return await handler(request)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_for_port(port: int, seconds: float = 2) -> None:
    """Until it is free, or the time is over: the threads of a process killed just now may hold its port a little longer."""
    deadline = time.monotonic() + seconds
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.05)


def free_port(wanted: int, taken: set[int]) -> int:
    """The wanted port or the next free one above it; it joins `taken`."""
    port = next((port for port in range(wanted, wanted + 200) if port not in taken and is_free(port)), None)
    if port is None:
        raise DemoFailed(f"No free port between {wanted} and {wanted + 199}; stop something and start again.")
    taken.add(port)
    return port


@dataclass
class Child:
    """A process of the demo with its log file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 8) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])

    def stop(self, seconds: float = 20) -> None:
        """SIGTERM, a bounded wait, then SIGKILL for its whole session."""
        if not self.alive:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


def start(name: str, arguments: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path) -> Child:
    """Ctrl-C in the terminal reaches only the launcher, which stops its children in order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "demo.leash", *arguments]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd, start_new_session=True
        )
    return Child(name, process, log)


def run(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, seconds: float = 90) -> str:
    """The standard output of a command that must succeed."""
    try:
        done = subprocess.run(
            arguments, env=dict(env), cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DemoFailed(f"`{' '.join(arguments[1:])}` did not end within {seconds:.0f} s.") from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise DemoFailed(f"`{' '.join(arguments[1:])}` failed:\n{words[-2000:]}")
    return done.stdout


def answers(url: str) -> bool:
    """Whether GET on a loopback address answers with 2xx, now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status < 300)  # noqa: PLR2004  2xx
    except (OSError, ValueError):
        return False


def wait_until(ready: Callable[[], bool], child: Child, *, seconds: float, what: str) -> None:
    """Polls until ready; a child that died, or took too long, is told about with the end of its log."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.alive:
            raise DemoFailed(f"{child.name} ended with code {child.process.returncode} before {what}.\n{child.tail()}")
        if time.monotonic() > deadline:
            raise DemoFailed(f"{what} did not happen within {seconds:.0f} s; see {child.log}.\n{child.tail()}")
        time.sleep(0.1)
