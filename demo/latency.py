"""The shop's page speed as its monitoring would report it: day buckets posted to the ingestion door until they are taken."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import aiohttp
import asyncpg

from demo.signing import sign

SIGNAL = "checkout.slow_share"
SLOW_MS = 800
DAY = timedelta(days=1)
LEAST_PAUSE, MOST_PAUSE = 0.25, 4.0
PATIENCE = aiohttp.ClientTimeout(total=10)
# Which experiments have exposures since their last accepted message; the index is walked from one name to the next.
WAITING = """
WITH RECURSIVE known AS (
    SELECT min(experiment) AS experiment FROM exposures
    UNION ALL
    SELECT (SELECT min(e.experiment) FROM exposures e WHERE e.experiment > known.experiment)
    FROM known WHERE known.experiment IS NOT NULL
)
SELECT known.experiment, date_bin('1 day', first.at, '2000-01-01Z') AS since, calendar.now
FROM known CROSS JOIN calendar LEFT JOIN reported USING (experiment)
CROSS JOIN LATERAL (
    SELECT min(e.first_at) AS at FROM exposures e
    WHERE e.experiment = known.experiment AND e.first_at >= coalesce(reported.through, '-infinity')
) AS first
WHERE first.at IS NOT NULL ORDER BY known.experiment
"""
BUCKETS = """
SELECT date_bin('1 day', e.first_at, '2000-01-01Z') AS day, e.variant, count(*) AS n,
       count(*) FILTER (WHERE r.latency_ms > $3) AS slow
FROM exposures e JOIN requests r USING (shopper)
WHERE e.experiment = $1 AND e.first_at >= $2
GROUP BY 1, 2 ORDER BY 1, 2
"""
REPORTED = """INSERT INTO reported (experiment, through) VALUES ($1, $2)
ON CONFLICT (experiment) DO UPDATE SET through = excluded.through"""


class DoorShut(Exception):
    """The door did not take a message; it is made again from the database and sent again later."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one experiment's days look like at `through`; nothing is missing before it."""

    experiment: str
    through: datetime
    days: Sequence[Any]

    @property
    def body(self) -> bytes:
        """A slow page is a 1, any other a 0, so that sum and sum of squares are the same count."""
        points = [
            {
                "variant": row["variant"], "n": row["n"], "sum": str(row["slow"]), "sum_sq": str(row["slow"]),
                "from": row["day"].isoformat(), "to": min(row["day"] + DAY, self.through).isoformat(), "kind": "delta",
            }
            for row in self.days
        ]  # fmt: skip
        return json.dumps({"signal": SIGNAL, "experiment_id": self.experiment, "points": points}).encode()

    @property
    def id(self) -> str:
        """The same content always has the same id, so that a repeat is known as one."""
        return "msg_" + hashlib.sha256(self.body).hexdigest()[:24]


async def unsent(connection: Any) -> list[Message]:
    """Everything the door has not taken yet, as one snapshot; the day that still grows is told anew from its start."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        waiting = await connection.fetch(WAITING)
        return [
            Message(
                row["experiment"], row["now"], await connection.fetch(BUCKETS, row["experiment"], row["since"], SLOW_MS)
            )
            for row in waiting
        ]


async def unsent_since(connection: Any) -> datetime | None:
    """The first day of which the door lacks something: whatever is forgotten must be older."""
    return min((row["since"] for row in await connection.fetch(WAITING)), default=None)


@dataclass
class Reporter:
    """Posts what is unsent for as long as the shop runs, whatever else is down meanwhile."""

    dsn: str
    url: str
    secret: str
    pause: float = LEAST_PAUSE
    told: str = ""
    say: Callable[[str], None] = field(default=lambda text: print(text, flush=True))

    @classmethod
    def at(cls, address: str, *, dsn: str, secret: str) -> Self:
        return cls(dsn, f"{address.rstrip('/')}/api/v1/signals/ingest", secret)

    async def run(self) -> None:
        """Waits longer after each failure in a row and says each new reason once."""
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            while True:
                try:
                    await self._report(session)
                except Exception as error:  # noqa: BLE001  a database or door that dies in mid-answer raises anything at all
                    self._wait_longer(f"{type(error).__name__}: {error}")
                await asyncio.sleep(self.pause)

    def _wait_longer(self, reason: str) -> None:
        if reason != self.told:
            self.say(f"shop: its latency waits to be reported ({reason})")
        self.pause, self.told = min(self.pause * 2, MOST_PAUSE), reason

    async def _report(self, session: aiohttp.ClientSession) -> None:
        connection = await asyncpg.connect(self.dsn, command_timeout=30, server_settings={"jit": "off"})
        try:
            while True:
                await self.send(session, connection)
                self.pause, self.told = LEAST_PAUSE, ""
                await asyncio.sleep(LEAST_PAUSE)
        finally:
            await connection.close(timeout=5)

    async def send(self, session: aiohttp.ClientSession, connection: Any) -> int:
        """One round; how many messages were taken. What is killed between the door and the mark is sent again as it was."""
        messages = await unsent(connection)
        for message in messages:
            await self._post(session, message)
            await connection.execute(REPORTED, message.experiment, message.through)
        return len(messages)

    async def _post(self, session: aiohttp.ClientSession, message: Message) -> None:
        headers = sign(self.secret, message.id, datetime.now(UTC), message.body)
        headers["Content-Type"] = "application/json"
        async with session.post(self.url, data=message.body, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 300 or json.loads(text).get("rejected"):  # noqa: PLR2004  not accepted
                raise DoorShut(f"{answer.status}: {text[:200]}")
