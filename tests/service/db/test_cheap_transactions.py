"""Transactions cost few messages to the database, and are none the weaker for it."""

import asyncio

from sqlalchemy import text

from runtime.core import Runtime
from runtime.db.engine import exclusive, plainly
from tests.story import Story

BACKEND = text("select pg_backend_pid()")
WAITS = text("select current_setting('synchronous_commit')")
ORG = text("select current_setting('app.org_id', true)")


async def backend(runtime: Runtime, story: Story) -> int:
    async with runtime.transaction(story.org_id) as tx:
        return int(await tx.value(BACKEND))


async def test_a_connection_that_the_server_closed_is_not_used_again(story: Story) -> None:
    before = await backend(story.runtime, story)
    async with plainly(story.runtime.engine) as first, plainly(story.runtime.engine) as second:
        mine = await second.fetchval("select pg_backend_pid()")
        assert mine != before
        gone = asyncio.Event()
        first.add_termination_listener(lambda _: gone.set())
        await second.execute("select pg_terminate_backend($1)", before)
        await asyncio.wait_for(gone.wait(), 10)
    assert await backend(story.runtime, story) != before


async def test_only_what_may_be_taken_back_does_not_wait_for_the_disk(story: Story) -> None:
    async with story.runtime.transaction(story.org_id) as tx:
        usual = await tx.value(WAITS)
    async with story.runtime.transaction(story.org_id, lasting=False) as tx:
        assert await tx.value(WAITS) == "off"
        assert await tx.value(ORG) == str(story.org_id)
    async with story.runtime.transaction(story.org_id) as tx:
        assert await tx.value(WAITS) == usual


async def test_a_transaction_that_asked_for_nothing_shows_nothing_to_the_next_user_of_its_connection(
    story: Story,
) -> None:
    async with story.runtime.transaction(story.org_id):
        pass
    async with story.runtime.engine.begin() as conn:
        assert not (await conn.execute(ORG)).scalar()


async def test_whoever_holds_a_lock_works_on_its_connection_and_others_on_their_own(story: Story) -> None:
    async with exclusive(story.runtime.engine, "mine") as mine:
        assert mine
        held = await backend(story.runtime, story)
        assert await backend(story.runtime, story) == held
        assert await asyncio.create_task(backend(story.runtime, story)) != held
        async with exclusive(story.runtime.engine, "mine") as theirs:
            assert not theirs
    async with exclusive(story.runtime.engine, "mine") as mine:
        assert mine
