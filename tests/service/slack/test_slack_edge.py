"""What Slack may refuse, and what becomes of a gate then: it is never lost, and nobody waits for it asleep."""

import asyncio
import json
import time
from dataclasses import replace

import aiohttp
import pytest
from sqlalchemy import select, update

from bot.slack import pace
from bot.slack.checkup import checkup
from bot.slack.sandbox.outgoing import signature
from bot.slack.sandbox.visitor import text_of
from bot.slack.wire import web_client
from runtime.db.tables import deliveries, inbound_events, members, outbox
from runtime.errors import ChannelFailed
from workers import outbox as worker


async def gates_in(visitor, channel="checkout", words="Which experiments may be built"):
    return [one for one in await visitor.messages(channel) if words in text_of(one)]


def pressable(message):
    return [
        element["action_id"]
        for block in message["blocks"]
        for element in block.get("elements", [])
        if element["type"] == "button"
    ]


async def proposed(office):
    """A portfolio's gate waits in the outbox."""
    await office.story.proposed()
    [notice] = await office.notices()
    return notice


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"])
async def test_a_channel_that_is_closed_to_us_sends_the_gate_to_the_owner(office, error):
    notice = await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="refuse", error=error)
    await office.channel.deliver(notice)
    arun = await office.come_in("arun")
    [message] = await gates_in(arun, "outcome")
    assert "This belongs in #checkout" in text_of(message)
    assert "gate:approve" in pressable(message)


@pytest.mark.parametrize("error", ["is_archived", "not_in_channel", "cant_update_message"])
async def test_a_gate_that_can_no_longer_be_changed_is_shown_anew(office, error):
    notice = await proposed(office)
    await office.channel.deliver(notice)
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    await office.fail_next(method="chat.update", kind="refuse", error=error)
    await office.deliver()
    ana = await office.come_in("ana")
    before, after = await gates_in(ana)
    assert pressable(before)
    assert not pressable(after)


@pytest.mark.parametrize(
    ("error", "words"),
    [("token_revoked", "install it again"), ("account_inactive", "install it again"), ("invalid_auth", "is not valid")],
)
async def test_a_revoked_token_leaves_the_gate_due_and_doctor_says_why(office, error, words):
    await proposed(office)
    await office.fail_next(method="*", kind="refuse", error=error, count=1000)
    row = await attempted(office)
    assert row["status"] == "due"
    assert words in row["last_error"]


async def attempted(office, attempts=0):
    """One attempt of the worker at the one notice there is."""
    runtime, org_id = office.story.runtime, office.story.org_id
    async with runtime.transaction(org_id) as tx:
        await tx.run(update(outbox).where(outbox.c.kind == "notice").values(attempts=attempts))
        due = await tx.all(select(outbox).where(outbox.c.kind == "notice"))
    worker._channels["slack"] = office.channel
    try:
        await worker.deliver(runtime, org_id, due[0]["batch"], wanted=worker.is_notice)
    finally:
        worker._channels.pop("slack")
    async with runtime.transaction(org_id) as tx:
        [row] = await tx.all(select(outbox).where(outbox.c.kind == "notice"))
    return row


async def test_where_neither_channel_nor_owner_can_be_reached_the_gate_stays_due(office):
    notice = await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="refuse", error="is_archived", count=2)
    with pytest.raises(ChannelFailed):
        await office.channel.deliver(notice)
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(members).values(slack_user_id=None, email=members.c.email + ".gone"))
    await office.fail_next(method="chat.postMessage", kind="refuse", error="is_archived", count=100)
    row = await attempted(office, attempts=50)
    assert row["status"] == "due", "a gate is tried for as long as it takes"
    assert row["last_error"]
    report = await checkup(office.story.runtime, office.story.org_id, web_client(office.story.runtime.settings))
    assert "A message about a gate for #checkout is tried again" in report


async def test_slacks_wish_to_wait_is_no_failed_attempt(office):
    await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="ratelimited", retry_after=30)
    began = time.monotonic()
    row = await attempted(office, attempts=3)
    assert (row["status"], row["attempts"]) == ("due", 3)
    assert time.monotonic() - began < 10, "nobody sleeps"
    assert "Slack asks to wait 30 s" in row["last_error"]


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_a_message_slack_does_not_take_arrives_as_words_with_its_buttons(office, error):
    notice = await proposed(office)
    await office.fail_next(
        method="chat.postMessage", kind="refuse", error=error, count=5 if error == "invalid_blocks" else 2
    )
    await office.channel.deliver(notice)
    ana = await office.come_in("ana")
    [message] = await gates_in(ana)
    assert [block["type"] for block in message["blocks"]] == ["section", "actions"]
    assert {"gate:approve", "gate:reject"} <= set(pressable(message))


async def test_one_that_takes_no_buttons_either_arrives_as_words(office):
    notice = await proposed(office)
    await office.fail_next(method="chat.postMessage", kind="refuse", error="invalid_blocks", count=6)
    await office.channel.deliver(notice)
    ana = await office.come_in("ana")
    [message] = await gates_in(ana)
    assert [block["type"] for block in message["blocks"]] == ["section"]


@pytest.mark.parametrize("error", ["expired_trigger_id", "exchanged_trigger_id"])
async def test_a_form_that_came_too_late_asks_to_press_again(office, error):
    notice = await proposed(office)
    await office.channel.deliver(notice)
    ana = await office.come_in("ana")
    [message] = await gates_in(ana)
    await office.fail_next(method="views.open", kind="refuse", error=error)
    await ana.press("Reject", message)
    await ana.wait_for("checkout", lambda one: one.get("only_for") == ana.id and "press again" in text_of(one))
    assert (await office.story.gate("portfolio_review"))["status"] == "pending"


async def posted(office, body, *, retry=None):
    """An event as Slack sends it, signed now."""
    raw, at = json.dumps(body).encode(), str(int(time.time()))
    secret = office.config.signing_secret.get_secret_value()
    headers = {
        "Content-Type": "application/json", "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature(secret, at, raw),
    }  # fmt: skip
    if retry is not None:
        headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
    async with aiohttp.ClientSession() as http, http.post(office.bot_url, data=raw, headers=headers) as reply:
        return reply.status


def home_opened(office, event_id, person):
    return {
        "token": "x", "team_id": office.config.team_id, "api_app_id": office.config.app_id, "type": "event_callback", "event_id": event_id,
        "event_time": int(time.time()), "authorizations": [],
        "event": {"type": "app_home_opened", "user": person, "channel": "D1", "tab": "home", "event_ts": "1.0"},
    }  # fmt: skip


async def heard(office, event_id):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        found = await tx.all(select(inbound_events).where(inbound_events.c.external_id == event_id))
    return len(found)


async def test_a_retry_is_answered_and_a_first_delivery_that_calls_itself_a_retry_is_not_lost(office):
    await proposed(office)
    ana = await office.come_in("ana")
    body = home_opened(office, "Ev1", ana.id)
    assert [await posted(office, body, retry=number) for number in (1, 2, 3)] == [200, 200, 200]

    async def drawn():
        return (await ana.look())["home"]

    deadline = time.monotonic() + 8
    while not await drawn():
        assert time.monotonic() < deadline, "the Home tab was not drawn"
        await asyncio.sleep(0.05)


async def test_a_channel_takes_one_message_a_second_and_the_others_get_a_turn_of_their_own(office):
    notice = await proposed(office)
    many = [replace(notice, kind="outcome", payload={"text": f"Message {number}"}) for number in range(12)]
    waits = []
    for one in many:
        try:
            await office.channel.deliver(one)
        except ChannelFailed as refused:
            waits.append(refused.context["retry_after"])
    assert 6 <= len(waits) <= 9
    assert waits == sorted(waits), "in the order in which they came"
    assert waits[-1] - waits[0] > len(waits) - 3

    ana = await office.come_in("ana")
    said = [text_of(one) for one in await ana.messages("checkout")]
    assert len(said) == len(many) - len(waits)


async def test_a_turn_that_came_is_used_once_and_the_message_is_not_repeated(office):
    notice = await proposed(office)
    many = [replace(notice, kind="outcome", payload={"text": f"Message {number}"}) for number in range(6)]
    for _ in range(2):
        for one in many:
            deadline = time.monotonic() + 20
            while True:
                try:
                    await office.channel.deliver(one)
                    break
                except ChannelFailed as refused:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(refused.context["retry_after"])
    ana = await office.come_in("ana")
    said = [text_of(one) for one in await ana.messages("checkout") if "Message" in text_of(one)]
    assert said == [f"Message {number}" for number in range(6)]
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        kept = await tx.all(select(deliveries.c.details).where(deliveries.c.subject_kind != pace.KIND))
    assert not any(pace.TURN in row["details"] for row in kept)
