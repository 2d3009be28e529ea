"""Posted points: deltas add, a cumulative point stands for everything before it, and nothing counts twice."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidConfiguration, SignalUnavailable
from runtime.integrations.contracts import Bucket, MetricQuery, Variant, Window
from runtime.integrations.http import Http
from runtime.integrations.signals.webhook import StoredBucket, Wanted, WebhookSignals

START = datetime(2026, 3, 1, tzinfo=UTC)
WALL = START + timedelta(hours=30)
QUERY = MetricQuery("orders", experiment="flag-1")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def point(
    start: float,
    end: float,
    n: int,
    variant: Variant | None = "treatment",
    kind: Literal["delta", "cumulative"] = "delta",
    share: int = 2,
) -> StoredBucket:
    total = Decimal(n // share)
    return StoredBucket(at(start), at(end), variant, n, total, total, kind)


@dataclass
class Shelf:
    """What the ingestion door keeps, in a list."""

    points: dict[str | None, list[StoredBucket]] = field(default_factory=dict)

    async def rows_many(self, wanted: Sequence[Wanted]) -> Sequence[Sequence[StoredBucket]]:
        return [
            [
                row
                for row in self.points.get(key, [])
                if metric == "orders" and row.start < window.end and row.end > window.start
            ]
            for key, metric, window in wanted
        ]

    async def latest_ends(self, metrics: Collection[str | None]) -> Mapping[str | None, datetime]:
        ends = [row.end for rows in self.points.values() for row in rows]
        return dict.fromkeys(metrics, max(ends)) if ends else {}

    async def metrics(self) -> Sequence[str]:
        return ["orders"]


def connector(*points: StoredBucket, experiment: str | None = "flag-1", clock: str = "wall") -> WebhookSignals:
    return WebhookSignals({"clock": clock}, Http(), Shelf({experiment: list(points)} if points else {}), lambda: WALL)


async def buckets(*points: StoredBucket, until: float = 24) -> tuple[Bucket, ...]:
    return (await connector(*points).fetch_variant_metric(QUERY, Window(START, at(until)))).buckets


def counts(found: Sequence[Bucket]) -> dict[tuple[float, str], int]:
    return {
        ((bucket.start - START) / timedelta(hours=1), sums.variant): sums.n
        for bucket in found
        for sums in bucket.variants
    }


async def test_deltas_come_out_as_they_were_posted() -> None:
    found = await buckets(point(0, 6, 10), point(0, 6, 12, "control"), point(6, 12, 20))
    assert counts(found) == {(0, "treatment"): 10, (0, "control"): 12, (6, "treatment"): 20}
    assert len(found) == 2


async def test_a_delta_posted_again_replaces_the_first_one() -> None:
    assert counts(await buckets(point(0, 6, 10), point(0, 6, 11))) == {(0, "treatment"): 11}


async def test_a_delta_that_grew_replaces_its_shorter_self() -> None:
    assert counts(await buckets(point(0, 6, 10), point(0, 8, 13), point(8, 9, 1))) == {
        (0, "treatment"): 13,
        (8, "treatment"): 1,
    }


async def test_a_cumulative_point_stands_for_everything_before_it() -> None:
    found = await buckets(point(0, 12, 30, kind="cumulative"), point(0, 6, 10), point(0, 18, 55, kind="cumulative"))
    assert counts(found) == {(0, "treatment"): 55}
    assert found[0].end == at(18)


async def test_what_a_cumulative_point_covers_comes_back_as_zero_so_that_a_store_forgets_it() -> None:
    found = await buckets(point(0, 6, 10), point(6, 12, 20), point(0, 12, 31, kind="cumulative"), point(12, 13, 4))
    assert counts(found) == {(0, "treatment"): 31, (6, "treatment"): 0, (12, "treatment"): 4}


async def test_a_cumulative_point_of_one_variant_leaves_the_other_alone() -> None:
    found = await buckets(point(0, 6, 10, "control"), point(0, 12, 30, "treatment", "cumulative"))
    assert counts(found) == {(0, "control"): 10, (0, "treatment"): 30}


@pytest.mark.parametrize(
    "points",
    [
        (point(0, 6, 10), point(5, 9, 10)),
        (point(0, 12, 30, kind="cumulative"), point(11, 13, 5)),
        (point(0, 12, 30, kind="cumulative"), point(0, 13, 35)),
    ],
)
async def test_points_that_overlap_are_refused_rather_than_counted_twice(points: tuple[StoredBucket, ...]) -> None:
    with pytest.raises(SignalUnavailable, match="overlap"):
        await buckets(*points)


async def test_points_that_end_after_the_window_wait_for_the_next_one() -> None:
    found = await buckets(point(0, 12, 30, kind="cumulative"), point(0, 25, 60, kind="cumulative"))
    assert counts(found) == {(0, "treatment"): 30}


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 50)), min_size=1, max_size=8))
async def test_deltas_and_the_cumulative_point_of_the_same_data_agree(spans: list[tuple[int, int]]) -> None:
    deltas, clock, total = [], 0, 0
    for hours, n in spans:
        deltas.append(point(clock, clock + hours, 2 * n))
        clock, total = clock + hours, total + 2 * n
    whole = await buckets(*deltas, point(0, clock, total, kind="cumulative"), until=clock)
    apart = await buckets(*deltas, until=clock)
    assert sum(counts(whole).values()) == sum(counts(apart).values()) == total


async def test_windows_that_follow_each_other_share_no_point_even_one_that_straddles_them() -> None:
    source = connector(point(0, 6, 10), point(6, 12, 20), point(12, 18, 40))
    first = await source.fetch_variant_metric(QUERY, Window(START, at(9)))
    second = await source.fetch_variant_metric(QUERY, Window(at(9), at(24)))
    assert (counts(first.buckets), counts(second.buckets)) == (
        {(0, "treatment"): 10},
        {(6, "treatment"): 20, (12, "treatment"): 40},
    )


@pytest.mark.parametrize("boundary", [6, 7, 11])
async def test_cumulative_points_are_split_where_the_rollout_changed(boundary: int) -> None:
    """What was posted by the boundary is the first phase's, whatever was added since is the second's."""
    posted = [point(0, end, n, kind="cumulative") for end, n in ((6, 10), (12, 30), (18, 70))]
    source = connector(*posted)
    first = await source.fetch_variant_metric(QUERY, Window(START, at(boundary)))
    second = await source.fetch_variant_metric(QUERY, Window(at(boundary), at(24)))
    assert counts(first.buckets) == {(0, "treatment"): 10}
    assert counts(second.buckets) == {(boundary, "treatment"): 60}
    assert second.buckets[0].variants[0].total == 30
    assert second.exact


async def test_a_cumulative_point_after_deltas_is_split_all_the_same() -> None:
    source = connector(point(0, 6, 10), point(6, 12, 20), point(0, 18, 70, kind="cumulative"))
    second = await source.fetch_variant_metric(QUERY, Window(at(6), at(24)))
    assert sum(counts(second.buckets).values()) == 60


async def test_a_first_span_that_began_before_the_launch_is_taken_whole() -> None:
    found = await connector(point(0, 6, 10, kind="cumulative")).fetch_variant_metric(QUERY, Window(at(2), at(24)))
    assert counts(found.buckets) == {(0, "treatment"): 10}


async def test_a_split_of_sums_that_grew_per_person_is_not_called_exact() -> None:
    small = replace(point(0, 6, 10, kind="cumulative"), total=Decimal(50), total_sq=Decimal(300))
    large = replace(point(0, 12, 20, kind="cumulative"), total=Decimal(120), total_sq=Decimal(900))
    found = await connector(small, large).fetch_variant_metric(QUERY, Window(at(6), at(24)))
    assert not found.exact


async def test_cumulative_points_that_shrink_across_a_change_of_rollout_are_refused() -> None:
    source = connector(point(0, 6, 30, kind="cumulative"), point(0, 12, 20, kind="cumulative"))
    with pytest.raises(SignalUnavailable, match=r"cannot be split .* Post deltas instead"):
        await source.fetch_variant_metric(QUERY, Window(at(6), at(24)))


@pytest.mark.parametrize("grown", [18, 24])
async def test_a_day_that_grew_across_a_change_of_rollout_is_split_there(grown: int) -> None:
    """The same day posted at noon, at the change, and later: nobody of the first phase counts in the second as well."""
    source = connector(point(0, 10, 20), point(0, 12, 30), point(0, grown, 70), point(24, 30, 8))
    first = await source.fetch_variant_metric(QUERY, Window(START, at(13)))
    second = await source.fetch_variant_metric(QUERY, Window(at(13), at(40)))
    assert counts(first.buckets) == {(0, "treatment"): 30}
    assert counts(second.buckets) == {(13, "treatment"): 40, (24, "treatment"): 8}
    assert second.exact


@pytest.mark.parametrize("points", [(), (point(0, 6, 10),)])
async def test_a_window_that_ends_before_it_starts_holds_nothing(points: tuple[StoredBucket, ...]) -> None:
    """The sender's calendar may stand before the launch, which is counted on another source's clock."""
    source = connector(*points, clock="data")
    reading = await source.fetch_variant_metric(QUERY, Window(at(40), await source.now()))
    assert (reading.buckets, reading.complete_through) == ((), at(40))


async def test_the_reading_is_complete_up_to_the_newest_point() -> None:
    reading = await connector(point(0, 6, 10), point(6, 9, 3)).fetch_variant_metric(QUERY, Window(START, at(24)))
    assert reading.complete_through == at(9)
    assert (reading.source, reading.capability, reading.exact) == ("webhook", "unit_moments", True)


async def test_a_reading_before_the_first_point_is_empty_and_complete_up_to_nothing() -> None:
    reading = await connector().fetch_variant_metric(QUERY, Window(START, at(24)))
    assert (reading.buckets, reading.complete_through) == ((), START)


async def test_a_level_is_the_mean_over_everybody() -> None:
    level = await connector(
        point(0, 6, 10, None, share=2), point(6, 9, 30, None, share=3), experiment=None
    ).fetch_metric(MetricQuery("orders"), Window(START, at(24)))
    assert (level.value, level.n, level.as_of) == (Decimal(15) / 40, 40, at(9))


async def test_a_level_nobody_posted_says_where_to_post_it() -> None:
    with pytest.raises(SignalUnavailable, match="/api/v1/signals/ingest"):
        await connector().fetch_metric(MetricQuery("orders"), Window(START, at(24)))


@pytest.mark.parametrize(
    ("clock", "end", "expected"),
    [("wall", 6, WALL), ("wall", 40, at(40)), ("data", 6, at(6)), ("data", 40, at(40))],
)
async def test_time_passes_with_the_wall_or_with_the_data_as_configured(
    clock: str, end: int, expected: datetime
) -> None:
    assert await connector(point(0, end, 10), clock=clock).now() == expected


async def test_before_the_first_point_time_is_the_walls() -> None:
    assert await connector(clock="data").now() == WALL


async def test_the_probe_tells_a_silent_source_from_a_speaking_one() -> None:
    assert "first point" in (await connector().test_connection()).detail
    assert "2026-03-01 06:00 UTC" in (await connector(point(0, 6, 10)).test_connection()).detail


async def test_posted_metrics_are_listed() -> None:
    assert [metric.name for metric in await connector().list_metrics()] == ["orders"]


def test_without_a_store_there_is_nothing_to_read() -> None:
    with pytest.raises(InvalidConfiguration, match="through the runtime"):
        WebhookSignals({}, Http())


def test_a_misspelt_key_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="klock"):
        WebhookSignals({"klock": "data"}, Http(), Shelf())
