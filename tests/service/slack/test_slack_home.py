"""The Home tab as a dashboard: drawn when opened, drawn anew when a gate changes, and its buttons pressed as on a message."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update

from bot.slack import home
from bot.slack.people import People
from bot.slack.repaint import Repainter
from bot.slack.sandbox.visitor import text_of
from bot.slack.wire import web_client
from runtime.db.mail import gate_holds
from runtime.db.tables import deliveries, experiments, learnings, outcomes
from runtime.gates.service import Decision, decide, delegate
from runtime.identity import members
from runtime.integrations.contracts import Level
from runtime.measurement import append, store


async def sees(visitor, fits, seconds=8):
    """What stands on Home as soon as it fits; nobody opens it again meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        found = (await visitor.look())["home"]
        if found and fits(found):
            return found
        assert time.monotonic() < deadline, text_of(found) if found else "no Home tab"
        await asyncio.sleep(0.05)


async def opens(visitor, words):
    await visitor.open_home()
    return await sees(visitor, lambda found: words in text_of(found))


def buttons(view):
    return [
        element["text"]["text"]
        for block in view["blocks"]
        for element in [*(block.get("elements") or []), block.get("accessory") or {}]
        if element.get("type") == "button"
    ]


async def desk_of(office, email):
    """The member and their Slack user, as the bot knows them."""
    client = web_client(office.story.runtime.settings)
    member = await People(office.story.runtime, office.story.org_id, client).by_email(email)
    return client, member


async def test_a_gate_is_approved_from_home_like_on_its_message(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    shown = await opens(ana, "1 decision waits for you")
    assert "<!date^" in text_of(shown)
    assert "left" in text_of(shown)
    assert "Open" in buttons(shown)

    await held_from_now_on(office)
    held = await opens(ana, "takes effect")
    assert "answered *Approve* by e-mail" in text_of(held)
    assert "Ask…" in buttons(held)
    assert not {"Approve", "Reject", "Approve with conditions…", "Delegate…"} & set(buttons(held))
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(update(gate_holds).values(ended="undone", ended_at=office.story.now))
    await ana.open_home()
    await ana.press("Approve", await sees(ana, lambda found: "Reject" in buttons(found)))
    await sees(ana, lambda found: "Nothing waits for you" in text_of(found))
    gate = await office.story.gate("portfolio_review", status="approved")
    assert gate["decided_by"] == "ana@example.com"
    assert gate["decided_via"] == "slack"


async def held_from_now_on(office):
    """An answer by letter, in the time in which it can be taken back."""
    gate = await office.story.gate("portfolio_review")
    hold = {
        "org_id": office.story.org_id, "gate_id": gate["id"], "member": "ana@example.com", "via": "mail",
        "evidence_hash": gate["evidence_hash"], "decision": {"choice": "approve", "label": "Approve"}, "until": office.story.now + timedelta(minutes=2),
    }  # fmt: skip
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(insert(gate_holds).values(hold))


async def form_behind(visitor, label, callback_id):
    """The form that a button of Home opens; it is closed again."""
    await visitor.press(label, (await visitor.look())["home"])
    form = await visitor.wait_for_modal()
    assert form["callback_id"] == callback_id
    await visitor.close(form)


async def chosen_in_menu(visitor, label):
    shown = (await visitor.look())["home"]
    block, menu = next(
        (block, element) for block in shown["blocks"] for element in block.get("elements") or [] if element.get("action_id") == "home-more"
    )  # fmt: skip
    option = next(option for option in menu["options"] if option["text"]["text"] == label)
    await visitor.touch(shown, block["block_id"], "home-more", option["value"])
    form = await visitor.wait_for_modal()
    await visitor.close(form)
    return form


async def test_a_choice_that_needs_a_reason_opens_the_gates_own_form_and_so_do_the_buttons_beside_it(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    shown = await opens(ana, "1 decision waits for you")
    await form_behind(ana, "Approve with conditions…", "gate-terms")
    await form_behind(ana, "Delegate…", "gate-delegate")
    await form_behind(ana, "Ask…", "gate-ask")
    assert (await chosen_in_menu(ana, "Edit…"))["callback_id"] == "gate-edit"
    assert (await chosen_in_menu(ana, "Snooze…"))["callback_id"] == "gate-snooze"
    assert (await chosen_in_menu(ana, "Details"))["title"]["text"] == "Details"
    assert "in the thread of the gate's message" in text_of(await chosen_in_menu(ana, "Evidence as file"))
    assert [one for one in await ana.messages("checkout") if "evidence-" in str(one.get("files"))]
    await ana.press("Reject", shown)
    form = await ana.wait_for_modal()
    assert form["callback_id"] == "gate-answer"
    assert not await ana.submit(form, {"note": {"text": "too early"}})
    assert (await office.story.gate("portfolio_review", status="rejected"))["response_note"] == "too early"
    await office.deliver()
    await sees(ana, lambda found: "Nothing waits for you" in text_of(found))


async def test_a_button_that_is_out_of_date_decides_nothing_and_says_so(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    shown = await opens(ana, "1 decision waits for you")
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    await ana.press("Approve", shown)
    assert "rejected this gate already" in text_of(await ana.wait_for_modal())
    await sees(ana, lambda found: "Nothing waits for you" in text_of(found))


async def test_home_is_drawn_anew_when_a_gate_opens_is_delegated_and_is_decided(office):
    await office.applied()
    await office.hush()
    ana, ben = await office.come_in("ana"), await office.come_in("ben")
    await opens(ben, "Nothing waits for you")
    await opens(ana, "1 decision waits for you")
    gate = await office.story.gate("portfolio_review")
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        to = await members.by_email(tx, "ben@example.com")
    by = await office.story.person("ana@example.com")
    await delegate(office.story.runtime, office.story.org_id, gate["id"], to=to, by=by, now=office.story.now)
    await office.deliver()
    await sees(ben, lambda found: "1 decision waits for you" in text_of(found))
    by = await office.story.person("ben@example.com")
    no = Decision("reject", "no", gate["evidence_hash"][:16])
    await decide(office.story.runtime, office.story.org_id, gate["id"], no, by=by, now=office.story.now)
    await office.deliver()
    await sees(ben, lambda found: "Nothing waits for you" in text_of(found))
    await sees(ana, lambda found: "Nothing waits for you" in text_of(found))


async def test_who_never_opened_home_is_not_bothered(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    assert (await ana.look())["home"] is None


async def test_many_changes_are_drawn_together_and_an_older_drawing_never_covers_a_newer_one(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    await opens(ana, "1 decision waits for you")
    runtime, org_id = office.story.runtime, office.story.org_id
    client, member = await desk_of(office, "ana@example.com")
    first = (await ana.look())["home"]["hash"]
    await asyncio.gather(*(home.paint(runtime, org_id, client, member, ana.id) for _ in range(4)))
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    gate = await office.story.gate("portfolio_review", status="rejected")
    homes = Repainter(runtime, org_id, client, every=0.05)
    for _ in range(200):
        homes.gate_changed(gate["id"])
    await homes.idle()
    shown = (await ana.look())["home"]
    assert "Nothing waits for you" in text_of(shown)
    assert shown["hash"] != first
    async with runtime.transaction(org_id) as tx:
        row = await tx.first(select(deliveries).where(deliveries.c.subject_kind == "home"))
    assert row["details"]["hash"] == shown["hash"]


async def test_a_hash_nobody_noted_down_does_not_leave_home_as_it_was_for_ever(office):
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    await opens(ana, "1 decision waits for you")
    runtime, org_id = office.story.runtime, office.story.org_id
    client, member = await desk_of(office, "ana@example.com")
    async with runtime.transaction(org_id) as tx:
        lost = (
            update(deliveries).where(deliveries.c.subject_kind == "home").values(details={"hash": "156772938.1827394"})
        )
        await tx.run(lost)
    before = (await ana.look())["home"]["hash"]
    await home.paint(runtime, org_id, client, member, ana.id)
    assert (await ana.look())["home"]["hash"] != before


async def test_slack_asking_to_wait_delays_the_drawing_and_loses_none(office):
    await office.applied()
    await office.hush()
    ana = await office.come_in("ana")
    await opens(ana, "1 decision waits for you")
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="no")
    await office.fail_next(method="views.publish", kind="ratelimited", retry_after=1)
    await office.deliver()
    await sees(ana, lambda found: "Nothing waits for you" in text_of(found))


async def reads(office, values, first=2):
    """The outcome's level is read once a day."""
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        outcome = await tx.first(select(outcomes))
        for day, value in enumerate(values, first):
            level = Level(value=value, as_of=datetime(2026, 3, day, tzinfo=UTC), n=4000, source="door")
            await append.ensure_partitions(tx, level.as_of)
            await store.append_level(tx, outcome["id"], "checkout_completed", level)


def images(view):
    return [block for block in view["blocks"] if block["type"] == "image"]


async def test_outcomes_show_baseline_level_target_and_trend_and_are_drawn_by_a_worker(office):
    await office.applied()
    await office.hush()
    ana = await office.come_in("ana")
    await reads(office, ("0.33", "0.35", "0.36", "0.385"))
    for _ in range(2):
        shown = await opens(ana, "checkout_completed: 32 % → *38.5 %* → 45 %")
        text = text_of(shown)
        assert "▓▓▓▓▓░░░░░" in text
        assert "50 % of the way ↗ towards the target" in text
        assert "▁" in text, "until a worker has drawn it"
        assert not images(shown)
    [wanted] = await office.notices()
    assert (wanted.kind, wanted.place) == ("home", ana.id)
    quiet = office.story.runtime.settings.model_copy(update={"quiet_hours": "00:00-23:59"})
    loud, office.story.runtime.settings = office.story.runtime.settings, quiet
    files = set()
    for _ in range(2):
        await office.channel.deliver(wanted)
        [image] = images(await sees(ana, images))
        files.add(image["slack_file"]["id"])
    office.story.runtime.settings = loud
    assert len(files) == 1, "the same numbers are not drawn again"
    assert "38.5 %, up 5.5 pp since 2 Mar 2026; 6.5 pp below the target of 45 %" in image["alt_text"]
    assert "▁" not in text_of((await ana.look())["home"])
    await office.hush()
    await reads(office, ("0.40",), first=6)
    assert not images(await opens(ana, "*40 %*")), "an older picture never stands beside newer words"
    await office.fail_next(method="views.publish", kind="refuse", error="invalid_blocks")
    await office.deliver()
    [image] = images(await sees(ana, images))
    assert image["slack_file"]["id"] not in files
    await office.fail_next(method="views.publish", kind="refuse", error="invalid_blocks", count=2)
    bare = await opens(ana, "▁")
    assert not images(bare), "a picture that Slack refuses leaves the words"


async def test_an_experiment_is_paused_and_resumed_from_home(office):
    await office.applied()
    row = (await office.story.experiments())[0]
    await office.write(experiments, row["id"], status="running", rollout_percent=50)
    await office.hush()
    arun = await office.come_in("arun")
    shown = await opens(arun, row["title"])
    await arun.press("Pause", shown)
    await sees(arun, lambda found: "Resume" in buttons(found))
    paused = next(one for one in await office.story.experiments() if one["id"] == row["id"])
    assert paused["status"] == "paused"
    assert "from Home" in paused["pause_reason"]
    await arun.press("Resume", (await arun.look())["home"])
    form = await arun.wait_for_modal()
    assert form["callback_id"] == "gate-answer"
    assert (await office.story.experiment())["status"] == "paused", "nobody has said why yet"
    assert not await arun.submit(form, {"note": {"text": "the numbers were an outage of ours"}})
    gate = await office.story.gate("resume_review", status="approved")
    assert (gate["decided_by"], gate["response_note"]) == ("arun@example.com", "the numbers were an outage of ours")
    await office.deliver()
    await sees(arun, lambda found: "Pause" in buttons(found))


async def test_viewers_see_what_waits_but_have_no_buttons(office):
    await office.applied()
    await office.deliver()
    vic = await office.come_in("vic")
    shown = await opens(vic, "What waits for other people")
    assert "Which experiments may be built" in text_of(shown)
    assert not buttons(shown)


async def test_learnings_are_searched_from_home(office):
    await office.applied()
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        finding = "Guest checkout raised completion by 2.1 pp. <!channel>"
        await tx.run(
            insert(learnings).values(
                org_id=tx.org_id,
                finding=finding,
                finding_type="confirmed_hypothesis",
                confidence=0.9,
                applies_to=["checkout"],
            )
        )
    ana, eve = await office.come_in("ana"), await office.come_in("eve")
    shown = await opens(ana, "Search what was learned")
    await ana.touch(
        shown, "home-search", "home-search", "guest checkout", {"home-search": {"home-search": "guest checkout"}}
    )
    deadline = time.monotonic() + 8
    while "Guest checkout raised" not in (said := text_of(await ana.wait_for_modal())):
        assert time.monotonic() < deadline, said
        await asyncio.sleep(0.05)
    assert "<!channel>" not in said
    assert "I know people by e-mail address" in text_of(await opens(eve, "I know people"))


async def test_somebody_with_nothing_is_shown_the_first_steps(office):
    await office.story.person("arun@example.com")
    arun = await office.come_in("arun")
    shown = await opens(arun, "First steps")
    assert "Nothing waits for you" in text_of(shown)
    assert buttons(shown) == ["New outcome"]
