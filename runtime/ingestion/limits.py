"""How much the door takes at once: sizes of a message, what may be under way in a process, what may wait to be folded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import OutcomeRuntimeError

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a message as it is sent."""
LARGEST_UNPACKED = 16 * 1024 * 1024
"""Bytes of a message after decompression."""
MOST_ROWS = 100_000
"""Rows of one message."""
MOST_POINTS = 10_000
"""Points of one message."""
MOST_ERRORS = 100
"""Errors an answer names; the rest is counted."""
_STORING = 3
"""Messages that are parsed and written at once; the others wait with their bodies."""


class TooLarge(OutcomeRuntimeError):
    """The message is larger than the door takes; split it into several, each with a webhook-id of its own."""

    code = "TOO_LARGE"


class TooBusy(OutcomeRuntimeError):
    """More has been posted than can be taken in just now; send the same message again after Retry-After seconds."""

    code = "TOO_BUSY"

    def __init__(self, message: str | None = None, /, *, retry_after: int = 1, **context: Any) -> None:
        super().__init__(message, retry_after=retry_after, **context)
        self.retry_after = retry_after


@dataclass(slots=True)
class Flight:
    """What is under way in this process. Nobody waits to be let in: whoever does not fit is told when to come back."""

    bytes: int = 0
    requests: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STORING))

    @asynccontextmanager
    async def admitted(self, size: int, most_bytes: int, most_requests: int) -> AsyncIterator["Seat"]:
        if self.requests >= most_requests or (self.bytes and self.bytes + size > most_bytes):
            raise TooBusy(in_flight=self.requests)
        seat = Seat(self, most_bytes)
        self.requests += 1
        seat.grow(size)
        try:
            yield seat
        finally:
            self.requests -= 1
            self.bytes -= seat.held


@dataclass(slots=True)
class Seat:
    """One request's share of the bytes under way."""

    flight: Flight
    most: int
    held: int = 0

    def grow(self, size: int) -> None:
        """Count more bytes; a lone request always fits, so that nothing is refused for ever."""
        if self.flight.requests > 1 and self.flight.bytes + size > self.most:
            raise TooBusy(in_flight=self.flight.requests)
        self.flight.bytes += size
        self.held += size
