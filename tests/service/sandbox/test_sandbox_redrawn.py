"""What people press and send while the app draws it anew means what stood before them."""

import asyncio
import re

import pytest

from bot.slack.sandbox.visitor import Refused


def plain(text):
    return {"type": "plain_text", "text": text}


def buttons(block, *labels):
    made = [{"type": "button", "action_id": label.lower(), "text": plain(label), "value": label} for label in labels]
    return {"type": "actions", "block_id": block, "elements": made}


def form(block, *, title="Note"):
    field = {"type": "plain_text_input", "action_id": "text", "min_length": 3}
    return {
        "type": "modal", "callback_id": "note", "title": plain(title), "submit": plain("Save"), "close": plain("Cancel"),
        "blocks": [{"type": "input", "block_id": block, "label": plain("Why?"), "element": field}],
    }  # fmt: skip


@pytest.fixture
def told(office):
    """What the app heard: presses and sent forms."""
    heard = []

    @office.app.action(re.compile("."))
    async def on_press(ack, body):
        await ack()
        heard.append(body)

    @office.app.view("note")
    async def on_note(ack, body):
        await ack()
        heard.append(body)

    @office.app.command("/outcome")
    async def on_command(ack, body, client):
        await client.views_open(trigger_id=body["trigger_id"], view=form("why.0", title=body["text"]))
        await ack()

    return heard


async def test_a_button_is_pressed_that_was_replaced_on_the_way(office, told):
    sent = await office.client.chat_postMessage(channel="#general", text="Run?", blocks=[buttons("run", "Pause")])
    dana = await office.come_in("dana")
    seen = await dana.wait_for("general", lambda message: message["text"] == "Run?")
    for state in ("paused", "runs"):
        await office.client.chat_update(
            channel=sent["channel"], ts=sent["ts"], text=state, blocks=[buttons(f"run-{state}", "Resume")]
        )
    await dana.press("Pause", seen)
    [heard] = told
    assert heard["actions"][0]["value"] == "Pause"
    assert heard["message"]["text"] == "Run?"

    home = {"type": "home", "blocks": [buttons("one", "Search")]}
    await office.client.views_publish(user_id=dana.id, view=home)
    before = (await dana.look())["home"]
    await office.client.views_publish(user_id=dana.id, view={**home, "blocks": [buttons("two", "Find")]})
    await dana.press("Search", before)
    assert (told[-1]["actions"][0]["value"], told[-1]["view"]["hash"]) == ("Search", before["hash"])


async def test_a_form_is_sent_as_it_stood_there_though_it_was_drawn_anew(office, told):
    dana = await office.come_in("dana")
    await dana.command("general", "/outcome First")
    seen = await dana.wait_for_modal()
    await office.client.views_update(view_id=seen["id"], view=form("why.1"))

    assert await dana.submit(seen, {"why.0": {"text": "no"}}) == {"why.0": "Please use 3 characters or more."}
    assert await dana.submit(seen, {"why.0": {"text": "because"}}) == {}
    [heard] = told
    assert heard["view"]["state"]["values"]["why.0"]["text"]["value"] == "because"
    assert heard["view"]["hash"] == seen["hash"], "an app that answers with the hash cannot overwrite what is newer"
    assert (await dana.look())["modal"] is None


async def test_a_form_that_another_one_replaced_on_the_way_is_sent_and_the_other_one_stays(office, told):
    dana = await office.come_in("dana")
    await dana.command("general", "/outcome First")
    seen = await dana.wait_for_modal()
    await dana.command("general", "/outcome Second")
    assert await dana.submit(seen, {"why.0": {"text": "because"}}) == {}
    [heard] = told
    assert heard["view"]["title"]["text"] == "First"
    assert (await dana.look())["modal"]["title"]["text"] == "Second"


async def test_what_its_person_closed_or_sent_is_not_sent_again_and_closing_it_twice_is_nothing(office, told):
    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    await dana.command("general", "/outcome First")
    seen = await dana.wait_for_modal()
    with pytest.raises(Refused, match="not yours"):
        await ben.close(seen)
    await asyncio.gather(dana.close(seen), dana.close(seen))
    with pytest.raises(Refused, match="closed already; open it again"):
        await dana.submit(seen, {"why.0": {"text": "because"}})
    assert told == []


async def test_an_answer_that_comes_when_its_form_is_gone_opens_nothing(office):
    asked, go_on = asyncio.Event(), asyncio.Event()

    @office.app.command("/outcome")
    async def on_command(ack, body, client):
        await client.views_open(trigger_id=body["trigger_id"], view=form("why"))
        await ack()

    @office.app.view("note")
    async def on_note(ack):
        asked.set()
        await go_on.wait()
        await ack(response_action="push", view=form("more", title="Plan"))

    dana = await office.come_in("dana")
    await dana.command("general", "/outcome new")
    seen = await dana.wait_for_modal()
    sending = asyncio.ensure_future(dana.submit(seen, {"why": {"text": "because"}}))
    await asked.wait()
    await dana.close(seen)
    go_on.set()
    assert await sending == {}
    assert (await dana.look())["modal"] is None
