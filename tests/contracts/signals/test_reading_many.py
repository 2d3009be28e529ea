"""Many readings of one Postgres in one go: the same answers as one by one, in order, each failure in its own place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.integrations.contracts import MetricQuery, ReadsMany, Window
from runtime.integrations.http import Http
from runtime.integrations.signals.postgres import PostgresSignals

START = datetime(2026, 3, 1, tzinfo=UTC)
UNITS = (
    "SELECT date_trunc('day', first_at) AS bucket, variant, count(*) AS n, count(*) AS total, count(*) AS total_sq FROM exposures "
    "WHERE experiment = :experiment AND first_at >= :from AND first_at < :to GROUP BY 1, 2"
)


def source(shop: Any, **more: Any) -> PostgresSignals:
    queries = {
        "units": UNITS,
        "wrong": "SELECT * FROM nowhere",
        "divided": UNITS.replace("count(*) AS n", "1 / 0 AS n"),
    }
    return PostgresSignals({"dsn": shop.reader, "queries": queries, **more}, Http())


async def test_many_readings_are_what_each_would_be_alone(shop: Any) -> None:
    signals = source(shop, clock="SELECT now FROM calendar")
    windows = [Window(START, START + timedelta(days=days)) for days in (1, 2, 3, 4, 4)]
    asked = [(MetricQuery("units", experiment="flag-1"), window) for window in windows]
    asked.append((MetricQuery("units", experiment="flag-2"), windows[0]))
    assert isinstance(signals, ReadsMany)
    assert await signals.fetch_many(asked) == [await signals.fetch_variant_metric(*item) for item in asked]
    assert await signals.fetch_many([]) == []


async def test_a_query_that_fails_is_answered_by_its_error_and_the_others_by_their_readings(shop: Any) -> None:
    window = Window(START, START + timedelta(days=4))
    names = ["wrong", "units", "divided", "unheard_of", "units"] * 3
    found = await source(shop).fetch_many([(MetricQuery(name, experiment="flag-1"), window) for name in names])
    told = [answer.message if isinstance(answer, OutcomeRuntimeError) else len(answer.buckets) for answer in found]
    assert [item for item in told if isinstance(item, int)] == [4] * 6
    assert "queries.wrong" in told[0]
    assert "division by zero" in told[2]
    assert "no `queries.unheard_of`" in told[3]


async def test_a_database_that_is_away_fails_them_all(shop: Any) -> None:
    signals = source(shop, dsn=f"postgresql://reader:x@127.0.0.1:{unused_port()}/none")
    with pytest.raises(SignalUnavailable):
        await signals.fetch_many([(MetricQuery("units"), Window(START, START + timedelta(days=1)))])
