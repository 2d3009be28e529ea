"""Signals from any Postgres: your SQL counts, in a read-only transaction, under a time limit and a row cap."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

import asyncpg
from pydantic import Field, SecretStr, field_validator

from runtime.errors import InvalidConfiguration, OutcomeRuntimeError, SignalUnavailable
from runtime.integrations.config import SignalConfig, read_config
from runtime.integrations.contracts import (
    Bucket,
    Capability,
    Level,
    MetricDefinition,
    MetricQuery,
    Probe,
    Reading,
    VariantSums,
    Window,
)
from runtime.integrations.http import Http
from runtime.integrations.signals.parameters import Statement, numbered
from runtime.integrations.signals.postgres_errors import explain
from runtime.integrations.signals.sums import as_count, as_decimal, as_moment, checked_sums

MOST_ROWS = 10_000
CONNECT_SECONDS = 10
SIDE_BY_SIDE = 4
DAY = timedelta(days=1)
SUMS = ("bucket", "variant", "n", "total", "total_sq")
LEVEL = ("value", "n")
WALL_CLOCK = "SELECT now()"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One configured query: where it stands in the config, and which columns it must return."""

    place: str
    statement: Statement
    columns: tuple[str, ...]


class PostgresConfig(SignalConfig):
    """`clock` returns one timestamptz, the source's data time; without it that is the database's own now()."""

    dsn: SecretStr
    clock: str = WALL_CLOCK
    queries: dict[str, str] = Field(default_factory=dict)
    levels: dict[str, str] = Field(default_factory=dict)
    statement_timeout_ms: int = Field(default=30_000, ge=100, le=600_000)

    @field_validator("dsn")
    @classmethod
    def _is_postgres(cls, dsn: SecretStr) -> SecretStr:
        if not dsn.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("write postgresql://user:password@host:port/database, or ${NAME} of a set variable")
        return dsn


class PostgresSignals:
    """Connects anew for each reading, so that it works from every thread's event loop and leaves no connection behind."""

    slug: str = "postgres"
    capability: Capability = "unit_moments"
    Config: ClassVar[type[PostgresConfig]] = PostgresConfig

    def __init__(self, config: Mapping[str, Any], http: Http) -> None:
        self._config = read_config(PostgresConfig, config, self.slug)
        self.reread = self._config.reread
        self._clock = _asked("clock", self._config.clock, ())
        if self._clock.statement.names:
            raise InvalidConfiguration("`clock` takes no parameters; let it return one timestamptz.")
        self._queries = {name: _asked(f"queries.{name}", sql, SUMS) for name, sql in self._config.queries.items()}
        self._levels = {name: _asked(f"levels.{name}", sql, LEVEL) for name, sql in self._config.levels.items()}

    async def test_connection(self) -> Probe:
        """Connects, reads the clock and lets Postgres prepare every query; runs none of them."""
        try:
            async with self._reading("the connection test") as conn:
                await _clock(conn, self._clock)
                role = await conn.fetchrow(
                    "SELECT current_user AS name, rolsuper FROM pg_roles WHERE rolname = current_user"
                )
                for asked in (*self._queries.values(), *self._levels.values()):
                    await _prepare(conn, asked)
                version = conn.get_server_version()
        except OutcomeRuntimeError as error:
            return Probe(ok=False, detail=error.message)
        count = len(self._queries) + len(self._levels)
        advice = (
            "; better use a role that may only SELECT, this one is a superuser" if role and role["rolsuper"] else ""
        )
        detail = f"PostgreSQL {version.major}.{version.minor} answers and prepares {count} queries{advice}"
        return Probe(ok=True, detail=detail)

    async def fetch_metric(self, query: MetricQuery, window: Window) -> Level:
        asked = _find(self._levels, query.metric, "levels")
        async with self._reading(asked.place) as conn:
            now = await _clock(conn, self._clock)
            rows = await _rows(conn, asked, query, window)
        if len(rows) != 1 or rows[0]["value"] is None:
            raise SignalUnavailable(
                f"`{asked.place}` found nothing between {window.start:%Y-%m-%d %H:%M} and {window.end:%Y-%m-%d %H:%M}; "
                "it must return one row (value, n).",
                metric=query.metric,
            )
        with _blaming(asked.place):
            n = None if rows[0]["n"] is None else as_count(rows[0]["n"], "n")
            return Level(as_decimal(rows[0]["value"], "value"), n, min(now, window.end), self.slug)

    async def fetch_variant_metric(self, query: MetricQuery, window: Window) -> Reading:
        asked = _find(self._queries, query.metric, "queries")
        async with self._reading(asked.place) as conn:
            now = await _clock(conn, self._clock)
            rows = await _rows(conn, asked, query, window)
        with _blaming(asked.place):
            return Reading(_buckets(rows, window), now, self.slug, self.capability)

    async def fetch_many(self, asked: Sequence[tuple[MetricQuery, Window]]) -> Sequence[Reading | OutcomeRuntimeError]:
        """Over a few connections instead of one for each reading; one that fails is answered by its error."""
        size = max(1, -(-len(asked) // SIDE_BY_SIDE))
        parts = [asked[start : start + size] for start in range(0, len(asked), size)]
        return [found for part in await asyncio.gather(*map(self._part, parts)) for found in part]

    async def _part(self, asked: Sequence[tuple[MetricQuery, Window]]) -> list[Reading | OutcomeRuntimeError]:
        async with self._reading("the readings of a batch") as conn:
            now = await _clock(conn, self._clock)
            return [await self._one(conn, now, query, window) for query, window in asked]

    async def _one(self, conn: Any, now: datetime, query: MetricQuery, window: Window) -> Reading | OutcomeRuntimeError:
        try:
            asked = _find(self._queries, query.metric, "queries")
            try:
                async with conn.transaction():
                    rows = await _rows(conn, asked, query, window)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                raise explain(error, asked.place, self._config.dsn.get_secret_value(), self._limit_ms) from error
            with _blaming(asked.place):
                return Reading(_buckets(rows, window), now, self.slug, self.capability)
        except OutcomeRuntimeError as error:
            return error

    async def list_metrics(self) -> Sequence[MetricDefinition]:
        return [MetricDefinition(name) for name in sorted({*self._queries, *self._levels})]

    async def now(self) -> datetime:
        async with self._reading("clock") as conn:
            return await _clock(conn, self._clock)

    async def close(self) -> None:
        """Nothing stays open between readings."""

    @asynccontextmanager
    async def _reading(self, place: str) -> AsyncIterator[Any]:
        """One snapshot for all that is read inside. The last fence is the role's grants: give it SELECT only."""
        conn = None
        try:
            conn = await self._connect()
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                yield conn
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise explain(error, place, self._config.dsn.get_secret_value(), self._limit_ms) from error
        finally:
            if conn is not None:
                await _close(conn)

    @property
    def _limit_ms(self) -> int:
        return self._config.statement_timeout_ms

    async def _connect(self) -> Any:
        try:
            return await asyncpg.connect(
                self._config.dsn.get_secret_value(),
                timeout=CONNECT_SECONDS,
                command_timeout=self._limit_ms / 1000 + 5,
                statement_cache_size=0,
                server_settings=_session(self._limit_ms),
            )
        except ValueError:
            # The parser's own message quotes parts of the address, where a password may be.
            raise SignalUnavailable(
                "`dsn` cannot be read; write postgresql://user:password@host:port/database with special characters "
                "of the password percent-encoded."
            ) from None


def _session(limit_ms: int) -> dict[str, str]:
    return {
        "application_name": "outcome-runtime",
        "default_transaction_read_only": "on",
        "statement_timeout": str(limit_ms),
        "lock_timeout": "2000",
        "idle_in_transaction_session_timeout": "10000",
        "timezone": "UTC",
    }


def _asked(place: str, sql: str, columns: tuple[str, ...]) -> Asked:
    try:
        return Asked(place, numbered(sql.strip().rstrip(";")), columns)
    except InvalidConfiguration as error:
        raise InvalidConfiguration(f"`{place}`: {error.message}", **error.context) from error


def _find(queries: Mapping[str, Asked], metric: str, section: str) -> Asked:
    found = queries.get(metric)
    if found is None:
        known = ", ".join(sorted(queries)) or "none"
        raise SignalUnavailable(
            f"The connector has no `{section}.{metric}`; write that query (there are: {known}).", metric=metric
        )
    return found


@contextmanager
def _blaming(place: str) -> Iterator[None]:
    try:
        yield
    except SignalUnavailable as error:
        raise SignalUnavailable(f"`{place}`: {error.message}", **error.context) from error


async def _close(conn: Any) -> None:
    try:
        await conn.close(timeout=2)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        conn.terminate()


async def _clock(conn: Any, clock: Asked) -> datetime:
    with _blaming("clock"):
        return as_moment(await conn.fetchval(clock.statement.sql), "the time")


async def _prepare(conn: Any, asked: Asked) -> Any:
    """Postgres tells the columns before it runs anything."""
    try:
        prepared = await conn.prepare(asked.statement.sql)
    except asyncpg.PostgresError as error:
        raise explain(error, asked.place) from error
    columns = {attribute.name: attribute.type.name for attribute in prepared.get_attributes()}
    missing = [name for name in asked.columns if name not in columns]
    if missing:
        wanted = ", ".join(asked.columns)
        raise SignalUnavailable(
            f"`{asked.place}` returns no column {', '.join(missing)}; it must return ({wanted}).", missing=missing
        )
    if columns.get("bucket", "timestamptz") != "timestamptz":
        raise SignalUnavailable(f"`{asked.place}` returns bucket as {columns['bucket']}; cast it to timestamptz.")
    return prepared


async def _rows(conn: Any, asked: Asked, query: MetricQuery, window: Window) -> Sequence[Row]:
    prepared = await _prepare(conn, asked)
    values = _values(query, window)
    cursor = await prepared.cursor(*(values[name] for name in asked.statement.names))
    rows: Sequence[Row] = await cursor.fetch(MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        raise SignalUnavailable(
            f"`{asked.place}` returns more than {MOST_ROWS} rows; let it return one per bucket and variant."
        )
    return rows


def _values(query: MetricQuery, window: Window) -> dict[str, Any]:
    return {
        "experiment": query.experiment,
        "from": window.start,
        "to": window.end,
        "limit": query.limit,
        "steps": list(query.funnel_steps),
        "segment": json.dumps(dict(query.segment)),
    }


def _buckets(rows: Sequence[Row], window: Window) -> tuple[Bucket, ...]:
    """Rows by their bucket's start; each pair of bucket and variant may come once."""
    found: dict[datetime, dict[str, VariantSums]] = {}
    ends: dict[datetime, datetime] = {}
    for row in rows:
        start = as_moment(row["bucket"], "bucket")
        sums = checked_sums(row["variant"], row["n"], row["total"], row["total_sq"], row.get("beyond_limit"))
        if sums.variant in found.setdefault(start, {}):
            raise SignalUnavailable(
                f"two rows for {start:%Y-%m-%d %H:%M} and {sums.variant}; GROUP BY bucket and variant."
            )
        found[start][sums.variant] = sums
        if row.get("bucket_end") is not None:
            ends[start] = as_moment(row["bucket_end"], "bucket_end")
    starts = sorted(found)
    following = dict(pairwise(starts))
    return tuple(
        _bucket(start, ends.get(start) or _end(start, following.get(start)), found[start], window) for start in starts
    )


def _end(start: datetime, following: datetime | None) -> datetime:
    """A bucket that names no `bucket_end` is a day long, or ends where the next one starts."""
    return start + DAY if following is None else min(start + DAY, following)


def _bucket(start: datetime, end: datetime, variants: Mapping[str, VariantSums], window: Window) -> Bucket:
    if not (start < end and start < window.end and end > window.start):
        raise SignalUnavailable(
            f"the bucket of {start:%Y-%m-%d %H:%M} lies outside of what was asked; restrict the query to :from and :to."
        )
    return Bucket(start, end, tuple(variants[name] for name in sorted(variants)))
