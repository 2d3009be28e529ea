"""Gates in Slack, through signed requests: what is shown, who may press what, and what follows."""

import asyncio
import json
import time

import pytest
from sqlalchemy import select

from bot.slack.sandbox.outgoing import signature
from bot.slack.sandbox.visitor import Refused, button_called, text_of
from runtime.db.tables import experiments, human_gates, journal
from runtime.errors import InvalidRequest
from runtime.gates import rows
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Notice
from runtime.journal import Event, record


async def until(check, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.03)
    return found


async def shown(visitor, words):
    return await visitor.wait_for("checkout", lambda message: words in text_of(message))


async def whispered(visitor, words):
    return await visitor.wait_for(
        "checkout", lambda message: message.get("only_for") == visitor.id and words in text_of(message)
    )


async def decided(office, gate_id):
    async def closed():
        row = await office.gate(gate_id)
        return row if row["status"] not in {"pending", "delegated"} else None

    return await until(closed)


async def events_of(office, gate_id):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return [
            row["event"]
            for row in await tx.all(select(journal).where(journal.c.subject_id == gate_id).order_by(journal.c.id))
        ]


async def test_gate_one_arrives_with_its_chart_its_buttons_and_a_call_to_the_person_asked(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    gate = await shown(ana, "Which experiments may be built")
    [picture] = [block for block in gate["blocks"] if block["type"] == "image"]
    assert "proposed experiments for checkout" in picture["alt_text"]
    async with office.http.get(f"{office.url}/files/{picture['slack_file']['id']}") as reply:
        assert (await reply.read()).startswith(b"\x89PNG")
    assert f"<@{ana.id}>" in text_of(gate)
    assert "is asked to decide" in gate["text"]
    assert (await office.story.gate("portfolio_review"))["notification_sent_at"] is not None


async def test_only_the_ticked_experiments_are_approved_and_the_message_says_by_whom(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    message = await shown(ana, "Which experiments may be built")
    row = await office.story.gate("portfolio_review")
    first, second = row["context_package"]["experiment_ids"]

    await ana.press("Approve", message, state={"gate-pick-0": {"gate-pick:0": [second]}})
    await decided(office, row["id"])
    await office.work()

    states = {str(found["id"]): found["status"] for found in await office.story.experiments()}
    assert (states[first], states[second]) == ("killed", "building")
    after = await shown(ana, "decided via Slack")
    assert after["ts"] == message["ts"]
    assert f"<@{ana.id}> decided via Slack" in text_of(after)
    assert row["context_package"]["experiments"][1]["title"] in text_of(after)
    assert not [block for block in after["blocks"] if block["type"] == "actions"]
    assert [block for block in after["blocks"] if block["type"] == "image"]


async def test_approving_nothing_is_refused_in_a_sentence(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    await ana.press("Approve", await shown(ana, "Which experiments"), state={"gate-pick-0": {"gate-pick:0": []}})
    await whispered(ana, "No experiment is selected")
    assert (await office.story.gate("portfolio_review"))["status"] == "pending"


LABELS = {
    "approve": "Approve launch",
    "with_conditions": "Approve with conditions…",
    "rework": "Send back",
    "reject": "Reject",
}


async def test_every_button_refuses_everybody_who_may_not_decide(office):
    row, ben = await office.at_launch(), await office.come_in("ben")
    for name, why in (
        ("eve", "I know people by e-mail address"),
        ("vic", "You can look at this gate"),
        ("ana", f"<@{ben.id}>'s to decide"),
    ):
        visitor = await office.come_in(name)
        message = await shown(visitor, "be launched?")
        for label in LABELS.values():
            await visitor.press(label, message)
        await whispered(visitor, why)

        async def all_answered(visitor=visitor):
            return len([one for one in await visitor.messages("checkout") if one.get("only_for") == visitor.id]) >= len(
                LABELS
            )

        await until(all_answered)
        assert (await visitor.look())["modal"] is None
    assert (await office.gate(row["id"]))["status"] == "pending"


@pytest.mark.parametrize("choice", list(LABELS))
@pytest.mark.parametrize("who", ["ben", "ada"])
async def test_every_button_works_for_whoever_may_decide_and_an_admin_gives_a_reason(office, choice, who):
    row = await office.at_launch()
    visitor = await office.come_in(who)
    await visitor.press(LABELS[choice], await shown(visitor, "be launched?"))
    if choice != "approve" or who == "ada":
        form = await visitor.wait_for_modal()
        values = {"cap": {"number": "20"}, "answer": {"choice": "approve"}} if choice == "with_conditions" else {}
        if who == "ada" or choice in {"rework", "reject"}:
            assert await visitor.submit(form, values) == {"note": "Please complete this required field."}
            values = values | {"note": {"text": "The copy misleads"}}
        assert await visitor.submit(form, values) == {}
    closed = await decided(office, row["id"])
    expected = "approve" if choice == "with_conditions" else choice
    assert (closed["choice"], closed["decided_by"], closed["decided_via"]) == (expected, f"{who}@example.com", "slack")
    if choice == "with_conditions":
        assert closed["status"] == "approved_with_conditions"
        assert closed["conditions"] == ["at most 20 % of users"]
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        fact = await tx.value(
            select(journal.c.payload).where(journal.c.subject_id == row["id"], journal.c.event == "gate.decided")
        )
    assert fact["as"] == ("override" if who == "ada" else "assignee")


async def test_two_people_press_at_once_and_one_decision_stands(office):
    row = await office.at_launch()
    await office.write(human_gates, row["id"], escalation_chain=["ana@example.com"], chain_position=1)
    ana, ben = await office.come_in("ana"), await office.come_in("ben")
    message = await shown(ana, "be launched?")
    await asyncio.gather(ana.press("Approve launch", message), ben.press("Approve launch", message))
    closed = await decided(office, row["id"])
    winner, loser = (ana, ben) if closed["decided_by"] == "ana@example.com" else (ben, ana)
    await whispered(loser, f"<@{winner.id}> approved this gate already, <!date^")
    assert (await events_of(office, row["id"])).count("gate.decided") == 1


async def test_a_percentage_is_asked_for_and_nonsense_is_told_under_its_field(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await ben.press("Approve with conditions…", await shown(ben, "be launched?"))
    form = await ben.wait_for_modal()
    assert await ben.submit(form, {"cap": {"number": "0"}}) == {"cap": "Please enter a number from 1."}
    assert await ben.submit(form, {"cap": {"number": "101"}}) == {"cap": "Please enter a number up to 100."}
    assert await ben.submit(form, {"cap": {"number": "10"}}) == {}
    assert (await decided(office, row["id"]))["conditions"] == ["at most 10 % of users"]


async def test_a_button_on_old_evidence_decides_nothing_and_the_message_shows_the_new_state(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    await office.write(experiments, row["experiment_id"], rollout_plan={"initial_pct": 30})
    await ben.press("Approve launch", message)
    await whispered(ben, "The evidence changed")
    assert (await office.gate(row["id"]))["status"] == "pending"
    await office.deliver()
    renewed = (await office.gate(row["id"]))["evidence_hash"][:12]
    fresh = await shown(ben, renewed)
    await ben.press("Approve launch", fresh)
    assert (await decided(office, row["id"]))["status"] == "approved"


async def test_a_form_that_was_overtaken_says_so_instead_of_deciding(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    await ben.press("Reject", await shown(ben, "be launched?"))
    form = await ben.wait_for_modal()
    await office.story.decide("launch_approval", "approve", "ben@example.com")
    assert await ben.submit(form, {"note": {"text": "too late"}}) == {}
    told = await until(lambda: overtaken(ben))
    assert "approved this gate already" in text_of(told)
    assert (await office.gate(row["id"]))["choice"] == "approve"


async def overtaken(visitor):
    modal = (await visitor.look())["modal"]
    return modal if modal and modal["title"]["text"] == "Not recorded" else None


async def choose(visitor, message, what):
    if what.endswith("…"):
        await visitor.press(what, message)
    else:
        await visitor.touch(message, "gate-beside", "gate-more", menu_value(message, what))
    return await visitor.wait_for_modal()


async def test_a_gate_is_handed_to_a_colleague_who_is_then_called(office):
    row = await office.at_launch()
    ben, ana, eve = await office.come_in("ben"), await office.come_in("ana"), await office.come_in("eve")
    form = await choose(ben, await shown(ben, "be launched?"), "Delegate…")
    errors = await ben.submit(form, {"person": {"person": eve.id}})
    assert "not known here" in errors["person"]
    assert await ben.submit(form, {"person": {"person": ana.id}}) == {}
    await office.deliver()
    message = await shown(ana, f"<@{ana.id}>, in place of Ben")
    await ana.press("Approve launch", message)
    assert (await decided(office, row["id"]))["decided_by"] == "ana@example.com"


async def test_details_are_for_every_member_and_for_nobody_else(office):
    diff = "\n".join(
        ["+ if (a < b) { ``` <!channel> }", *(f"+ line {n} 👩🏿\u200d🚀" for n in range(400)), "+ its end"]
    )
    row = await office.at_launch(diff=diff)
    vic, eve = await office.come_in("vic"), await office.come_in("eve")
    assert "stands in full as a file in the thread" in text_of(await shown(vic, "be launched?"))
    await office.channel.deliver(Notice(row["org_id"], "gate", row["id"], "again", "#checkout", {}))
    [whole] = [file for one in await vic.messages("checkout") for file in one.get("files") or []]
    async with office.http.get(f"{office.url}/files/{whole['id']}") as reply:
        assert diff in await reply.text()
    details = await choose(vic, await shown(vic, "be launched?"), "Details")
    assert "&lt;!channel&gt;" in text_of(details)
    assert "<!channel>" not in text_of(details)
    message = await shown(eve, "be launched?")
    await eve.touch(message, "gate-beside", "gate-more", menu_value(message, "Details"))
    await whispered(eve, "I know people by e-mail address")
    assert (await eve.look())["modal"] is None


def menu_value(message, what):
    return next(
        option["value"] for block in message["blocks"] for element in block.get("elements", [])
        if element.get("type") == "overflow" for option in element["options"] if option["text"]["text"] == what
    )  # fmt: skip


async def test_a_question_goes_into_the_thread_and_calls_whoever_decides(office):
    await office.at_launch()
    vic, ben = await office.come_in("vic"), await office.come_in("ben")
    message = await shown(vic, "be launched?")
    form = await choose(vic, message, "Ask…")
    assert await vic.submit(form, {"question": {"text": "Does it work on <small> phones?"}}) == {}
    asked = await shown(ben, "&lt;small&gt; phones?")
    assert asked["thread_ts"] == message["ts"]
    assert f"<@{ben.id}>" in text_of(asked)


async def test_what_ran_out_of_time_can_be_asked_again_and_what_was_withdrawn_cannot(office):
    row = await office.at_launch()
    await office.write(
        human_gates, row["id"], status="timed_out", responded_at=row["due_at"], response_note="nobody answered in time"
    )
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await record(tx, Event("gate.timed_out", "gate", row["id"]), by=SYSTEM, notices=[rows.redraw(row, 99)])
    await office.deliver()
    ben = await office.come_in("ben")
    closed = await shown(ben, "Closed without a decision")
    await ben.press("Ask again", closed)

    async def reopened():
        async with office.story.runtime.transaction(office.story.org_id) as tx:
            return next(iter(await rows.listed(tx, experiment_id=row["experiment_id"])), None)

    again = await until(reopened)
    await office.deliver()
    assert again["reopens"] == row["id"]
    with pytest.raises(InvalidRequest):
        button_called("Ask again", await shown(ben, "asked again in a new message"))
    await ben.press("Approve launch", await shown(ben, "be launched?"))
    assert (await decided(office, again["id"]))["status"] == "approved"


async def test_a_withdrawn_gate_offers_nothing(office):
    row = await office.at_launch()
    ada = await office.come_in("ada")
    flag = next(
        found["feature_flag_key"] for found in await office.story.experiments() if found["id"] == row["experiment_id"]
    )
    await ada.command("checkout", f"/outcome kill {flag} the brief was wrong")
    await whispered(ada, "is killed")
    await office.work()
    closed = await shown(ada, "the brief was wrong")
    assert not [block for block in closed["blocks"] if block["type"] == "actions"]
    with pytest.raises(Refused):
        await ada.touch(closed, "gate-closed", "gate-reopen", None)


async def test_words_in_the_thread_decide_only_in_the_documented_forms(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    for words, answer in (
        ("approve if legal agrees", "I did not record that"),
        ("ship", "SHIP is not offered"),
        ("reject", "needs a reason"),
        ("@outcome the copy is nice", "I record only these answers"),
    ):
        await ben.say("checkout", words, thread_ts=message["ts"])
        reply = await shown(ben, answer)
        assert reply["thread_ts"] == message["ts"]
    assert (await office.gate(row["id"]))["status"] == "pending"

    ts = await ben.say("checkout", "Cap 15%\nuntil the week is over", thread_ts=message["ts"])
    closed = await decided(office, row["id"])
    assert (closed["choice"], closed["conditions"], closed["response_note"]) == (
        "approve_capped",
        ["at most 15 % of users"],
        "until the week is over",
    )
    await ben.wait_for("checkout", lambda one: one["ts"] == ts and bool(one.get("reactions")))


async def test_mere_talk_in_the_thread_is_answered_once_and_for_the_speaker_only(office):
    await office.at_launch()
    ana, ben = await office.come_in("ana"), await office.come_in("ben")
    message = await shown(ben, "be launched?")
    for words in ("Interesting.", "And on tablets?", "APPROVE"):
        await ana.say("checkout", words, thread_ts=message["ts"])
    await shown(ana, f"<@{ben.id}>'s to decide")
    hints = [one for one in await ana.messages("checkout") if "Just talk on" in text_of(one)]
    assert [one["only_for"] for one in hints] == [ana.id]
    assert not [one for one in await ben.messages("checkout") if "Just talk on" in text_of(one)]
    assert (await office.story.gate("launch_approval"))["status"] == "pending"


async def test_a_gate_is_delegated_in_words(office):
    row = await office.at_launch()
    ben, ana = await office.come_in("ben"), await office.come_in("ana")
    message = await shown(ben, "be launched?")
    await ben.say("checkout", "delegate @Ana Diaz", thread_ts=message["ts"])

    async def handed_over():
        return (await office.gate(row["id"]))["delegated_to"] == "ana@example.com"

    await until(handed_over)
    await ana.say("checkout", "delegate nobody@nowhere.test", thread_ts=message["ts"])
    await shown(ana, "Nobody of this organisation has the address nobody@nowhere.test")


async def test_the_same_request_delivered_twice_acts_once_and_a_forged_one_never(office):
    ben = await office.come_in("ben")
    ts = await ben.say("checkout", "hello")
    place = next(channel["id"] for channel in (await ben.look())["channels"] if channel["name"] == "checkout")
    said = {"type": "app_mention", "user": ben.id, "text": "hello", "channel": place, "ts": ts}
    event = {
        "type": "event_callback",
        "event_id": "Ev0TWICE",
        "team_id": office.config.team_id,
        "api_app_id": "A1",
        "event": said,
    }
    assert await posted(office, event | {"event_id": "Ev0FORGED"}, signed_with="another secret") == 401
    for _ in range(2):
        assert await posted(office, event, signed_with=office.config.signing_secret.get_secret_value()) == 200
    await shown(ben, "I ask people to decide at gates")
    assert (
        await posted(
            office, event | {"event_id": "Ev0OTHER"}, signed_with=office.config.signing_secret.get_secret_value()
        )
        == 200
    )

    async def answers():
        return [one for one in await ben.messages("checkout") if "I ask people to decide" in one["text"]]

    async def both():
        return len(await answers()) >= 2

    await until(both)
    assert len(await answers()) == 2


async def posted(office, event, *, signed_with):
    """A request as Slack makes it."""
    body, stamp = json.dumps(event).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(signed_with, stamp, body),
    }
    async with office.http.post(office.bot_url, data=body, headers=headers) as reply:
        return reply.status


async def test_when_slack_fails_whoever_pressed_is_told_and_nothing_is_decided(office):
    row = await office.at_launch()
    ada, ben = await office.come_in("ada"), await office.come_in("ben")
    message = await shown(ben, "be launched?")
    await office.fail_next(method="views.open", kind="refuse", error="expired_trigger_id")
    await ben.press("Reject", message)
    await whispered(ben, "That took too long for Slack")
    await office.fail_next(method="users.info", kind="server_error")
    await ada.press("Approve launch", message)
    await whispered(ada, "Slack refused to tell me who you are")
    assert (await office.gate(row["id"]))["status"] == "pending"


async def test_what_nobody_foresaw_is_told_too(office):
    row = await office.at_launch()
    ben = await office.come_in("ben")
    message = await shown(ben, "be launched?")
    await office.write(human_gates, row["id"], options=[{"id": "approve"}])
    await ben.press("Approve launch", message)
    await whispered(ben, "Something went wrong here")
    assert (await office.gate(row["id"]))["status"] == "pending"
