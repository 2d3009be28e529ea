"""Small files the house keeps for itself: written whole or not at all, private, and guarded by locks."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import LocalServerFailed

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600


class DirectoryBusy(LocalServerFailed):
    """Another process is using this data directory; wait for it to end, or name another one in DATA_DIR."""

    code = "DIRECTORY_BUSY"


def private_directory(path: Path) -> Path:
    """The directory, made 0700 when it is missing; an existing one keeps the mode its owner gave it."""
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step (0600, on disk before it is seen): a reader finds the old text or the new one."""
    private_directory(path.parent)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_private(path: Path) -> str | None:
    """The text, or None when there is no such file; takes away what others were allowed to read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(PRIVATE_FILE)
    return text


def tail(path: Path, lines: int = 12, *, start: int = 0) -> str:
    """The last lines written at or after byte `start`; at most 64 KiB are read."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(min(start, end), end - 65536))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _lock(descriptor: int, operation: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


@contextmanager
def locked(path: Path, *, wait_seconds: float, shared: bool = False) -> Iterator[int]:
    """Hold the lock file while the block runs and yield its descriptor.

    The kernel lets go of the lock when its holder dies, so a file left behind by a killed process blocks nobody.
    Raises DirectoryBusy, naming what the holder wrote into the file, when it is not free within `wait_seconds`.
    """
    private_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        if not _lock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + wait_seconds):
            holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
            raise DirectoryBusy(
                f"{path.parent.parent} is in use{f' (pid {holder})' if holder else ''}; "
                "wait for that process to end, or name another directory in DATA_DIR.",
                lock=str(path),
                pid=int(holder) if holder.isdigit() else None,
            )
        yield descriptor
    finally:
        os.close(descriptor)


def exclusively(descriptor: int) -> bool:
    """Try to turn a shared lock into the only one; False while anybody else holds it."""
    return _lock(descriptor, fcntl.LOCK_EX, 0)
