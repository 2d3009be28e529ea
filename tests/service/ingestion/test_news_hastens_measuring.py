"""New data are measured soon: the next measurement comes forward, once a second at most, and none is lost to one under way."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from runtime.ingestion import news, retention
from runtime.timers import arm
from tests.service.ingestion.conftest import Sender, row
from tests.story import Story
from workers import timers as worker


async def timers(story: Story, kind: str) -> list[dict[str, Any]]:
    async with story.runtime.transaction(story.org_id) as tx:
        return [
            dict(found)
            for found in await tx.all(text(f"select * from timers where kind = '{kind}' and status = 'armed'"))
        ]


async def at_rest(story: Story, *, due_in: float, leased: bool = False) -> dict[str, Any]:
    """A launched experiment whose next measurement is due in so many seconds, or is under way."""
    story.runtime.settings = story.runtime.settings.model_copy(update={"measure_every_seconds": 300})
    experiment = await story.launched()
    async with story.runtime.transaction(story.org_id) as tx:
        statement = text(
            "update timers set due_at = :due, lease_until = case when :leased then clock_timestamp() + interval '1 minute' end where kind = 'measure'"
        )
        await tx.run(statement, {"due": story.runtime.now() + timedelta(seconds=due_in), "leased": leased})
    return dict(experiment)


async def due(story: Story) -> datetime:
    """When it can be claimed."""
    (found,) = await timers(story, "measure")
    return max(found["due_at"], found["lease_until"] or found["due_at"])


async def test_a_point_brings_the_next_measurement_forward_to_now(story: Story) -> None:
    await at_rest(story, due_in=200)
    await story.tell("slow_share", 0, (100, 1), (100, 60))
    assert await due(story) <= story.runtime.now()


async def test_a_measurement_a_moment_ago_is_followed_by_the_next_a_second_later_not_at_once(story: Story) -> None:
    await at_rest(story, due_in=299.9)
    began = story.runtime.now()
    await story.tell("slow_share", 0, (100, 1), (100, 60))
    assert timedelta(seconds=0.5) < await due(story) - began <= timedelta(seconds=1)
    before = await due(story)
    await story.tell("slow_share", 1, (100, 1), (100, 60))
    assert await due(story) == before


async def test_rows_of_units_do_so_when_they_are_folded(story: Story) -> None:
    experiment = await at_rest(story, due_in=200)
    sender = Sender(story.runtime, story.org_id)
    mine = {"experiment": experiment["feature_flag_key"]}
    await sender.post(row("e1", "u1") | mine)
    assert await due(story) > story.runtime.now() + timedelta(seconds=100)
    await sender.fold()
    assert await due(story) <= story.runtime.now()


async def test_data_that_come_while_a_measurement_is_under_way_move_its_timer_for_the_measurement_to_see(
    story: Story,
) -> None:
    await at_rest(story, due_in=-3, leased=True)
    (before,) = await timers(story, "measure")
    await story.tell("slow_share", 0, (100, 1), (100, 60))
    (after,) = await timers(story, "measure")
    assert after["due_at"] < before["due_at"]
    assert after["lease_until"] == before["lease_until"]
    await story.tell("slow_share", 1, (100, 1), (100, 60))
    (again,) = await timers(story, "measure")
    assert again["due_at"] != after["due_at"]


async def test_what_has_news_goes_before_what_only_has_its_turn(story: Story) -> None:
    await at_rest(story, due_in=200)
    await story.tell("slow_share", 0, (100, 1), (100, 60))
    (found,) = await timers(story, "measure")
    assert found["due_at"] <= story.runtime.now() - news.AHEAD


async def test_a_timer_of_an_earlier_version_is_closed_and_brings_the_measurement_forward(story: Story) -> None:
    experiment = await at_rest(story, due_in=200)
    async with story.runtime.transaction(story.org_id) as tx:
        await arm(tx, news.KIND, experiment["id"], version=1, due_at=story.runtime.now())
    (waiting,) = await timers(story, news.KIND)
    await worker.fire(story.runtime, story.org_id, waiting["id"], news.KIND)
    assert not await timers(story, news.KIND)
    assert await due(story) <= story.runtime.now()


async def test_raw_rows_of_what_ended_long_ago_are_dropped_and_those_of_running_experiments_never(story: Story) -> None:
    experiment = await at_rest(story, due_in=200)
    sender, mine = Sender(story.runtime, story.org_id), {"experiment": experiment["feature_flag_key"]}
    await sender.post(row("e1", "u1", signal="orders", value=1) | mine, row("e2", "u1", signal="orders", value=1))
    await sender.fold()
    later = story.runtime.now() + timedelta(days=400)
    async with story.runtime.transaction(story.org_id) as tx:
        assert await retention.forget(tx, later, 90) == 0
        await tx.run(
            text("update experiments set status = 'killed', concluded_at = now() where feature_flag_key is not null")
        )
        await tx.run(text("update orgs set settings = settings || '{\"raw_rows_days\": 500}'"))
        assert await retention.forget(tx, later, 90) == 0
        await tx.run(text("update orgs set settings = settings - 'raw_rows_days'"))
        assert await retention.forget(tx, later, 90) == 1
    assert await sender.all("select event_id from ingested_rows") == [("e2",)]
    assert (await sender.all("select count(*) > 0 from ingested_rollups where signal_name = 'orders'")) == [(True,)]
