"""What the operating system knows about a process: whether it lives, what it runs, and how to end it."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import LocalServerFailed

_LINUX = sys.platform.startswith("linux")
# Postgres refuses to run as root; these accounts exist nearly everywhere and own nothing.
_UNPRIVILEGED = ("nobody", "daemon", "postgres")
_DEAD = ("", "Z", "X")
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as; `switch` is True when we are root and step down to it."""

    uid: int
    gid: int
    switch: bool

    @property
    def popen(self) -> dict[str, Any]:
        """The arguments that make `subprocess` start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def may_enter(self, path: Path) -> bool:
        """Whether the account may walk down to `path` and use it (mode bits only)."""
        real = path.resolve()
        return all(self._allowed(place) for place in (real, *real.parents))

    def _allowed(self, place: Path) -> bool:
        found = place.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)

    def own(self, directory: Path) -> None:
        """Give the account everything in `directory`; nothing to do unless we are root."""
        if self.switch:
            for place in (directory, *directory.rglob("*")):
                os.chown(place, self.uid, self.gid, follow_symlinks=False)


def account_for(directory: Path) -> Account:
    """We ourselves; as root the account that owns `directory` already, else an unprivileged one."""
    owner = directory.stat() if directory.exists() else None
    if os.geteuid() != 0:
        return _ourselves(directory, owner)
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    known = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    entry = next((known[name] for name in _UNPRIVILEGED if name in known), None)
    if entry is None:
        raise LocalServerFailed(
            f"Servers must not run as root, and none of the accounts {', '.join(_UNPRIVILEGED)} exists here; "
            "start as an ordinary user, or set DATABASE_URL and REDIS_URL."
        )
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def _ourselves(directory: Path, owner: os.stat_result | None) -> Account:
    uid = os.geteuid()
    if owner and owner.st_uid != uid:
        raise LocalServerFailed(
            f"{directory} belongs to account {_name(owner.st_uid)}, and you are {_name(uid)}; "
            "start as that account, or name another directory in DATA_DIR.",
            directory=str(directory),
        )
    if _name(uid) == str(uid):
        raise LocalServerFailed(
            f"Account {uid} has no entry in /etc/passwd, and Postgres wants one; add it, or set DATABASE_URL."
        )
    return Account(uid, os.getegid(), switch=False)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def command_line(pid: int) -> list[str]:
    """The arguments of a living process; empty when there is none, or only a zombie is left of it."""
    if not _LINUX:
        return [] if _state(pid) in _DEAD else _ps(pid, "command").split()
    raw = b""
    for _ in range(10):  # for a moment while a program is loaded there are no arguments yet
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return []
        if raw or _state(pid) in _DEAD:
            break
        time.sleep(POLL_SECONDS)
    return raw.decode(errors="surrogateescape").rstrip("\0").split("\0") if raw else []


def _state(pid: int) -> str:
    """One letter, as ps shows it; empty when the process is gone."""
    if not _LINUX:
        return _ps(pid, "stat")[:1]
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def runs(pid: int, *words: str) -> bool:
    """Whether `pid` lives and every word stands in its command line: a reused pid belongs to somebody else."""
    line = " ".join(command_line(pid))
    return bool(line) and all(word in line for word in words)


def age_seconds(pid: int) -> float:
    """How long ago the process was started; infinite when it is gone."""
    try:
        if _LINUX:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            uptime = float(Path("/proc/uptime").read_text().split()[0])
            return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return _elapsed(_ps(pid, "etime"))
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return float("inf")


def _elapsed(shown: str) -> float:
    """`[[days-]hours:]minutes:seconds` as ps prints it."""
    days, _, clock = shown.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds + int(days or 0) * 86_400


def _ps(pid: int, column: str) -> str:
    shown = subprocess.run(
        ["ps", "-ww", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that is gone already is what we wanted."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the block is over: a process that was born in it must not be lost by its parent."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda which, _frame: came.append(which))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for which in came:
            signal.raise_signal(which)


def wait_until(reached: Callable[[], bool], seconds: float) -> bool:
    """Poll until `reached`; False when `seconds` have passed without it."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
