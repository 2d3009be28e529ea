"""Signals from Postgres: every way a query can go wrong is said in a sentence, and none of them writes or leaks."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import asyncpg
import pytest
from aiohttp.test_utils import unused_port

from runtime.errors import InvalidConfiguration, SignalUnavailable
from runtime.integrations.contracts import MetricQuery, Reading, Window
from runtime.integrations.http import Http
from runtime.integrations.signals.postgres import MOST_ROWS, PostgresSignals

START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=4))
PASSWORD = "r/e@d:er-pass"
DAY_ONE = "timestamptz '2026-03-01T00:00:00Z'"
ROW = f"SELECT {DAY_ONE} AS bucket, 'control' AS variant, 10 AS n, 5 AS total, 5 AS total_sq"


class Place(Protocol):
    owner: str
    reader: str
    port: int


def source(shop: Place, sql: str = ROW, **more: Any) -> PostgresSignals:
    return PostgresSignals({"dsn": shop.reader, "queries": {"m": sql}, **more}, Http())


async def read(signals: PostgresSignals, **more: Any) -> Reading:
    return await signals.fetch_variant_metric(MetricQuery("m", experiment="flag-1", **more), WINDOW)


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        (
            ROW.replace(" AS total_sq", " AS sq"),
            "no column total_sq; it must return .bucket, variant, n, total, total_sq",
        ),
        ("SELECT nonsense FROM orders", r'column that does not exist \(column "nonsense" does not exist\)'),
        ("SELECT * FROM nowhere", r'table that does not exist \(relation "nowhere"'),
        (f"{ROW} FROM private_notes", "permission denied for table private_notes.*GRANT SELECT"),
        ("SELEKT 1", "not valid SQL"),
        (f"{ROW}; SELECT 1", "cannot insert multiple commands"),
        ("INSERT INTO orders VALUES (1, 1, now()) RETURNING at AS bucket", "no column variant"),
        ("SELECT 1/0 AS n, now() AS bucket, 'control' AS variant, 1 AS total, 1 AS total_sq", "division by zero"),
        (ROW.replace(DAY_ONE, "date '2026-03-01'"), "returns bucket as date; cast it to timestamptz"),
        (ROW.replace(DAY_ONE, "NULL::timestamptz"), "bucket is NULL"),
        (ROW.replace("'control'", "'blue'"), "variant is 'blue'; return 'control' or 'treatment'"),
        (ROW.replace("10 AS n", "-1 AS n"), "n is -1"),
        (ROW.replace("5 AS total_sq", "2 AS total_sq"), "total_sq is smaller than total"),
        (ROW.replace("5 AS total_sq", "'NaN'::numeric AS total_sq"), "total_sq is NaN; it must be a finite number"),
        (f"{ROW}, 11 AS beyond_limit", "beyond_limit is larger than n"),
        (f"{ROW} UNION ALL {ROW}", "two rows for 2026-03-01 00:00 and control"),
        (ROW.replace(DAY_ONE, "timestamptz '2026-03-09Z'"), "outside of what was asked; restrict the query to :from"),
        (ROW.replace(DAY_ONE, "timestamptz '2026-02-01Z'"), "outside of what was asked"),
    ],
)
async def test_each_mistake_in_a_query_is_named_with_what_to_mend(shop: Place, sql: str, sentence: str) -> None:
    with pytest.raises(SignalUnavailable, match=sentence) as failed:
        await read(source(shop, sql))
    assert "queries.m" in failed.value.message
    assert PASSWORD not in failed.value.message


@pytest.mark.parametrize(
    "write",
    [
        "WITH w AS (INSERT INTO orders VALUES (999, 1, now()) RETURNING 1) {row}",
        "WITH w AS (DELETE FROM orders RETURNING 1) {row}",
        "{row} FROM (SELECT nextval('serial_of_the_shop')) s",
    ],
)
async def test_a_query_that_writes_is_refused_even_for_the_owner(shop: Place, write: str) -> None:
    owner = await asyncpg.connect(shop.owner)
    await owner.execute("CREATE SEQUENCE IF NOT EXISTS serial_of_the_shop")
    before = await owner.fetchval("SELECT count(*) FROM orders")
    signals = PostgresSignals({"dsn": shop.owner, "queries": {"m": write.format(row=ROW)}}, Http())
    with pytest.raises(SignalUnavailable, match="tries to write; a query may only SELECT"):
        await read(signals)
    assert await owner.fetchval("SELECT count(*) FROM orders") == before
    await owner.close()


async def test_a_query_that_takes_too_long_is_ended_at_the_source(shop: Place) -> None:
    signals = source(shop, f"{ROW} FROM pg_sleep(30)", statement_timeout_ms=150)
    began = time.monotonic()
    with pytest.raises(SignalUnavailable, match="longer than the limit of 150 ms; add an index"):
        await read(signals)
    assert time.monotonic() - began < 10
    owner = await asyncpg.connect(shop.owner)
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outcome-runtime' AND datname = current_database()"
    assert await _becomes(lambda: owner.fetchval(left), 0)
    await owner.close()


async def test_too_many_rows_are_refused(shop: Place) -> None:
    sql = f"SELECT {DAY_ONE} + g * interval '1 s' AS bucket, 'control' AS variant, 1 AS n, 1 AS total, 1 AS total_sq "
    with pytest.raises(SignalUnavailable, match=f"more than {MOST_ROWS} rows"):
        await read(source(shop, f"{sql} FROM generate_series(1, {MOST_ROWS + 1}) g"))


async def test_parameters_reach_the_query_in_its_own_types(shop: Place) -> None:
    sql = f"""
      SELECT {DAY_ONE} AS bucket, 'treatment' AS variant, 1000 AS n,
             (cardinality(:steps) * 100 + extract(day FROM :to - :from) * 10 + length(:experiment))::numeric AS total,
             1000000 AS total_sq, (:limit * 2)::bigint AS beyond_limit
      WHERE :segment ->> 'platform' = 'mobile' -- and not :nothing
    """
    reading = await read(
        source(shop, sql), funnel_steps=("a", "b"), limit=Decimal("2.5"), segment={"platform": "mobile"}
    )
    sums = reading.buckets[0].variants[0]
    assert (sums.total, sums.beyond_limit) == (Decimal(200 + 40 + 6), 5)


async def test_parameters_are_data_and_never_sql(shop: Place) -> None:
    sql = f"{ROW} WHERE :experiment = 'flag-1'' OR true --'"
    evil = MetricQuery("m", experiment="flag-1' OR true --")
    assert (await source(shop, sql).fetch_variant_metric(evil, WINDOW)).buckets != ()
    assert (await read(source(shop, sql))).buckets == ()


async def test_hourly_buckets_end_where_the_next_one_starts_unless_they_say_so(shop: Place) -> None:
    sql = f"""SELECT {DAY_ONE} + h * interval '1 hour' AS bucket, 'control' AS variant, 1 AS n, 1 AS total, 1 AS total_sq
              FROM generate_series(0, 2) h"""
    hours = [(bucket.end - bucket.start) / timedelta(hours=1) for bucket in (await read(source(shop, sql))).buckets]
    assert hours == [1, 1, 24]
    named = sql.replace("AS bucket,", f"AS bucket, {DAY_ONE} + (h + 1) * interval '1 hour' AS bucket_end,")
    hours = [(bucket.end - bucket.start) / timedelta(hours=1) for bucket in (await read(source(shop, named))).buckets]
    assert hours == [1, 1, 1]


async def test_days_are_cut_in_utc_whatever_the_server_is_set_to(shop: Place) -> None:
    owner = await asyncpg.connect(shop.owner)
    await owner.execute("ALTER ROLE reader SET timezone = 'Pacific/Auckland'")
    sql = ROW.replace(DAY_ONE, f"date_trunc('day', {DAY_ONE} + interval '23 hours')")
    assert (await read(source(shop, sql))).buckets[0].start == START
    await owner.execute("ALTER ROLE reader RESET timezone")
    await owner.close()


async def test_whole_numbers_decimals_and_floats_are_all_numbers(shop: Place) -> None:
    sql = ROW.replace("5 AS total,", "0.1::float8 AS total,").replace("10 AS n", "10::numeric AS n")
    sums = (await read(source(shop, sql))).buckets[0].variants[0]
    assert (sums.n, sums.total) == (10, Decimal("0.1"))


@pytest.mark.parametrize(
    ("clock", "sentence"),
    [
        ("SELECT 5", "clock.*without a time zone"),
        ("SELECT now()::timestamp", "clock.*cast it to timestamptz"),
        ("SELECT now() WHERE false", "clock.*NULL"),
        ("SELECT now FROM nowhere", "clock.*table that does not exist"),
    ],
)
async def test_a_clock_that_tells_no_time_is_named(shop: Place, clock: str, sentence: str) -> None:
    signals = source(shop, clock=clock)
    with pytest.raises(SignalUnavailable, match=sentence):
        await signals.now()
    assert not (await signals.test_connection()).ok


async def test_without_a_clock_the_databases_own_time_counts(shop: Place) -> None:
    assert abs(await source(shop).now() - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_level_without_data_is_no_zero(shop: Place) -> None:
    levels = {"m": "SELECT avg(amount) AS value, count(*) AS n FROM orders WHERE at >= :to"}
    with pytest.raises(SignalUnavailable, match=r"`levels.m` found nothing between 2026-03-01 00:00 and"):
        await source(shop, levels=levels).fetch_metric(MetricQuery("m"), WINDOW)


async def test_an_unknown_metric_is_answered_with_the_known_ones(shop: Place) -> None:
    with pytest.raises(SignalUnavailable, match=r"no `queries.x`; write that query \(there are: m\)"):
        await source(shop).fetch_variant_metric(MetricQuery("x"), WINDOW)
    with pytest.raises(SignalUnavailable, match=r"no `levels.m`.*there are: none"):
        await source(shop).fetch_metric(MetricQuery("m"), WINDOW)


async def test_the_probe_prepares_every_query_and_runs_none(shop: Place) -> None:
    good = await source(shop, f"{ROW} FROM pg_sleep(60)").test_connection()
    assert good.ok
    assert "prepares 1 queries" in good.detail
    bad = await source(shop, levels={"m": "SELECT 1 AS wert"}).test_connection()
    assert (bad.ok, "`levels.m` returns no column value, n" in bad.detail) == (False, True)


async def test_the_probe_warns_of_a_role_that_may_do_everything(shop: Place) -> None:
    mighty = PostgresSignals({"dsn": shop.owner, "queries": {"m": ROW}}, Http())
    assert "superuser" in (await mighty.test_connection()).detail
    assert "superuser" not in (await source(shop).test_connection()).detail


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"r%2Fe": "wrong"}, "could not log in; check user and password"),
        ({"/signals_shop": "/nowhere"}, "database that does not exist"),
        ({"127.0.0.1:": f"127.0.0.1:{unused_port()}/x?was="}, "could not reach the server"),
        ({"r%2Fe%40d%3Aer-pass": "r/e@d:er-pass"}, "`dsn` cannot be read.*percent-encoded"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_said_without_the_password(
    shop: Place, change: dict[str, str], sentence: str
) -> None:
    dsn = shop.reader
    for part, other in change.items():
        assert part in dsn
        dsn = dsn.replace(part, other)
    signals = PostgresSignals({"dsn": dsn, "queries": {"m": ROW}}, Http())
    with pytest.raises(SignalUnavailable, match=sentence) as failed:
        await read(signals)
    told = failed.value.message + str(failed.value.context) + (await signals.test_connection()).detail
    assert "er-pass" not in told
    assert "reader" not in told


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({}, "dsn: Field required"),
        ({"dsn": "mysql://ana:geheim@db/x"}, "dsn: .*write postgresql://"),
        ({"dsn": "${SHOP_DSN}"}, "dsn: .*of a set variable"),
        ({"dsn": "postgresql://db/x", "statement_timeout_ms": 1}, "statement_timeout_ms"),
        ({"dsn": "postgresql://db/x", "querys": {}}, "querys: Extra inputs"),
        ({"dsn": "postgresql://db/x", "queries": {"m": "SELECT :form"}}, "`queries.m`: There is no parameter :form"),
        ({"dsn": "postgresql://db/x", "clock": "SELECT :to"}, "`clock` takes no parameters"),
    ],
)
def test_a_wrong_config_is_refused_before_anything_is_connected(config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidConfiguration, match=complaint) as refused:
        PostgresSignals(config, Http())
    assert "geheim" not in refused.value.message


async def test_one_connector_serves_the_event_loops_of_several_threads(shop: Place) -> None:
    signals, found = source(shop), []

    def work() -> None:
        found.append(asyncio.run(read(signals)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join, 20)
    assert [reading.buckets[0].variants[0].n for reading in found] == [10] * 4


async def test_a_reading_that_is_cancelled_leaves_no_connection_behind(shop: Place) -> None:
    task = asyncio.create_task(read(source(shop, f"{ROW} FROM pg_sleep(30)")))
    owner = await asyncpg.connect(shop.owner)
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outcome-runtime' AND datname = current_database() AND state = 'active'"
    assert await _becomes(lambda: owner.fetchval(open_ones), 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _becomes(
        lambda: owner.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outcome-runtime' AND datname = current_database()"
        ),
        0,
    )
    await owner.close()


async def _becomes(ask: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = 10) -> bool:
    """Polls with a bound."""
    end = time.monotonic() + seconds
    while await ask() != wanted:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True
