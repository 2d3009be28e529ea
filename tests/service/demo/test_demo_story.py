"""The demo's end: what counts as decided, where flags must be, and a table that shows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from demo.doors import Experiment, FlagState, Gate, Learning, Rest, listed
from demo.story import Story, flag_is_where_it_should_be, gate_table, is_found, question_about, table, truth_table
from demo.truth import FAMILIES, KINDS, draw, family_of

AT = datetime(2031, 3, 1, tzinfo=UTC)


def gate(**more: Any) -> Gate:
    fields = {
        "id": "g-1",
        "gate_type": "analysis_review",
        "status": "approved",
        "choice": "ship",
        "decided_by": "ana@example.com",
    }
    return Gate.model_validate(
        {**fields, "experiment_id": "e-1", "created_at": AT, "responded_at": AT + timedelta(seconds=3), **more}
    )


def experiment(**more: Any) -> Experiment:
    fields = {"id": "e-1", "title": "Let guests buy", "status": "shipped", "feature_flag_key": "guest"}
    return Experiment.model_validate({**fields, "prediction": {"expected_delta": 0.02}, **more})


def story_of(one: Gate, other: Experiment) -> Story:
    return Story(say=lambda _: None, gates={one.id: one}, experiments={other.id: other})


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [
        (gate(), experiment(), True),
        (gate(choice="kill", status="rejected"), experiment(status="killed"), True),
        (gate(decided_by=None), experiment(), False),
        (gate(status="timed_out"), experiment(status="killed"), False),
        (gate(choice="iterate", status="rejected"), experiment(status="killed"), True),
        (gate(), experiment(status="running"), False),
        (gate(gate_type="portfolio_review", choice="reject", status="rejected"), experiment(status="killed"), False),
    ],
)
def test_only_what_a_person_ended_at_a_gate_counts(one: Gate, other: Experiment, *, counts: bool) -> None:
    assert bool(story_of(one, other).decided()) is counts


@pytest.mark.parametrize(
    ("status", "flag", "right"),
    [
        ("shipped", FlagState(enabled=True, percentage=100), True),
        ("shipped", FlagState(enabled=True, percentage=50), False),
        ("shipped", FlagState(enabled=False, percentage=100), False),
        ("shipped", None, False),
        ("killed", FlagState(enabled=False, percentage=50), True),
        ("killed", None, True),
        ("killed", FlagState(enabled=True, percentage=1), False),
    ],
)
def test_the_flag_must_be_where_the_decision_put_it(status: str, flag: FlagState | None, *, right: bool) -> None:
    assert flag_is_where_it_should_be(experiment(status=status), flag) is right


def test_a_learning_is_found_by_its_experiment() -> None:
    learnings = [Learning(id="l-1", experiment_id="other"), Learning(id="l-2", experiment_id="e-1")]

    assert is_found(experiment(), learnings)
    assert not is_found(experiment(id="e-9"), learnings)


def test_the_question_shares_no_telling_word_with_the_title() -> None:
    assert question_about(experiment()) == "must people register before they can buy?"


def test_the_closing_table_shows_what_the_gate_froze() -> None:
    shown = {"delta": 0.021, "ci_lower": 0.004, "ci_upper": "inf", "p_value": 0.0123}
    one = gate(evidence_hash="0123456789abcdef", signal_snapshot=shown)

    text = gate_table(story_of(one, experiment()))

    line = text.splitlines()[2]
    assert line.startswith("Gate 3, analysis")
    for cell in ("ana@example.com", "ship", "0123456789ab", "0.0123", "+0.0040 to +inf", "+0.0200", "+0.0210", "3.0"):
        assert cell in line


def test_the_hidden_truth_stands_beside_the_measurement() -> None:
    one = experiment(final_result={"delta": 0.019, "ci_lower": 0.01, "ci_upper": 0.03})
    truth = {"guest": {"kind": "helps", "family": "guest", "conversion": 0.02, "latency_factor": 1.0}}

    text = truth_table(story_of(gate(), one), truth)

    assert "helps" in text
    assert "+0.0200" in text
    assert "+0.0190" in text


def test_text_from_outside_cannot_move_the_terminal() -> None:
    assert "\x1b" not in table(("a",), [("\x1b[2Jx",)])


def test_lists_are_found_under_any_name() -> None:
    assert listed([1]) == listed({"items": [1], "next": None}) == [1]
    assert listed({"nothing": None}) == []


async def test_steps_are_told_once_each() -> None:
    answers = {
        "/api/v1/gates": {"gates": [gate(status="pending", choice=None, question="Ship it?").model_dump(mode="json")]},
        "/api/v1/experiments/e-1": experiment(status="awaiting_analysis_gate").model_dump(mode="json"),
    }

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer or_key"
        return web.json_response(answers[request.path])

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    said: list[str] = []
    async with TestServer(app) as server, ClientSession() as session:
        rest = Rest(session, str(server.make_url("")).rstrip("/"), "or_key")
        following = Story(said.append)
        for _ in range(3):
            await following.look(rest)
        answers["/api/v1/gates"]["gates"][0] |= {"status": "approved", "choice": "ship"}
        await following.look(rest)

    assert said == [
        "Gate 3, analysis: Ship it? (asked: )",
        "“Let guests buy” is awaiting analysis gate",
        "Gate 3, analysis: ship by ana@example.com",
    ]


def test_the_truth_is_drawn_once_for_a_seed() -> None:
    assert draw(1, "guest", "guest") == draw(1, "guest", "guest")
    assert len({draw(seed, "guest", "guest").conversion for seed in range(30)}) > 10


def test_most_truths_help_a_little_and_every_sort_occurs() -> None:
    drawn = [draw(7, f"flag-{number}", "other") for number in range(600)]
    share = {kind: sum(truth.kind == kind for truth in drawn) / len(drawn) for kind in KINDS}

    assert share["helps"] == pytest.approx(0.6, abs=0.08)
    assert min(share.values()) > 0.05
    assert all(0 < truth.conversion <= 0.036 for truth in drawn if truth.kind == "helps")
    assert all(truth.latency_factor >= 1.7 for truth in drawn if truth.kind == "slows")


def test_families_are_told_by_their_words() -> None:
    assert family_of("Offer guest checkout") == "guest"
    assert family_of("Something entirely different") == "other"
    assert {name for name, _ in FAMILIES} >= {"guest", "wallet", "urgency"}
