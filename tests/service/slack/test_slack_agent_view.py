"""The assistant: prompts from the state, questions answered in pieces from stored data, and what Slack refuses survived."""

import asyncio
import time

import pytest
from sqlalchemy import select

from bot.slack.agent_view import prompts
from bot.slack.sandbox.visitor import text_of
from bot.slack.streaming import Place, as_markdown, stream
from bot.slack.wire import web_client
from runtime.db.tables import deliveries


async def open_assistant(visitor):
    """The root message of a new thread."""
    opened = await visitor.do("assistant")
    return opened["ts"]


async def root_of(visitor, ts, fits):
    def found(message):
        return message["ts"] == ts and fits(message["assistant_app_thread"])

    return (await visitor.wait_for("outcome", found))["assistant_app_thread"]


def answers_in(ts):
    return lambda message: (
        message.get("thread_ts") == ts and message.get("bot_id") and message.get("streaming_state") != "in_progress"
    )


async def test_a_thread_begins_with_prompts_made_from_what_is_going_on(office):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    shown = await root_of(ana, ts, lambda thread: thread.get("prompts"))
    asked = [prompt["message"] for prompt in shown["prompts"]]
    assert asked[0] == "What is waiting for me?"
    assert "What did we learn about Finish the checkout?" in asked
    assert len(asked) <= 4


async def test_a_question_is_answered_in_its_thread_as_a_stream(office):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    await root_of(ana, ts, lambda thread: thread.get("prompts"))
    await ana.say("outcome", "What is waiting for me?", thread_ts=ts)
    answer = await ana.wait_for("outcome", answers_in(ts))
    assert answer["streaming_state"] == "completed"
    assert "Which experiments may be built" in text_of(answer)
    await root_of(ana, ts, lambda thread: not thread.get("status"))


async def test_a_question_is_answered_once_and_not_by_the_other_door_as_well(office):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    await root_of(ana, ts, lambda thread: thread.get("prompts"))
    await ana.say("outcome", "What is waiting for me?", thread_ts=ts)
    await ana.wait_for("outcome", answers_in(ts))
    await ana.say("outcome", "what did we learn about checkout?", thread_ts=ts)
    await _until(ana, lambda found: len(found) == 2, answers_in(ts))


async def _until(visitor, enough, fits):
    deadline = time.monotonic() + 8
    while not enough(found := [one for one in await visitor.messages("outcome") if fits(one)]):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("refusal", ["unknown_method", "missing_scope"])
async def test_where_slack_does_not_stream_the_answer_comes_in_one_message(office, refusal):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    await root_of(ana, ts, lambda thread: thread.get("prompts"))
    await office.fail_next(method="chat.startStream", kind="refuse", error=refusal)
    await ana.say("outcome", "What is waiting for me?", thread_ts=ts)
    answer = await ana.wait_for("outcome", answers_in(ts))
    assert "streaming_state" not in answer
    assert "Which experiments may be built" in text_of(answer)


async def test_without_the_assistants_permission_answers_come_all_the_same(office):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    await root_of(ana, ts, lambda thread: thread.get("prompts"))
    await office.fail_next(method="assistant.threads.setStatus", kind="refuse", error="missing_scope", count=2)
    await ana.say("outcome", "What is waiting for me?", thread_ts=ts)
    assert "Which experiments may be built" in text_of(await ana.wait_for("outcome", answers_in(ts)))


async def test_a_stream_that_breaks_off_is_followed_by_the_whole_answer(office):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    client = web_client(office.story.runtime.settings)
    await office.fail_next(method="chat.appendStream", kind="refuse", error="message_not_in_streaming_state")
    text = "word " * 400 + "end"
    await stream(client, Place(office.config.people[1].dm, ts, ana.id, ""), text)
    answer = await ana.wait_for("outcome", lambda one: one.get("thread_ts") == ts and one["text"].endswith("end"))
    assert "streaming_state" not in answer


async def test_a_chart_comes_below_the_answer(office):
    await office.story.launched()
    for day in range(1, 4):
        await office.story.tell("checkout_completed", day, (2000, 640), (2000, 700))
        await office.story.measure()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    await root_of(ana, ts, lambda thread: thread.get("prompts"))
    await ana.say("outcome", "show the last 14 days", thread_ts=ts)

    def pictured(message):
        return message.get("thread_ts") == ts and any(block["type"] == "image" for block in message.get("blocks", []))

    assert (await ana.wait_for("outcome", pictured, 30))["bot_id"]


async def test_strangers_are_told_who_is_known_here_and_get_no_data(office):
    await office.applied()
    eve = await office.come_in("eve")
    ts = await open_assistant(eve)
    answer = await eve.wait_for("outcome", answers_in(ts))
    assert "I know people by e-mail address" in text_of(answer)
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        assert not await tx.all(select(deliveries).where(deliveries.c.subject_kind == "assistant"))


async def test_going_to_another_channel_brings_prompts_anew(office):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await open_assistant(ana)
    await root_of(ana, ts, lambda thread: thread.get("prompts"))
    seen = await ana.look()
    beside = next(channel["id"] for channel in seen["channels"] if channel["name"] == "checkout")
    assert (await ana.do("assistant", thread_ts=ts, beside=beside))["ts"] == ts
    await root_of(ana, ts, lambda thread: thread.get("prompts"))


def test_prompts_ask_about_what_runs_and_carry_no_markup():
    runs = [{"title": "Guest <!channel> checkout", "status": "measuring", "current_result": {"delta": 0.02}}]
    found = prompts([{"title": "Finish the checkout"}], runs)
    assert [prompt["message"] for prompt in found] == [
        "What is waiting for me?", "How sure are we about Guest !channel checkout?", "What did we learn about Finish the checkout?", "Which guardrail is closest?",
    ]  # fmt: skip
    assert prompts([], [])[-1]["message"] == "What did we learn lately?"


@pytest.mark.parametrize(
    "text",
    [
        "<!channel>",
        "<@U12345678>",
        "[win](https://evil.test)",
        "**bold** `code`",
        "> quote",
        "# head",
        "<https://evil.test|x>",
        "~~x~~ __y__",
    ],
)
def test_what_was_written_by_others_is_never_markup_in_a_stream(text):
    shown = as_markdown(text)
    assert "<" not in shown
    assert not any(shown.startswith(sign) for sign in ("#", ">", "*", "`", "~", "["))
    bare = shown.replace("\\", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert bare == text
