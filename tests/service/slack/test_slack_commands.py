"""`/outcome` and the Home tab, typed and opened in a workspace by people with different rights."""

import asyncio
import re
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from bot.slack import checkup
from bot.slack.commands import COMMANDS
from bot.slack.sandbox.visitor import text_of
from runtime.db.tables import experiments, keys, outcomes
from runtime.integrations.contracts import Level
from runtime.measurement import append, store
from runtime.vault import hash_token
from tests.service.slack.test_slack_wizard import filled, shown


async def asked(visitor, words):
    """What is whispered back."""
    before = {one["ts"] for one in await visitor.messages("checkout")}
    await visitor.command("checkout", f"/outcome {words}".strip())
    answer = await visitor.wait_for("checkout", lambda one: one["ts"] not in before)
    assert answer["only_for"] == visitor.id
    return text_of(answer)


async def test_bare_it_lists_every_command_and_a_typo_is_answered_with_a_suggestion(office):
    await office.applied()
    ana = await office.come_in("ana")
    listed = await asked(ana, "")
    for command in COMMANDS.values():
        assert f"/outcome {command.name}" in listed
    assert "Did you mean `/outcome learnings &lt;question&gt;`?" in await asked(ana, "learning speed")
    assert "I don't know “&lt;!channel&gt;”" in await asked(ana, "<!channel>")


async def test_it_shows_outcomes_experiments_and_gates(office):
    await office.applied()
    await office.deliver()
    ana, ben = await office.come_in("ana"), await office.come_in("ben")
    assert "`checkout` *Finish the checkout* (active): 2 under way" in await asked(ana, "list")
    shown = await asked(ana, "show checkout")
    assert "checkout_completed: 32.0 % → 45.0 % (increase)" in shown
    assert "waits for gate 1" in shown
    assert re.search(r"asks <@U\w+>", shown)
    assert len(re.findall("•", await asked(ana, "experiments checkout"))) == 2
    assert "waits for *you*" in await asked(ana, "gates")
    others = await asked(ben, "gates")
    assert re.search(r"waits for <@U\w+> until", others)
    assert "@example.com" not in shown + others
    assert f"<{office.url}/#/" in others


async def test_what_it_cannot_find_it_says_with_what_comes_close(office):
    await office.applied()
    ana = await office.come_in("ana")
    assert "There is no outcome “chekout”. Did you mean checkout?" in await asked(ana, "show chekout")
    assert "Say which outcome." in await asked(ana, "show")
    flag = (await office.story.experiments())[0]["feature_flag_key"]
    assert flag in await asked(ana, f"pause {flag[:-2]}xx broken")
    assert "Say why, in a few words" in await asked(ana, f"kill {flag}")
    assert "Written so: `/outcome kill &lt;experiment&gt; &lt;why&gt;`" in await asked(ana, f"kill {flag}")


async def test_strangers_get_no_data_and_viewers_cannot_steer(office):
    await office.applied()
    eve, vic = await office.come_in("eve"), await office.come_in("vic")
    for words in ("list", "gates", "learnings checkout", "doctor"):
        assert "I know people by e-mail address" in await asked(eve, words)
    assert "Finish the checkout" in await asked(vic, "list")
    flag = (await office.story.experiments())[0]["feature_flag_key"]
    for command in COMMANDS.values():
        if command.steers and not command.form:
            assert "You can look, but not steer" in await asked(vic, f"{command.name} {flag} why")
    assert {row["status"] for row in await office.story.experiments()} == {"awaiting_portfolio_gate"}


async def test_an_experiment_is_paused_resumed_and_killed_by_its_flag(office):
    row = await office.story.launched()
    await office.hush()
    ana = await office.come_in("ana")
    flag = row["feature_flag_key"]
    assert "is paused" in await asked(ana, f"pause {flag} the outage")
    assert (await office.story.experiment())["status"] == "paused"
    assert "to decide; ask them" in await asked(ana, f"resume {flag} nobody asked me")
    ben = await office.come_in("ben")
    assert "needs a reason" in await asked(ben, f"resume {flag}")
    assert (await office.story.experiment())["status"] == "paused"
    assert "runs again" in await asked(ben, f"resume {flag} it is over")
    gate = await office.story.gate("resume_review", status="approved")
    assert (gate["decided_by"], gate["response_note"]) == ("ben@example.com", "it is over")
    assert (await office.story.experiment())["status"] == "running"
    assert "is killed" in await asked(ana, f"kill {str(row['id'])[:8]} wrong idea")
    assert (await office.story.experiment())["final_result"]["note"] == "wrong idea"
    assert "`resume` is not possible while it is “⛔ killed”; that is final." in await asked(ana, f"resume {flag}")
    await office.story.work()
    assert "What we learned about “finish paying”" in await asked(ana, "learnings finish paying")


async def test_an_outcome_is_abandoned_only_with_a_reason(office):
    await office.applied()
    ana = await office.come_in("ana")
    assert "Say why" in await asked(ana, "abandon checkout")
    assert "is abandoned" in await asked(ana, "abandon checkout the law changed")
    assert {row["status"] for row in await office.story.experiments()} == {"killed"}
    refused = await asked(ana, "activate checkout")
    assert "`activate` is not possible while it is “abandoned”; that is final." in refused


async def test_the_doctor_says_what_is_connected_and_what_is_stuck(office):
    await office.applied()
    ana = await office.come_in("ana")
    said = await asked(ana, "doctor")
    assert "✅ I am outcome in Sandbox" in said
    assert "✅ I am in the default channel #outcome-runtime." in said
    assert "Not found in Slack by e-mail address yet" in said
    assert "✅ Every message was delivered." in said
    await office.fail_next(method="auth.test", kind="refuse", error="invalid_auth")
    assert "SLACK_BOT_TOKEN is not valid" in await asked(ana, "doctor")


async def home(visitor, words):
    deadline = time.monotonic() + 8
    await visitor.open_home()
    while True:
        found = (await visitor.look())["home"]
        if found and words in text_of(found):
            return found
        assert time.monotonic() < deadline, text_of(found) if found else "no Home tab"
        await asyncio.sleep(0.05)


async def test_home_shows_what_waits_what_runs_and_what_was_decided(office):
    await office.applied()
    await office.deliver()
    ana, ben, eve = await office.come_in("ana"), await office.come_in("ben"), await office.come_in("eve")
    shown = await home(ana, "1 decision waits for you")
    assert "Which experiments may be built" in text_of(shown)
    [link] = [block["accessory"]["url"] for block in shown["blocks"] if "accessory" in block]
    assert link.startswith(f"{office.url}/#/")
    assert "Finish the checkout" in text_of(shown)
    await home(ben, "Nothing waits for you")
    assert "Finish the checkout" in text_of(await home(await office.come_in("arun"), "Your outcomes"))
    await home(eve, "I know people by e-mail address")

    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    after = await home(ana, "Nothing waits for you")
    assert "*Reject*: Which experiments may be built" in text_of(after)


@pytest.mark.parametrize("words", ["hello", "approve"])
async def test_in_a_direct_message_words_are_answered_and_decide_nothing(office, words):
    await office.applied()
    ana = await office.come_in("ana")
    ts = await ana.say("outcome", words)
    answer = await ana.wait_for("outcome", lambda one: one["user"] != ana.id, seconds=60)
    assert answer.get("thread_ts", ts) == ts, "what is answered from stored data streams, below the words"
    assert (await office.story.gate("portfolio_review"))["status"] == "pending"


async def test_another_portfolio_is_asked_for_and_a_failed_build_sent_again(office):
    await office.applied()
    await office.story.decide("portfolio_review", "approve", "ana@example.com")
    await office.story.work()
    ana = await office.come_in("ana")
    row = (await office.story.experiments())[0]
    await office.write(experiments, row["id"], status="failed_build")
    assert "is sent to the coding agent again" in await asked(ana, f"rebuild {row['feature_flag_key']}")
    assert (await office.story.experiments())[0]["status"] == "building"
    await asked(ana, f"kill {row['feature_flag_key']} not now")
    assert "comes to gate 1" in await asked(ana, "propose checkout playbook")


async def test_a_chart_of_an_experiment_comes_as_a_picture_with_its_words(office):
    row = await office.story.launched()
    await office.hush()
    ana = await office.come_in("ana")
    before = {one["ts"] for one in await ana.messages("checkout")}
    await ana.command("checkout", f"/outcome chart {row['feature_flag_key']}")
    answer = await ana.wait_for("checkout", lambda one: one["ts"] not in before, 30)
    assert answer["only_for"] == ana.id
    [image] = [block for block in answer["blocks"] if block["type"] == "image"]
    assert image["slack_file"]["id"]
    assert len(image["alt_text"]) > 40
    assert "There are no numbers about “checkout” yet" in await asked(ana, "chart checkout")
    assert "name it by its flag" in await asked(ana, "chart nothing-like-it")


async def test_an_outcomes_chart_shows_its_levels(office):
    await office.applied()
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        row = await tx.first(select(outcomes))
        for day in range(3):
            level = Level(Decimal("0.3") + day, 1000, datetime(2026, 3, 2 + day, tzinfo=UTC), "door")
            await append.ensure_partitions(tx, level.as_of)
            await store.append_level(tx, row["id"], "checkout_completed", level)
    ana = await office.come_in("ana")
    before = {one["ts"] for one in await ana.messages("checkout")}
    await ana.command("checkout", "/outcome chart checkout")
    answer = await ana.wait_for("checkout", lambda one: one["ts"] not in before, 30)
    assert any(block["type"] == "image" for block in answer["blocks"])


async def test_a_picture_slack_refuses_is_told_in_words(office):
    row = await office.story.launched()
    await office.hush()
    ana = await office.come_in("ana")
    await office.fail_next(method="files.getUploadURLExternal", kind="refuse", error="internal_error", count=5)
    said = await asked(ana, f"chart {row['feature_flag_key']}")
    assert "chance" in said.casefold() or "detect" in said.casefold()


async def test_the_doctors_button_proves_that_presses_arrive(office):
    await office.applied(just_now=True)
    ana = await office.come_in("ana")
    before = {one["ts"] for one in await ana.messages("checkout")}
    await ana.command("checkout", "/outcome doctor")
    answer = await ana.wait_for("checkout", lambda one: one["ts"] not in before)
    said = text_of(answer)
    assert "✅ The clock agrees with Slack's" in said
    assert "✅ The queue moves" in said
    assert "✅ I am in the channel #checkout." in said
    await ana.press("Press me", answer)
    await ana.wait_for("checkout", lambda one: "It works: the button reached me" in text_of(one))


def test_the_doctor_says_which_permissions_are_missing_and_how_far_the_clock_is_off():
    assert "Missing permissions: files:write" in checkup.scopes_said(",".join(set(checkup.SCOPES) - {"files:write"}))
    assert checkup.scopes_said(",".join(checkup.SCOPES)) == "✅ All permissions are there."
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert "240 s ahead of Slack's" in checkup.clock_said("Mon, 02 Mar 2026 12:00:00 GMT", noon.timestamp() + 240)
    assert "within 3 s" in checkup.clock_said("Mon, 02 Mar 2026 12:00:00 GMT", noon.timestamp() - 3)
    assert "could not be compared" in checkup.clock_said("", noon.timestamp())


async def test_connect_says_what_works_and_makes_a_key_that_is_shown_once_to_an_owner(office):
    await office.applied()
    ana, arun = await office.come_in("ana"), await office.come_in("arun")
    said = await asked(ana, "connect")
    assert "*Signals from door*" in said
    assert "✅ *Feature flags at memory*" in said
    assert "*Language model*: no key" in said
    before = {one["ts"] for one in await arun.messages("checkout")}
    await arun.command("checkout", "/outcome connect")
    answer = await arun.wait_for("checkout", lambda one: one["ts"] not in before)
    await arun.press("Make a key for signals", answer)
    form = await shown(arun, lambda found: found["callback_id"] == "connect-key")
    assert await arun.submit(form, filled(form, name="shop backend")) == {}
    told = text_of(await shown(arun, lambda found: "shown this once" in text_of(found)))
    token = re.search(r"\*Key\* `(or_\S+)`", told)[1]
    assert "whsec_" in told
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        row = await tx.first(select(keys).where(keys.c.name == "shop backend"))
    assert (row["kind"], row["token_hash"]) == ("ingest", hash_token(token))
