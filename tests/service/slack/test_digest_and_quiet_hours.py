"""The daily digest, quiet hours, and people who are away, through the real outbox's notices and the sandbox."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text, update

from bot.cli import group
from bot.slack.sandbox.blocks import problems
from runtime import digests
from runtime.db.tables import human_gates, members, outbox, outcomes, timers
from runtime.errors import ChannelFailed
from runtime.gates import presence
from runtime.gates.calendar import next_at
from runtime.integrations.contracts import Level
from runtime.measurement import append, store
from workers import timers as worker
from workers.tidying import tidy


async def messages(visitor, words, channel="checkout"):
    return [one for one in await visitor.messages(channel) if words in str(one["blocks"])]


async def digest_timers(office):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return await tx.all(select(timers).where(timers.c.kind == "digest").order_by(timers.c.due_at, timers.c.id))


async def digest_notices(office):
    return [notice for notice in await office.notices() if notice.kind == "digest"]


async def reads(office, *values):
    """The outcome's level, once a day."""
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        outcome = await tx.first(select(outcomes))
        for day, value in enumerate(values, 2):
            level = Level(value, 4000, datetime(2026, 3, day, 12, tzinfo=UTC), "door")
            await append.ensure_partitions(tx, level.as_of)
            await store.append_level(tx, outcome["id"], "checkout_completed", level)


async def fire(office, at):
    """The workers' clock at a moment; every claim is fired twice, as racing workers would."""
    office.story.runtime.now = lambda: at
    async with office.story.runtime.engine.begin() as conn:
        due = (await conn.execute(text("select * from claim_timers(:now, interval '0', 100)"), {"now": at})).all()
    for timer in [timer for timer in due if timer.kind == "digest"] * 2:
        await worker.fire(office.story.runtime, timer.org_id, timer.id, timer.kind)


async def test_owner_and_channel_get_one_digest_at_nine_in_their_zone_and_only_one(office):
    await office.at_launch()
    for _ in range(2):
        await tidy(office.story.runtime)
    nine = next_at(time(9), "Europe/Berlin", office.story.runtime.now())
    assert [row["due_at"] for row in await digest_timers(office)] == [nine, nine]
    await office.hush()
    await reads(office, Decimal("0.33"), Decimal("0.385"))
    await fire(office, nine)
    told = await digest_notices(office)
    assert sorted(notice.place for notice in told) == ["#checkout", "ana@example.com"]
    for _ in range(2):
        for notice in told:
            await office.channel.deliver(notice)
    ben, ana = await office.come_in("ben"), await office.come_in("ana")
    [public], [direct] = await messages(ben, "*Daily digest*"), await messages(ana, "*Daily digest*", "outcome")
    for message in (public, direct):
        assert problems(message["blocks"], "message") == []
        assert "be launched?" in str(message["blocks"])
        assert "waits for Ben" in str(message["blocks"])
        assert "|May " in str(message["blocks"]), "the gate is a link"
        assert "38.5 %, 50 % of the way ↗ towards the target, from 32 % to 45 %" in str(message["blocks"])
        [image] = [block for block in message["blocks"] if block["type"] == "image"]
        assert "6.5 pp below the target of 45 %" in image["alt_text"]
        assert "Cut-off 3 Mar 2026 13:00 Europe/Berlin" in image["alt_text"], "in the reader's zone"
        assert "▁" not in str(message["blocks"]), "block characters stand for a picture that is missing"
    assert [row["due_at"] for row in await digest_timers(office) if row["status"] == "armed"] == [
        nine + timedelta(days=1)
    ] * 2
    await office.hush()
    await fire(office, nine)
    assert await digest_notices(office) == []


async def test_where_nothing_happened_nothing_is_said(office):
    await office.story.proposed()
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    await tidy(office.story.runtime)
    await office.hush()
    [first, _] = await digest_timers(office)
    await fire(office, first["due_at"])
    assert len(await digest_notices(office)) == 2, "a decision was made since yesterday"
    await office.hush()
    await fire(office, first["due_at"] + timedelta(days=1))
    assert await digest_notices(office) == []


async def test_without_a_time_of_day_there_is_no_digest(office):
    runtime = office.story.runtime
    runtime.settings = runtime.settings.model_copy(update={"digest_at": ""})
    await office.at_launch()
    await tidy(runtime)
    assert await digest_timers(office) == []


async def test_the_digest_reads_without_an_account_and_links_nothing(office):
    await office.at_launch()
    runtime, now = office.story.runtime, office.story.runtime.now()
    row = await office.story.experiment()
    async with runtime.transaction(office.story.org_id) as tx:
        ids = [row["outcome_id"]]
        found = await digests.collect(tx, runtime.settings, ids, now - timedelta(days=1), now + timedelta(hours=1))
        nothing = await digests.collect(tx, runtime.settings, [], now - timedelta(days=1), now)
    said = digests.plain(found)
    assert "Waiting for a decision" in said
    assert "waits for ben@example.com until" in said
    assert "Decided" in said
    assert "approved by ana@example.com" in said
    assert not set("<>|*") & set(said)
    assert digests.plain(nothing).endswith("Nothing happened.")


async def test_a_running_experiment_is_one_line_with_its_interval(office):
    await office.at_launch()
    await office.story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await office.story.decide("launch_approval", "approve", "ben@example.com")
    await office.work()
    for day in (1, 2):
        await office.story.tell("checkout_completed", day, (2000, 640), (2000, 650))
        await office.story.tell("slow_share", day, (2000, 40), (2000, 40))
        await office.story.measure()
        await office.work()
    runtime, row = office.story.runtime, await office.story.experiment()
    async with runtime.transaction(office.story.org_id) as tx:
        since = datetime.now(UTC) - timedelta(hours=1)
        found = await digests.collect(tx, runtime.settings, [row["outcome_id"]], since, datetime.now(UTC))
    [line] = found.running
    assert line.title == row["title"]
    assert " pp to " in line.says
    assert "at 50 % of users" in line.says
    assert found.moved


async def test_the_command_answers_with_the_same_and_names_what_it_does_not_know(office):
    await office.at_launch()
    ben = await office.come_in("ben")
    await reads(office, Decimal("0.33"), Decimal("0.385"))
    await ben.command("checkout", "/outcome digest")
    answer = await ben.wait_for("checkout", lambda one: "Waiting for a decision" in one.get("text", ""))
    assert "<!date^" in answer["text"]
    assert "50 % of the way ↗ towards the target, from 32 % to 45 % `▁█`" in answer["text"]
    await ben.command("checkout", "/outcome digest nowhere")
    await ben.wait_for("checkout", lambda one: "There is no outcome “nowhere”" in one.get("text", ""))


def quiet(office, at):
    runtime = office.story.runtime
    runtime.settings = runtime.settings.model_copy(update={"quiet_hours": "20:00-08:00"})
    runtime.now = lambda: at


NIGHT = datetime(2026, 6, 1, 23, tzinfo=UTC)


async def test_at_night_a_new_message_waits_for_its_readers_morning(office):
    await office.story.proposed()
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(members).where(members.c.email == "ana@example.com").values(timezone="Europe/Berlin"))
    [notice] = [one for one in await office.notices() if one.kind == "gate"]
    quiet(office, NIGHT)
    with pytest.raises(ChannelFailed, match="Quiet hours: it is said at 2026-06-02 06:00 UTC") as refused:
        await office.channel.deliver(notice)
    assert refused.value.context["retry_after"] == 7 * 3600
    await office.channel.deliver(replace(notice, payload={**notice.payload, "remind": True, "last": True}))
    assert len(await messages(await office.come_in("ana"), "Which experiments")) == 1, "a gate's last reminder passes"
    await office.channel.deliver(notice)
    with pytest.raises(ChannelFailed, match="Quiet hours"):
        await office.channel.deliver(replace(notice, payload={**notice.payload, "remind": True, "last": False}))
    office.story.runtime.now = lambda: NIGHT + timedelta(hours=7)
    await office.channel.deliver(replace(notice, payload={**notice.payload, "remind": True, "last": False}))


async def test_a_guardrails_kill_passes_at_night(office):
    await office.at_launch()
    await office.story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await office.story.decide("launch_approval", "approve", "ben@example.com")
    await office.work()
    await office.story.tell("checkout_completed", 1, (2000, 640), (2000, 640))
    await office.story.tell("slow_share", 1, (2000, 40), (2000, 400))
    await office.story.measure()
    await office.story.work()
    quiet(office, NIGHT)
    for notice in await office.notices():
        if notice.kind == "experiment":
            await office.channel.deliver(notice)
    assert await messages(await office.come_in("ben"), "was killed by a hard constraint")


async def test_who_is_away_at_opening_is_said_with_who_is_next_and_the_clock_stays(office):
    await office.at_launch()
    gate = await office.story.gate("launch_approval")
    ben = await office.come_in("ben")
    await ben.set_status("On vacation", ":palm_tree:")
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(members).values(status_seen_at=None))
    await presence.look(office.story.runtime, office.story.org_id, gate["id"])
    await office.deliver()
    [message] = await messages(ben, "is away, at least until")
    ana = await office.come_in("ana")
    assert f"After that <@{ana.id}> is asked." in str(message["blocks"])
    again = await office.gate(gate["id"])
    assert (again["due_at"], again["status"], again["chain_position"]) == (gate["due_at"], "pending", 0)
    await presence.look(office.story.runtime, office.story.org_id, gate["id"])
    assert await office.notices() == [], "a status seen a moment ago is not asked for again"


async def test_a_slack_that_fails_leaves_everything_as_it_was(office):
    await office.at_launch()
    gate = await office.story.gate("launch_approval")
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(members).values(status_seen_at=None))
    await office.fail_next(method="users.info", kind="server_error", count=5)
    await presence.look(office.story.runtime, office.story.org_id, gate["id"])
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        assert await tx.all(select(members.c.id).where(members.c.away_until.is_not(None))) == []
        assert await tx.all(select(outbox.c.id).where(outbox.c.status == "due", outbox.c.kind == "notice")) == []
        assert await tx.value(select(human_gates.c.version).where(human_gates.c.id == gate["id"])) == gate["version"]


def test_the_command_line_offers_the_digest():
    shown = CliRunner().invoke(group, ["digest", "--help"])
    assert shown.exit_code == 0
    assert "--hours" in shown.output
