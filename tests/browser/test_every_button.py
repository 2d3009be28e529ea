"""Every button of every kind of gate, pressed in a browser as everybody who could stand before it."""

import asyncio
from dataclasses import replace

import pytest
from playwright.async_api import expect

from runtime.gates import holding
from runtime.gates.choices import CHOICES
from runtime.gates.service import Decision, decide
from tests.browser.floor import PEOPLE, Floor
from tests.every_gate import channel_of

ASKED = {"Ana Diaz": "assignee", "Ben Okri": "escalation", "Dee Lind": "delegate"}
INSTEAD = {
    "Arun Owner": "As owner you may decide in their place",
    "Ada Admin": "As admin you may decide in their place",
}
UNKNOWN = "I know people by e-mail address"
REFUSED = {
    "Mia Moe": "This gate is @Dee Lind's to decide; ask them, or have them delegate it to you.",
    "Vic Viewer": "You can look at this gate but not decide it; ask @Dee Lind.",
    "Eve Stranger": UNKNOWN,
}
FORMS = {
    "Approve with conditions…": "With conditions", "Edit…": "Edit the portfolio", "Delegate…": "Delegate", "Ask…": "Ask about this",
    "Snooze…": "Snooze", "Details": "Details",
}  # fmt: skip
FOR_ALL = {"Ask…", "Details", "Evidence as file"}
"""What every member may do at a gate, whoever decides it."""


ALLOWED = {**ASKED, **dict.fromkeys(INSTEAD, "override")}
GIVEN = {"To how many percent": "60", "Why?": "because", "Note": "because"}


def drawn(kind: str) -> dict[str, str]:
    """The answers of a kind of gate that have a button: what stands on it, and what it means."""
    return {choice.label: choice.id for choice in CHOICES[kind] if choice.drawn}


def forms(kind: str, name: str) -> dict[str, str | None]:
    """What each button that decides nothing yet opens for this person: the title of its form, or None for a file in the thread."""
    asking = {
        choice.label: choice.label
        for choice in CHOICES[kind]
        if choice.drawn and (name in INSTEAD or choice.needs_reason or choice.needs_percent)
    }
    beside = {**FORMS, **dict.fromkeys(FOR_ALL - FORMS.keys())}
    return {**asking, **beside} if name in ALLOWED else {label: beside[label] for label in FOR_ALL}


@pytest.mark.parametrize("kind", list(CHOICES))
async def test_every_button_does_what_it_says_for_whoever_presses_it(floor: Floor, kind: str) -> None:
    """Whoever may not decide is told whom to ask; whoever may is asked for what is missing, or decides; whoever comes late is told by whom."""
    turn, answers = list(CHOICES).index(kind), list(drawn(kind))
    for name, why in REFUSED.items():
        ts = await floor.stands(name, kind)
        beside = [label for label in await floor.hand("labels", ts) if label not in answers]
        assert not set(beside) - FORMS.keys() - FOR_ALL, "a button that nobody presses in this test"
        silent = [label for label in [*answers, *beside] if name == "Eve Stranger" or label not in FOR_ALL]
        said = await floor.hand("burst", ts, silent)
        assert (said["trouble"], said["form"]) == ("", "")
        assert len(said["told"]) == len(silent)
        assert all(text.startswith(why) for text in said["told"]), said
        if name != "Eve Stranger":
            await open_each(floor, ts, kind, name, beside)
    assert (await floor.gates.gate(kind))["choice"] is None

    able = [*ALLOWED, *ALLOWED][turn % len(ALLOWED) :][: len(ALLOWED)]
    for at, name in enumerate(able):
        ts = await floor.stands(name, kind)
        await open_each(floor, ts, kind, name, [*answers, *beside])
        if at >= len(answers):
            continue
        if at == 0:
            await press_late(floor, kind, answers[at], name, [*answers, *(set(beside) - FOR_ALL)])
        else:
            seen = await floor.meanwhile(floor.hand("decide", ts, answers[at], GIVEN, "decided via Slack"))
            assert seen.get("left") == [], seen
            assert f"{answers[at]}: @{name} decided via Slack" in seen["drawn"]
        await recorded(floor, kind, answers[at], name, at + 1)
        await floor.gates.anew(kind)
        await floor.hand("reads", ts, "Answer by")


async def open_each(floor: Floor, ts: str, kind: str, name: str, labels: list[str]) -> None:
    """Each button that opens something for this person, pressed one after the other; nothing is decided by it."""
    wanted = forms(kind, name)
    found = await floor.hand("survey", ts, [label for label in labels if label in wanted])
    assert {label: seen.get("form") for label, seen in found.items()} == {label: wanted[label] for label in found}, name
    assert all(("thread" in seen) == (wanted[label] is None) for label, seen in found.items()), (name, found)
    if name in INSTEAD:
        asked = {*drawn(kind), "Approve with conditions…"} & found.keys()
        assert all(INSTEAD[name] in found[label]["says"] for label in asked), (name, found)
    assert (await floor.gates.gate(kind))["choice"] is None


async def press_late(floor: Floor, kind: str, label: str, name: str, labels: list[str]) -> None:
    """One decides; before any worker redraws the message all others press every button of it, and only then it is redrawn."""
    ts = await floor.gates.at(kind)
    answering = asyncio.ensure_future(floor.hand("answer", ts, label, GIVEN))
    await floor.until_decided(kind)
    for other in (each for each in ALLOWED if each != name):
        await floor.stands(other, kind)
        said = await floor.hand("burst", ts, labels)
        assert (said["trouble"], said["form"]) == ("", "")
        assert len(said["told"]) == len(labels)
        assert all(text.startswith(f"@{name} ") and "this gate already" in text for text in said["told"]), said
    await floor.gates.deliver()
    assert f"{label}: @{name} decided via Slack" in await floor.hand("reads", ts, "decided via Slack")
    assert await floor.hand("labels", ts) == []
    await answering


async def recorded(floor: Floor, kind: str, label: str, name: str, count: int) -> None:
    """Exactly one more decision stands in the database, and it is this one."""
    row, facts = await floor.gates.gate(kind), await floor.gates.decisions(kind)
    assert (row["choice"], row["decided_by"], row["decided_via"]) == (drawn(kind)[label], PEOPLE[name], "slack")
    assert len(facts) == count
    assert facts[-1]["as"] == ALLOWED[name]


async def test_what_is_wrong_in_a_form_stands_under_its_field_and_what_is_right_is_on_the_message(floor: Floor) -> None:
    ts = await floor.stands("Dee Lind", "scale_approval")
    assert (await floor.hand("press", ts, "Scale further"))["form"] == "Scale further"
    for share, why in (
        ("0", "Please enter a number from 1."),
        ("101", "Please enter a number up to 100."),
        ("", "Please complete"),
    ):
        assert why in (await floor.hand("send", {"To how many percent": share}))["wrong"][0]
    await floor.hand("send", {"To how many percent": "60", "Note": "slowly & <b>carefully</b>"})
    await floor.gates.deliver()
    assert "Condition: at most 60 % of users\nslowly & <b>carefully</b>" in await floor.hand(
        "reads", ts, "decided via Slack"
    )
    await floor.gates.anew("scale_approval")

    ts = await floor.stands("Ben Okri", "launch_approval")
    await floor.hand("press", ts, "Approve with conditions…")
    assert "Set at least one condition" in (await floor.hand("send"))["wrong"][0]
    assert "Write it like" in (await floor.hand("send", {"Extra constraint": "nonsense"}))["wrong"][0]
    assert await floor.hand("send", {"Extra constraint": "", "Cap": "20", "Another condition": "tell support"}) == {
        "closed": True
    }
    await floor.gates.deliver()
    seen = await floor.hand("reads", ts, "Conditions: at most 20 % of users; tell support")
    assert "Approve launch: @Ben Okri decided via Slack" in seen
    await floor.gates.anew("launch_approval")


async def test_a_portfolio_is_edited_and_only_what_is_ticked_is_approved(floor: Floor) -> None:
    ts = await floor.stands("Ana Diaz", "portfolio_review")
    await floor.hand("press", ts, "Edit…")
    assert "Please complete" in (await floor.hand("send", {"Title": ""}))["wrong"][0]
    assert await floor.hand("send", {"Title": "Fewer fields"}) == {"closed": True}
    await floor.gates.deliver()
    await floor.hand("reads", ts, "Edited before approval")
    await floor.page.get_by_role("main").get_by_label("Fewer fields").uncheck()
    await floor.meanwhile(floor.hand("decide", ts, "Approve", {}, "decided via Slack"))
    row = await floor.gates.gate("portfolio_review")
    assert row["selection"] == row["context_package"]["experiment_ids"][1:]
    await floor.gates.anew("portfolio_review")


async def test_a_gate_is_snoozed_asked_about_and_handed_over_to_somebody_who_may(floor: Floor) -> None:
    ts = await floor.stands("Dee Lind", "change_review")
    await floor.hand("press", ts, "Snooze…")
    assert await floor.hand("send", {"Remind me": "in 4 hours"}) == {"closed": True}
    await floor.gates.deliver()
    assert "no reminders until then, the deadline stays" in await floor.hand("reads", ts, "Snoozed until")

    await floor.hand("press", ts, "Ask…")
    await floor.hand("send", {"What do you want": "who pays <i>for this</i>?"})
    await floor.hand("until_replied", ts, "asks @Dee Lind", "who pays <i>for this</i>?")

    for name, why in (("Eve Stranger", "not known here by e-mail address"), ("Vic Viewer", "can only look")):
        await floor.hand("press", ts, "Delegate…")
        assert why in (await floor.hand("send", {"Who shall decide": name}))["wrong"][0]
        await floor.hand("leave")
    await floor.hand("press", ts, "Delegate…")
    assert await floor.hand("send", {"Who shall decide": "Mia Moe"}) == {"closed": True}
    await floor.gates.deliver()
    await floor.hand("reads", ts, "Asked: @Mia Moe")
    await floor.stands("Mia Moe", "change_review")
    seen = await floor.meanwhile(floor.hand("decide", ts, "Keep as it is", {}, "decided via Slack"))
    assert "Keep as it is: @Mia Moe decided via Slack" in seen["drawn"]
    await floor.gates.anew("change_review")


async def test_where_two_must_agree_the_second_one_confirms_and_the_first_cannot(floor: Floor) -> None:
    await floor.gates.set("ship_approval", quorum=2)
    ts = await floor.stands("Ana Diaz", "ship_approval")
    await floor.hand("reads", ts, "Two people must agree.")
    await floor.hand("click", ts, "Ship")
    await floor.meanwhile(floor.hand("reads", ts, "1 of 2: @Ana Diaz approved: Ship"))
    confirm, *_ = await floor.hand("labels", ts)
    assert confirm == "Confirm: Ship"
    for name, why in {**REFUSED, "Ana Diaz": "You said Ship already; one more person must confirm it"}.items():
        await floor.stands(name, "ship_approval")
        said = await floor.hand("burst", ts, [confirm])
        assert said["told"][0].startswith(why)
    await floor.stands("Ben Okri", "ship_approval")
    seen = await floor.meanwhile(floor.hand("decide", ts, confirm, {}, "decided via Slack"))
    assert "Ship: @Ben Okri decided via Slack" in seen["drawn"]
    assert "2 of 2: first @Ana Diaz" in seen["drawn"]
    [*_, last] = await floor.gates.decisions("ship_approval")
    assert last["first"] == "ana@example.com"
    await floor.gates.anew("ship_approval")


async def test_what_was_answered_by_letter_and_waits_offers_no_answer_to_press(floor: Floor) -> None:
    kind, story = "resume_review", floor.gates.story
    row, ana = await floor.gates.gate(kind), await story.person("ana@example.com")
    given = Decision("resume", "all is well", row["evidence_hash"][:16])
    await holding.hold(
        story.runtime, story.org_id, row["id"], given, by=replace(ana, via="mail"), now=story.runtime.now()
    )
    await floor.gates.deliver()
    for name in ("Ben Okri", "Arun Owner", *REFUSED):
        ts = await floor.stands(name, kind)
        await floor.hand("reads", ts, "@Ana Diaz answered Resume by e-mail")
        assert set(await floor.hand("labels", ts)) == {*FOR_ALL, "Snooze…"}
    await holding.undo(story.runtime, story.org_id, row["id"], by=ana, now=story.runtime.now())
    await floor.gates.anew(kind)
    await floor.hand("reads", ts, "Or answer in this message's thread")


async def test_what_ran_out_of_time_is_asked_again_by_any_member_and_by_nobody_else(floor: Floor) -> None:
    kind = "agent_question"
    row = await floor.gates.gate(kind)
    await floor.gates.set(kind, status="timed_out", responded_at=row["due_at"], response_note="nobody answered in time")
    for name, why in (
        ("Vic Viewer", "You can look at this gate, but not have it asked again; ask @Dee Lind."),
        ("Eve Stranger", UNKNOWN),
    ):
        ts = await floor.stands(name, kind)
        assert await floor.hand("labels", ts) == ["Ask again"]
        assert (await floor.hand("burst", ts, ["Ask again"]))["told"][0].startswith(why)
    await floor.stands("Mia Moe", kind)
    found = await floor.meanwhile(floor.hand("press", ts, "Ask again"))
    assert "It was asked again in a new message" in found["drawn"]
    await floor.gates.forget_reopened(kind)
    await floor.gates.anew(kind)


async def home_of(floor: Floor, name: str, says: str) -> str:
    await floor.hand("become", name)
    await floor.hand("go", "Home")
    return str(await floor.hand("reads", "home", says))


async def test_home_offers_each_person_what_they_may_do_and_nothing_else(floor: Floor) -> None:
    for name, says, offers in (
        ("Vic Viewer", "What waits for other people", set()), ("Eve Stranger", UNKNOWN, set()), ("Mia Moe", "Nothing waits for you", {"New outcome"}),
        ("Ada Admin", "Nothing waits for you", {"New outcome", "Pause", "Resume"}), ("Arun Owner", "Nothing waits for you", {"New outcome", "Pause", "Resume"}),
    ):  # fmt: skip
        await home_of(floor, name, says)
        assert set(await floor.hand("labels", "home")) == offers, name
    for name in ASKED:
        await home_of(floor, name, f"{len(CHOICES)} decisions wait for you")
        shown = [
            [label for label in labels if label not in {*FORMS, *FOR_ALL}] for _, labels in await floor.hand("inbox")
        ]
        assert sorted(shown) == sorted(list(drawn(kind)) for kind in CHOICES)


async def test_everything_that_waits_is_decided_from_home(floor: Floor) -> None:
    """What opens a form is opened and left; then one answer of each kind, until nothing waits."""
    await home_of(floor, "Ana Diaz", f"{len(CHOICES)} decisions wait for you")
    here, labels = (await floor.hand("inbox"))[0]
    for label, found in (await floor.hand("survey", here, [one for one in labels if one in FORMS])).items():
        assert found["form"] == FORMS[label]
    waiting = [kind for kind in CHOICES if kind != "change_review"] + ["change_review"]
    for left, kind in zip(range(len(waiting) - 1, -1, -1), waiting, strict=True):
        answers = list(drawn(kind))
        block = next(at for at, labels in await floor.hand("inbox") if labels[: len(answers)] == answers)
        await floor.hand("click", block, answers[0])
        if kind == "resume_review":
            await floor.hand("until_form", "Resume")
            assert "Please complete" in (await floor.hand("send"))["wrong"][0]
            await floor.hand("send", {"Why?": "because"})
        says = "Nothing waits for you" if not left else f"{left} decision{'s wait' if left > 1 else ' waits'} for you"
        await floor.meanwhile(floor.hand("reads", "home", says))
        row = await floor.gates.gate(kind)
        assert (row["choice"], row["decided_by"], row["decided_via"]) == (
            drawn(kind)[answers[0]],
            "ana@example.com",
            "slack",
        )
    assert "Decided lately" in await floor.hand("reads", "home", "Approve")
    for kind in CHOICES:
        await floor.gates.anew(kind)


async def test_a_button_on_home_that_came_too_late_says_who_decided(floor: Floor) -> None:
    await home_of(floor, "Ben Okri", f"{len(CHOICES)} decisions wait for you")
    block = next(at for at, labels in await floor.hand("inbox") if labels[0] == "Approve")
    row = await floor.gates.gate("portfolio_review")
    story = floor.gates.story
    no = Decision("reject", "not now", row["evidence_hash"][:16])
    await decide(story.runtime, story.org_id, row["id"], no, by=await story.person("ana@example.com"), now=story.now)
    found = await floor.hand("press", block, "Approve")
    assert "@Ana Diaz rejected this gate already" in found["says"]
    await floor.hand("leave")
    await floor.gates.anew("portfolio_review")


async def test_an_experiment_is_paused_and_resumed_and_learnings_are_searched_on_home(floor: Floor) -> None:
    await home_of(floor, "Arun Owner", "Your outcomes")
    page, labels = floor.page, await floor.hand("labels", "home")
    runs, paused = labels.count("Pause"), labels.count("Resume")
    await floor.hand("click", "home", "Pause")
    await expect(page.get_by_role("button", name="Resume")).to_have_count(paused + 1)
    assert (await floor.hand("press", "home", "Resume"))["form"] == "Resume"
    assert "Please complete" in (await floor.hand("send"))["wrong"][0]
    assert await floor.hand("send", {"Why?": "it was an outage of ours"}) == {"closed": True}
    await floor.meanwhile(expect(page.get_by_role("button", name="Resume")).to_have_count(paused))
    await expect(page.get_by_role("button", name="Pause")).to_have_count(runs)
    await page.get_by_label("Search what was learned").fill("guest checkout")
    await page.get_by_label("Search what was learned").press("Enter")
    await expect(page.get_by_role("dialog", name="Learnings")).to_contain_text("What we learned about “guest checkout”")
    await floor.hand("leave")


async def written(floor: Floor, name: str, room: str, text: str) -> str:
    """What this person types in a channel, as the message's `ts`."""
    await floor.hand("become", name)
    await floor.hand("go", room)
    field = floor.page.get_by_role("main").get_by_role("combobox")
    await field.fill(text)
    await field.press("Enter")
    return str(await floor.hand("said", text))


async def test_a_message_becomes_an_outcome_or_a_hypothesis_for_whoever_may_steer(floor: Floor) -> None:
    """The shortcuts of a message, and the one in the field where messages are written, for everybody; then the form to its end."""
    ts = await written(floor, "Mia Moe", "outcome-runtime", "People leave at the address form. Let us ask for less.")
    refused = {"Vic Viewer": "You can look, but not steer; ask somebody who may decide.", "Eve Stranger": UNKNOWN}
    for at, name in enumerate([*refused, *ALLOWED]):
        await floor.hand("become", name)
        every = {
            "Make it an outcome": "Why, and for whom?",
            "Make it a hypothesis": "Files it may touch",
            "New outcome": "Show the plan",
        }
        for shortcut, says in every.items() if name in refused else [list(every.items())[at % len(every)]]:
            if shortcut == "New outcome":
                await floor.page.get_by_role("main").get_by_role("combobox").press_sequentially("/n")
                await floor.page.keyboard.press("Tab")
            else:
                await floor.hand("shortcut", ts, shortcut)
            await floor.hand("form_reads", refused.get(name, says))
            await floor.hand("leave")

    await floor.hand("become", "Mia Moe")
    await floor.hand("shortcut", ts, "Make it an outcome")
    await floor.hand("form_reads", "Show the plan")
    assert "required" in (await floor.hand("send"))["wrong"][0]
    given = {
        "What shall become better": "Fewer people leave",
        "Another metric": "door/paid",
        "From": "32 %",
        "To": "45 %",
    }
    plan = await floor.hand("send", given)
    assert "+ outcome fewer-people-leave" in plan["says"]
    assert "Made fewer-people-leave" in (await floor.hand("send"))["says"]
    await floor.hand("leave")


async def test_words_in_a_gates_thread_are_confirmed_by_their_writer_alone(floor: Floor) -> None:
    kind = "launch_approval"
    ts = await floor.stands("Ben Okri", kind)
    await floor.hand("thread", ts)
    thread = floor.page.get_by_role("complementary", name="Thread")
    field = thread.get_by_role("combobox")
    await field.fill("approve but cap at 20%")
    await field.press("Enter")
    await expect(thread).to_contain_text("I understand: Approve launch, at most 20 % of users.")
    for name in ("Mia Moe", "Eve Stranger", "Ana Diaz"):
        await floor.hand("become", name)
        await floor.hand("go", channel_of(kind))
        await floor.hand("thread", ts)
        for label in ("No, that's not it", "Confirm"):
            await expect(thread).to_contain_text("I understand")
            seen = await thread.locator(".whisper").count()
            await thread.get_by_role("button", name=label).click()
            await expect(thread.locator(".whisper")).to_have_count(seen + 1)
            why = UNKNOWN if name == "Eve Stranger" else "Only @Ben Okri, who wrote it, may"
            await expect(thread.locator(".whisper").last).to_contain_text(why)
    assert (await floor.gates.gate(kind))["choice"] is None
    await floor.hand("become", "Ben Okri")
    await floor.hand("go", channel_of(kind))
    await floor.hand("thread", ts)
    await thread.get_by_role("button", name="Confirm").click()
    await floor.meanwhile(floor.hand("reads", ts, "@Ben Okri decided via Slack"))
    await expect(thread).to_contain_text("Recorded: Approve launch, at most 20 % of users.")
    await floor.gates.anew(kind)
