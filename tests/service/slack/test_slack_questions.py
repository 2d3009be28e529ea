"""Questions asked in Slack: in a gate's thread, under an experiment's living message, by command; answered with a chart and the query."""

import time

import pytest

from bot.slack.sandbox.visitor import text_of
from bot.slack.talk import is_talk, words_of
from tests.story import Story


async def says(visitor, words, channel="checkout"):
    return await visitor.wait_for(channel, lambda message: words in text_of(message), seconds=60)


@pytest.fixture
async def running(office, story: Story):
    """Three days of an experiment, its living message shown."""
    await story.launched()
    for day in range(1, 4):
        await story.tell("checkout_completed", day, (2000, 640), (2000, 650))
        await story.tell("slow_share", day, (2000, 40), (2000, 40))
        await story.measure()
    await office.deliver()
    return office


async def test_under_the_living_message_the_numbers_come_with_a_chart_and_their_query(running):
    row = await running.story.experiment()
    ana = await running.come_in("ana")
    living = await ana.wait_for(
        "checkout", lambda one: row["feature_flag_key"] in text_of(one) and "data through" in text_of(one)
    )
    await ana.say("checkout", "show the last 14 days", living["ts"])
    shown = await says(ana, "looks in the last 14 days")
    assert f"looks({row['feature_flag_key']}, last 14 days)" in text_of(shown)
    assert "Data through 2026-03-06 00:00" in text_of(shown)
    [picture] = [block for block in shown["blocks"] if block["type"] == "image"]
    assert picture["alt_text"]

    before = len(await ana.messages("checkout"))
    await ana.say("checkout", "Ben, did you see the new copy? I like it", living["ts"])
    await ana.say("checkout", "why is treatment worse on iOS?", living["ts"])
    answered = await says(ana, "data by segment are not stored")
    assert "Over all users: Effect +0.50 pp, 95 % interval" in text_of(answered)
    assert len(await ana.messages("checkout")) == before + 3

    await ana.command("checkout", "/outcome ask how sure are we?")
    whispered = await ana.wait_for(
        "checkout", lambda one: one.get("only_for") == ana.id and "certainty(" in text_of(one), seconds=25
    )
    assert "valid however often anybody looks" in text_of(whispered)


async def test_in_a_gates_thread_members_are_answered_and_strangers_are_not(office):
    row = await office.at_launch()
    ben, eve = await office.come_in("ben"), await office.come_in("eve")
    message = await ben.wait_for("checkout", lambda one: "be launched?" in text_of(one))
    await eve.say("checkout", "what did we predict?", message["ts"])
    await says(eve, "I know people by e-mail address")
    await ben.say("checkout", "what happens if I say nothing?", message["ts"])
    shown = await says(ben, "nothing is approved by silence")
    assert shown["thread_ts"] == message["ts"]
    await ben.say("checkout", "@outcome what's for lunch?", message["ts"])
    await says(ben, "I answer from stored data only")
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_asking_nothing_is_answered_with_how_it_is_written(office):
    await office.applied()
    ana = await office.come_in("ana")
    await ana.command("checkout", "/outcome ask")
    told = await ana.wait_for("checkout", lambda one: one.get("only_for") == ana.id and "Written so" in text_of(one))
    assert "/outcome ask &lt;question&gt;" in text_of(told)


async def test_markup_in_a_question_comes_back_as_text(office):
    await office.at_launch()
    ben = await office.come_in("ben")
    await ben.say("outcome", "what did we learn about <!channel> <https://evil.test|this>?")
    shown = await says(ben, "learnings\\(", channel="outcome")
    assert shown["streaming_state"]
    assert "<!channel>" not in text_of(shown)
    assert "<https://evil.test" not in text_of(shown)


def test_only_peoples_own_words_are_talk() -> None:
    assert is_talk({"user": "U1", "text": "hello"})
    assert is_talk({"user": "U1", "text": "look", "subtype": "file_share"})
    for other in ({"subtype": "message_changed"}, {"bot_id": "B1"}, {"text": ""}, {"user": None}):
        assert not is_talk({"user": "U1", "text": "hello"} | other)


def test_our_name_and_slacks_escapes_are_taken_off_the_words() -> None:
    assert words_of("<@UBOT>: how sure &gt; 95 %?", "UBOT") == ("how sure > 95 %?", True)
    assert words_of("ask <mailto:ana@example.com|ana@example.com>", "UBOT") == ("ask ana@example.com", False)
    started = time.monotonic()
    words_of("<mailto:" * 5000, "UBOT")
    assert time.monotonic() - started < 5
