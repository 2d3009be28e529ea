"""Whatever a look did not read is read by the next one, at once, whenever it came: a violated limit must not wait for the regular look."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from runtime.db.engine import Row
from runtime.db.tables import journal, timers
from runtime.identity.people import SYSTEM
from runtime.ingestion import news
from runtime.journal import Event, record
from runtime.measurement import tick
from runtime.outcomes.connections import flags
from runtime.timers import arm
from tests.story import START
from workers import timers as worker

if TYPE_CHECKING:
    from conftest import Lab

EVERY = 300
AT_ONCE = timedelta(seconds=1.1)


@pytest.fixture
async def running(lab: "Lab") -> "Lab":
    """An experiment with nine harmless days, not yet looked at; the regular look comes every five minutes."""
    lab.runtime.settings = lab.runtime.settings.model_copy(update={"measure_every_seconds": EVERY})
    await lab.launched()
    lab.diary.days(9)
    return lab


async def experiment(lab: "Lab", experiment_id: UUID | None) -> Row:
    return (
        next(row for row in await lab.experiments() if row["id"] == experiment_id)
        if experiment_id
        else await lab.experiment()
    )


async def harm(lab: "Lab", experiment_id: UUID | None = None) -> None:
    """A day on which far too many are slow arrives, and the experiment's timer is told of it as the door does."""
    row = await experiment(lab, experiment_id)
    async with lab.runtime.transaction(lab.org_id) as tx:
        lab.diary.write("slow_share", 9, (2000, 40), (2000, 900))
        await news.tell(lab.runtime, tx, {(row["feature_flag_key"], "slow_share"): START + timedelta(days=9)})


async def timer(lab: "Lab", experiment_id: UUID | None = None) -> dict[str, Any]:
    row = await experiment(lab, experiment_id)
    async with lab.runtime.transaction(lab.org_id) as tx:
        found = await tx.first(select(timers).where(timers.c.subject_id == row["id"], timers.c.kind == "measure"))
    assert found is not None
    return dict(found)


async def eventually(reached: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 10
    while not await reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def off_within_seconds(lab: "Lab", experiment_id: UUID | None = None) -> None:
    """Whoever measures what is due turns the flag off; no regular look is anywhere near."""
    found = await timer(lab, experiment_id)
    assert max(found["due_at"], found["lease_until"] or found["due_at"]) <= datetime.now(UTC) + AT_ONCE

    async def killed() -> bool:
        await worker.measure(lab.runtime)
        return bool((await experiment(lab, experiment_id))["status"] == "killed")

    await eventually(killed)
    service = await flags(lab.runtime, lab.org_id)
    state = await service.read_flag((await experiment(lab, experiment_id))["feature_flag_key"])
    assert state is None or not state.enabled


async def test_harm_that_arrives_between_a_look_and_its_step_turns_the_flag_off(running: "Lab") -> None:
    """The step used to set the timer to the regular look, five minutes later, over what the news had set."""
    twin = await running.twin("twin")
    async with running.runtime.transaction(running.org_id) as tx:
        await arm(tx, "measure", twin, version=1, due_at=datetime.now(UTC))
    free = text("select id from experiments where status = 'running' for update skip locked")
    left: list[UUID] = []
    async with running.runtime.transaction(running.org_id) as tx:
        # Whoever writes the journal waits for this one: both are looked at, one is in the midst of its step, the other before it.
        await record(tx, Event("test.busy", "test", None), by=SYSTEM)
        look = asyncio.create_task(worker.measure(running.runtime))

        async def one_is_left() -> bool:
            async with running.runtime.transaction(running.org_id) as other:
                left[:] = [row["id"] for row in await other.all(free)]
            return len(left) == 1 and (await timer(running, left[0]))["due_at"] > datetime.now(UTC)

        await eventually(one_is_left)
        await harm(running, left[0])
    await look

    async def told() -> bool:
        async with running.runtime.transaction(running.org_id) as tx:
            statement = select(journal.c.seq).where(journal.c.event == "experiment.progress")
            return await tx.first(statement) is not None

    await eventually(told)
    await asyncio.sleep(0.2)
    await off_within_seconds(running, left[0])


@pytest.mark.parametrize("look", [1, 2], ids=["the first look", "a later look"])
async def test_harm_that_arrives_while_a_look_reads_turns_the_flag_off(running: "Lab", look: int) -> None:
    if look > 1:
        await running.look()

    async def meanwhile() -> None:
        running.diary.meanwhile = None
        before = dict(running.diary.pages)
        await harm(running)
        running.diary.pages = before

    async with running.runtime.transaction(running.org_id) as tx:
        await tx.run(text("update timers set due_at = now() where kind = 'measure'"))
    running.diary.meanwhile = meanwhile
    await worker.measure(running.runtime)
    assert running.diary.meanwhile is None
    running.diary.write("slow_share", 9, (2000, 40), (2000, 900))
    await off_within_seconds(running)


async def test_news_that_waits_for_the_end_of_a_look_sees_what_that_look_set(running: "Lab") -> None:
    await running.look()
    row = await running.experiment()
    claimed = text(
        "update timers set due_at = now(), lease_until = clock_timestamp() + interval '1 minute' where subject_id = :id"
    )
    ended = text("update timers set due_at = now() + interval '5 minutes', lease_until = null where subject_id = :id")
    async with running.runtime.transaction(running.org_id) as tx:
        await tx.run(claimed, {"id": row["id"]})
    async with running.runtime.transaction(running.org_id) as tx:
        await tx.run(ended, {"id": row["id"]})
        arriving = asyncio.create_task(harm(running))
        await asyncio.sleep(0.2)
        assert not arriving.done()
    await arriving
    await off_within_seconds(running)


async def test_nobody_claims_an_experiment_while_its_news_are_not_committed(running: "Lab") -> None:
    """Its look would not see them, and nothing would ask for another: the timer was due so soon that it needed no change."""
    row = await running.experiment()
    claim = text("select * from claim_measurements(:now, interval '5 seconds', 100)")

    async def claimed() -> int:
        async with running.runtime.engine.begin() as conn:
            return len((await conn.execute(claim, {"now": datetime.now(UTC)})).all())

    async with running.runtime.transaction(running.org_id) as tx:
        await news.tell(running.runtime, tx, {(row["feature_flag_key"], "slow_share"): START})
        assert await claimed() == 0
    assert await claimed() == 1


async def test_what_is_resumed_while_a_worker_puts_it_away_stays_armed(running: "Lab") -> None:
    row = await running.experiment()
    async with running.runtime.transaction(running.org_id) as tx:
        await tx.run(text("update experiments set status = 'paused' where id = :id"), {"id": row["id"]})
        await tx.run(text("update timers set lease_until = null where subject_id = :id"), {"id": row["id"]})
    await tick.measure(running.runtime, running.org_id, [row["id"], uuid4()])
    assert (await timer(running))["status"] == "armed"


async def test_an_experiment_is_free_again_while_others_of_its_batch_still_wait_for_their_source(
    running: "Lab",
) -> None:
    await running.look()
    async with tick.held(running.runtime.engine, [(await running.experiment())["id"], uuid4()]) as mine:
        first = (await running.experiment())["id"]
        await mine.free([first])
        async with tick.held(running.runtime.engine, [first]) as others:
            assert others.ids == {first}


async def test_a_signal_that_has_just_failed_is_asked_again_within_seconds(running: "Lab") -> None:
    await running.look()
    running.diary.broken = {"slow_share"}
    await running.look()
    assert (await timer(running))["due_at"] <= datetime.now(UTC) + timedelta(seconds=5)
