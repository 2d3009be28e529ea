"""Gates in Slack, through signed requests: what is shown, who may press what, and what happens then."""

import json

from bot.slack.sandbox.visitor import text_of


async def test_gate_one_arrives_with_its_chart_its_buttons_and_a_call_to_the_person_asked(office):
    await office.story.apply()
    await office.work()
    ana = await office.come_in("ana")
    gate = await ana.wait_for("checkout", lambda message: "Which experiments may be built" in text_of(message))
    print(json.dumps(gate["blocks"], indent=1, ensure_ascii=False))
    assert f"<@{ana.id}>" in text_of(gate)
    assert any(block["type"] == "image" for block in gate["blocks"])
