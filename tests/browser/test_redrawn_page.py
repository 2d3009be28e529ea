"""Quick fingers: what somebody does on the page while it is drawn anew is not lost and not done twice."""

import asyncio

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


def plain(text):
    return {"type": "plain_text", "text": text}


def field(block, label):
    return {
        "type": "input",
        "block_id": block,
        "label": plain(label),
        "element": {"type": "plain_text_input", "action_id": "text"},
    }


def form(*blocks):
    return {
        "type": "modal",
        "callback_id": "note",
        "title": plain("Note"),
        "submit": plain("Save"),
        "blocks": [*blocks],
    }


async def test_a_button_that_is_drawn_anew_under_the_finger_is_pressed(scene):
    pressed = asyncio.Event()

    @scene.app.action("go")
    async def on_go(ack):
        await ack()
        pressed.set()

    button = {"type": "button", "action_id": "go", "text": plain("Go")}
    shown = {"channel": "#general", "blocks": [{"type": "actions", "block_id": "one", "elements": [button]}]}
    sent = await scene.client.chat_postMessage(**shown, text="first")
    dana = await scene.look_as("dana", place=f"#/{sent['channel']}")
    await dana.get_by_role("button", name="Go").hover()
    await dana.mouse.down()
    line = {"type": "section", "text": plain("more to read")}
    async with dana.expect_response(lambda reply: "/sandbox/api/state" in reply.url):
        await scene.client.chat_update(
            channel=sent["channel"], ts=sent["ts"], text="second", blocks=[*shown["blocks"], line]
        )
    await dana.mouse.up()
    async with asyncio.timeout(10):
        await pressed.wait()
    await expect(dana.get_by_text("more to read")).to_be_visible()


async def test_typing_goes_on_where_it_was_while_the_form_around_it_changes_and_it_is_sent_once(scene):
    got, opened, go_on = [], asyncio.Queue(), asyncio.Event()

    @scene.app.command("/outcome")
    async def on_command(ack, body, client):
        await ack()
        opened.put_nowait(await client.views_open(trigger_id=body["trigger_id"], view=form(field("why", "Why?"))))

    @scene.app.view("note")
    async def on_note(ack, view):
        got.append(view["state"]["values"]["why"]["text"]["value"])
        await go_on.wait()
        await ack()

    dana = await scene.look_as("dana")
    composer = dana.get_by_role("main").get_by_role("combobox")
    await composer.fill("/outcome now")
    await composer.press("Enter")
    modal = dana.get_by_role("dialog", name="Note")
    why = modal.get_by_label("Why?")
    await why.press_sequentially("bee")
    await why.press("ArrowLeft")
    view = (await opened.get())["view"]
    await scene.client.views_update(view_id=view["id"], view=form(field("who", "Who?"), field("why", "Why?")))
    await expect(modal.get_by_label("Who?")).to_be_visible()
    await expect(why).to_be_focused()
    await dana.keyboard.type("caus")
    await expect(why).to_have_value("because")

    await modal.get_by_label("Who?").fill("Ben")
    await modal.get_by_role("button", name="Save").dblclick()
    await why.press("Enter")
    go_on.set()
    await expect(modal).to_have_count(0)
    assert got == ["because"]
