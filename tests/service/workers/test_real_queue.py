"""The clock, the real queue and a real worker: what is due gets done, once, and what fails comes back."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import func, select, text, update

from runtime.db.tables import experiments, human_gates, journal, outbox, timers
from runtime.integrations.contracts import Notice
from runtime.journal import Effect, Event, Message, record
from runtime.local.valkey import LocalValkey
from runtime.settings import Settings
from tests.story import Story
from workers import broker as queue
from workers import crew, current
from workers import outbox as delivering

SOON = 20.0
KILL = 5.0
"""Seconds from the door to the flag."""


@pytest.fixture(scope="module")
def broker(valkey: LocalValkey) -> Iterator[RedisBroker]:
    """Actors bind to the broker there is when they are first imported, so the whole module has one."""
    connected = queue.connect(valkey.url)
    yield connected
    connected.close()


@asynccontextmanager
async def working(settings: Settings, broker: RedisBroker) -> AsyncIterator[None]:
    """The threads of all queues and the clock in this process, on the session's real queue server."""
    from workers import clock  # noqa: PLC0415  its actors bind to the broker

    broker.flush_all()
    current.use(settings)
    workers = crew.start(broker, 2, idle_ms=50)
    stop = asyncio.Event()
    ticking = asyncio.create_task(clock.run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await ticking
        await asyncio.to_thread(crew.finish, workers)
        await asyncio.to_thread(current.close)
        await asyncio.to_thread(lambda: crew.stop(workers, timeout_ms=5_000))


@pytest.fixture
async def at_work(story: Story, settings: Settings, broker: RedisBroker) -> AsyncIterator[Settings]:
    quick = settings.model_copy(update={"clock_tick_seconds": 0.1})
    async with working(quick, broker):
        yield quick


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


class Stuck:
    """A channel that takes messages and says nothing until it is told to, as a service does that is overloaded."""

    slug = "stuck"

    def __init__(self) -> None:
        self.go_on, self.taken = threading.Event(), 0

    async def deliver(self, notice: Notice) -> None:
        self.taken += 1
        await asyncio.to_thread(self.go_on.wait, SOON)

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    channel = Stuck()
    monkeypatch.setitem(delivering._channels, "stuck", channel)
    yield channel
    channel.go_on.set()


async def test_a_violated_limit_turns_the_flag_off_at_once_whatever_waits_to_be_said(
    story: Story, settings: Settings, broker: RedisBroker, stuck: Stuck
) -> None:
    """Effects used to stand in one line with messages: a channel that did not answer kept every thread, and flags stayed on."""
    row = await story.launched()
    usual = settings.model_copy(update={"clock_tick_seconds": 0.2, "measure_every_seconds": 300})
    async with working(usual, broker):

        async def looked_at() -> bool:
            async with story.runtime.transaction(story.org_id) as tx:
                mine = (timers.c.subject_id == row["id"]) & (timers.c.kind == "measure")
                due = await tx.value(select(timers.c.due_at).where(mine))
            return due is not None and due > datetime.now(UTC) + timedelta(minutes=1)

        await eventually(looked_at)
        for number in range(30):
            await put(story, notices=(Message("words", uuid4(), "stuck", "#everybody", once=str(number)),))

        async def silent() -> bool:
            return stuck.taken > 1

        await eventually(silent)
        began = time.monotonic()
        await story.tell("slow_share", 1, (2000, 40), (2000, 900))

        async def off() -> bool:
            async with story.runtime.transaction(story.org_id) as tx:
                mine = (journal.c.event == "flag.set") & (journal.c.subject_id == row["id"])
                found = await tx.all(select(journal.c.payload).where(mine))
            return any(not entry["payload"]["enabled"] for entry in found)

        await eventually(off)
        assert time.monotonic() - began < KILL
        stuck.go_on.set()
