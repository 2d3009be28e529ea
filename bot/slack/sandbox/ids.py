"""Ids and timestamps shaped like Slack's."""

import hashlib
import secrets
from base64 import b32encode
from functools import lru_cache

MICROS = 1_000_000


@lru_cache(maxsize=4096)
def stable_id(letter: str, *parts: str) -> str:
    """The same parts give the same id on every machine and after every reset."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return letter + b32encode(digest).decode()[:10]


def fresh_id(letter: str) -> str:
    return letter + b32encode(secrets.token_bytes(7)).decode().rstrip("=")[:10]


def to_ts(micros: int) -> str:
    """Slack's message id: seconds, a dot, six digits."""
    return f"{micros // MICROS}.{micros % MICROS:06d}"


def next_micros(now: float, last: int) -> int:
    """Microseconds since 1970, always later than the last ones given out."""
    return max(int(now * MICROS), last + 1)
