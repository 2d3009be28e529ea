"""What every signal source of the catalogue promises: the same data, the same suite, one run for each."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

import asyncpg
import pytest

from runtime.errors import InvalidConfiguration
from runtime.integrations import catalogue
from runtime.integrations.contracts import MetricQuery, Reading, SignalConnector, Variant, Window
from runtime.integrations.http import Http
from runtime.integrations.signals.webhook import StoredBucket, Wanted

START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=4))
REVENUE = MetricQuery("revenue", experiment="flag-1", limit=Decimal(5))
BUCKETS = """
WITH units AS (
  SELECT e.variant, date_trunc('day', e.first_at) AS bucket, e.unit, coalesce(sum(o.amount), 0) AS x
  FROM exposures e LEFT JOIN orders o ON o.unit = e.unit AND o.at < :to
  WHERE e.experiment = :experiment AND e.first_at >= :from AND e.first_at < :to
  GROUP BY 1, 2, 3)
SELECT bucket, variant, count(*) AS n, sum(x) AS total, sum(x * x) AS total_sq,
       count(*) FILTER (WHERE x > :limit) AS beyond_limit
FROM units GROUP BY 1, 2
"""
LEVELS = "SELECT avg(amount) AS value, count(*) AS n FROM orders WHERE at >= :from AND at < :to"


class Place(Protocol):
    owner: str
    reader: str


class Shelf:
    """The same data as they would have been posted: deltas, one a day and variant, and levels about everybody."""

    def __init__(self, rows: Sequence[StoredBucket], levels: Sequence[StoredBucket]) -> None:
        self.by_experiment: dict[str | None, list[StoredBucket]] = {"flag-1": list(rows), None: list(levels)}

    async def rows_many(self, wanted: Sequence[Wanted]) -> Sequence[Sequence[StoredBucket]]:
        return [
            [
                row
                for row in self.by_experiment.get(key, [])
                if metric == "revenue" and row.start < window.end and row.end > window.start
            ]
            for key, metric, window in wanted
        ]

    async def latest_ends(self, metrics: Collection[str | None]) -> Mapping[str | None, datetime]:
        return dict.fromkeys(metrics, START + timedelta(days=4))

    async def metrics(self) -> Sequence[str]:
        return ["revenue"]


def amounts(variant: Variant | None, day: int) -> list[Decimal]:
    """The shop's rows (see conftest) worked out in Python: unit i is exposed on day i mod 4, orders i mod 7 + 0.25."""
    parity = {"treatment": 0, "control": 1}
    units = [i for i in range(400) if i % 4 == day and (variant is None or i % 2 == parity[variant])]
    ordered = {i: Decimal(i % 7) + Decimal("0.25") for i in units if i % 5}
    return list(ordered.values()) if variant is None else [ordered.get(i, Decimal(0)) for i in units]


def posted(variant: Variant | None, day: int) -> StoredBucket:
    values = amounts(variant, day)
    return StoredBucket(
        START + timedelta(days=day),
        START + timedelta(days=day + 1),
        variant,
        len(values),
        sum(values, Decimal(0)),
        sum((value * value for value in values), Decimal(0)),
        beyond_limit=sum(value > 5 for value in values),
    )


def shelf() -> Shelf:
    """On even days only treated units are exposed and on odd ones only the others, since 4 is even."""
    both: tuple[Variant, ...] = ("control", "treatment")
    rows = [posted(variant, day) for variant in both for day in range(4)]
    return Shelf([row for row in rows if row.n], [posted(None, day) for day in range(4)])


@pytest.fixture(params=sorted(catalogue.CATALOGUE["signals"]))
async def connector(request: pytest.FixtureRequest, shop: Place) -> AsyncIterator[SignalConnector]:
    configs: dict[str, dict[str, Any]] = {
        "postgres": {
            "dsn": shop.reader,
            "clock": "SELECT now FROM calendar",
            "queries": {"revenue": BUCKETS},
            "levels": {"revenue": LEVELS},
        },
        "webhook": {"clock": "data"},
    }
    http = Http()
    made = catalogue.connector(request.param, configs[request.param], http, stored=shelf())
    yield made
    await made.close()
    await http.close()


def pooled(reading: Reading, variant: Variant) -> tuple[int, Decimal, Decimal, int]:
    rows = [sums for bucket in reading.buckets for sums in bucket.variants if sums.variant == variant]
    return (
        sum(row.n for row in rows),
        sum((row.total for row in rows), Decimal(0)),
        sum((row.total_sq for row in rows), Decimal(0)),
        sum(row.beyond_limit or 0 for row in rows),
    )


async def test_the_connection_can_be_tested(connector: SignalConnector) -> None:
    probe = await connector.test_connection()
    assert probe.ok, probe.detail
    assert probe.detail


async def test_its_metrics_can_be_picked(connector: SignalConnector) -> None:
    assert "revenue" in [metric.name for metric in await connector.list_metrics()]


@pytest.mark.parametrize("variant", ["control", "treatment"])
async def test_the_sums_of_each_variant_are_exact(connector: SignalConnector, variant: Variant) -> None:
    reading = await connector.fetch_variant_metric(REVENUE, WINDOW)
    values = [value for day in range(4) for value in amounts(variant, day)]
    assert pooled(reading, variant) == (
        200,
        sum(values, Decimal(0)),
        sum((value**2 for value in values), Decimal(0)),
        sum(value > 5 for value in values),
    )
    assert (reading.exact, reading.source, reading.capability) == (True, connector.slug, connector.capability)


async def test_a_window_holds_what_begins_before_its_end_and_nothing_later(connector: SignalConnector) -> None:
    reading = await connector.fetch_variant_metric(REVENUE, Window(START, START + timedelta(days=2)))
    assert {bucket.start for bucket in reading.buckets} == {START, START + timedelta(days=1)}
    assert pooled(reading, "treatment")[0] + pooled(reading, "control")[0] == 200


async def test_buckets_are_in_order_do_not_overlap_and_name_their_zone(connector: SignalConnector) -> None:
    buckets = (await connector.fetch_variant_metric(REVENUE, WINDOW)).buckets
    assert len(buckets) == 4
    for first, second in pairwise(buckets):
        assert first.start < first.end <= second.start
        assert first.start.tzinfo is not None


async def test_asking_twice_gives_the_same(connector: SignalConnector) -> None:
    first = await connector.fetch_variant_metric(REVENUE, WINDOW)
    assert await connector.fetch_variant_metric(REVENUE, WINDOW) == first


async def test_its_clock_says_how_far_the_data_reach(connector: SignalConnector) -> None:
    assert await connector.now() == START + timedelta(days=4)
    reading = await connector.fetch_variant_metric(REVENUE, WINDOW)
    assert reading.complete_through == START + timedelta(days=4)


async def test_an_experiment_nobody_saw_has_no_buckets(connector: SignalConnector) -> None:
    reading = await connector.fetch_variant_metric(MetricQuery("revenue", experiment="flag-9"), WINDOW)
    assert reading.buckets == ()


async def test_the_level_for_everybody_is_the_mean(connector: SignalConnector) -> None:
    level = await connector.fetch_metric(MetricQuery("revenue"), WINDOW)
    values = [value for day in range(4) for value in amounts(None, day)]
    assert level.value == pytest.approx(sum(values) / len(values))
    assert (level.n, level.source) == (320, connector.slug)
    assert level.as_of <= WINDOW.end


CONFIGS: dict[str, dict[str, Any]] = {"postgres": {"dsn": "postgresql://reader@db/shop"}, "webhook": {}}


@pytest.mark.parametrize("name", sorted(CONFIGS))
async def test_how_far_back_is_read_again_may_be_told_each_source(name: str) -> None:
    http = Http()
    made = [
        catalogue.connector(name, CONFIGS[name] | more, http, stored=shelf()) for more in ({}, {"reread_days": 1.5})
    ]
    assert [getattr(one, "reread", "missing") for one in made] == [None, timedelta(days=1.5)]
    await http.close()


@pytest.mark.parametrize("days", [0, -1, float("inf"), 4000, "soon"])
@pytest.mark.parametrize("name", sorted(CONFIGS))
async def test_a_span_that_is_none_is_refused_by_the_name_of_its_key(name: str, days: object) -> None:
    http = Http()
    with pytest.raises(InvalidConfiguration, match="wrong: reread_days: "):
        catalogue.connector(name, CONFIGS[name] | {"reread_days": days}, http, stored=shelf())
    await http.close()


async def test_the_shop_holds_what_the_expectations_are_worked_out_from(shop: Place) -> None:
    connection = await asyncpg.connect(shop.owner)
    assert await connection.fetchval("SELECT count(*) FROM orders") == sum(len(amounts(None, day)) for day in range(4))
    await connection.close()
