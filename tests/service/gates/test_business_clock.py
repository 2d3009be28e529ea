"""A gate's clock in business hours: frozen at opening, anew for whoever is asked next, exactly once whoever fires its timers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from runtime.db.engine import Row
from runtime.db.tables import human_gates, members, outbox
from runtime.gates.calendar import Calendar, counted
from runtime.gates.service import delegate
from runtime.identity import away
from runtime.identity.away import Seen
from tests.service.gates.test_gate_clock import events, launch_gate, pass_time
from tests.story import FILE, Story
from workers import timers as worker

IN_HOURS = FILE.replace("sla: 4h", "sla: 8bh")
FRIDAY = datetime(2026, 3, 27, 14, tzinfo=UTC)
"""15:00 in Berlin, two business hours before a weekend in which the clocks change."""


async def zones(story: Story, **found: str) -> None:
    async with story.runtime.transaction(story.org_id) as tx:
        for name, zone in found.items():
            await tx.run(update(members).where(members.c.email == f"{name}@example.com").values(timezone=zone))


async def at_launch(story: Story, **found: str) -> Row:
    story.now = FRIDAY
    story.runtime.now = lambda: FRIDAY
    await story.apply(IN_HOURS)
    await zones(story, **found)
    await story.work()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    return await story.gate("launch_approval")


async def test_the_calendar_of_who_is_asked_is_frozen_and_skips_the_weekend(story: Story) -> None:
    gate = await at_launch(story, ben="Europe/Berlin")
    assert gate["calendar"] == {"zone": "Europe/Berlin", "opens": "09:00", "closes": "17:00", "days": [0, 1, 2, 3, 4]}
    assert gate["due_at"] == datetime(2026, 3, 30, 13, tzinfo=UTC), "15:00 in Berlin, by then in summer time"
    assert gate["sla_hours"] == 8
    await zones(story, ben="Asia/Tokyo")
    await pass_time(story, datetime(2026, 3, 30, 8, 59, tzinfo=UTC))
    assert (await events(story)).count("gate.reminded") == 0, "half of the time is over at 11:00 in Berlin"
    await pass_time(story, datetime(2026, 3, 30, 9, 1, tzinfo=UTC))
    assert (await events(story)).count("gate.reminded") == 1
    await pass_time(story, datetime(2026, 3, 30, 11, 25, tzinfo=UTC))
    assert (await events(story)).count("gate.reminded") == 2


async def test_the_next_person_has_the_same_time_by_their_own_calendar(story: Story) -> None:
    gate = await at_launch(story, ben="Europe/Berlin", ana="America/New_York")
    await pass_time(story, gate["due_at"])
    asked = await story.gate("launch_approval")
    assert (asked["chain_position"], asked["calendar"]["zone"]) == (1, "America/New_York")
    assert counted(gate["due_at"], asked["due_at"], Calendar("America/New_York")) == timedelta(hours=8)
    await pass_time(story, asked["due_at"] - timedelta(minutes=1))
    assert (await story.gate("launch_approval"))["status"] == "pending"
    await pass_time(story, asked["due_at"])
    assert (await story.gate("launch_approval", status="timed_out"))["decided_by"] is None


async def test_a_delegate_counts_by_their_own_calendar_too(story: Story) -> None:
    gate = await at_launch(story, ben="Europe/Berlin", arun="Asia/Kathmandu")
    owner = await story.person("arun@example.com")
    assert owner.member is not None
    by = await story.person("ben@example.com")
    await delegate(story.runtime, story.org_id, gate["id"], to=owner.member, by=by, now=FRIDAY)
    handed = await story.gate("launch_approval", status="delegated")
    assert handed["due_at"] == datetime(2026, 3, 30, 11, 15, tzinfo=UTC), "17:00 on Monday in Kathmandu"


async def test_racing_workers_that_fire_one_calendar_timer_escalate_once(story: Story) -> None:
    gate = await at_launch(story, ben="Europe/Berlin")
    story.runtime.now = lambda: gate["due_at"]
    claim = text("select * from claim_timers(:now, interval '0', 100)")
    async with story.runtime.engine.begin() as conn:
        due = [row for row in (await conn.execute(claim, {"now": gate["due_at"]})).all() if row.kind == "gate_due"]
    await asyncio.gather(*(worker.fire(story.runtime, row.org_id, row.id, row.kind) for row in due for _ in range(4)))
    assert (await events(story)).count("gate.escalated") == 1
    assert (await story.gate("launch_approval"))["clock_version"] == 2


@pytest.mark.parametrize(("until", "expected"), [(3, 2), (3.5, 1), (3.95, 1)])
async def test_a_snooze_that_comes_too_late_to_move_a_timer_silences_it_until_its_end(story, until, expected) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    wakes = gate["created_at"] + timedelta(hours=until)
    async with story.runtime.transaction(story.org_id) as tx:
        await tx.run(update(human_gates).where(human_gates.c.id == gate["id"]).values(snoozed_until=wakes))
    await pass_time(story, wakes - timedelta(seconds=1))
    assert "gate.reminded" not in await events(story)
    await pass_time(story, wakes)
    await pass_time(story, gate["due_at"] - timedelta(seconds=1))
    assert (await events(story)).count("gate.reminded") == expected
    assert (await story.gate("launch_approval"))["due_at"] == gate["due_at"], "a snooze never moves the deadline"


async def test_only_the_late_reminder_is_marked_as_the_last(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    await pass_time(story, gate["created_at"] + timedelta(hours=2, minutes=1))
    await pass_time(story, gate["created_at"] + timedelta(hours=3, minutes=13))
    async with story.runtime.transaction(story.org_id) as tx:
        rows = await tx.all(
            select(outbox.c.payload).where(outbox.c.payload["remind"].astext == "true").order_by(outbox.c.id)
        )
    assert [row["payload"]["last"] for row in rows] == [False, True]


async def test_who_is_next_is_looked_up_shortly_before_the_end_and_a_silent_channel_stops_no_clock(
    story: Story,
) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    await pass_time(story, gate["due_at"] - timedelta(minutes=9))
    assert "gate.people_asked_for" in await events(story)
    await story.work()
    await pass_time(story, gate["due_at"])
    assert (await story.gate("launch_approval"))["chain_position"] == 1


async def test_what_another_source_said_outlives_a_status_that_says_nothing(story: Story) -> None:
    await story.apply()
    now = story.now
    later = now + timedelta(days=2)
    ben = "ben@example.com"
    async with story.runtime.transaction(story.org_id) as tx:
        assert await away.keep(tx, [Seen(ben, later)], "mail", now)
        assert not await away.keep(tx, [Seen(ben, None)], "slack", now)
        assert await away.until(tx, ["Ben@example.com"], now) == {"Ben@example.com": later}
        assert await away.until(tx, [ben], later) == {}
        assert await away.unseen(tx, [ben], now) == []
        assert len(await away.unseen(tx, [ben], now + away.FRESH)) == 1
        assert await away.keep(tx, [Seen(ben, None)], "slack", later), "once its time is over"
