"""The Home tab's blocks: from nothing at all to more than anybody reads, always something Slack takes."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bot.slack import sample_rows as rows
from bot.slack.dashboard import Desk, found_blocks, home_blocks, progress_bar
from bot.slack.sandbox.blocks import view_problems
from bot.slack.sandbox.visitor import text_of
from runtime.gates.choices import CHOICES
from runtime.identity.people import Member

ANA = Member(UUID(int=1), UUID(int=2), "Ana", "ana@example.com", "member", None, "Europe/Berlin", None)
NOBODYS = Desk(ANA, [], {}, [], [], [], [])


def crowded(say=str, role="member", gates=200, outcomes=12, runs=6):
    kinds = list(CHOICES)
    waiting = [
        rows.gate(kinds[n % len(kinds)], say, id=UUID(int=100 + n), due_at=rows.AT + timedelta(hours=n - 2))
        for n in range(gates)
    ]
    mine = [rows.outcome(say, id=UUID(int=1000 + n), slug=f"outcome-{n}") for n in range(outcomes)]
    going = [
        rows.experiment(
            say,
            id=UUID(int=5000 + 100 * n + m),
            outcome_id=one["id"],
            status=("measuring", "paused", "building")[m % 3],
        )
        for n, one in enumerate(mine)
        for m in range(runs)
    ]
    decided = [
        rows.gate(
            "launch_approval",
            say,
            status="approved",
            choice="approve",
            decided_by=say("ana@example.com"),
            responded_at=rows.AT,
        )
    ] * 5
    learned = [{"finding": say("Guest checkout raised completion.") * 20}] * 5
    links = {gate["id"]: "https://slack.example.com/archives/C1/p1" for gate in waiting[:50]}
    levels = {one["id"]: [0.3 + 0.001 * step for step in range(300)] for one in mine}
    member = Member(UUID(int=1), UUID(int=2), "Ana", "ana@example.com", role, None, "Europe/Berlin", None)
    return Desk(member, waiting, links, mine, going, decided, learned, waiting, levels, rows.AT)


def view(desk):
    return {"type": "home", "blocks": home_blocks(desk)}


def buttons(blocks):
    every = [element for block in blocks for element in [*(block.get("elements") or []), block.get("accessory") or {}]]
    return [element for element in every if element.get("type") == "button"]


@pytest.mark.parametrize(
    "desk", [NOBODYS, crowded(), crowded(role="viewer"), crowded(gates=1, outcomes=1, runs=40), crowded(lambda text: text * 400)],
    ids=["nothing", "two hundred gates", "a viewer", "one outcome with forty experiments", "endless texts"],
)  # fmt: skip
def test_whatever_there_is_slack_takes_it(desk):
    assert not view_problems(view(desk), "home")
    assert len(home_blocks(desk)) <= 100
    assert len(json.dumps(view(desk)).encode()) < 250_000


def test_with_two_hundred_gates_the_soonest_come_first_and_the_rest_is_counted():
    shown = text_of(view(crowded()))
    assert "200 decisions wait for you" in shown
    assert "and 188 more; `/outcome gates` lists them all" in shown
    assert "*overdue*" in shown
    assert "As of <!date^" in shown
    assert "Search what was learned" in shown


def test_more_experiments_and_outcomes_than_fit_are_counted_not_dropped_in_silence():
    shown = text_of(view(crowded(gates=0, outcomes=12, runs=6)))
    assert "lists them" in shown
    assert "and more; `/outcome list` shows them all" in shown


def test_nothing_is_no_dead_end():
    blocks = home_blocks(NOBODYS)
    assert "First steps" in text_of({"blocks": blocks})
    assert [element["action_id"] for element in buttons(blocks)] == ["home-new"]


def test_people_are_named_and_a_held_answer_is_no_button():
    gate = rows.gate("launch_approval", str)
    decided = rows.gate(
        "ship_approval", str, status="approved", choice="ship", decided_by=rows.BEN, responded_at=rows.AT
    )
    hold = {
        "member": rows.ANA, "via": "page", "decision": {"choice": "approve", "label": "Approve launch"}, "created_at": rows.AT,
        "until": rows.AT + timedelta(minutes=2),
    }  # fmt: skip
    plain = Desk(ANA, [gate], {}, [], [], [decided], [], [gate], people=rows.people(str))
    shown = [button["text"]["text"] for button in buttons(home_blocks(plain))]
    assert "Approve launch" in shown
    assert {"Approve with conditions…", "Delegate…", "Ask…"} <= set(shown)
    assert "Ben Okri" in text_of(view(plain))
    assert "ben@example.com" not in text_of(view(plain))
    held = replace(plain, holds={gate["id"]: hold})
    assert "<@U0ANA00001> answered *Approve launch* on the gate's page" in text_of(view(held))
    assert "Approve launch" not in [button["text"]["text"] for button in buttons(home_blocks(held))]


def test_a_viewer_sees_the_same_without_a_single_button():
    blocks = home_blocks(crowded(role="viewer"))
    assert not buttons(blocks)
    assert "200 decisions wait for you" in text_of({"blocks": blocks})


def test_no_text_of_others_becomes_a_mention_or_a_link():
    shown = text_of(view(crowded(lambda text: f"<!channel> <@U123> <https://evil.test|x> {text}", gates=8)))
    assert "<!channel>" not in shown
    assert "<@U123>" not in shown
    assert "<https://evil.test" not in shown


@pytest.mark.parametrize(("share", "bar"), [(-1.0, "░" * 10), (0.5, "▓" * 5 + "░" * 5), (1.7, "▓" * 10)])
def test_the_bar_stays_within_its_ends(share, bar):
    assert progress_bar(share) == bar


@pytest.mark.parametrize(
    ("levels", "said"),
    [([0.36, 0.33], "↘ away from the target"), ([0.33, 0.3301], "→ steady"), ([0.33, 0.36], "↗ towards the target")],
)
@pytest.mark.parametrize("falling", [False, True])
def test_a_trend_is_told_by_the_targets_direction(levels, said, falling):
    low, high = (0.32, 0.45) if not falling else (-0.32, -0.45)
    outcome = rows.outcome(str, target={"direction": "decrease" if falling else "increase", "from": low, "to": high})
    shown = {outcome["id"]: [-level if falling else level for level in levels]}
    desk = Desk(ANA, [], {}, [outcome], [], [], [], levels=shown)
    assert said in text_of(view(desk))


def test_a_search_without_a_find_says_so():
    assert "Nothing was learned about this yet" in text_of({"blocks": found_blocks("x", [])})
