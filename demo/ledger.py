"""The shop's own database: its calendar and everything shoppers did, one transaction a slice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from demo.shoppers import Activity, Slice

DAY = timedelta(days=1)
SCHEMA = """
CREATE TABLE IF NOT EXISTS calendar (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    simulated boolean NOT NULL DEFAULT true CHECK (simulated),
    seed bigint NOT NULL,
    started_at timestamptz NOT NULL,
    now timestamptz NOT NULL,
    slices bigint NOT NULL DEFAULT 0,
    next_shopper bigint NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS exposures (
    experiment text NOT NULL, shopper bigint NOT NULL, variant text NOT NULL, platform text NOT NULL,
    first_at timestamptz NOT NULL, PRIMARY KEY (experiment, shopper)
);
CREATE INDEX IF NOT EXISTS exposures_by_time ON exposures (experiment, first_at);
CREATE TABLE IF NOT EXISTS funnel_events (
    shopper bigint NOT NULL, platform text NOT NULL, at timestamptz NOT NULL, step text NOT NULL,
    PRIMARY KEY (shopper, step)
);
CREATE INDEX IF NOT EXISTS funnel_events_by_time ON funnel_events USING brin (at);
CREATE INDEX IF NOT EXISTS orders_by_shopper ON funnel_events (shopper) INCLUDE (at) WHERE step = 'order_confirmed';
CREATE TABLE IF NOT EXISTS requests (
    shopper bigint PRIMARY KEY, platform text NOT NULL, at timestamptz NOT NULL, latency_ms integer NOT NULL
);
CREATE INDEX IF NOT EXISTS requests_by_time ON requests USING brin (at);
CREATE TABLE IF NOT EXISTS payments (
    shopper bigint PRIMARY KEY, platform text NOT NULL, at timestamptz NOT NULL, succeeded boolean NOT NULL
);
CREATE INDEX IF NOT EXISTS payments_by_time ON payments USING brin (at);
CREATE TABLE IF NOT EXISTS daily (
    day date NOT NULL, platform text NOT NULL, carts bigint NOT NULL, orders bigint NOT NULL,
    PRIMARY KEY (day, platform)
);
CREATE TABLE IF NOT EXISTS reported (experiment text PRIMARY KEY, through timestamptz NOT NULL);
"""
COLUMNS = {
    "exposures": ("experiment", "shopper", "variant", "platform", "first_at"),
    "funnel_events": ("shopper", "platform", "at", "step"),
    "requests": ("shopper", "platform", "at", "latency_ms"),
    "payments": ("shopper", "platform", "at", "succeeded"),
}
ADVANCE = """UPDATE calendar SET now = $1, slices = slices + 1, next_shopper = next_shopper + $2
WHERE slices = $3 RETURNING slices"""
COUNT_DAY = """INSERT INTO daily (day, platform, carts, orders) VALUES (($1::timestamptz AT TIME ZONE 'UTC')::date, $2, $3, $4)
ON CONFLICT (day, platform) DO UPDATE SET carts = daily.carts + excluded.carts, orders = daily.orders + excluded.orders"""
RECENT_DAYS = """SELECT day, platform, carts, orders FROM daily
WHERE day > ($1::timestamptz AT TIME ZONE 'UTC')::date - $2::int ORDER BY day, platform"""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where the shop's accelerated calendar stands; `now` is data time."""

    seed: int
    started_at: datetime
    now: datetime
    slices: int
    next_shopper: int

    def upcoming(self, length: timedelta) -> Slice:
        return Slice(self.slices, self.now, self.now + length, self.next_shopper)

    def after(self, span: Slice, shoppers: int) -> "Calendar":
        return replace(self, now=span.end, slices=self.slices + 1, next_shopper=self.next_shopper + shoppers)


class CalendarMoved(Exception):
    """Another process lived this slice already; read the calendar again."""


class Ledger:
    """One connection to the shop's database; only this process writes."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @classmethod
    async def open(cls, dsn: str) -> "Ledger":
        connection = await asyncpg.connect(
            dsn, command_timeout=30, server_settings={"application_name": "simulated-shop", "jit": "off"}
        )
        return cls(connection)

    async def close(self) -> None:
        await self.connection.close(timeout=5)

    async def calendar(self, *, seed: int, start: datetime) -> Calendar:
        """The calendar where it stopped; seed and start count only the first time."""
        async with self.connection.transaction():
            await self.connection.execute("SELECT pg_advisory_xact_lock(8702)")
            await self.connection.execute(SCHEMA)
            await self.connection.execute(
                "INSERT INTO calendar (seed, started_at, now) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING", seed, start
            )
        row = await self.connection.fetchrow("SELECT seed, started_at, now, slices, next_shopper FROM calendar")
        return Calendar(**dict(row))

    async def record(self, calendar: Calendar, span: Slice, activity: Activity) -> Calendar:
        """All of the slice or nothing of it: rows and calendar move in one transaction."""
        async with self.connection.transaction():
            if await self.connection.fetchval(ADVANCE, span.end, activity.shoppers, calendar.slices) is None:
                raise CalendarMoved
            for table, columns in COLUMNS.items():
                rows = getattr(activity, table)
                if rows:
                    await self.connection.copy_records_to_table(table, records=rows, columns=columns)
            counts = [(span.start, name, activity.carts[name], activity.orders[name]) for name in activity.carts]
            await self.connection.executemany(COUNT_DAY, counts)
        return calendar.after(span, activity.shoppers)

    async def forget_before(self, moment: datetime) -> None:
        """Keeps the database small however long the demo runs."""
        async with self.connection.transaction():
            await self.connection.execute("DELETE FROM exposures WHERE first_at < $1", moment)
            for table in ("funnel_events", "requests", "payments"):
                await self.connection.execute(f"DELETE FROM {table} WHERE at < $1", moment)  # noqa: S608  our own three names

    async def take_stock(self) -> None:
        """Fresh statistics for the query planner, which autovacuum would bring a minute too late at this pace."""
        for table in COLUMNS:
            await self.connection.execute(f"ANALYZE {table}")

    async def recent_days(self, now: datetime, days: int) -> Sequence[Any]:
        rows: Sequence[Any] = await self.connection.fetch(RECENT_DAYS, now, days)
        return rows
