"""The sandbox page in a real browser: people see, press, choose, type, read and answer."""

import asyncio
import time
from base64 import b64decode
from email.message import EmailMessage

import aiohttp
import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def button(label, action, **more):
    return {"type": "button", "action_id": action, "text": plain(label), "value": "gate-7", **more}


def option(label, value):
    return {"text": plain(label), "value": value}


CONFIRM = {
    "title": plain("Reject it?"),
    "text": mrkdwn("The flag stays *off*."),
    "confirm": plain("Yes, reject"),
    "deny": plain("Keep it"),
    "style": "danger",
}


def gate(file):
    boxes = {
        "type": "checkboxes",
        "action_id": "conditions",
        "options": [option("Mobile only", "mobile"), option("Tell support", "support")],
    }
    buttons = [
        button("Approve", "approve", style="primary"),
        button("Reject", "reject", style="danger", confirm=CONFIRM),
        button("Note…", "note"),
    ]
    menu = {
        "type": "overflow",
        "action_id": "more",
        "options": [option("Snooze", "snooze"), option("Delegate", "delegate")],
    }
    share = {
        "type": "static_select",
        "action_id": "share",
        "placeholder": plain("Exposure"),
        "options": [option("5 %", "5"), option("10 %", "10")],
    }
    return [
        {"type": "header", "text": plain("Launch gate: express checkout")},
        {
            "type": "section",
            "text": mrkdwn("*Bold* _italic_ ~gone~ `code` :rocket: <https://example.test|a link> &lt;script&gt;"),
            "accessory": menu,
        },
        {"type": "image", "slack_file": {"id": file}, "alt_text": "Lift over time"},
        {"type": "actions", "block_id": "boxes", "elements": [boxes]},
        {"type": "actions", "block_id": "decide", "elements": [*buttons, share]},
    ]


async def post_gate(scene):
    uploaded = await scene.client.files_upload_v2(content=PNG, filename="chart.png", title="Chart")
    return await scene.client.chat_postMessage(
        channel="#outcome-runtime", text="Launch gate", blocks=gate(uploaded["file"]["id"])
    )


async def until(check, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.03)


async def test_a_gate_arrives_live_is_drawn_whole_and_decided_by_a_button(scene):
    got = []

    @scene.app.action("approve")
    async def on_approve(ack, body, respond):
        await ack()
        got.append(body)
        await respond(text=f"Approved by <@{body['user']['id']}>", replace_original=True)

    @scene.app.action("conditions")
    async def on_conditions(ack):
        await ack()

    dana, ben = await scene.look_as("dana"), await scene.look_as("ben")
    await post_gate(scene)

    message = dana.get_by_role("article").filter(has_text="Launch gate: express checkout")
    await expect(message.get_by_role("heading", name="Launch gate: express checkout")).to_be_visible()
    await expect(message.locator(".b-section strong")).to_have_text("Bold")
    await expect(message.locator(".b-section em")).to_have_text("italic")
    await expect(message.locator(".b-section s")).to_have_text("gone")
    await expect(message.locator(".b-section .emoji")).to_have_text("🚀")
    await expect(message.get_by_role("link", name="a link")).to_have_attribute("rel", "noopener noreferrer")
    await expect(message.locator(".b-section")).to_contain_text("<script>")
    assert (
        await message.get_by_role("img", name="Lift over time").evaluate(
            "picture => picture.complete && picture.naturalWidth"
        )
        == 1
    )

    await message.get_by_label("Mobile only").check()
    await message.get_by_role("button", name="Approve").click()
    await expect(dana.get_by_role("log")).to_contain_text("Approved by @Dana Diaz")
    await expect(ben.get_by_role("log")).to_contain_text("Approved by @Dana Diaz")
    await expect(ben.get_by_role("button", name="Approve")).to_have_count(0)
    assert got[0]["state"]["values"]["boxes"]["conditions"]["selected_options"] == [option("Mobile only", "mobile")]


async def test_a_dangerous_button_asks_first_and_menus_and_selects_report_what_was_chosen(scene):
    got = []
    for name in ("reject", "more", "share"):

        @scene.app.action(name)
        async def on_choice(ack, action):
            await ack()
            got.append((action["action_id"], (action.get("selected_option") or {}).get("value")))

    await post_gate(scene)
    dana = await scene.look_as("dana")
    await dana.get_by_role("button", name="Reject").click()
    await dana.get_by_role("button", name="Keep it").click()
    await dana.get_by_role("button", name="More choices").click()
    await dana.get_by_role("menuitem", name="Delegate").click()
    await dana.get_by_role("combobox", name="Exposure").select_option("10 %")
    await dana.get_by_role("button", name="Reject").click()
    await expect(dana.get_by_role("alertdialog")).to_contain_text("The flag stays off.")
    await dana.get_by_role("button", name="Yes, reject").click()
    await until(lambda: len(got) == 3)
    assert got == [("more", "delegate"), ("share", "10"), ("reject", None)]


async def test_a_modal_keeps_what_was_typed_when_it_is_refused_and_closes_when_accepted(scene):
    got = []
    fields = [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Why?"),
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "who",
            "label": plain("Watcher"),
            "element": {"type": "users_select", "action_id": "user"},
        },
        {
            "type": "input",
            "block_id": "day",
            "optional": True,
            "label": plain("Until"),
            "element": {"type": "datepicker", "action_id": "date"},
        },
        {
            "type": "input",
            "block_id": "kind",
            "label": plain("Kind"),
            "element": {
                "type": "radio_buttons",
                "action_id": "kind",
                "options": [option("Soft", "soft"), option("Hard", "hard")],
            },
        },
    ]
    view = {
        "type": "modal",
        "callback_id": "note",
        "title": plain("Conditions"),
        "submit": plain("Save"),
        "blocks": fields,
    }

    @scene.app.action("note")
    async def on_note(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @scene.app.view("note")
    async def on_submit(ack, view):
        values = view["state"]["values"]
        if "because" not in values["why"]["text"]["value"]:
            await ack(response_action="errors", errors={"why": "Say because."})
            return
        await ack()
        got.append(values)

    await post_gate(scene)
    dana = await scene.look_as("dana")
    await dana.get_by_role("button", name="Note…").click()
    modal = dana.get_by_role("dialog", name="Conditions")
    await expect(modal.get_by_label("Why?")).to_be_focused()
    await modal.get_by_role("button", name="Save").click()
    await expect(modal.get_by_text("Please complete this required field.")).to_have_count(3)

    await modal.get_by_label("Why?").fill("no reason")
    await modal.get_by_label("Watcher").select_option("Ben Okri")
    await modal.get_by_label("Hard").check()
    await modal.get_by_label("Until").fill("2026-12-24")
    await modal.get_by_role("button", name="Save").click()
    await expect(modal.get_by_text("Say because.")).to_be_visible()
    await expect(modal.get_by_label("Why?")).to_have_value("no reason")
    await expect(modal.get_by_label("Why?")).to_have_attribute("aria-invalid", "true")

    await modal.get_by_label("Why?").fill("because mobile is slow")
    await modal.get_by_role("button", name="Save").click()
    await expect(modal).to_have_count(0)
    [values] = got
    assert values["day"]["date"]["selected_date"] == "2026-12-24"
    assert values["kind"]["kind"]["selected_option"]["value"] == "hard"
    assert values["who"]["user"]["selected_user"].startswith("U")


async def test_a_thread_is_read_and_answered_with_the_keyboard(scene):
    @scene.app.event("app_mention")
    async def on_mention(event, say):
        await say(text="Lift is *4 %*.", thread_ts=event["thread_ts"])

    @scene.app.event("message")
    async def on_message():
        return None

    posted = await scene.client.chat_postMessage(channel="#outcome-runtime", text="Measuring.")
    dana = await scene.look_as("dana", place=f"#/{posted['channel']}/{posted['ts']}")
    thread = dana.get_by_role("complementary", name="Thread")
    field = thread.get_by_role("combobox", name="Reply…")
    await field.fill("@out")
    await field.press("Enter")
    await field.press_sequentially("how sure?")
    await field.press("Enter")
    await expect(thread.get_by_role("log")).to_contain_text("Lift is 4 %.")
    await expect(dana.get_by_role("main").get_by_role("button", name="2 replies")).to_be_visible()
    await field.fill("/outcome status")
    await field.press("Enter")
    await expect(dana.get_by_role("alert")).to_contain_text("/outcome is not supported in threads. Sorry!")
    await field.press("Escape")
    await expect(thread).to_be_hidden()


async def test_a_command_is_offered_sent_and_answered_to_one_person_only(scene):
    @scene.app.command("/outcome")
    async def on_command(ack):
        await ack("Nothing is waiting.")

    dana, ben = await scene.look_as("dana"), await scene.look_as("ben")
    field = dana.get_by_role("combobox", name="Message #outcome-runtime")
    await field.press_sequentially("/ou")
    await expect(dana.get_by_role("option", name="/outcome")).to_be_visible()
    await field.press("Tab")
    await field.press_sequentially("status")
    await field.press("Enter")
    whisper = dana.get_by_role("article").filter(has_text="Nothing is waiting.")
    await expect(whisper).to_contain_text("Only visible to you")
    await expect(field).to_have_value("")
    await expect(ben.get_by_role("article")).to_have_count(0)
    await whisper.get_by_role("button", name="Dismiss message").click()
    await expect(whisper).to_have_count(0)


async def test_an_unanswered_button_says_so_on_the_message_and_keeps_working(scene):
    await post_gate(scene)
    dana = await scene.look_as("dana")
    await dana.get_by_role("button", name="Approve").click()
    await expect(dana.locator("#toasts")).to_contain_text("outcome did not respond (HTTP 404).")
    await expect(dana.get_by_role("article")).to_contain_text("outcome did not respond")
    await expect(dana.get_by_role("button", name="Approve")).to_be_enabled()


async def test_one_browser_acts_as_several_people(scene):
    dana = await scene.look_as("dana")
    await dana.get_by_role("combobox", name="Message #outcome-runtime").fill("from Dana <b>&amp;</b>")
    await dana.get_by_role("button", name="Send").click()
    await expect(dana.get_by_role("article", name="Dana Diaz")).to_contain_text("from Dana <b>&amp;</b>")
    await dana.get_by_label("Acting as").select_option("Ben Okri")
    await dana.get_by_role("combobox", name="Message #outcome-runtime").fill("from Ben")
    await dana.get_by_role("combobox", name="Message #outcome-runtime").press("Enter")
    await expect(dana.get_by_role("article", name="Ben Okri")).to_contain_text("from Ben")
    await dana.get_by_role("button", name="Set yourself away").click()
    await expect(dana.get_by_role("button", name="You are away")).to_be_visible()
    ben = await scene.client.users_lookupByEmail(email="ben@shop.test")
    assert ben["user"]["profile"]["status_text"] == "Vacationing"


async def test_home_is_drawn_by_the_bot_and_an_uninvited_bot_can_be_invited(scene):
    @scene.app.event("app_home_opened")
    async def on_home(event, client):
        block = {"type": "section", "text": mrkdwn("*2 gates* wait"), "accessory": button("Open", "open")}
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [block]})

    @scene.app.action("open")
    async def on_open(ack, body, client):
        await ack()
        await client.chat_postMessage(channel=body["user"]["id"], text="Here it is.")

    @scene.app.event("member_joined_channel")
    async def on_join(event, say):
        await say(text="Hello, I measure things.")

    dana = await scene.look_as("dana", place="#/home")
    await expect(dana.locator(".home")).to_contain_text("2 gates wait")
    await dana.get_by_role("button", name="Open").click()
    direct = dana.get_by_role("link", name="outcome 1 unread")
    await direct.click()
    await expect(dana.get_by_role("log")).to_contain_text("Here it is.")
    await dana.get_by_role("link", name="plans").click()
    await dana.get_by_role("button", name="Invite it").click()
    await expect(dana.get_by_role("log")).to_contain_text("Hello, I measure things.")


async def test_mail_is_read_in_a_harmless_frame_and_answered(scene):
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "Outcome <bot@shop.test>", "dana@shop.test", "Launch gate"
    letter["Message-ID"] = "<gate-7@shop.test>"
    letter.set_content("Reply APPROVE or REJECT.")
    letter.add_alternative(
        "<h1>Launch gate</h1><script>parent.document.title='owned'</script><p>Reply <b>APPROVE</b></p>", subtype="html"
    )
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {scene.client.token}"}) as http:
        async with http.post(f"{scene.url}/sandbox/mail", data=letter.as_bytes()) as reply:
            assert reply.status == 200
        dana = await scene.look_as("dana", place="#/mail")
        await dana.get_by_role("link", name="Launch gate").or_(dana.get_by_role("listitem")).first.click()
        await expect(dana.frame_locator("iframe").get_by_role("heading", name="Launch gate")).to_be_visible()
        await expect(dana).to_have_title("Mailbox · Sandbox")
        await dana.get_by_role("textbox", name="Reply to Outcome").fill("APPROVE")
        await dana.get_by_role("button", name="Send reply").click()
        await expect(dana.locator(".answer")).to_contain_text("APPROVE")
        async with http.get(f"{scene.url}/sandbox/mail/outgoing") as reply:
            [sent] = (await reply.json())["messages"]
    assert b"\r\n\r\nAPPROVE\r\n" in b64decode(sent["rfc822"])


async def test_a_narrow_screen_hides_the_rail_until_it_is_asked_for(scene):
    await post_gate(scene)
    dana = await scene.look_as("dana", width=400)
    await expect(dana.get_by_role("button", name="Approve")).to_be_visible()
    assert await dana.evaluate("document.documentElement.scrollWidth") <= 400
    await expect(dana.get_by_role("button", name="Approve")).to_be_in_viewport()
    await expect(dana.get_by_role("link", name="general")).to_be_hidden()
    await dana.get_by_role("button", name="Show channels").click()
    await dana.mouse.click(380, 300)
    await expect(dana.get_by_role("link", name="general")).to_be_hidden()
    await dana.get_by_role("button", name="Show channels").click()
    await dana.get_by_role("link", name="general").click()
    await expect(dana.get_by_role("heading", name="general")).to_be_visible()
    await expect(dana.get_by_role("link", name="general")).to_be_hidden()


async def test_a_picture_is_enlarged_and_a_shortcut_is_in_the_message_menu(scene):
    got = []

    @scene.app.shortcut("ask_about")
    async def on_ask(ack, shortcut):
        await ack()
        got.append(shortcut["message"]["text"])

    await post_gate(scene)
    dana = await scene.look_as("dana")
    await dana.get_by_role("button", name="Enlarge: Lift over time").click()
    await expect(dana.get_by_role("dialog", name="Lift over time")).to_be_visible()
    await dana.keyboard.press("Escape")
    await dana.get_by_role("article").hover()
    await dana.get_by_role("button", name="More actions").click()
    await dana.get_by_role("menuitem", name="Ask about this").click()
    await until(lambda: got)
    assert got == ["Launch gate"]
