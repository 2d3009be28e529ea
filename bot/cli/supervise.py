"""One command, many processes: start them, bring back the one that dies, stop them all together.

    settings = Settings()
    with interruptible(), only_one(settings.data_dir), ensure_servers(settings) as servers:
        env = {**servers.environment(), **more_settings}
        children = [
            Child("bot", [sys.executable, "-m", "bot"], env, ready_url="http://127.0.0.1:8700/health", port=8700),
            Child("worker-1", [sys.executable, "-m", "workers"], env, ready_line="worker ready"),
        ]
        supervisor = Supervisor(settings.data_dir, children, servers=servers.embedded, announce={"url": settings.public_url})
        raise SystemExit(supervisor.run())

`run` returns 0 after Ctrl-C or SIGTERM, 1 when a child cannot be started. The servers are brought back when they die,
and stopped by whoever opened them, after the children. DATA_DIR/run holds `<name>.pid` of every process and, from the
moment all are ready, `up.json`; DATA_DIR/logs holds what each of them wrote.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from runtime.errors import OutcomeRuntimeError
from runtime.local.children import Child, ChildProcess, Program, end_left_over
from runtime.local.files import private_directory, size, write_private
from runtime.local.ports import require_free
from runtime.local.restarts import News, Watch
from runtime.local.server import LocalServer

LARGEST_LOG = 20 * 1024 * 1024
_LOG_EVERY = 30.0
_INTERRUPTED = 130  # what shells report for a command ended by Ctrl-C
_Handler = Callable[[int, FrameType | None], None]
_COLOURS = {"started": "2", "ready": "32", "ended": "33", "stopping": "2", "stopped": "2", "failed": "31"}


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM unwinds the block as Ctrl-C does, so that what it opened is closed; both end in exit status 130."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


class Console:
    """One short line for people, one JSON line for DATA_DIR/logs/supervisor.log."""

    def __init__(self, log: Path, width: int, stream: TextIO) -> None:
        self.log = log
        self._width = width
        self._stream = stream
        self._coloured = stream.isatty() and "NO_COLOR" not in os.environ

    def say(self, kind: str, name: str, text: str = "") -> None:
        entry = {"timestamp": datetime.now(UTC).isoformat(), "event": kind, "child": name, "detail": text}
        # A full disk or a closed terminal must not end the supervisor.
        with contextlib.suppress(OSError), self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        with contextlib.suppress(OSError):
            word = f"\x1b[{_COLOURS[kind]}m{kind}\x1b[0m" if self._coloured else kind
            print(f"{name.ljust(self._width)} {word} {text}".rstrip(), file=self._stream, flush=True)


class Supervisor:
    """Runs in the main thread and has no other: children are on a leash to the thread that started them."""

    def __init__(
        self,
        data_dir: Path,
        children: Sequence[Child],
        *,
        servers: Sequence[LocalServer] = (),
        announce: Mapping[str, Any] | None = None,
        stream: TextIO = sys.stdout,
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._run = private_directory(self._data_dir / "run")
        self._children = children
        self._announce = dict(announce or {})
        self._programs = [ChildProcess(child, self._data_dir) for child in children]
        supervised: list[Program] = [*servers, *self._programs]
        self._watches = [Watch(program) for program in supervised]
        self._servers = len(servers)
        width = max((len(watch.program.name) for watch in self._watches), default=0)
        self._console = Console(private_directory(self._data_dir / "logs") / "supervisor.log", width, stream)
        self._asked_to_stop = 0
        self._announced = False
        self._logs_at = 0.0

    def run(self) -> int:
        with self._signals() as wake:
            try:
                self._prepare()
                while not self._asked_to_stop:
                    self._round(time.monotonic())
                    _rest(wake, self._seconds_to_rest())
            except OutcomeRuntimeError as error:
                self._console.say("failed", "", error.message)
                return 1
            finally:
                self._stop(wake)
        return 0

    def _prepare(self) -> None:
        (self._run / "up.json").unlink(missing_ok=True)
        for child in self._children:
            if end_left_over(child, self._pid_file(child.name)):
                self._console.say("stopped", child.name, "left over from a killed start")
        for child in self._children:
            if child.port:
                require_free(child.port, host=child.host, setting=child.port_setting)
        for watch in self._watches[: self._servers]:
            watch.already_ready(time.monotonic())
            self._note_pid(watch.program)
            self._console.say("ready", watch.program.name)

    def _round(self, now: float) -> None:
        for watch in self._watches:
            if self._asked_to_stop:
                return
            news = watch.look(now)
            if news:
                self._tell(watch, news)
        if not self._announced and all(watch.phase == "ready" for watch in self._watches):
            self._announced = True
            self._write_up()
        if now - self._logs_at > _LOG_EVERY:
            self._logs_at = now
            self._trim_logs()

    def _tell(self, watch: Watch, news: News) -> None:
        self._note_pid(watch.program)
        self._console.say(news.kind, news.name, news.text)

    def _seconds_to_rest(self) -> float:
        return 0.05 if any(watch.phase == "starting" for watch in self._watches) else 0.2

    def _pid_file(self, name: str) -> Path:
        return self._run / f"{name}.pid"

    def _note_pid(self, program: Program) -> None:
        path = self._pid_file(program.name)
        if program.pid is None or program.ended() is not None:
            path.unlink(missing_ok=True)
        else:
            with contextlib.suppress(OSError):  # on a full disk the work goes on, only without the note
                write_private(path, f"{program.pid}\n")

    def _write_up(self) -> None:
        entry = {"pid": os.getpid(), "ready_at": datetime.now(UTC).isoformat(), **self._announce}
        with contextlib.suppress(OSError):
            write_private(self._run / "up.json", json.dumps(entry, indent=2, default=str) + "\n")

    def _trim_logs(self) -> None:
        for log in {self._console.log, *(watch.program.log for watch in self._watches)}:
            if size(log) > LARGEST_LOG:
                trim(log)

    def _stop(self, wake: socket.socket) -> None:
        """Ask all, wait for each as long as it may take, then end it by force; a second Ctrl-C shortens the wait."""
        asked = self._asked_to_stop
        (self._run / "up.json").unlink(missing_ok=True)
        alive = [program for program in self._programs if program.ended() is None]
        if alive:
            self._console.say("stopping", "", ", ".join(program.name for program in alive))
        for program in alive:
            program.ask_to_stop()
        self._wait_for(alive, wake, asked)
        for watch in self._watches:
            self._pid_file(watch.program.name).unlink(missing_ok=True)

    def _wait_for(self, alive: Sequence[Program], wake: socket.socket, asked: int) -> None:
        started = time.monotonic()
        while alive:
            waited = time.monotonic() - started
            for program in alive:
                if self._asked_to_stop > asked or waited > program.stop_seconds:
                    program.kill()
                    self._console.say("ended", program.name, "by force: it did not stop when asked")
            _rest(wake, 0.05)
            alive = [program for program in alive if program.ended() is None]

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Stop signals are counted, a child's death only wakes the loop; afterwards all is as before."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._asked_to_stop += 1

        wanted: dict[signal.Signals, _Handler] = {signal.SIGCHLD: lambda _number, _frame: None}
        wanted |= dict.fromkeys((signal.SIGINT, signal.SIGTERM), stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` means it
            wanted[signal.SIGHUP] = stop
        sleeper, waker = socket.socketpair()
        sleeper.settimeout(0)
        waker.settimeout(0)
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        descriptor = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            yield sleeper
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)
            sleeper.close()
            waker.close()


def _rest(wake: socket.socket, seconds: float) -> None:
    """Sleep until a signal comes or the time is over."""
    if select.select([wake], [], [], seconds)[0]:
        with contextlib.suppress(BlockingIOError):
            wake.recv(4096)


def trim(log: Path) -> None:
    """Move what was written to `<log>.1` and go on with an empty file; its writers append and need not know."""
    with contextlib.suppress(OSError):
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
