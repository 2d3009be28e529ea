"""The sandbox page's Assistant: prompts that are pressed, a status, an answer that streams in as plain words."""

from playwright.async_api import expect


async def test_a_suggested_prompt_is_pressed_and_its_answer_streams_in(scene):
    @scene.app.event("assistant_thread_started")
    async def on_start(event, client):
        thread = event["assistant_thread"]
        await client.assistant_threads_setSuggestedPrompts(
            channel_id=thread["channel_id"], thread_ts=thread["thread_ts"], title="Ask away", prompts=[{"title": "What waits?", "message": "What is waiting?"}]
        )  # fmt: skip

    @scene.app.event("message")
    async def on_message(event, client):
        if event.get("bot_id") or event.get("subtype"):
            return
        place = {"channel": event["channel"], "thread_ts": event["thread_ts"]}
        opened = await client.chat_startStream(**place, markdown_text="Two gates ")
        await client.chat_appendStream(
            channel=event["channel"], ts=opened["ts"], markdown_text="wait \\*for you\\* &lt;b&gt;"
        )
        await client.chat_stopStream(channel=event["channel"], ts=opened["ts"])
        await client.assistant_threads_setStatus(
            channel_id=event["channel"], thread_ts=event["thread_ts"], status="is done"
        )

    dana = await scene.look_as("dana", place="#/assistant")
    await expect(dana.locator(".prompts")).to_contain_text("Ask away")
    await dana.get_by_role("button", name="What waits?").click()
    talk = dana.locator(".assistant .messages")
    await expect(talk).to_contain_text("What is waiting?")
    await expect(talk).to_contain_text("Two gates wait *for you* <b>")
    await expect(dana.locator(".assistant .status")).to_contain_text("is done")
    await expect(dana.locator(".prompts button")).to_have_count(0)
    await dana.get_by_role("button", name="New chat").click()
    await expect(dana.get_by_role("button", name="What waits?")).to_be_visible()
    await expect(talk).not_to_contain_text("Two gates")
    assert not scene.errors
