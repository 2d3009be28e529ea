"""Shortcuts: a message becomes an outcome or a hypothesis, and a new outcome is begun from anywhere."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.slack.sandbox.config import installed_from
from bot.slack.sandbox.visitor import text_of
from tests.service.slack.test_slack_wizard import block, filled, shown, stored

MANIFEST = Path(__file__).parents[3] / "manifest.yaml"


@pytest.fixture
def sandbox_config(sandbox_config):
    """With the shortcuts that the app's own manifest declares."""
    return sandbox_config.model_copy(update={"shortcuts": installed_from(MANIFEST)[1]})


async def said(visitor, text):
    ts = await visitor.say("checkout", text)
    return await visitor.wait_for("checkout", lambda one: one["ts"] == ts)


async def test_a_message_begins_an_outcome_and_its_words_only_fill_fields(office):
    await office.applied()
    ana = await office.come_in("ana")
    words = "Fewer people <!channel> should return shoes & boots. It costs us 4 EUR each."
    await ana.use_shortcut("outcome-from-message", await said(ana, words))
    view = await shown(ana, lambda found: found["callback_id"] == "outcome-new")
    assert block(view, "title")["element"]["initial_value"].startswith("Fewer people")
    assert "shoes & boots" in block(view, "title")["element"]["initial_value"]
    assert "It costs us 4 EUR each." in block(view, "description")["element"]["initial_value"]
    given = {"other": "door/returns", "direction": "decrease", "from": "20 %", "to": "10 %", "title": "Fewer returns"}
    assert await ana.submit(view, filled(view, **given)) == {}
    await ana.submit(await shown(ana, lambda found: found["callback_id"] == "outcome-apply"))
    await shown(ana, lambda found: found["title"]["text"] == "Done")
    assert (await stored(office)).outcome("fewer-returns").target.to == 0.1


async def test_the_global_shortcut_opens_the_same_form_and_a_stranger_is_told_why_not(office):
    await office.applied()
    ana, eve = await office.come_in("ana"), await office.come_in("eve")
    await ana.use_shortcut("new-outcome")
    assert await shown(ana, lambda found: found["callback_id"] == "outcome-new")
    await eve.use_shortcut("new-outcome")
    assert "I know people by e-mail address" in text_of(await shown(eve, lambda found: "e-mail" in text_of(found)))


async def test_a_message_becomes_a_hypothesis_that_somebody_decides_on_at_gate_1(office):
    await office.applied()
    await office.story.decide("portfolio_review", "reject", "ana@example.com", note="not these")
    await office.story.work()
    ana = await office.come_in("ana")
    await ana.use_shortcut("hypothesis-from-message", await said(ana, "Let people pay without an account"))
    view = await shown(ana, lambda found: found["callback_id"] == "hypothesis-new")
    assert block(view, "outcome")["element"]["initial_option"]["value"] == "checkout"
    assert block(view, "change")["element"]["initial_value"] == "Let people pay without an account"
    given = {"effect": "2 %", "because": "a third of them leave at the account form", "scope": "services/payments/"}
    errors = await ana.submit(view, filled(view, **given))
    assert "Not for this outcome" in errors["scope"]
    assert await ana.submit(view, filled(view, **{**given, "scope": "frontend/checkout/"})) == {}
    assert "comes to gate 1" in text_of(await shown(ana, lambda found: found["title"]["text"] == "Proposed"))
    gate = await office.story.gate("portfolio_review")
    [listed] = gate["context_package"]["experiments"]
    assert listed["title"] == "Let people pay without an account"
    assert ["Proposed by", "ana@example.com, by hand"] in gate["context_package"]["facts"]
    row = next(one for one in await office.story.experiments() if one["generated_by"] == "person")
    assert row["status"] == "awaiting_portfolio_gate"
    assert row["hypothesis"].startswith(
        "If Let people pay without an account, then checkout_completed rises by 0.02 because"
    )


async def test_while_a_portfolio_waits_no_second_one_comes(office):
    await office.applied()
    ana = await office.come_in("ana")
    await ana.use_shortcut("hypothesis-from-message", await said(ana, "Let people pay without an account"))
    view = await shown(ana, lambda found: found["callback_id"] == "hypothesis-new")
    given = {"effect": "two", "because": "a third of them leave at the account form", "scope": "frontend/checkout/"}
    assert "Write a number" in (await ana.submit(view, filled(view, **given)))["effect"]
    errors = await ana.submit(view, filled(view, **{**given, "effect": "0.02"}))
    assert "A portfolio waits at its gate" in errors["outcome"]


async def test_home_has_a_button_for_it_too(office):
    await office.applied()
    ana = await office.come_in("ana")
    await ana.open_home()
    deadline = time.monotonic() + 10
    while not (home := (await ana.look())["home"]):
        assert time.monotonic() < deadline, "no Home tab"
        await asyncio.sleep(0.05)
    await ana.press("New outcome", home)
    assert await shown(ana, lambda found: found["callback_id"] == "outcome-new")
