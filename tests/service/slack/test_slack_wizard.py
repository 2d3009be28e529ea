"""`/outcome new`, filled in by a person in a workspace: from the picker over the plan to an outcome that runs."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from bot.slack.sandbox.visitor import text_of
from runtime.db.tables import ingested_points
from runtime.outcomes import service
from runtime.spec.export import dump
from runtime.spec.load import load
from tests.story import FILE


async def form_of(visitor, words="", title="New outcome"):
    await visitor.command("checkout", f"/outcome new {words}".strip())
    return await shown(visitor, lambda view: "submit" in view and view["submit"] and view["title"]["text"] == title)


async def shown(visitor, fits, seconds=10):
    """The modal on top, once it is drawn as it should be."""
    deadline = time.monotonic() + seconds
    while True:
        found = (await visitor.look())["modal"]
        if found and fits(found):
            return found
        assert time.monotonic() < deadline, text_of(found) if found else "no modal"
        await asyncio.sleep(0.05)


def block(view, name):
    return next(one for one in view["blocks"] if str(one.get("block_id")).partition(".")[0] == name)


def filled(view, **fields):
    """What somebody typed and picked, by the blocks as they are named now."""
    return {
        block(view, name)["block_id"]: {block(view, name)["element"]["action_id"]: value}
        for name, value in fields.items()
    }


async def touched(visitor, view, name, value, **others):
    one = block(view, name)
    await visitor.touch(view, one["block_id"], one["element"]["action_id"], value, filled(view, **others))
    return await shown(visitor, lambda found: found["hash"] != view["hash"])


def options(view):
    return [
        option["value"] for group in block(view, "metric")["element"]["option_groups"] for option in group["options"]
    ]


async def stored(office):
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        return await service.applied_file(tx)


async def test_a_person_writes_an_outcome_sees_the_plan_and_applies_it(office):
    await office.applied()
    ana, ben = await office.come_in("ana"), await office.come_in("ben")
    view = await form_of(ana)
    assert "door/checkout_completed" in options(view)
    assert block(view, "owner")["element"]["initial_user"] == ana.id

    answers = {
        "title": "More people pay", "other": "door/paid", "from": "32 %", "to": "0,45", "minimum": "2 %", "horizon": "6w",
        "launcher": ben.id, "constraints": "slow_share <= 5 % from door/slow\nNo changes to the payment provider",
    }  # fmt: skip
    assert await ana.submit(view, filled(view, **answers)) == {}
    plan = await shown(ana, lambda found: found["title"]["text"] == "What would change")
    assert "+ outcome more-people-pay" in text_of(plan)
    assert plan["close"]["text"] == "Back"
    assert await ana.submit(plan) == {}
    done = await shown(ana, lambda found: found["title"]["text"] == "Done")
    assert "Started `more-people-pay`" in text_of(done)
    await ana.close(done)
    assert (await ana.look())["modal"] is None

    file = await stored(office)
    made = file.outcome("more-people-pay")
    assert (made.target.from_, made.target.to, made.measurement.minimum_effect) == (0.32, 0.45, 0.02)
    assert made.gates.launch_approval.assigned_to == "ben@example.com"
    assert [one.model_dump(exclude_none=True) for one in made.constraints] == [
        {"signal": "slow_share", "max": 0.05, "source": "door", "metric": "slow"}, {"rule": "No changes to the payment provider"},
    ]  # fmt: skip
    assert load(dump(file)) == file
    await office.story.work()
    gate = await office.story.gate("portfolio_review")
    assert gate["assigned_to"] == "ana@example.com"


async def test_back_leads_to_the_form_and_nothing_was_applied(office):
    await office.applied()
    ana = await office.come_in("ana")
    view = await form_of(ana, "Fewer returns")
    assert block(view, "title")["element"]["initial_value"] == "Fewer returns"
    picked = {
        "metric": "door/checkout_completed",
        "steps": "cart\norder",
        "method": "funnel",
        "from": "0.4",
        "to": "0.5",
    }
    assert await ana.submit(view, filled(view, **picked)) == {}
    plan = await shown(ana, lambda found: found["title"]["text"] == "What would change")
    await ana.close(plan)
    assert (await ana.look())["modal"]["id"] == view["id"]
    assert (await stored(office)).outcome("fewer-returns") is None


async def test_a_known_metric_fills_how_it_is_read_and_a_wrong_side_is_said_at_once(office):
    await office.applied()
    ana = await office.come_in("ana")
    view = await touched(ana, await form_of(ana), "metric", "door/checkout_completed", title="Pay", to="30 %")
    assert block(view, "method")["element"]["initial_option"]["value"] == "funnel"
    assert block(view, "steps")["element"]["initial_value"] == "cart\norder"
    assert block(view, "title")["element"]["initial_value"] == "Pay"
    assert "cannot be read now" in text_of(view)
    view = await touched(ana, view, "from", "32 %", metric="door/checkout_completed")
    assert "To (30.0 %) must lie above From (32.0 %)." in text_of(view)


async def test_the_level_a_source_reports_fills_from_and_is_held_against_what_is_typed(office):
    await office.applied()
    day = datetime(2026, 3, 2, tzinfo=UTC)
    point = {
        "org_id": office.story.org_id, "experiment_key": "", "signal_name": "paid", "variant": "", "window_from": day,
        "window_to": day + timedelta(days=1), "kind": "delta", "n": 1000, "total": 320, "total_sq": 320,
    }  # fmt: skip
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await tx.run(insert(ingested_points).values(point))
    ana = await office.come_in("ana")
    view = await form_of(ana)
    assert "door/paid" in options(view)
    view = await touched(ana, view, "metric", "door/paid", title="Pay")
    assert "*paid* stands at *32.0 %* (door, 1,000 users" in text_of(view)
    assert block(view, "from")["element"]["initial_value"] == "32 %"
    view = await touched(ana, view, "from", "50 %", metric="door/paid", to="60 %")
    assert "From says 50.0 %, but it stands at 32.0 %." in text_of(view)
    view = await touched(ana, view, "to", "30 %", metric="door/paid", **{"from": "25 %"})
    assert "It has reached 30.0 % already." in text_of(view)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"from": "a third", "to": "0.5"}, {"from": "Write a number: 0.32, 32 % or 1200."}),
        ({"from": "0.5", "to": "0.4"}, {"to": "It must lie above From to increase; correct from and to, or the direction."}),
        ({"horizon": "soon"}, {"horizon": "duration"}),
        ({"constraints": "slow < 5"}, {"constraints": "write a limit as slow_share <= 0.05"}),
        ({"other": "nowhere/paid"}, {"other": "There is no source “nowhere”; known are door, webhook."}),
        ({"method": "funnel"}, {"steps": "a funnel needs at least two steps"}),
    ],
)  # fmt: skip
async def test_errors_stand_under_their_field_in_its_words(office, fields, wrong):
    await office.applied()
    ana = await office.come_in("ana")
    view = await form_of(ana)
    given = {"title": "Pay", "other": "door/paid", "from": "0.3", "to": "0.4", **fields}
    errors = await ana.submit(view, filled(view, **given))
    assert {name.partition(".")[0] for name in errors} == set(wrong)
    for name, text in errors.items():
        assert wrong[name.partition(".")[0]] in text


async def test_it_works_before_anything_was_ever_applied(office):
    arun = await office.come_in("arun")
    view = await form_of(arun)
    given = {
        "title": "Ship faster",
        "other": "lead_time",
        "method": "custom",
        "direction": "decrease",
        "from": "12",
        "to": "6",
    }
    assert await arun.submit(view, filled(view, **given)) == {}
    plan = await shown(arun, lambda found: found["title"]["text"] == "What would change")
    assert await arun.submit(plan, filled(plan, start=[])) == {}
    await shown(arun, lambda found: "Done" in found["title"]["text"])
    [spec] = (await stored(office)).outcomes
    assert (spec.signal.source, spec.signal.metric, spec.signal.method) == ("webhook", "lead_time", "custom")
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        row = await service.rows.by_slug(tx, "ship-faster")
    assert row["status"] == "draft"


async def test_what_changed_meanwhile_is_shown_before_it_is_applied(office):
    await office.applied()
    ana = await office.come_in("ana")
    view = await form_of(ana)
    await ana.submit(view, filled(view, title="Checkout", other="door/paid", to="0.4", **{"from": "0.3"}))
    plan = await shown(ana, lambda found: found["title"]["text"] == "What would change")
    assert "+ outcome checkout-2" in text_of(plan)
    spec, connectors = FILE.split("signal_connectors")
    other = spec.partition("outcomes:\n")[2].replace("id: checkout", "id: checkout-2")
    await office.story.apply(f"{spec}{other}signal_connectors{connectors}")
    assert await ana.submit(plan) == {}
    again = await shown(ana, lambda found: "meanwhile" in text_of(found))
    assert "~ title" in text_of(again)
    assert (await stored(office)).outcome("checkout-2").title == "Finish the checkout"


async def test_only_owners_and_admins_name_new_people_and_viewers_write_nothing(office):
    await office.applied()
    ana, vic, eve = await office.come_in("ana"), await office.come_in("vic"), await office.come_in("eve")
    view = await form_of(ana)
    await ana.submit(view, filled(view, title="Pay", other="door/paid", to="0.4", backups=[eve.id], **{"from": "0.3"}))
    refused = await shown(ana, lambda found: found["title"]["text"] == "Not possible")
    assert "eve@elsewhere.test would become a member" in text_of(refused)
    await vic.command("checkout", "/outcome new")
    assert "You can look, but not steer" in text_of(await shown(vic, lambda found: "steer" in text_of(found)))


async def test_three_seconds_are_kept_when_a_source_is_slow(office):
    """The form opens before anything is read."""
    await office.applied()
    ana = await office.come_in("ana")
    await office.fail_next(method="views.update", kind="delay", seconds=1.0)
    await ana.command("checkout", "/outcome new")
    waiting = await ana.wait_for_modal(2)
    assert "One moment" in text_of(waiting)
    await shown(ana, lambda found: found["id"] == waiting["id"] and "One moment" not in text_of(found))
