"""Rows of units on their way into the table: copied straight into it when all is new, else aside and moved, each event id once."""

from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from runtime.db.engine import Row, Tx
from runtime.db.tables import ingested_batches
from runtime.ingestion import waiting
from runtime.ingestion.limits import MOST_ERRORS
from runtime.ingestion.parse import Chunk
from runtime.ingestion.rows import ARMS, COLUMNS, Fault, Seen, Unit, as_plain

if TYPE_CHECKING:
    from runtime.core import Runtime

_AT = attrgetter("at")
_MONTHS: dict[str, set[date]] = {}
"""Months of which this process knows that they have a table of their own, by database."""
_ENSURE = text("""
with ensured as materialized (select ensure_ingested_partitions(cast(:first as date)::timestamptz, cast(:last as date)::timestamptz) as made)
select month::date as month from ensured, generate_series(greatest(cast(:first as date)::timestamp, date_trunc('month', localtimestamp) - interval '25 months'),
  least(cast(:last as date)::timestamp, localtimestamp + interval '25 months'), '1 month') as month
where made >= 0 and to_regclass('ingested_rows_' || to_char(month, 'YYYY_MM')) is not null
""")

# Row-level security forbids COPY into the table itself, for its policy could not be asked. A month's own table has none: there the
# application may write every column but the organisation's, which Postgres fills in, and may read nothing.
_BEGIN = text("""
select nextval('ingested_batch') as batch, (select coalesce(sum(rows), 0) from ingested_batches) as waiting,
  set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true)
""")
_KNOWN = text("""
select exists (select from ingested_rows r join ingested_rows o on o.event_id = r.event_id
  and o.month in ((r.month - interval '1 month')::date, (r.month + interval '1 month')::date)
  where r.org_id = cast(:org as uuid) and o.org_id = cast(:org as uuid) and r.batch = cast(:batch as bigint)
  and r.month = any(cast(:months as date[])))
""")
_MAKE = text("""
create temporary table if not exists ingesting (place integer, event_id text collate "C", experiment text collate "C",
  unit text collate "C", variant text, at timestamptz, signal text collate "C", value numeric) on commit delete rows
""")
_MONTH = "date_trunc('month', {}.at at time zone 'UTC')::date"
_MOVE = text(f"""
insert into ingested_rows (org_id, month, event_id, experiment_key, unit, variant, at, signal_name, value, batch)
select cast(:org as uuid), {_MONTH.format("s")}, s.event_id, s.experiment, s.unit, s.variant, s.at, s.signal, s.value, cast(:batch as bigint)
from ingesting s order by s.event_id, s.place on conflict do nothing
""")  # noqa: S608  only constants of this module are put in
_BESIDE = text(
    "select exists (select from ingested_rows where org_id = cast(:org as uuid) and month = any(cast(:beside as date[])))"
)
_OTHER_MONTH = text(f"""
with other as (delete from ingesting s where exists (
  select 1 from ingested_rows r where r.org_id = cast(:org as uuid) and r.event_id = s.event_id
    and r.month in (({_MONTH.format("s")} - interval '1 month')::date, ({_MONTH.format("s")} + interval '1 month')::date))
  returning s.place)
select count(*) as n, (array_agg(place order by place))[1:{MOST_ERRORS}] as places from other
""")  # noqa: S608  only constants of this module are put in
_TWO_MONTHS = text(f"""
with first as (select event_id, min(place) as place from ingesting group by event_id having min({_MONTH.format("ingesting")}) < max({_MONTH.format("ingesting")})),
other as (delete from ingesting s using ingesting f, first where first.event_id = s.event_id and f.event_id = first.event_id
  and f.place = first.place and {_MONTH.format("s")} <> {_MONTH.format("f")} returning s.place)
select count(*) as n, (array_agg(place order by place))[1:{MOST_ERRORS}] as places from other
""")  # noqa: S608  only constants of this module are put in
_DIFFERENT = text(f"""
with different as (
  select s.place from ingesting s join ingested_rows r
    on r.org_id = cast(:org as uuid) and r.event_id = s.event_id and r.month = {_MONTH.format("s")}
  where (r.experiment_key, r.unit, r.variant, r.at, r.signal_name, r.value)
    is distinct from (s.experiment, s.unit, s.variant, s.at, s.signal, s.value))
select count(*) as n, (array_agg(place order by place))[1:{MOST_ERRORS}] as places from different
""")  # noqa: S608  only constants of this module are put in
_PROBLEM = "this id was used for another row; use a new id for new data"


class Tally(Protocol):
    """Where it is counted what became of the rows."""

    accepted: int
    repeated: int
    crossed: int

    def refuse(self, faults: Sequence[Fault], more: int = 0) -> None: ...


class Doubtful(Exception):
    """Some row is not plain, or not new. Nothing of the message was kept; take it again, carefully.

    No leaf of OutcomeRuntimeError, since it is no error: it undoes a transaction, the door catches it, and nobody is ever told.
    """


class _Batch:
    """What both ways have in common: a number, a bound on what waits, and which units came in which variants."""

    def __init__(self, runtime: "Runtime", tx: Tx) -> None:
        self._runtime, self._tx = runtime, tx
        self._begun: Row = {}
        self._seen: Seen = {}
        self.rows = 0

    async def _begin(self, rows: int, most: int) -> None:
        # Little is known of rows that have just come: only looking up by index is always right.
        if not self._begun:
            self._begun = await self._tx.first(_BEGIN) or {}
        self.rows += rows
        waiting.check(int(self._begun["waiting"]), self.rows, most)

    def _see(self, seen: Seen) -> None:
        for key, units in seen.items():
            self._seen.setdefault(key, set()).update(units)

    @property
    def _crossed(self) -> int:
        """Units of this message alone that it has in both variants."""
        control, treatment = ARMS
        keys = [experiment for experiment, arm in self._seen if arm == control]
        return sum(len(self._seen[key, control] & self._seen.get((key, treatment), set())) for key in keys)

    async def _keep(self, taken: Tally, moved: int, key_id: UUID) -> None:
        taken.accepted += moved
        taken.crossed = self._crossed
        if moved:
            values = {"id": self._begun["batch"], "org_id": self._tx.org_id, "rows": moved, "key_id": key_id}
            await self._tx.run(insert(ingested_batches).values(values))

    async def _driver(self) -> Any:
        return (await self._tx.conn.get_raw_connection()).driver_connection


class Copied(_Batch):
    """The rows of one message, straight into the tables of their months. Raises Doubtful when some id may not be new."""

    def __init__(self, runtime: "Runtime", tx: Tx) -> None:
        super().__init__(runtime, tx)
        self._months: set[date] = set()

    async def add(self, chunk: Chunk, most: int) -> None:
        found = chunk.plain or as_plain(chunk.units)
        await self._begin(len(found.rows), most)
        self._see(found.seen)
        months = {date.fromisoformat(f"{name}-01"): lines for name, lines in found.months.items()}
        await self._expect(set(months))
        driver = await self._driver()
        for month, lines in months.items():
            sent = "".join(lines).replace("\n", f"\t{self._begun['batch']}\n").encode()
            await _copy(driver, f"ingested_rows_{month:%Y_%m}", sent)

    async def _expect(self, months: AbstractSet[date]) -> None:
        known = _MONTHS.get(str(self._runtime.engine.url.database), set())
        if not months <= known and (self._months or await _ensure(self._runtime, months) != months):
            raise Doubtful
        self._months |= months

    async def settle(self, taken: Tally, key_id: UUID) -> None:
        """The unique index cannot see an id that came with a time in another month: the months beside are looked at."""
        if len(self._months) > 1 or await _beside_any(self._tx, self._months):
            values = {"org": self._tx.org_id, "batch": self._begun["batch"], "months": sorted(self._months)}
            if await self._tx.value(_KNOWN, values):
                raise Doubtful
        await self._keep(taken, self.rows, key_id)


_PIECE = 256 * 1024
_OTHERWISE = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UndefinedTableError,
)


async def _copy(driver: Any, table: str, sent: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(sent), _PIECE):
            yield sent[start : start + _PIECE]

    try:
        await driver.copy_to_table(table, source=pieces(), columns=(*COLUMNS, "batch"), schema_name="public")
    except _OTHERWISE as error:
        raise Doubtful from error


class Staged(_Batch):
    """The rows of one message, aside, so that what is new can be told from what is not."""

    def __init__(self, runtime: "Runtime", tx: Tx) -> None:
        super().__init__(runtime, tx)
        self._moments: list[datetime] = []

    async def add(self, chunk: Chunk, most: int) -> None:
        units = chunk.units
        if not self.rows:
            await self._tx.run(_MAKE)
        await self._begin(len(units), most)
        driver = await self._driver()
        await driver.copy_records_to_table("ingesting", records=units, columns=Unit._fields, schema_name="pg_temp")
        self._see(as_plain(units).seen)
        self._moments += [min(map(_AT, units)), max(map(_AT, units))]

    async def settle(self, taken: Tally, key_id: UUID) -> None:
        """Move what is new into the table as one batch that waits to be folded; sort out the rest."""
        first, last = _month(min(self._moments)), _month(max(self._moments))
        await _ensure(self._runtime, {first, last})
        try:
            refused = await self._other_months(taken, first, last)
            moved = (await self._tx.run(_MOVE, {"org": self._tx.org_id, "batch": self._begun["batch"]})).rowcount
        except DBAPIError as error:
            if isinstance(error.orig.__cause__ if error.orig else None, asyncpg.DeadlockDetectedError):
                raise Doubtful from error
            raise
        if moved + refused < self.rows:
            refused += await self._refused(taken, _DIFFERENT)
        taken.repeated += self.rows - moved - refused
        await self._keep(taken, moved, key_id)

    async def _other_months(self, taken: Tally, first: date, last: date) -> int:
        refused = 0
        if first != last or await _beside_any(self._tx, {first}):
            refused += await self._refused(taken, _OTHER_MONTH)
        if first != last:
            refused += await self._refused(taken, _TWO_MONTHS)
        return refused

    async def _refused(self, taken: Tally, statement: Any) -> int:
        found: Row = await self._tx.first(statement, {"org": self._tx.org_id}) or {"n": 0}
        if found["n"]:
            faults = [Fault(place, "id", _PROBLEM) for place in found["places"]]
            taken.refuse(faults, found["n"] - len(faults))
        return int(found["n"])


def _month(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)


def _beside(month: date, step: int) -> date:
    """The month before or after."""
    return (month + timedelta(days=31 if step > 0 else -1)).replace(day=1)


async def _beside_any(tx: Tx, months: AbstractSet[date]) -> bool:
    """Whether the organisation has rows in the months before or after."""
    beside = sorted({_beside(month, step) for month in months for step in (-1, 1)} - months)
    return bool(await tx.value(_BESIDE, {"org": tx.org_id, "beside": beside}))


async def _ensure(runtime: "Runtime", months: AbstractSet[date]) -> AbstractSet[date]:
    """Those of the months that have a table of their own. Making one waits for everybody who has looked at the whole of the rows.

    Hence in a transaction of its own, and before ours has looked.
    """
    known = _MONTHS.setdefault(str(runtime.engine.url.database), set())
    if not months <= known:
        async with runtime.engine.begin() as conn:
            values = {"first": min(months), "last": max(months)}
            known.update(row.month for row in await conn.execute(_ENSURE, values))
    return months & known
