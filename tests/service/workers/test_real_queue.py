"""The clock, the real queue and a real worker: what is due gets done, once, and what fails comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import func, select, text, update

from runtime.db.tables import experiments, human_gates, outbox, timers
from runtime.journal import Effect, Event, Message, record
from runtime.local.valkey import LocalValkey
from runtime.settings import Settings
from tests.story import Story
from workers import broker as queue
from workers import current

SOON = 20.0


@pytest.fixture(scope="module")
def broker(valkey: LocalValkey) -> Iterator[RedisBroker]:
    """Actors bind to the broker there is when they are first imported, so the whole module has one."""
    connected = queue.connect(valkey.url)
    yield connected
    connected.close()


@pytest.fixture
async def at_work(story: Story, settings: Settings, broker: RedisBroker) -> AsyncIterator[Settings]:
    """One worker and the clock in this process, on the session's real queue server."""
    from workers import clock  # noqa: PLC0415  its actors bind to the broker

    broker.flush_all()
    quick = settings.model_copy(update={"clock_tick_seconds": 0.1})
    current.use(quick)
    worker = dramatiq.Worker(broker, queues={queue.QUEUE}, worker_threads=2, worker_timeout=50)
    worker.start()
    stop = asyncio.Event()
    ticking = asyncio.create_task(clock.run(quick, stop))
    yield quick
    stop.set()
    await ticking
    await asyncio.to_thread(finish_work, worker)
    await asyncio.to_thread(current.close)
    await asyncio.to_thread(worker.stop, 5_000)


def finish_work(worker: dramatiq.Worker) -> None:
    """What is under way ends and nothing new is begun; the consumers, which would sleep 3 s over a pause, go on."""
    for thread in worker.workers:
        thread.pause()
    for thread in worker.workers:
        assert thread.paused_event.wait(SOON)


async def eventually(reached: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + SOON
    while not await reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


async def put(story: Story, *, effects: tuple[Effect, ...] = (), notices: tuple[Message, ...] = ()) -> None:
    async with story.runtime.transaction(story.org_id) as tx:
        await record(
            tx,
            Event("test.put", "test", None),
            by=await story.person("arun@example.com"),
            effects=effects,
            notices=notices,
        )


async def sent(story: Story, once: str) -> dict[str, Any]:
    """The outbox row that a test put in."""
    async with story.runtime.transaction(story.org_id) as tx:
        found = await tx.first(select(outbox).where(outbox.c.dedupe.like(f"%:{once}")))
    assert found is not None
    return dict(found)


async def test_an_applied_outcome_gets_its_portfolio_and_its_gate(at_work: Settings, story: Story) -> None:
    await story.apply()

    async def gate_is_open() -> bool:
        async with story.runtime.transaction(story.org_id) as tx:
            return bool(await tx.value(select(func.count()).select_from(human_gates)))

    await eventually(gate_is_open)
    async with story.runtime.transaction(story.org_id) as tx:
        assert {row["status"] for row in await tx.all(select(experiments.c.status))} == {"awaiting_portfolio_gate"}


async def test_what_fails_is_kept_with_its_reason_and_tried_again_later(at_work: Settings, story: Story) -> None:
    await put(story, effects=(Effect("learning.store", uuid4(), once="x"),))

    async def was_tried() -> bool:
        return bool((await sent(story, "x"))["attempts"])

    await eventually(was_tried)
    row = await sent(story, "x")
    assert row["status"] == "due"
    assert "NotFound" in str(row["last_error"])
    assert row["available_at"] > row["created_at"]


async def test_one_failing_row_does_not_hold_up_the_others_of_its_batch(at_work: Settings, story: Story) -> None:
    await story.apply()
    outcome = await first_outcome(story)
    await put(
        story, effects=(Effect("learning.store", uuid4(), once="x"), Effect("portfolio.playbook", outcome, once="y"))
    )

    async def second_is_done() -> bool:
        return bool((await sent(story, "y"))["status"] == "done")

    await eventually(second_is_done)


async def first_outcome(story: Story) -> UUID:
    async with story.runtime.transaction(story.org_id) as tx:
        return UUID(str(await tx.value(text("select id from outcomes limit 1"))))


async def test_a_batch_whose_worker_died_is_taken_up_when_its_lease_ends(at_work: Settings, story: Story) -> None:
    await story.apply()
    outcome = await first_outcome(story)
    async with story.runtime.transaction(story.org_id) as tx:
        await record(
            tx, Event("test.put", "test", None), by=await story.person("arun@example.com"),
            effects=[Effect("portfolio.playbook", outcome, once="orphan")],
        )  # fmt: skip
        leased = func.clock_timestamp() + timedelta(seconds=1)
        await tx.run(update(outbox).where(outbox.c.dedupe.like("%orphan")).values(lease_until=leased))

    async def done() -> bool:
        return bool((await sent(story, "orphan"))["status"] == "done")

    assert not await done()
    await eventually(done)


async def test_timers_are_fired_by_the_worker_and_closed(at_work: Settings, story: Story) -> None:
    await story.apply()

    async def level_was_read() -> bool:
        async with story.runtime.transaction(story.org_id) as tx:
            due = await tx.value(select(timers.c.due_at).where(timers.c.kind == "outcome_level"))
        return due is not None and due > story.now + timedelta(minutes=30)

    await eventually(level_was_read)
