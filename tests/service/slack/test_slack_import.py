"""`/outcome import`: an outcome.yaml pasted or uploaded, its errors line by line, its plan, and one button."""

from random import Random

import pytest

from bot.slack.sandbox.visitor import text_of
from tests.service.slack.test_slack_wizard import filled, shown, stored
from tests.story import FILE


async def form_of(visitor):
    await visitor.command("checkout", "/outcome import")
    return await shown(visitor, lambda view: view["submit"])


async def pasted(visitor, text):
    view = await form_of(visitor)
    return await visitor.submit(view, filled(view, text=text))


async def test_a_pasted_file_is_planned_and_applied(office):
    arun = await office.come_in("arun")
    assert await pasted(arun, FILE) == {}
    plan = await shown(arun, lambda found: found["title"]["text"] == "What would change")
    assert "+ outcome checkout" in text_of(plan)
    assert "signal_connectors" in text_of(plan)
    assert await stored(office) is None
    await arun.submit(plan)
    done = await shown(arun, lambda found: found["title"]["text"] == "Done")
    assert "Started `checkout`" in text_of(done)
    assert (await stored(office)).outcome("checkout").title == "Finish the checkout"

    assert await pasted(arun, FILE) == {}
    assert "Nothing would change" in text_of(await shown(arun, lambda found: found["clear_on_close"]))


async def test_every_error_is_named_with_its_line_and_key_and_back_keeps_the_text(office):
    arun = await office.come_in("arun")
    wrong = FILE.replace("from: 0.32", "from: much").replace("horizon: 6w", "horizon: soon")
    await pasted(arun, wrong)
    said = await shown(arun, lambda found: found["title"]["text"] == "Not valid yet")
    assert "2 problems; nothing was applied." in text_of(said)
    assert "outcome.yaml:7" in text_of(said)
    assert "outcomes[0].target.from" in text_of(said)
    assert "outcomes[0].horizon" in text_of(said)
    await arun.close(said)
    assert (await arun.look())["modal"]["callback_id"] == "outcome-import"


async def test_a_change_of_what_runs_says_that_it_waits_at_a_gate(office):
    await office.applied()
    ana = await office.come_in("ana")
    await pasted(ana, FILE.replace("to: 0.45", "to: 0.5"))
    plan = await shown(ana, lambda found: found["title"]["text"] == "What would change")
    assert "~ target.to: 0.45 -&gt; 0.5 !" in text_of(plan)
    assert "they wait at a gate" in text_of(plan)
    await ana.submit(plan)
    assert "Waits at a gate: `checkout`" in text_of(await shown(ana, lambda found: found["title"]["text"] == "Done"))
    assert (await stored(office)).outcome("checkout").target.to == 0.45


async def test_connections_are_changed_by_owners_and_admins_only(office):
    await office.applied()
    stolen = FILE.replace("{clock: data}", '{clock: data, note: "${HOME}"}')
    ana, ada = await office.come_in("ana"), await office.come_in("ada")
    errors = await pasted(ana, stolen)
    assert "only an owner or an admin may" in errors["text"]
    await ana.close((await ana.look())["modal"])
    assert "only an owner or an admin" not in str(await pasted(ada, stolen))


async def test_nothing_at_all_and_text_that_is_no_yaml_are_answered_under_the_field_or_with_the_line(office):
    arun = await office.come_in("arun")
    assert await pasted(arun, "") == {"text": "Paste an outcome.yaml here, or upload one below."}
    view = (await arun.look())["modal"]
    await arun.submit(view, filled(view, text="outcomes: ["))
    assert "outcome.yaml:" in text_of(await shown(arun, lambda found: found["title"]["text"] == "Not valid yet"))


async def test_a_plan_too_long_for_a_form_is_refused_with_the_way_on(office):
    arun = await office.come_in("arun")
    noise = "".join(chr(Random(n).randrange(0x4E00, 0x9FA5)) for n in range(1400))
    errors = await pasted(arun, f"# {noise}\n{FILE}")
    assert "upload it as a file" in errors["text"]


@pytest.mark.parametrize("name", ["outcome.yaml", "long.yml"])
async def test_an_uploaded_file_may_be_longer_than_a_form(office, name):
    arun = await office.come_in("arun")
    view = await form_of(arun)
    comment = "# a remark\n" * (1 if name == "outcome.yaml" else 4000)
    file = await arun.upload(name, (comment + FILE).encode())
    assert await arun.submit(view, filled(view, file=[file])) == {}
    plan = await shown(arun, lambda found: found["title"]["text"] == "What would change")
    await arun.submit(plan)
    await shown(arun, lambda found: found["title"]["text"] == "Done")
    assert (await stored(office)).outcome("checkout") is not None


async def test_a_file_that_is_no_text_is_refused(office):
    arun = await office.come_in("arun")
    view = await form_of(arun)
    file = await arun.upload("outcome.yaml", b"\xff\xfe\x00")
    assert "not UTF-8" in (await arun.submit(view, filled(view, file=[file])))["text"]
