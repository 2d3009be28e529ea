"""People press, choose, submit and type; a real Bolt app hears it and answers."""

import asyncio
import json
import time
from urllib.parse import parse_qs

import pytest

from bot.slack.sandbox.visitor import Refused, text_of

ACTIONS = {
    "type": "actions",
    "block_id": "decide",
    "elements": [
        {
            "type": "button",
            "action_id": "approve",
            "text": {"type": "plain_text", "text": "Approve"},
            "value": "gate-7",
            "style": "primary",
        },
        {"type": "button", "action_id": "reject", "text": {"type": "plain_text", "text": "Reject"}, "style": "danger"},
    ],
}
OPTIONS = [{"text": {"type": "mrkdwn", "text": name}, "value": name} for name in ("mobile", "desktop")]
BOXES = {
    "type": "actions",
    "block_id": "where",
    "elements": [{"type": "checkboxes", "action_id": "devices", "options": OPTIONS}],
}
NOTE = {
    "type": "modal",
    "callback_id": "note",
    "title": {"type": "plain_text", "text": "Conditions"},
    "submit": {"type": "plain_text", "text": "Save"},
    "private_metadata": "gate-7",
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True, "min_length": 3},
        }
    ],
}


async def until(check, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def test_a_pressed_button_reaches_bolt_and_its_answer_replaces_the_message(office):
    got = []

    @office.app.action("approve")
    async def on_approve(ack, body, respond):
        await ack()
        got.append(body)
        await respond(text=f"Approved by <@{body['user']['id']}>", replace_original=True)

    dana = await office.come_in("dana")
    posted = await office.client.chat_postMessage(channel="#outcome-runtime", text="Launch?", blocks=[BOXES, ACTIONS])
    gate = await dana.wait_for("outcome-runtime", lambda message: message["ts"] == posted["ts"])

    await dana.press("Approve", gate, state={"where": {"devices": ["mobile"]}})

    changed = await dana.wait_for("outcome-runtime", lambda message: "Approved by" in message["text"])
    assert changed["ts"] == posted["ts"]
    assert "blocks" not in changed
    [body] = got
    assert body["actions"][0] | {"action_ts": ""} == {
        "type": "button", "action_id": "approve", "block_id": "decide", "value": "gate-7", "style": "primary",
        "text": {"type": "plain_text", "text": "Approve"}, "action_ts": "",
    }  # fmt: skip
    assert body["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": posted["channel"],
        "is_ephemeral": False,
    }
    assert body["state"]["values"]["where"]["devices"]["selected_options"] == [OPTIONS[0]]
    assert body["message"]["ts"] == posted["ts"]
    assert body["channel"]["name"] == "outcome-runtime"


async def test_a_ticked_box_and_a_chosen_option_arrive_whole(office):
    got = []

    @office.app.action("devices")
    async def on_devices(ack, action):
        await ack()
        got.append(action)

    @office.app.action("more")
    async def on_more(ack, action):
        await ack()
        got.append(action)

    menu = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": {"type": "plain_text", "text": "Snooze"}, "value": "snooze"}],
    }
    section = {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "Gate"}, "accessory": menu}
    await office.client.chat_postMessage(channel="#general", text="Gate", blocks=[section, BOXES])
    ben = await office.come_in("ben")
    gate = await ben.wait_for("general", lambda message: message["text"] == "Gate")

    await ben.touch(gate, "where", "devices", ["desktop", "mobile"])
    await ben.touch(gate, "s", "more", "snooze")

    await until(lambda: len(got) == 2)
    assert got[0]["selected_options"] == OPTIONS
    assert got[1]["selected_option"]["value"] == "snooze"
    with pytest.raises(Refused, match="no option 'tablet'"):
        await ben.touch(gate, "where", "devices", ["tablet"])


async def test_a_modal_opens_is_checked_twice_and_closes_when_it_is_accepted(office):
    got = []

    @office.app.action("approve")
    async def on_approve(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=NOTE)

    @office.app.view("note")
    async def on_note(ack, view):
        said = view["state"]["values"]["why"]["text"]["value"]
        if "mobile" not in said:
            await ack(response_action="errors", errors={"why": "Name the device."})
            return
        await ack()
        got.append((said, view["private_metadata"]))

    await office.client.chat_postMessage(channel="#general", text="Launch?", blocks=[ACTIONS])
    dana = await office.come_in("dana")
    await dana.press("Approve", await dana.wait_for("general", lambda message: message["text"] == "Launch?"))
    view = await dana.wait_for_modal()

    assert await dana.submit(view) == {"why": "Please complete this required field."}
    assert await dana.submit(view, {"why": {"text": "no"}}) == {"why": "Please use 3 characters or more."}
    assert await dana.submit(view, {"why": {"text": "only desktop"}}) == {"why": "Name the device."}
    assert (await dana.look())["modal"]["id"] == view["id"]

    assert await dana.submit(view, {"why": {"text": "not on mobile"}}) == {}
    assert got == [("not on mobile", "gate-7")]
    assert (await dana.look())["modal"] is None


async def test_modals_stack_update_push_and_tell_the_bot_when_closed(office):
    closed = []
    second = {**NOTE, "callback_id": "second", "title": {"type": "plain_text", "text": "Second"}}

    @office.app.command("/outcome")
    async def on_command(ack, body, client):
        await ack()
        opened = await client.views_open(trigger_id=body["trigger_id"], view={**NOTE, "external_id": "one"})
        await client.views_update(
            external_id="one",
            hash=opened["view"]["hash"],
            view={**NOTE, "title": {"type": "plain_text", "text": "Loaded"}},
        )

    @office.app.view("note")
    async def on_note(ack):
        await ack(response_action="push", view=second)

    @office.app.view_closed("second")
    async def on_closed(ack, body):
        await ack()
        closed.append(body["is_cleared"])

    @office.app.view_closed("note")
    async def on_note_closed(ack, body):
        await ack()
        closed.append(body["is_cleared"])

    mia = await office.come_in("mia")
    await mia.command("general", "/outcome status")
    first = await mia.wait_for_modal(fits=lambda view: view["title"]["text"] == "Loaded")

    await mia.submit(first, {"why": {"text": "because"}})
    top = (await mia.look())["modal"]
    assert (top["title"]["text"], top["previous_view_id"], top["root_view_id"]) == ("Second", first["id"], first["id"])

    await mia.close(top)
    assert (await mia.look())["modal"]["id"] == first["id"]
    await mia.submit(first, {"why": {"text": "again"}})
    await mia.close((await mia.look())["modal"], everything=True)
    await until(lambda: len(closed) == 3)
    assert closed == [False, True, True]
    assert (await mia.look())["modal"] is None


async def test_a_slash_command_answers_one_person_at_once_and_everybody_later(office):
    @office.app.command("/outcome")
    async def on_command(ack, command, respond):
        await ack(f"Looking up {command['text']}")
        await respond(text="Nothing is waiting.", response_type="in_channel")

    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    await dana.command("general", "/outcome status now")

    whisper = await dana.wait_for("general", lambda message: message["text"] == "Looking up status now")
    await ben.wait_for("general", lambda message: message["text"] == "Nothing is waiting.")
    assert whisper["only_for"] == dana.id
    assert whisper["ts"] not in [message["ts"] for message in await ben.messages("general")]
    sent = parse_qs(next(one.body for one in office.heard if b"command=" in one.body).decode())
    assert sent["command"] == ["/outcome"]
    assert sent["user_name"] == ["dana"]
    with pytest.raises(Refused, match="not supported in threads"):
        await dana.do("command", channel=whisper["channel"], text="/outcome status", thread_ts=whisper["ts"])


async def test_talk_is_heard_in_channels_threads_and_direct_messages(office):
    heard, mentions = [], []

    @office.app.event("message")
    async def on_message(event):
        heard.append(event)

    @office.app.event("app_mention")
    async def on_mention(event, say):
        mentions.append(event)
        await say(text="Lift is 4 %.", thread_ts=event["ts"])

    dana = await office.come_in("dana")
    ts = await dana.say("general", "@outcome what about <mobile> & co?")
    answer = await dana.wait_for("general", lambda message: message["text"] == "Lift is 4 %.")
    await dana.say("general", "thanks", thread_ts=ts)
    await dana.say("outcome", "psst")

    await until(lambda: len([event for event in heard if "bot_id" not in event]) == 3)
    first, reply, direct = sorted((event for event in heard if "bot_id" not in event), key=lambda event: event["ts"])
    bot = office.config.bot_user_id
    assert first["text"] == f"<@{bot}> what about &lt;mobile&gt; &amp; co?"
    assert (first["channel_type"], reply["thread_ts"], reply["parent_user_id"]) == ("channel", ts, dana.id)
    assert (direct["channel_type"], direct["channel"][0]) == ("im", "D")
    assert answer["thread_ts"] == ts
    [mention] = mentions
    assert mention["text"] == first["text"]
    replies = await office.client.conversations_replies(channel=first["channel"], ts=ts)
    assert [message["text"] for message in replies["messages"]] == [first["text"], "Lift is 4 %.", "thanks"]
    assert replies["messages"][0]["reply_count"] == 2


async def test_home_is_drawn_when_it_is_opened_and_its_buttons_work(office):
    pressed = []

    @office.app.event("app_home_opened")
    async def on_home(event, client):
        blocks = [
            {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "*2 gates* wait for you"}},
            ACTIONS,
        ]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @office.app.action("approve")
    async def on_approve(ack, body):
        await ack()
        pressed.append(body)

    ben = await office.come_in("ben")
    assert (await ben.look())["home"] is None
    await ben.open_home()
    await ben._until(lambda: ben_home(ben), "the Home tab", 5)

    await ben.press("Approve", await ben_home(ben))
    await until(lambda: pressed)
    assert pressed[0]["container"]["type"] == "view"
    assert pressed[0]["view"]["type"] == "home"
    assert (await (await office.come_in("mia")).look())["home"] is None


async def ben_home(ben):
    return (await ben.look())["home"]


async def test_shortcuts_come_with_the_message_they_were_used_on(office):
    got = []

    @office.app.shortcut("ask_about")
    async def on_ask(ack, shortcut):
        await ack()
        got.append(shortcut)

    @office.app.shortcut("propose")
    async def on_propose(ack, shortcut):
        await ack()
        got.append(shortcut)

    mia = await office.come_in("mia")
    ts = await mia.say("general", "checkout feels slow")
    message = await mia.wait_for("general", lambda found: found["ts"] == ts)
    await mia.use_shortcut("ask_about", message)
    await mia.use_shortcut("propose")

    await until(lambda: len(got) == 2)
    assert got[0]["message"]["text"] == "checkout feels slow"
    assert (got[0]["type"], got[1]["type"]) == ("message_action", "shortcut")
    with pytest.raises(Refused, match="no global shortcut 'ask_about'"):
        await mia.use_shortcut("ask_about")


async def test_an_invitation_makes_the_bot_a_member_and_tells_it(office):
    joined = []

    @office.app.event("member_joined_channel")
    async def on_join(event):
        joined.append(event)

    dana = await office.come_in("dana")
    place = next(channel for channel in (await dana.look())["channels"] if channel["name"] == "private-plans")
    await dana.say("private-plans", "the bot must not hear this")
    await dana.do("invite", channel=place["id"])

    await until(lambda: joined)
    assert (joined[0]["user"], joined[0]["inviter"]) == (office.config.bot_user_id, dana.id)
    assert (await office.client.chat_postMessage(channel=place["id"], text="hello"))["ok"]
    assert b"must not hear" not in b"".join(one.body for one in office.heard)


async def test_a_whisper_can_be_replaced_deleted_and_dismissed_by_its_reader_only(office):
    @office.app.action("approve")
    async def on_approve(ack, respond):
        await ack()
        await respond(text="Changed.", replace_original=True)

    @office.app.action("reject")
    async def on_reject(ack, respond):
        await ack()
        await respond(delete_original=True)

    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    for text in ("one", "two", "three"):
        await office.client.chat_postEphemeral(channel="#general", user=dana.id, text=text, blocks=[ACTIONS])
    one, two, three = await dana.messages("general")

    with pytest.raises(Refused, match="gone"):
        await ben.press("Approve", one)
    await dana.press("Approve", one)
    await dana.wait_for("general", lambda message: message["text"] == "Changed.")
    await dana.press("Reject", two)
    await dana.do("dismiss", channel=three["channel"], ts=three["ts"])
    await dana._until(lambda: _only(dana, ["Changed."]), "two whispers to go", 5)


async def _only(person, texts):
    return [message["text"] for message in await person.messages("general")] == texts


async def test_the_person_is_told_when_the_bot_does_not_answer(office):
    @office.app.action("approve")
    async def on_approve(ack):
        await asyncio.sleep(10)

    dana = await office.come_in("dana")
    await office.client.chat_postMessage(channel="#general", text="Launch?", blocks=[ACTIONS])
    gate = await dana.wait_for("general", lambda message: message["text"] == "Launch?")

    with pytest.raises(Refused, match="outcome did not respond in time"):
        await dana.press("Approve", gate)
    with pytest.raises(Refused, match=r"outcome did not respond \(HTTP 404\)"):
        await dana.press("Reject", gate)


async def test_a_form_is_answered_by_another_view_or_by_closing_all_of_them(office):
    stale = []

    @office.app.command("/outcome")
    async def on_command(ack, body, client):
        await ack()
        opened = await client.views_open(trigger_id=body["trigger_id"], view={**NOTE, "external_id": "taken"})
        stale.append(opened["view"]["id"])

    @office.app.view("note")
    async def on_note(ack, body, client):
        pushed = await client.views_push(trigger_id=body["trigger_id"], view={**NOTE, "callback_id": "second"})
        stale.append(pushed["view"]["id"])
        await ack(
            response_action="update",
            view={**NOTE, "callback_id": "first", "title": {"type": "plain_text", "text": "Changed"}},
        )

    @office.app.view("second")
    async def on_second(ack):
        await ack(response_action="clear")

    dana = await office.come_in("dana")
    await dana.command("general", "/outcome")
    await dana.submit(await dana.wait_for_modal(), {"why": {"text": "because"}})
    top = (await dana.look())["modal"]
    assert (top["id"], (await dana.look())["depth"]) == (stale[1], 2)
    assert await dana.submit(top, {"why": {"text": "because"}}) == {}
    assert (await dana.look())["modal"] is None
    with pytest.raises(Refused, match="view is closed"):
        await dana.submit(top)


async def test_what_the_bot_answers_wrongly_is_shown_as_its_failure(office):
    answers = [{"response_action": "dance"}, {"response_action": "update", "view": {"type": "modal"}}]

    @office.app.command("/outcome")
    async def on_command(ack, body, client):
        if body["text"] == "modal":
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=NOTE)
        else:
            await ack(blocks=[{"type": "section"}])

    @office.app.view("note")
    async def on_note(ack):
        await ack(**answers.pop(0))

    dana = await office.come_in("dana")
    with pytest.raises(Refused, match=r"invalid_blocks.*must provide one of: text, fields"):
        await dana.command("general", "/outcome")
    with pytest.raises(Refused, match="not a command here"):
        await dana.command("general", "/unknown")
    await dana.command("general", "/outcome modal")
    view = await dana.wait_for_modal()
    with pytest.raises(Refused, match="unknown response_action 'dance'"):
        await dana.submit(view, {"why": {"text": "because"}})
    with pytest.raises(Refused, match="a view Slack refuses"):
        await dana.submit(view, {"why": {"text": "because"}})
    assert (await dana.look())["modal"]["id"] == view["id"]


async def test_the_bot_is_told_of_its_own_words_changes_and_deletions_and_bolt_knows_them_as_its_own(office):
    talk = []

    @office.app.event("message")
    async def on_message(event):
        talk.append(event)

    posted = await office.client.chat_postMessage(channel="#general", text="one", blocks=[ACTIONS])
    await office.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
    await office.client.chat_delete(channel=posted["channel"], ts=posted["ts"])
    dana = await office.come_in("dana")
    await dana.say("general", "three")
    await until(lambda: talk and len(office.heard) == 4)

    told = [json.loads(one.body)["event"] for one in office.heard]
    [changed] = [event for event in told if event.get("subtype") == "message_changed"]
    [deleted] = [event for event in told if event.get("subtype") == "message_deleted"]
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("two", "one")
    assert deleted["deleted_ts"] == posted["ts"]
    assert [event["text"] for event in talk] == ["three"]
    assert text_of(posted["message"]) == "Approve\nReject"
