"""Ten thousand running experiments and the source they are measured by: rows made by SQL, a clock that the benchmark moves."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from runtime.errors import SignalUnavailable
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
from runtime.statistics.power import make_plan

START = datetime(2026, 3, 2, tzinfo=UTC)
PRIMARY = "checkout_completed"
GUARDED: Mapping[str, dict[str, object]] = {
    "slow_share": {"max": 0.05},
    "error_share": {"max": 0.02},
    "basket_value": {"min": 20},
    "latency_p95": {"max": 800, "metric": "latency_p95"},
}
FILE = {"signal_connectors": [{"name": "ledger", "type": "ledger", "config": {}}]}


class Ledger:
    """A signal source in a Postgres of its own: one table of sums, one row of a clock. Bulk reading is one query."""

    slug: str = "ledger"
    capability: Capability = "unit_moments"
    dsn = ""

    def __init__(self, config: Mapping[str, Any], http: Http) -> None:
        self._open: asyncpg.Connection | None = None

    async def _conn(self) -> asyncpg.Connection:
        if self._open is None:
            self._open = await asyncpg.connect(self.dsn)
        return self._open

    async def test_connection(self) -> Probe:
        return Probe(ok=True, detail=str(await self.now()))

    async def now(self) -> datetime:
        found: datetime = await (await self._conn()).fetchval("select at from clock")
        return found

    async def fetch_many(self, asked: Sequence[tuple[MetricQuery, Window]]) -> Sequence[Reading]:
        """Sums by experiment, metric and bucket, in the order they were asked for."""
        keys = [(query.experiment, query.metric, window.start, window.end) for query, window in asked]
        rows = await (await self._conn()).fetch(_READ, *(list(column) for column in zip(*keys, strict=True)))
        found: list[dict[datetime, list[VariantSums]]] = [{} for _ in asked]
        for place, bucket, variant, n, total, total_sq, beyond in rows:
            found[place - 1].setdefault(bucket, []).append(VariantSums(variant, n, total, total_sq, beyond))
        now = await self.now()
        return [self._reading(buckets, now) for buckets in found]

    def _reading(self, buckets: Mapping[datetime, list[VariantSums]], now: datetime) -> Reading:
        made = (Bucket(at, at + timedelta(hours=1), tuple(sums)) for at, sums in sorted(buckets.items()))
        return Reading(tuple(made), now, self.slug, self.capability)

    async def fetch_variant_metric(self, query: MetricQuery, window: Window) -> Reading:
        return (await self.fetch_many([(query, window)]))[0]

    async def fetch_metric(self, query: MetricQuery, window: Window) -> Level:
        """The mean of all units of all experiments."""
        total, n = await (await self._conn()).fetchrow(_LEVEL, query.metric, window.start, window.end)
        if not n:
            raise SignalUnavailable(
                f"The ledger has no {query.metric} between {window.start} and {window.end}; seed it."
            )
        return Level(total / n, int(n), min(await self.now(), window.end), self.slug)

    async def list_metrics(self) -> Sequence[MetricDefinition]:
        return [MetricDefinition(name) for name in (PRIMARY, *GUARDED)]

    async def close(self) -> None:
        if self._open is not None:
            await self._open.close()


_READ = """
select a.place, s.bucket, s.variant, s.n, s.total, s.total_sq, s.beyond
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) with ordinality as a(experiment, metric, since, until, place)
cross join lateral (select * from sums s where s.experiment = a.experiment and s.metric = a.metric and s.bucket >= a.since
  and s.bucket < a.until offset 0) s
"""


_LEVEL = "select sum(total), sum(n) from sums where metric = $1 and bucket >= $2 and bucket < $3"


async def seed_source(dsn: str, experiments: int, hours: Sequence[int]) -> None:
    """Sums of every experiment, metric and variant at these hours after START; no effect, and every limit kept."""
    conn = await asyncpg.connect(dsn)
    await conn.execute(
        "create table clock (at timestamptz not null); create table sums (experiment text, metric text, bucket timestamptz, variant text, "
        "n bigint, total numeric, total_sq numeric, beyond bigint)"
    )
    await conn.execute("insert into clock values ($1)", START)
    await conn.execute(_SUMS, START, list(hours), experiments)
    await conn.execute("create index on sums (experiment, metric, bucket); analyze sums")
    await conn.close()


_SUMS = """
insert into sums
select 'exp-' || e, m.metric, $1::timestamptz + make_interval(hours => h), v.variant, 1000 + (e % 7),
  round(m.mean * (1000 + e % 7)) + (h + e) % 3, (round(m.mean * (1000 + e % 7)) + (h + e) % 3) * m.square,
  case when m.metric = 'latency_p95' then 20 + (h + e) % 3 end
from generate_series(1, $3::integer) as e
cross join unnest($2::integer[]) as h
cross join (values ('checkout_completed', 0.32, 1), ('slow_share', 0.02, 1), ('error_share', 0.005, 1), ('basket_value', 30.0, 45),
  ('latency_p95', 400.0, 450)) as m(metric, mean, square)
cross join (values ('control'), ('treatment')) as v(variant)
"""


async def set_clock(dsn: str, at: datetime) -> None:
    conn = await asyncpg.connect(dsn)
    await conn.execute("update clock set at = $1", at)
    await conn.close()


async def seed_experiments(url: str, org_id: UUID, experiments: int) -> None:
    """Running experiments, five to an outcome, of which people have been told already."""
    conn = await asyncpg.connect(url)
    signal = {"source": "ledger", "metric": PRIMARY, "method": "event", "unit": "share"}
    target = {"direction": "increase", "from": 0.32, "to": 0.45, "confidence_required": 0.95}
    limits: list[dict[str, object]] = [{"signal": name, "source": "ledger"} | limit for name, limit in GUARDED.items()]
    values = (
        org_id,
        experiments,
        json.dumps(signal),
        json.dumps(target),
        json.dumps(limits),
        _plan(),
        _memory(),
        START,
    )
    await conn.execute(
        "insert into workspaces (org_id, name, outcome_file) values ($1, 'bench', $2::text::jsonb) "
        "on conflict do nothing",
        org_id,
        json.dumps(FILE),
    )
    await conn.execute(
        "update workspaces set outcome_file = $2::text::jsonb where org_id = $1", org_id, json.dumps(FILE)
    )
    await conn.execute(_OUTCOMES, *values[:5])
    await conn.execute(_EXPERIMENTS, org_id, experiments, values[5], values[6], START)
    await conn.execute(_PHASES, org_id, START)
    await conn.execute("analyze")
    await conn.close()


def _plan() -> str:
    plan = make_plan(
        minimum_effect=0.02, metric_kind="conversion", direction="increase", alpha=0.05, baseline=0.32, units_per_day=2000,
        horizon_days=3650, allocation=0.5, expected_effect=0.02, hold_days=3,
    )  # fmt: skip
    return json.dumps(plan.to_json())


def _memory() -> str:
    gist = {
        "status": "inconclusive",
        "srm_flagged": False,
        "guardrails": [{"name": name, "state": "ok"} for name in GUARDED],
    }
    return json.dumps({"told": {"at": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "result": gist}})


_OUTCOMES = """
insert into outcomes (org_id, slug, title, status, primary_signal, target, constraints, horizon, owner)
select $1, 'outcome-' || o, 'Outcome ' || o, 'active', $3::text::jsonb, $4::text::jsonb, $5::text::jsonb, interval '10 years', 'ana@example.com'
from generate_series(0, $2::integer / 5) as o
"""
_EXPERIMENTS = """
insert into experiments (org_id, outcome_id, title, hypothesis, mechanism, prediction, intervention, measurement_plan, rollout_plan,
  generated_by, feature_flag_key, status, plan, memory, data_from, rollout_percent)
select $1, (select id from outcomes where slug = 'outcome-' || (e / 5)), 'Experiment ' || e, 'h', 'm',
  '{"expected_delta": 0.02, "delta_range": [0.01, 0.03], "confidence": 0.5}', '{}', '{}', '{"initial_pct": 50}', 'ai', 'exp-' || e,
  'measuring', $3::text::jsonb, $4::text::jsonb, $5, 50
from generate_series(1, $2::integer) as e
"""
_PHASES = """
with phases as (insert into experiment_phases (org_id, experiment_id, position, share_treatment, started_at, reason)
  select $1, id, 0, 0.5, $2, 'rollout 50 %' from experiments returning experiment_id)
insert into timers (org_id, kind, subject_id, version, due_at) select $1, 'measure', experiment_id, 1, now() from phases
"""
