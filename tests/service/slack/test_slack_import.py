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


async def dropped(visitor, *contents, text="", channel="outcome", name="outcome.yaml"):
    """Sends files with a message; answers what is said in its thread."""
    files = [await visitor.upload(name, content) for content in contents]
    ts = await visitor.say(channel, text, files=files)
    return await visitor.wait_for(channel, lambda one: one.get("thread_ts") == ts and one.get("bot_id"))


async def rewritten(visitor, message, words, channel="outcome"):
    return await visitor.wait_for(channel, lambda one: one["ts"] == message["ts"] and words in text_of(one))


async def test_a_file_in_a_direct_message_is_planned_and_its_button_applies_it_once(office):
    arun = await office.come_in("arun")
    long = b"# a remark\n" * 4000 + FILE.encode()
    plan = await dropped(arun, long, text="here it is")
    assert "What would change" in text_of(plan)
    assert "+ outcome checkout" in text_of(plan)
    assert await stored(office) is None

    eve = await office.come_in("eve")
    told = await dropped(eve, FILE.encode())
    assert "I know people by e-mail address" in text_of(told)

    await arun.press("Apply", plan, {"import-start": {"import-start": ["start"]}})
    done = await rewritten(arun, plan, "Started `checkout`")
    assert not [block for block in done["blocks"] if block["type"] == "actions"]
    assert (await stored(office)).outcome("checkout").title == "Finish the checkout"
    again = await dropped(arun, FILE.encode())
    assert "Nothing would change" in text_of(again)


async def test_a_file_with_a_mention_in_a_channel_is_planned_once_and_applied_by_whoever_may(office):
    await office.applied()
    ana, ada, vic = [await office.come_in(name) for name in ("ana", "ada", "vic")]
    stolen = FILE.replace("{clock: data}", '{clock: data, note: "${HOME}"}').encode()
    refused = await dropped(ana, stolen, text="@outcome please", channel="checkout")
    assert "only an owner or an admin may" in text_of(refused)
    assert "steer" in text_of(await dropped(vic, FILE.encode(), text="@outcome", channel="checkout"))

    changed = FILE.replace("to: 0.45", "to: 0.5").encode()
    plan = await dropped(ada, changed, text="@outcome this one", channel="checkout")
    assert "~ target.to: 0.45 -&gt; 0.5 !" in text_of(plan)
    await vic.press("Apply", plan)
    await vic.wait_for("checkout", lambda one: one.get("only_for") == vic.id and "steer" in text_of(one))
    await ana.press("Apply", plan)
    assert "Applied by" in text_of(await rewritten(ana, plan, "Waits at a gate: `checkout`", "checkout"))
    said = [
        one for one in await ada.messages("checkout") if one.get("thread_ts") == plan["thread_ts"] and one.get("bot_id")
    ]
    assert len(said) == 1, "Slack tells of it twice, as a message and as a mention"


async def test_what_cannot_be_imported_is_answered_in_words(office):
    arun = await office.come_in("arun")
    wrong = FILE.replace("from: 0.32", "from: much").encode()
    said = text_of(await dropped(arun, wrong))
    assert "1 problem; nothing was applied." in said
    assert "outcomes[0].target.from" in said
    assert "“notes.pdf” is none" in text_of(await dropped(arun, b"%PDF", name="notes.pdf"))
    assert "one outcome.yaml at a time" in text_of(await dropped(arun, FILE.encode(), FILE.encode()))
    assert "not UTF-8" in text_of(await dropped(arun, b"\xff\xfe\x00"))
    assert "at most 1 MiB" in text_of(await dropped(arun, b"#" * (1024 * 1024 + 1)))
    plan = await dropped(arun, b"\xef\xbb\xbf" + FILE.encode())
    await arun.press("Don't apply", plan)
    await rewritten(arun, plan, "Nothing was applied")
    assert await stored(office) is None


async def test_a_files_bytes_are_for_the_apps_token_only(office):
    arun = await office.come_in("arun")
    plan = await dropped(arun, FILE.encode())
    [message] = [one for one in await arun.messages("outcome") if one["ts"] == plan["thread_ts"]]
    assert message["subtype"] == "file_share"
    url = message["files"][0]["url_private"]
    for headers in ({}, {"Authorization": "Bearer xoxb-another"}):
        async with office.http.get(url, headers=headers) as reply:
            assert reply.content_type == "text/html"
            assert FILE not in await reply.text()
    token = office.config.bot_token.get_secret_value()
    async with office.http.get(url, headers={"Authorization": f"Bearer {token}"}) as reply:
        assert await reply.text() == FILE
