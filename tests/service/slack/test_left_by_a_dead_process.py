"""A process may die between its acknowledgement and the work: what was asked for is carried out once, or its author is told."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from bot.slack.again import sweep
from bot.slack.gates import RECORDED
from bot.slack.inbound import LEASE, Inbox
from bot.slack.sandbox.visitor import Refused, text_of
from bot.slack.teams import Teams
from runtime import noted
from runtime.db.engine import plainly
from runtime.db.tables import human_gates, inbound_events, journal
from runtime.identity.people import agent
from runtime.journal import Event, record
from runtime.noted import CarriedOutElsewhere

HANDLERS = ("run_ack_function_asynchronously", "Presses.work")
_e = inbound_events.c


async def until(check, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.03)
    return found


async def shown(visitor, words):
    return await visitor.wait_for("checkout", lambda message: words in text_of(message))


async def whispered(visitor, words):
    await until(lambda: told(visitor, words))


async def told(visitor, words):
    return [one for one in await visitor.messages("checkout") if one.get("only_for") == visitor.id and words in text_of(one)]  # fmt: skip


async def decided(office, gate_id):
    async def closed():
        row = await office.gate(gate_id)
        return row if row["status"] not in {"pending", "delegated"} else None

    return await until(closed)


async def decisions(office, gate_id):
    """How often one was recorded."""
    mine = (journal.c.subject_id == gate_id) & (journal.c.event == "gate.decided")
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return len(await tx.all(select(journal).where(mine)))


@asynccontextmanager
async def dying(office, gate_id):
    """What is pressed within gets as far as the gate's lock, and there its process ends."""
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(select(human_gates.c.id).where(human_gates.c.id == gate_id).with_for_update())
        yield
        await until(stopped)


async def stopped():
    going = [task for task in asyncio.all_tasks() if any(name in repr(task.get_coro()) for name in HANDLERS)]
    for task in going:
        task.cancel()
    await asyncio.gather(*going, return_exceptions=True)
    return going


async def left(runtime, org_id):
    async with runtime.transaction(org_id) as tx:
        return await tx.all(select(inbound_events).where(_e.sealed.is_not(None)))


async def later(runtime, org_id, ago=timedelta(minutes=5)):
    """So long ago was it noted, and nobody has said anything about it since."""
    async with runtime.transaction(org_id) as tx:
        at = func.clock_timestamp() - ago
        await tx.run(update(inbound_events).where(_e.sealed.is_not(None)).values(received_at=at, lease_until=at))


async def taken_over(office, ago=timedelta(minutes=5)):
    """By two processes at once, besides the one that runs anyway."""
    runtime, org_id = office.story.runtime, office.story.org_id
    await later(runtime, org_id, ago)
    both = [Teams(runtime, org_id) for _ in range(2)]
    await asyncio.gather(*(sweep(teams) for teams in both))

    async def closed():
        return not await left(runtime, org_id)

    await until(closed)
    for teams in both:
        assert await sweep(teams) == 0
        await teams.tokens.close()


async def test_a_press_is_decided_once_by_whoever_goes_on_and_as_of_when_it_was_pressed(office):
    gate_id = (await office.at_launch())["id"]
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    async with dying(office, gate_id):
        await ben.press("Approve launch", message)
    assert (await office.gate(gate_id))["status"] == "pending"
    [row] = await left(office.story.runtime, office.story.org_id)
    assert row["sealed"].startswith("v1."), "an address to answer at is a secret"

    await taken_over(office)
    await whispered(ben, RECORDED)
    closed = await office.gate(gate_id)
    assert (closed["choice"], closed["decided_by"], closed["decided_via"]) == ("approve", "ben@example.com", "slack")
    waited = office.story.runtime.now() - closed["responded_at"]
    assert timedelta(minutes=4) < waited < timedelta(minutes=6)
    assert await decisions(office, gate_id) == 1
    await office.work()
    assert (await shown(ben, "decided via Slack"))["ts"] == message["ts"]
    assert len(await told(ben, RECORDED)) == 1


async def test_whoever_comes_too_late_or_was_forgotten_for_long_is_told_for_their_eyes_only(office):
    gate_id = (await office.at_launch())["id"]
    ben, ada = await office.come_in("ben"), await office.come_in("ada")
    message = await shown(ben, "be launched?")
    async with dying(office, gate_id):
        await ben.press("Approve launch", message)
    await taken_over(office, timedelta(hours=3))
    await whispered(ben, "I was away when you pressed “Approve launch”, 3 h ago, and did nothing about it")
    assert (await office.gate(gate_id))["status"] == "pending"

    async with dying(office, gate_id):
        await ben.press("Approve launch", message)
    await office.story.decide("launch_approval", "reject", "ada@example.com", note="not before Monday")
    await taken_over(office)
    await whispered(ben, "rejected this gate already")
    assert (await office.gate(gate_id))["decided_by"] == "ada@example.com"
    assert not await told(ada, "")


async def test_a_press_repeated_out_of_impatience_is_a_receipt_and_no_defeat(office):
    gate_id = (await office.at_launch())["id"]
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    async with dying(office, gate_id):
        await ben.press("Approve launch", message)
    await ben.press("Approve launch", message)
    await decided(office, gate_id)
    await taken_over(office)
    await whispered(ben, RECORDED)
    assert not await told(ben, "already")
    assert await decisions(office, gate_id) == 1


async def test_a_database_that_goes_away_in_the_middle_is_no_news_to_whoever_pressed(office):
    gate_id = (await office.at_launch())["id"]
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    runtime = office.story.runtime

    async def cut():
        waits = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        async with plainly(runtime.engine) as conn:
            return await conn.fetch(waits)

    async with runtime.transaction(office.story.org_id) as tx:
        await tx.run(select(human_gates.c.id).where(human_gates.c.id == gate_id).with_for_update())
        await ben.press("Approve launch", message)
        await until(cut)
        await until(nobody_works)
    assert not await told(ben, "")
    await taken_over(office)
    await whispered(ben, RECORDED)
    assert (await office.gate(gate_id))["decided_by"] == "ben@example.com"


async def nobody_works():
    return not any("Presses.work" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_words_in_the_thread_are_gone_on_with_and_a_form_that_was_not_acknowledged_is_not(office):
    gate_id = (await office.at_launch())["id"]
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    await ben.press("Reject", message)
    form = await ben.wait_for_modal()
    async with dying(office, gate_id):
        with pytest.raises(Refused, match="respond"):
            await asyncio.gather(ben.submit(form, {"note": {"text": "The copy misleads"}}), until(stopped))
        await ben.say("checkout", "Cap 15%", thread_ts=message["ts"])
    await taken_over(office)
    closed = await decided(office, gate_id)
    assert (closed["choice"], closed["conditions"]) == ("approve_capped", ["at most 15 % of users"])
    answers = await ben.messages("outcome")
    assert ["you sent the form “Reject”: nothing was recorded" in text_of(one) for one in answers] == [True]


async def acted(runtime, org_id, note, by, *, fails=False):
    with noted.apart():
        noted.begin(note)
        async with runtime.transaction(org_id) as tx:
            for name in ("test.asked", "test.done"):
                await record(tx, Event(name, "test", None), by=by)
            if fails:
                raise InterruptedError


async def entries(runtime, org_id):
    async with runtime.transaction(org_id) as tx:
        return [row["event"] for row in await tx.all(select(journal.c.event).where(journal.c.event.like("test.%")))]


async def test_of_two_processes_at_one_request_only_the_one_that_has_it_now_carries_it_out(story):
    runtime, org_id = story.runtime, story.org_id
    stalled, other = Inbox(runtime), Inbox(runtime)
    arun = await story.person("arun@example.com")
    first = await stalled.note(org_id, {"event_id": "Ev1", "team_id": "T1"})
    assert await other.note(org_id, {"event_id": "Ev1", "team_id": "T1"}) is None, "heard before"
    await later(runtime, org_id)
    await stalled.renew()
    assert await other.left() == [], "it is still worked on"
    await later(runtime, org_id)
    [(second, body)] = await other.left()
    assert body == {"event_id": "Ev1", "team_id": "T1"}

    with pytest.raises(CarriedOutElsewhere):
        await acted(runtime, org_id, first, arun)
    assert await entries(runtime, org_id) == []
    await acted(runtime, org_id, second, arun)
    assert await entries(runtime, org_id) == ["test.asked", "test.done"]
    assert await left(runtime, org_id) == []
    await later(runtime, org_id)
    assert await other.left() == []


async def test_only_what_a_person_does_ends_their_request_and_not_when_it_is_rolled_back(story):
    runtime, org_id = story.runtime, story.org_id
    inbox, arun = Inbox(runtime), await story.person("arun@example.com")
    note = await inbox.note(org_id, {"event_id": "Ev1"})
    await acted(runtime, org_id, note, agent("builder", "mcp"))
    assert len(await left(runtime, org_id)) == 1
    with pytest.raises(InterruptedError):
        await acted(runtime, org_id, note, arun, fails=True)
    assert len(await left(runtime, org_id)) == 1
    await acted(runtime, org_id, note, arun)
    assert await left(runtime, org_id) == []


async def test_what_nobody_can_carry_out_is_tried_after_longer_and_longer_waits(story):
    runtime, org_id = story.runtime, story.org_id
    inbox = Inbox(runtime)
    await inbox.note(org_id, {"event_id": "Ev1", "team_id": "T1"})
    waits = []
    for turn in range(1, 9):
        await later(runtime, org_id)
        [(note, _)] = await inbox.left()
        assert note.turn == turn
        [row] = await left(runtime, org_id)
        waits.append(round((row["lease_until"] - datetime.now(UTC)) / LEASE))
    assert waits == [1, 2, 4, 8, 16, 25, 25, 25]
