"""What was said first in a channel stands there first, whichever process brings it."""

import time
from uuid import uuid4

from bot.slack import deliveries, pace
from bot.slack.deliveries import Key
from runtime.db.engine import Tx
from tests.story import Story


async def waiting(tx: Tx, place: str, at: float) -> Key:
    """A message whose turn was given and has come."""
    key = Key("gate", uuid4(), place)
    row, _ = await deliveries.intend(tx, key)
    await pace._write(tx, key, {**row["details"], pace.TURN: {"at": at, "fresh": True}})
    return key


async def turn(tx: Tx, key: Key) -> pace.Turn:
    row, fresh = await deliveries.intend(tx, key)
    return await pace.take_turn(tx, key, row, fresh=fresh)


async def test_a_message_whose_turn_has_come_waits_for_the_one_before_it(story: Story) -> None:
    now = time.time()
    async with story.runtime.transaction(story.org_id) as tx:
        first, second = await waiting(tx, "#checkout", now - 2), await waiting(tx, "#checkout", now - 1)
        elsewhere = await waiting(tx, "#search", now - 1)
        assert (await turn(tx, elsewhere)).wait == 0, "another channel does not wait"
        assert (await turn(tx, second)).wait > 0
        assert await turn(tx, first) == pace.Turn(0.0, fresh=True)
        assert (await turn(tx, second)).wait > 0, "the first is on its way, but does not stand there yet"
        assert await turn(tx, first) == pace.Turn(0.0, fresh=False), "tried again, it may be there already"
        await deliveries.placed(tx, first, "C1", "1.1", {})
        assert await turn(tx, second) == pace.Turn(0.0, fresh=True)


async def test_a_message_that_never_comes_holds_up_the_next_for_some_seconds_only(story: Story) -> None:
    now = time.time()
    async with story.runtime.transaction(story.org_id) as tx:
        await waiting(tx, "#checkout", now - 30)
        later = await waiting(tx, "#checkout", now - 1)
        assert await turn(tx, later) == pace.Turn(0.0, fresh=True)
