"""Files that survive a crash: written beside, flushed, then moved into place."""

import os
import secrets
from pathlib import Path


def write_atomic(path: Path, text: str, *, mode: int = 0o644) -> None:
    """A reader sees the old text or the new one, never half of it, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)


def secret_file(path: Path, prefix: str = "") -> str:
    """The secret kept in `path`, made at the first call and readable by its owner only."""
    if not path.exists():
        write_atomic(path, prefix + secrets.token_urlsafe(32) + "\n", mode=0o600)
    return path.read_text(encoding="utf-8").strip()
