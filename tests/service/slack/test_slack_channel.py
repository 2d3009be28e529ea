"""What leaves the house: every message arrives, once, changes in place, and says so when something is in the way."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.slack.channel import SlackChannel
from bot.slack.sandbox.visitor import text_of
from runtime.db.tables import deliveries, experiments, human_gates
from runtime.errors import ChannelFailed, InvalidConfiguration
from runtime.gates import rows
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Notice
from runtime.journal import Event, record
from runtime.outcomes.rows import by_slug
from tests.story import FILE

MORE = ["Approve with conditions…", "Edit…", "Delegate…", "Ask…"]


async def gates_in(visitor, channel="checkout", words="Which experiments"):
    return [one for one in await visitor.messages(channel) if words in text_of(one)]


async def first_notice(office):
    [notice] = await office.notices()
    return notice


async def proposed(office, file=FILE):
    """A portfolio's gate waits in the outbox."""
    await office.story.apply(file)
    await office.story.work()
    return await first_notice(office)


async def buttons(message):
    return [
        element["text"]["text"]
        for block in message["blocks"]
        for element in block.get("elements", [])
        if element["type"] == "button"
    ]


async def test_a_notice_delivered_again_changes_nothing_and_repeats_nothing(office):
    notice = await proposed(office)
    for _ in range(3):
        await office.channel.deliver(notice)
    ana = await office.come_in("ana")
    [message] = await gates_in(ana)
    assert "edited" not in message
    assert len(list((office.config.data / "files").iterdir())) == 1


async def test_a_worker_that_died_after_posting_finds_its_own_message_again(office):
    notice = await proposed(office)
    await office.channel.deliver(notice)
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(deliveries).values(external_id=None, external_place=None, delivered_at=None, details={}))
    await SlackChannel(office.story.runtime).deliver(notice)
    ana = await office.come_in("ana")
    [message] = await gates_in(ana)
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        kept = select(deliveries.c.external_id).where(deliveries.c.subject_kind == "gate")
        assert await tx.value(kept) == message["ts"]


async def test_a_worker_that_died_before_posting_posts_it(office):
    notice = await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="server_error", count=1)
    with pytest.raises(ChannelFailed):
        await office.channel.deliver(notice)
    await office.channel.deliver(notice)
    assert len(await gates_in(await office.come_in("ana"))) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_without_an_upload_the_buttons_arrive_with_the_chart_in_words(office, method):
    notice = await proposed(office)
    await office.fail_next(method=method, kind="refuse", error="internal_error", count=5)
    await office.channel.deliver(notice)
    [message] = await gates_in(await office.come_in("ana"))
    assert not [block for block in message["blocks"] if block["type"] == "image"]
    assert "proposed experiments for checkout" in text_of(message)
    assert await buttons(message) == ["Approve", "Reject", *MORE]


async def test_a_chart_that_cannot_be_drawn_does_not_keep_the_gate_back(office):
    notice = await proposed(office)
    row = await office.story.gate("portfolio_review")
    package = row["context_package"] | {"chart": {"kind": "portfolio", "title": "broken"}}
    await office.write(human_gates, row["id"], context_package=package)
    await office.channel.deliver(notice)
    [message] = await gates_in(await office.come_in("ana"))
    assert await buttons(message) == ["Approve", "Reject", *MORE]


async def test_a_picture_that_was_replaced_is_deleted_and_what_keeps_it_from_that_keeps_no_gate_back(office):
    notice, files = await proposed(office), office.config.data / "files"
    await office.channel.deliver(notice)
    [first] = [one.name for one in files.iterdir()]
    row = await office.story.gate("portfolio_review")
    chart = row["context_package"]["chart"] | {"title": "Other numbers"}
    await office.write(human_gates, row["id"], context_package=row["context_package"] | {"chart": chart})
    await office.channel.deliver(notice)
    [gone] = [one for one in await office.notices() if one.kind == "discarded"]
    assert gone.payload["file"] == first
    [message] = await gates_in(await office.come_in("ana"))
    [shown] = [block["slack_file"]["id"] for block in message["blocks"] if block["type"] == "image"]
    assert {one.name for one in files.iterdir()} == {first, shown}
    await office.fail_next(method="files.delete", kind="ratelimited", retry_after=7)
    with pytest.raises(ChannelFailed) as failed:
        await office.channel.deliver(gone)
    assert failed.value.context["retry_after"] == 7
    await office.fail_next(method="files.delete", kind="refuse", error="cant_delete_file", count=1)
    await office.channel.deliver(gone)
    for _ in range(2):
        await office.channel.deliver(gone)
    await office.channel.deliver(replace(gone, payload={"file": shown}))
    assert [one.name for one in files.iterdir()] == [shown]


async def test_a_picture_slack_does_not_take_is_left_out_in_the_end(office):
    notice = await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="refuse", error="invalid_blocks", count=4)
    await office.channel.deliver(notice)
    [message] = await gates_in(await office.come_in("ana"))
    assert not [block for block in message["blocks"] if block["type"] == "image"]


async def test_slacks_wish_to_wait_is_handed_to_the_outbox(office):
    notice = await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="ratelimited", retry_after=7)
    with pytest.raises(ChannelFailed) as failed:
        await office.channel.deliver(notice)
    assert failed.value.context["retry_after"] == 7
    await office.channel.deliver(notice)
    assert len(await gates_in(await office.come_in("ana"))) == 1


async def test_where_it_may_not_speak_the_owner_gets_the_gate_and_the_reason(office):
    notice = await proposed(office, FILE.replace("slack:#checkout", "slack:#private-plans", 1))
    await office.channel.deliver(notice)
    arun = await office.come_in("arun")
    [message] = await gates_in(arun, "outcome")
    assert "This belongs in #private-plans" in text_of(message)
    assert await buttons(message) == ["Approve", "Reject", *MORE]

    await office.story.decide("portfolio_review", "approve", "ana@example.com")
    await office.deliver()
    [after] = await gates_in(arun, "outcome")
    assert await buttons(after) == []
    assert "This belongs in #private-plans" in text_of(after)


async def test_a_channel_that_does_not_exist_loses_no_gate_either(office):
    notice = await proposed(office, FILE.replace("slack:#checkout", "slack:#no-such-place", 1))
    await office.channel.deliver(notice)
    assert len(await gates_in(await office.come_in("arun"), "outcome")) == 1


async def test_a_gate_shown_to_a_person_directly_changes_with_its_other_copy(office):
    notice = await proposed(office)
    await office.channel.deliver(notice)
    await office.channel.deliver(replace(notice, place="ana@example.com"))
    ana, ben = await office.come_in("ana"), await office.come_in("ben")
    [direct] = await gates_in(ana, "outcome")
    assert await buttons(direct) == ["Approve", "Reject", *MORE]
    assert await gates_in(ben, "outcome") == []

    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    await office.deliver()
    [direct], [public] = await gates_in(ana, "outcome"), await gates_in(ana)
    assert await buttons(direct) == await buttons(public) == []


async def test_a_deleted_message_is_posted_again_at_the_next_change(office):
    notice = await proposed(office)
    await office.channel.deliver(notice)
    ana = await office.come_in("ana")
    [message] = await gates_in(ana)
    async with office.http.post(
        f"{office.url}/api/chat.delete",
        data={"channel": message["channel"], "ts": message["ts"]},
        headers={"Authorization": "Bearer xoxb-product-test"},
    ) as reply:
        assert (await reply.json())["ok"]
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    await office.deliver()
    [again] = await gates_in(ana)
    assert again["ts"] != message["ts"]
    assert await buttons(again) == []


async def remind(office, **changes):
    """What the gate's clock does: the row changes and the message calls."""
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        gate = await rows.get(tx, (await office.story.gate("launch_approval"))["id"], lock=True)
        version = await rows.change(tx, gate, **changes)
        await record(
            tx, Event("gate.reminded", "gate", gate["id"]), by=SYSTEM, notices=[rows.redraw(gate, version, remind=True)]
        )


async def test_a_reminder_calls_the_person_once_in_the_thread_and_escalation_calls_the_next(office):
    await office.at_launch()
    ben, ana = await office.come_in("ben"), await office.come_in("ana")
    [message] = await gates_in(ben, words="be launched?")
    await remind(office)
    notice = await first_notice(office)
    for _ in range(2):
        await office.channel.deliver(notice)
    [call] = await gates_in(ben, words="still waits for you")
    assert call["thread_ts"] == message["ts"]
    assert f"<@{ben.id}>" in text_of(call)
    await office.deliver()

    await remind(office, chain_position=1)
    await office.deliver()
    [call] = await gates_in(ben, words="this gate has come to you")
    assert text_of(call).startswith(f"<@{ana.id}>, this gate has come to you, since <@{ben.id}> did not answer")
    [message] = await gates_in(ben, words="in place of Ben")
    assert f"<@{ana.id}>" in text_of(message)


async def test_a_gate_that_was_answered_meanwhile_reminds_nobody(office):
    await office.at_launch()
    await remind(office)
    notice = await first_notice(office)
    await office.story.decide("launch_approval", "approve", "ben@example.com")
    await office.channel.deliver(notice)
    assert await gates_in(await office.come_in("ben"), words="still waits for you") == []


async def running(office):
    """An experiment in front of users, whose launch gate was shown in Slack."""
    row = await office.at_launch()
    await office.story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await office.story.decide("launch_approval", "approve", "ben@example.com")
    await office.work()
    return row


async def test_progress_is_one_living_message_in_the_launch_gates_thread(office):
    gate = await running(office)
    ben = await office.come_in("ben")
    [parent] = await gates_in(ben, words="be launched?")
    for day in (1, 2):
        await office.story.tell("checkout_completed", day, (2000, 640), (2000, 640 + day))
        await office.story.tell("slow_share", day, (2000, 40), (2000, 40))
        await office.story.measure()
        await office.work()
    [progress] = await gates_in(ben, words="Effect so far")
    assert progress["thread_ts"] == parent["ts"]
    assert "measuring" in text_of(progress)
    assert [block for block in progress["blocks"] if block["type"] == "image"]
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        found = await tx.all(select(deliveries).where(deliveries.c.subject_id == gate["experiment_id"]))
    assert [row["subject_kind"] for row in found] == ["experiment"]


async def test_a_constraint_that_killed_is_said_aloud(office):
    await running(office)
    await office.story.tell("checkout_completed", 1, (2000, 640), (2000, 640))
    await office.story.tell("slow_share", 1, (2000, 40), (2000, 400))
    await office.story.measure()
    await office.work()
    ben = await office.come_in("ben")
    ana = await office.come_in("ana")
    [progress] = await gates_in(ben, words="Killed by a hard constraint; the flag is off for everybody.")
    assert "slow_share" in text_of(progress)
    [alarm] = await gates_in(ben, words="was killed by a hard constraint and its flag is off")
    assert alarm["thread_ts"] == progress["thread_ts"]
    assert text_of(alarm).startswith(f"⛔ <@{ana.id}>:")


async def test_a_plain_notice_is_said_once_and_escaped(office):
    await office.story.apply()
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        row = await by_slug(tx, "checkout")
    notice = Notice(
        office.story.org_id,
        "outcome",
        row["id"],
        "outcome.expire",
        "#checkout",
        {"text": "It <!channel> expired & ended."},
    )
    for _ in range(2):
        await office.channel.deliver(notice)
    [said] = await gates_in(await office.come_in("ben"), words="It &lt;!channel&gt; expired &amp; ended.")
    assert said["text"] == "It &lt;!channel&gt; expired &amp; ended."


async def test_without_a_token_the_error_names_the_way(story, settings):
    story.runtime.settings = settings.model_copy(update={"slack_bot_token": None})
    channel = SlackChannel(story.runtime)
    with pytest.raises(InvalidConfiguration, match="SLACK_BOT_TOKEN is not set"):
        await channel.deliver(Notice(story.org_id, "gate", story.org_id, "gate.opened", "#checkout", {}))


async def test_a_workspace_that_is_down_is_a_channel_that_failed(story, settings):
    story.runtime.settings = settings.model_copy(update={"slack_base_url": "http://127.0.0.1:9/api/"})
    await story.proposed()
    gate = await story.gate("portfolio_review")
    started = time.monotonic()
    with pytest.raises(ChannelFailed, match="It is tried again"):
        await SlackChannel(story.runtime).deliver(
            Notice(story.org_id, "gate", gate["id"], "gate.opened", "#checkout", {})
        )
    assert time.monotonic() - started < 20


async def test_the_due_date_is_shown_in_each_readers_own_zone(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    [message] = await gates_in(ben, words="be launched?")
    assert f"<!date^{int(row['due_at'].timestamp())}^" in text_of(message)
    await office.write(human_gates, row["id"], due_at=row["due_at"] + timedelta(hours=1))
    await office.write(experiments, row["experiment_id"], title="not shown: the package is frozen")
    await remind(office)
    await office.deliver()
    [message] = await gates_in(ben, words="be launched?")
    assert f"<!date^{int(row['due_at'].timestamp()) + 3600}^" in text_of(message)
    assert "not shown" not in text_of(message)
