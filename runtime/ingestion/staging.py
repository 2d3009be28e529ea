"""Rows of units on their way into the table: copied aside, then moved in one statement that keeps each event id once."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from runtime.db.engine import Row, Tx
from runtime.db.tables import ingested_batches
from runtime.ingestion.limits import MOST_ERRORS
from runtime.ingestion.rows import Fault, Unit

if TYPE_CHECKING:
    from runtime.core import Runtime

_COLUMNS = Unit._fields
_SEEN, _AT = attrgetter("experiment", "unit", "variant"), attrgetter("at")
_MONTHS: set[tuple[date, date]] = set()
"""Months this process has asked partitions for; asking again does no harm."""

# Row-level security forbids COPY into the table itself, and rightly: its policy could not be asked. A temporary table has
# neither policy, index nor journal of writes, so the way through it costs a fifth of a bare COPY.
_MAKE = text("""
create temporary table if not exists ingesting (place integer, event_id text collate "C", experiment text collate "C",
  unit text collate "C", variant text, at timestamptz, signal text collate "C", value numeric) on commit delete rows
""")
# The temporary table has no statistics: only looking up by index is always right.
_PLAN = text(
    "select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), nextval('ingested_batch') as batch"
)
_MONTH = "date_trunc('month', {}.at at time zone 'UTC')::date"
_MOVE = """
insert into ingested_rows (org_id, month, event_id, experiment_key, unit, variant, at, signal_name, value, batch)
select cast(:org as uuid), {month}, s.event_id, s.experiment, s.unit, s.variant, s.at, s.signal, s.value, cast(:batch as bigint)
from ingesting s
"""
_MOVE_NEW = text(_MOVE.format(month="cast(:month as date)"))
_MOVE_ONCE = text(_MOVE.format(month=_MONTH.format("s")) + "on conflict do nothing")
_BESIDE = text("""
select exists (select from ingested_rows where org_id = cast(:org as uuid) and month >= cast(:before as date) and month <= cast(:after as date)
  and month <> all(cast(:months as date[])))
""")
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


class Staged:
    """The rows of one message, aside."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.rows = 0
        self._seen: set[tuple[str, str, str]] = set()
        self._moments: list[datetime] = []

    async def copy(self, units: Sequence[Unit]) -> None:
        if not self.rows:
            await self._tx.run(_MAKE)
        driver: Any = (await self._tx.conn.get_raw_connection()).driver_connection
        await driver.copy_records_to_table("ingesting", records=units, columns=_COLUMNS, schema_name="pg_temp")
        self.rows += len(units)
        self._seen.update(map(_SEEN, units))
        self._moments += [min(map(_AT, units)), max(map(_AT, units))]

    @property
    def _crossed(self) -> int:
        """Units of this message alone that it has in both variants."""
        return len(self._seen) - len({(experiment, unit) for experiment, unit, _ in self._seen})

    async def settle(self, runtime: "Runtime", taken: Tally, key_id: UUID) -> None:
        """Move what is new into the table as one batch that waits to be folded; sort out the rest."""
        first, last = _month(min(self._moments)), _month(max(self._moments))
        await _partitions(runtime, first, last)
        batch = (await self._tx.first(_PLAN) or {})["batch"]
        refused = await self._other_months(taken, first, last)
        moved = await self._move(first, last, batch)
        if moved + refused < self.rows:
            refused += await self._refused(taken, _DIFFERENT)
        taken.accepted += moved
        taken.repeated += self.rows - moved - refused
        taken.crossed = self._crossed
        if moved:
            values = {"id": batch, "org_id": self._tx.org_id, "rows": moved, "key_id": key_id}
            await self._tx.run(insert(ingested_batches).values(values))

    async def _move(self, first: date, last: date, batch: int) -> int:
        """Nearly always all rows are new, and of one month: then nobody needs to ask each of them."""
        values = {"org": self._tx.org_id, "batch": batch}
        if first == last:
            # If some id is there already, the statement after this one finds out which.
            with suppress(IntegrityError):
                async with self._tx.conn.begin_nested():
                    return (await self._tx.run(_MOVE_NEW, values | {"month": first})).rowcount
        return (await self._tx.run(_MOVE_ONCE, values)).rowcount

    async def _other_months(self, taken: Tally, first: date, last: date) -> int:
        """The unique index cannot see an id that came with a time in another month: the months beside are looked at."""
        refused = 0
        months = [first, last]
        beside = {"org": self._tx.org_id, "months": months, "before": _beside(first, -1), "after": _beside(last, 1)}
        if await self._tx.value(_BESIDE, beside) or first != last:
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


async def _partitions(runtime: "Runtime", first: date, last: date) -> None:
    """In a transaction of its own: making a partition locks the table, and nobody should wait for our rows."""
    if (first, last) in _MONTHS:
        return
    async with runtime.engine.begin() as conn:
        ensure = text(
            "select ensure_ingested_partitions(cast(:first as date)::timestamptz, cast(:last as date)::timestamptz)"
        )
        await conn.execute(ensure, {"first": first, "last": last})
    _MONTHS.add((first, last))
