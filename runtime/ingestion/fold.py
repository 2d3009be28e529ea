"""Folding: accepted rows become totals of units, and these become rollups, in one transaction that also ends their wait.

All it keeps is a union, a minimum or a sum, so the order in which batches are folded does not matter.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from runtime.db.engine import Tx
from runtime.ingestion import news

if TYPE_CHECKING:
    from runtime.core import Runtime

MOST_ROWS = 20_000
"""Rows of one transaction, if no batch alone has more."""

_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 2))")
_CLAIM = text("""
select id from (
  select id, coalesce(sum(rows) over (order by id rows between unbounded preceding and 1 preceding), 0) as before
  from (select id, rows from ingested_batches where org_id = cast(:org as uuid) order by id limit 1000 for update skip locked) locked) summed
where before < :most order by id
""")
_MAKE = (
    text("""
create temporary table if not exists folding_rows (experiment_key text collate "C", unit text collate "C", signal_name text collate "C",
  variants smallint, first_at timestamptz, last_at timestamptz, exposed_at timestamptz, total numeric, rows bigint) on commit delete rows
"""),
    text("""
create temporary table if not exists folding_units (experiment_key text collate "C", unit text collate "C", variants_before smallint,
  first_before timestamptz, exposed_before timestamptz, variants smallint, first_at timestamptz, exposed_at timestamptz) on commit delete rows
"""),
    text("""
create temporary table if not exists folding_totals (experiment_key text collate "C", unit text collate "C", signal_name text collate "C",
  total_before numeric, total numeric) on commit delete rows
"""),
)
_ROWS = text("""
insert into folding_rows
select experiment_key, unit, signal_name, bit_or(case variant when 'control' then 1 else 2 end)::smallint, min(at), max(at),
  min(at) filter (where signal_name = ''), sum(value), count(*)
from ingested_rows where org_id = cast(:org as uuid) and batch = any(cast(:batches as bigint[]))
group by experiment_key, unit, signal_name
""")
_UNITS = text("""
insert into folding_units
select f.experiment_key, f.unit, u.variants, u.first_at, u.exposed_at, (f.variants | coalesce(u.variants, 0::smallint))::smallint,
  least(f.first_at, u.first_at), least(f.exposed_at, u.exposed_at)
from (select experiment_key, unit, bit_or(variants) as variants, min(first_at) as first_at, min(exposed_at) as exposed_at
      from folding_rows group by experiment_key, unit) f
left join ingested_units u on u.org_id = cast(:org as uuid) and u.experiment_key = f.experiment_key and u.unit = f.unit
""")
_KEEP_UNITS = text("""
insert into ingested_units as u (org_id, experiment_key, unit, variants, first_at, exposed_at)
select cast(:org as uuid), experiment_key, unit, variants, first_at, exposed_at from folding_units
where (variants, first_at, exposed_at) is distinct from (variants_before, first_before, exposed_before)
on conflict (org_id, experiment_key, unit) do update
set variants = excluded.variants, first_at = excluded.first_at, exposed_at = excluded.exposed_at
""")
# What the rows add to; what a unit had already and now counts elsewhere or no more; and its exposure, which has no value.
_TOTALS = text("""
insert into folding_totals
select f.experiment_key, f.unit, f.signal_name, t.total, coalesce(t.total, 0) + f.total from folding_rows f
left join ingested_totals t on t.org_id = cast(:org as uuid) and t.experiment_key = f.experiment_key and t.unit = f.unit
  and t.signal_name = f.signal_name
where f.signal_name <> ''
union all
select t.experiment_key, t.unit, t.signal_name, t.total, t.total from folding_units u
join ingested_totals t on t.org_id = cast(:org as uuid) and t.experiment_key = u.experiment_key and t.unit = u.unit
where (u.variants, u.first_at, u.exposed_at) is distinct from (u.variants_before, u.first_before, u.exposed_before)
  and not exists (select from folding_rows f where f.experiment_key = t.experiment_key and f.unit = t.unit and f.signal_name = t.signal_name)
union all
select experiment_key, unit, '', 0, 0 from folding_units where exposed_at is not null
""")
_KEEP_TOTALS = text("""
insert into ingested_totals (org_id, experiment_key, unit, signal_name, total)
select cast(:org as uuid), experiment_key, unit, signal_name, total from folding_totals
where signal_name <> '' and total is distinct from total_before
on conflict (org_id, experiment_key, unit, signal_name) do update set total = excluded.total
""")
# Each unit is taken out where it counted and put in where it counts now. A unit of both variants counts nowhere.
_ROLLUPS = text("""
with moved as (
  select t.experiment_key, t.signal_name, m.basis, case m.variants when 1 then 'control' else 'treatment' end as variant,
    date_trunc('minute', m.at, 'UTC') as minute, sum(m.sign) as n, sum(m.sign * m.total) as total, sum(m.sign * m.total * m.total) as total_sq,
    sum(case when m.total > 0 then m.sign else 0 end) as positive
  from folding_totals t join folding_units u using (experiment_key, unit)
  cross join lateral (values
    ('seen', -1, u.variants_before, u.first_before, t.total_before), ('seen', 1, u.variants, u.first_at, t.total),
    ('exposed', -1, u.variants_before, u.exposed_before, t.total_before), ('exposed', 1, u.variants, u.exposed_at, t.total)
  ) as m(basis, sign, variants, at, total)
  where m.variants in (1, 2) and m.at is not null and m.total is not null and (m.basis = 'exposed' or t.signal_name <> '')
  group by 1, 2, 3, 4, 5
), changed as (
  select * from moved where n <> 0 or total <> 0 or total_sq <> 0 or positive <> 0
), kept as (
  insert into ingested_rollups as r (org_id, experiment_key, signal_name, basis, variant, grain, bucket, n, total, total_sq, positive)
  select cast(:org as uuid), c.experiment_key, c.signal_name, c.basis, c.variant, g.grain, date_trunc(g.grain, c.minute, 'UTC'),
    sum(c.n), sum(c.total), sum(c.total_sq), sum(c.positive)
  from changed c cross join (values ('minute'), ('hour'), ('day')) as g(grain)
  group by 1, 2, 3, 4, 5, 6, 7
  on conflict (org_id, experiment_key, signal_name, basis, variant, grain, bucket) do update
  set n = r.n + excluded.n, total = r.total + excluded.total, total_sq = r.total_sq + excluded.total_sq, positive = r.positive + excluded.positive
)
select experiment_key, signal_name, min(minute) as since from changed group by experiment_key, signal_name
""")
_SIGNALS = text("""
insert into ingested_signals as s (org_id, experiment_key, signal_name, rows, units, exposed, crossed, first_at, last_at)
select cast(:org as uuid), experiment_key, signal_name, sum(rows), sum(units), sum(exposed), sum(crossed), min(first_at), max(last_at)
from (
  select experiment_key, signal_name, sum(rows) as rows, 0 as units, 0 as exposed, 0 as crossed, min(first_at) as first_at, max(last_at) as last_at
  from folding_rows group by experiment_key, signal_name
  union all
  select experiment_key, signal_name, 0, count(*) filter (where total_before is null), 0, 0, 'infinity', '-infinity'
  from folding_totals where signal_name <> '' group by experiment_key, signal_name
  union all
  select u.experiment_key, '', 0, count(*) filter (where u.variants_before is null),
    count(*) filter (where u.exposed_before is null and u.exposed_at is not null),
    count(*) filter (where u.variants = 3 and u.variants_before is distinct from 3), min(u.first_at), max(u.first_at)
  from folding_units u group by u.experiment_key
) counted group by experiment_key, signal_name
on conflict (org_id, experiment_key, signal_name) do update
set rows = s.rows + excluded.rows, units = s.units + excluded.units, exposed = s.exposed + excluded.exposed, crossed = s.crossed + excluded.crossed,
  first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at), folded_at = clock_timestamp()
""")
_DONE = text(
    "delete from ingested_batches where org_id = cast(:org as uuid) and id = any(cast(:batches as bigint[])) returning rows"
)


async def fold(runtime: "Runtime", org_id: UUID) -> int:
    """Fold whatever waits, a transaction at a time; returns how many rows. It may be called twice, or die, at any moment."""
    folded = 0
    while some := await _fold_some(runtime, org_id):
        folded += some
    return folded


async def _fold_some(runtime: "Runtime", org_id: UUID) -> int:
    """One transaction. An organisation's folds come one after the other, for two may hold rows of the same unit."""
    async with runtime.transaction(org_id) as tx:
        await tx.run(_LOCK, {"name": str(org_id)})
        claimed = await tx.all(_CLAIM, {"org": org_id, "most": MOST_ROWS})
        if not claimed:
            return 0
        return await _batches(runtime, tx, [row["id"] for row in claimed])


async def _batches(runtime: "Runtime", tx: Tx, batches: Sequence[int]) -> int:
    mine = {"org": tx.org_id, "batches": list(batches)}
    org = {"org": tx.org_id}
    for statement in _MAKE:
        await tx.run(statement)
    # The planner must know how many rows there are, or it compares each with each.
    await tx.run(_ROWS, mine)
    await tx.run(text("analyze folding_rows"))
    await tx.run(_UNITS, org)
    await tx.run(text("analyze folding_units"))
    await tx.run(_TOTALS, org)
    await tx.run(text("analyze folding_totals"))
    await tx.run(_KEEP_UNITS, org)
    await tx.run(_KEEP_TOTALS, org)
    changed = await tx.all(_ROLLUPS, org)
    await tx.run(_SIGNALS, org)
    done = await tx.all(_DONE, mine)
    since: dict[tuple[str, str], datetime] = {
        (row["experiment_key"], row["signal_name"]): row["since"] for row in changed
    }
    if since:
        await news.tell(runtime, tx, since)
    return sum(row["rows"] for row in done)
