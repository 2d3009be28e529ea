"""A gate's clock reminds, moves along the chain, and at its end closes without approving."""

from datetime import datetime, timedelta

from sqlalchemy import select, text, update

from runtime.db.tables import journal, members, outbox
from runtime.gates.service import delegate, reopen
from tests.story import Story
from workers import timers as worker


async def pass_time(story: Story, until: datetime) -> None:
    """Fire everything due up to a moment, in order, as the workers' clock would."""
    story.runtime.now = lambda: until
    for _ in range(10):
        async with story.runtime.engine.begin() as conn:
            due = (
                await conn.execute(text("select * from claim_timers(:now, interval '0', 100)"), {"now": until})
            ).all()
        mine = [timer for timer in due if timer.kind.startswith("gate_")]
        if not mine:
            return
        for timer in mine:
            await worker.fire(story.runtime, timer.org_id, timer.id, timer.kind)


async def events(story: Story) -> list[str]:
    async with story.runtime.transaction(story.org_id) as tx:
        rows = await tx.all(select(journal.c.event).where(journal.c.event.like("gate.%")).order_by(journal.c.seq))
    return [row["event"] for row in rows]


async def launch_gate(story: Story) -> None:
    await story.reach("all were approved", lambda: _launch_gate(story))


async def _launch_gate(story: Story) -> None:
    await story.proposed()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()


async def test_reminders_come_at_half_and_at_four_fifths_of_the_sla(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    await pass_time(story, gate["created_at"] + timedelta(hours=1, minutes=59))
    assert "gate.reminded" not in await events(story)
    await pass_time(story, gate["created_at"] + timedelta(hours=2, minutes=1))
    await pass_time(story, gate["created_at"] + timedelta(hours=3, minutes=13))
    assert (await events(story)).count("gate.reminded") == 2
    assert (await story.gate("launch_approval"))["status"] == "pending"


async def test_silence_moves_on_to_the_next_person_and_then_fails_closed(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    await pass_time(story, gate["due_at"])
    asked = await story.gate("launch_approval")
    assert (asked["chain_position"], asked["status"]) == (1, "pending")
    await pass_time(story, asked["due_at"])
    closed = await story.gate("launch_approval", status="timed_out")
    assert closed["decided_by"] is None
    row = await story.experiment()
    assert (row["status"], row["rollout_percent"]) == ("awaiting_launch_gate", 0)
    async with story.runtime.transaction(story.org_id) as tx:
        effects = await tx.all(select(outbox.c.name).where(outbox.c.name.like("flag.%")))
    assert effects == []


async def test_who_is_away_is_passed_over_unless_nobody_else_is_left(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    async with story.runtime.transaction(story.org_id) as tx:
        away = {"away_until": gate["due_at"] + timedelta(days=9)}
        await tx.run(update(members).where(members.c.email == "ana@example.com").values(away))
    await pass_time(story, gate["due_at"])
    assert (await story.gate("launch_approval"))["chain_position"] == 1, (
        "the last one in the chain is asked even when away"
    )


async def test_a_gate_that_ran_out_is_asked_again_only_by_a_person(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    await pass_time(story, gate["due_at"])
    await pass_time(story, (await story.gate("launch_approval"))["due_at"])
    closed = await story.gate("launch_approval", status="timed_out")
    await reopen(
        story.runtime, story.org_id, closed["id"], by=await story.person("ben@example.com"), now=story.runtime.now()
    )
    again = await story.gate("launch_approval")
    assert (again["reopens"], again["evidence_hash"]) == (closed["id"], closed["evidence_hash"])
    story.now = story.runtime.now()
    await story.decide("launch_approval", "approve_capped", "ben@example.com", percent=20)
    assert (await story.experiment())["rollout_percent"] == 20


async def test_a_delegate_gets_a_clock_of_their_own_and_old_timers_let_go(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    owner = await story.person("arun@example.com")
    assert owner.member is not None
    later = gate["created_at"] + timedelta(hours=3)
    await delegate(
        story.runtime, story.org_id, gate["id"], to=owner.member, by=await story.person("ben@example.com"), now=later
    )
    await pass_time(story, gate["due_at"] + timedelta(minutes=1))
    handed = await story.gate("launch_approval", status="delegated")
    assert (handed["delegated_to"], handed["chain_position"]) == ("arun@example.com", 0)
    assert handed["due_at"] == later + timedelta(hours=4)


async def test_a_timer_fired_twice_reminds_once(story: Story) -> None:
    await launch_gate(story)
    gate = await story.gate("launch_approval")
    when = gate["created_at"] + timedelta(hours=2, minutes=1)
    story.runtime.now = lambda: when
    async with story.runtime.engine.begin() as conn:
        due = (await conn.execute(text("select * from claim_timers(:now, interval '0', 100)"), {"now": when})).all()
    for timer in [*due, *due]:
        if timer.kind == "gate_remind_half":
            await worker.fire(story.runtime, timer.org_id, timer.id, timer.kind)
    assert (await events(story)).count("gate.reminded") == 1
