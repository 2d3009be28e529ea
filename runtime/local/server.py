"""One embedded server process: launched or adopted, asked whether it answers, ended; the supervisor drives the same verbs."""

import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from runtime.errors import LocalServerFailed
from runtime.local import processes
from runtime.local.binaries import clean_environment
from runtime.local.files import private_directory, size, tail
from runtime.local.processes import Account, wait_until

# Crash recovery after a busy day may take minutes; a server that lives and has not answered by then never will.
START_SECONDS = 300.0

_COMPLAINTS = (
    ("No space left on device", "the disk that holds {directory} is full; free some space and start again"),
    ("Disk quota exceeded", "your disk quota for {directory} is used up; free some space and start again"),
    ("File too large", "files in {directory} may not grow as large as they must; raise `ulimit -f` and start again"),
    (
        "Address already in use",
        "its port is taken by another program; stop that one, or name another port in the settings",
    ),
    ("Permission denied", "it may not read or write {directory}; give the directory back to the account that made it"),
    ("Read-only file system", "{directory} is on a read-only file system; name another directory in DATA_DIR"),
    ("Cannot allocate memory", "the machine has too little free memory; stop other programs and start again"),
    ("could not create shared memory", "the machine has too little shared memory; give /dev/shm at least 64 MB"),
    (
        "Bad file format",
        "its queue file is damaged; delete {directory}: it holds only ids, and the database knows what is due",
    ),
    (
        "incompatible with",
        "{directory} was made by another version; put a backup back, or name another directory in DATA_DIR",
    ),
    ("could not locate a valid checkpoint", "the files in {directory} are damaged; put a backup back"),
    ("could not read file", "the files in {directory} are damaged; put a backup back"),
    ("could not open file", "the files in {directory} are damaged; put a backup back"),
    ("does not exist", "files are missing in {directory}; put a backup back, or name another directory in DATA_DIR"),
)


def complaint(name: str, directory: Path, said: str) -> str:
    """One sentence for people out of what the server's log says, with the next step in it."""
    for sign, sentence in _COMPLAINTS:
        if sign in said:
            return f"{name} did not start: {sentence.format(directory=directory)}."
    lines = [line for line in said.splitlines() if line.strip()]
    loud = [line for line in lines if any(level in line for level in ("FATAL", "PANIC", "ERROR", "initdb: error"))]
    last = (loud or lines or ["it said nothing"])[-1].strip()
    return f"{name} did not start; its last word was: {last}"


@contextmanager
def in_plain_words(name: str, directory: Path) -> Iterator[None]:
    """What the operating system refuses us around a server's files becomes a LocalServerFailed with a next step."""
    try:
        yield
    except OSError as error:
        sentence = complaint(name, directory, f"{error.strerror}: {error.filename}")
        raise LocalServerFailed(sentence, directory=str(directory)) from error


class LocalServer(ABC):
    """`name`, `port`, `pid` and the verbs; `adopted` tells that it outlived the process that had started it."""

    name: str
    stop_signal = signal.SIGTERM
    stop_seconds = 30.0

    def __init__(self, data_dir: Path, account: Account, port: int) -> None:
        self.directory = data_dir / self.name
        self.account = account
        self.port = port
        self.pid: int | None = None
        self.adopted = False
        self.log = private_directory(data_dir / "logs") / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = size(self.log)

    @abstractmethod
    def _argv(self) -> list[str]: ...

    def _stdin(self) -> bytes:
        return b""

    @abstractmethod
    def healthy(self) -> bool:
        """Whether it answers a client now; takes a second at most."""

    @abstractmethod
    def _is_ours(self, pid: int) -> bool:
        """Whether that process is this server, and not a stranger who got its number."""

    def launch(self) -> None:
        """Start the process and return at once; `ready()` tells when it answers, `ended()` when it gave up."""
        self.adopted = False
        with in_plain_words(self.name, self.directory), self._files() as (script, log), processes.undisturbed():
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._argv(),
                cwd=self.directory,
                env=clean_environment(),
                stdin=script,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self.account.popen,
            )
            self.pid = self._process.pid

    @contextmanager
    def _files(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        # What the server is told comes from a nameless file: a pipe would be cut short if we died in this moment.
        with tempfile.TemporaryFile(dir=self.log.parent) as script, self.log.open("ab") as log:
            script.write(self._stdin())
            script.seek(0)
            yield script, log

    def adopt(self, pid: int) -> None:
        self.pid, self.adopted, self._process = pid, True, None

    def take_over(self, pid: int, wanted_port: int) -> bool:
        """Adopt that process if it answers on a port that suits; else end it, for two on one directory must not be."""
        self.adopt(pid)
        seconds = START_SECONDS if wanted_port in (0, self.port) else 0
        if seconds and wait_until(lambda: self.ended() is not None or self.healthy(), seconds) and self.ended() is None:
            return True
        self.stop()
        return False

    def ready(self) -> bool:
        return self.healthy()

    def ended(self) -> str | None:
        """None while it lives, else how it ended."""
        if self._process is not None:
            code = self._process.poll()
            return None if code is None else processes.ending(code)
        if self.pid is not None and self._is_ours(self.pid):
            return None
        return "it is gone"

    def why(self) -> str:
        """The sentence for its latest failure, from what it wrote since it was launched."""
        return complaint(self.name, self.directory, self.said())

    def said(self) -> str:
        return tail(self.log, 30, start=self._log_start)

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        if wait_until(lambda: self.ended() is not None or self.healthy(), seconds) and self.ended() is None:
            return
        raise LocalServerFailed(self.why(), server=self.name, log=str(self.log), tail=self.said())

    def ask_to_stop(self) -> None:
        self._signal(self.stop_signal)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self.ended() is None:
            processes.send(self.pid, number)

    def let_go(self) -> None:
        """Leave it running for whoever else uses it."""
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0  # not ours to wait for any more, and Popen complains about the unwaited
            self._process = None

    def stop(self, seconds: float | None = None) -> None:
        """End it cleanly, or by force after `seconds`; a stopped server may be stopped again."""
        self.ask_to_stop()
        if not wait_until(lambda: self.ended() is not None, self.stop_seconds if seconds is None else seconds):
            self.kill()
            wait_until(lambda: self.ended() is not None, 5)
