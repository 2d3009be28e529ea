"""The page behind a link, for each kind of gate and whoever looks: it renders, offers what the gate offers, and runs nothing."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from bot.mail import page, page_form, page_view
from bot.mail.page_view import Seen
from bot.slack import sample_rows as samples
from bot.slack.sample_rows import ANA, AT
from runtime.errors import InvalidRequest
from runtime.gates.choices import CHOICES
from runtime.identity.people import Member

ATTACK = '</style><script>alert(1)</script><img src=x onerror=alert(2)>"\u202e'


def shown(seen: Seen) -> str:
    said = {
        "error": "",
        "notice": "",
        "field": "",
        "answer": None,
        "typed": {},
        "picked": None,
        "bound": False,
        "undo": "at once",
    }
    response = page._page("page_gate.html", status=200, title="t", gate=page_view.shown(seen), once="o", csrf="c", action="/g/x", **said)  # fmt: skip
    assert response.text is not None
    return response.text


def member(email: str, role: str = "member") -> Member:
    return Member(uuid4(), uuid4(), email.partition("@")[0].title(), email, role, timezone="Europe/Berlin")


@pytest.mark.parametrize("kind", CHOICES)
def test_every_kind_of_gate_offers_its_answers(kind: str) -> None:
    gate = samples.gate(kind, str)
    text = shown(Seen(gate, member(gate["assigned_to"]), AT))
    for option in gate["options"]:
        assert (f'value="{option["id"]}"' in text) == option.get("drawn", True)
    assert "CET" in text or "CEST" in text
    assert ('name="percent"' in text) == any(item["needs_percent"] and item["drawn"] for item in gate["options"])
    assert ('name="pick"' in text) == bool(kind == "portfolio_review" and gate["context_package"].get("experiments"))


@pytest.mark.parametrize("kind", CHOICES)
def test_foreign_text_stays_text(kind: str) -> None:
    gate = samples.gate(kind, lambda words: f"{words} {ATTACK}")
    text = shown(Seen(gate, member(gate["assigned_to"]), AT, alt=ATTACK, names={gate["assigned_to"]: ATTACK}))
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert text.count("<style>") == text.count("</style>") == 1


def test_an_owner_is_told_to_give_a_reason_and_a_viewer_whom_to_ask() -> None:
    gate = samples.gate("launch_approval", str)
    assert "if you give a reason" in shown(Seen(gate, member("olga@example.com", "owner"), AT))
    viewer = shown(Seen(gate, member("vic@example.com", "viewer"), AT))
    assert "You can look at this gate but not decide it" in viewer
    assert 'name="choice"' not in viewer


def test_a_held_answer_is_shown_with_its_end_and_its_author_alone_takes_it_back() -> None:
    gate = samples.gate("launch_approval", str)
    hold = {
        "id": uuid4(), "member": gate["assigned_to"], "decision": {"choice": "approve", "label": "Approve launch"}, "via": "mail",
        "created_at": AT, "until": AT + timedelta(minutes=2),
    }  # fmt: skip
    mine, other = (shown(Seen(gate, member(who), AT, hold=hold)) for who in (gate["assigned_to"], f"{ANA}.test"))
    assert ("Take it back" in mine, "Take it back" in other) == (True, False)
    for text in (mine, other):
        assert "by e-mail" in text
        assert 'name="choice"' not in text


OPTIONS = [
    {"id": "approve", "gate_event": "approve", "needs_percent": False},
    {"id": "scale", "gate_event": "approve_with_conditions", "needs_percent": True},
    {"id": "reject", "gate_event": "reject", "needs_percent": False},
]
ONE = UUID(int=1)


def test_ticked_experiments_count_for_an_approval_and_unticked_ones_are_none() -> None:
    ticked = [("choice", "approve"), ("picks", "1"), ("pick", str(ONE))]
    assert page_form.decision(page_form.typed(ticked), OPTIONS, "e").selection == (ONE,)
    assert page_form.decision(page_form.typed(ticked[:2]), OPTIONS, "e").selection == ()
    assert page_form.decision(page_form.typed(ticked[:1]), OPTIONS, "e").selection is None
    assert page_form.decision(page_form.typed([("choice", "reject"), *ticked[1:]]), OPTIONS, "e").selection is None
    with pytest.raises(InvalidRequest, match="not the gate's"):
        page_form.decision(page_form.typed([*ticked, ("pick", "x")]), OPTIONS, "e")


@pytest.mark.parametrize(("said", "percent"), [("50", 50), (" 50 % ", 50), ("", None), ("99999", 9999)])
def test_a_percentage_is_read_and_left_to_the_gate_to_judge(said: str, percent: int | None) -> None:
    form = page_form.typed([("choice", "scale"), ("percent", said)])
    assert page_form.decision(form, OPTIONS, "e").percent == percent


@pytest.mark.parametrize("said", ["half", "-5", "5.5", "٣"])
def test_a_percentage_in_words_is_asked_for_again(said: str) -> None:
    with pytest.raises(InvalidRequest, match="whole number"):
        page_form.decision(page_form.typed([("choice", "scale"), ("percent", said)]), OPTIONS, "e")
