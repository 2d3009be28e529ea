"""The living message of an experiment, in each of its states."""

import json

import pytest

from bot.slack.progress import STATES, alarm, experiment_message
from bot.slack.sandbox.blocks import problems
from bot.slack.view import Picture
from runtime.lifecycle import EXPERIMENT
from runtime.measurement.early import early
from runtime.settings import Settings

RESULT = {
    "delta": 0.016, "ci_lower": 0.001, "ci_upper": "inf", "p_value": 0.0123456, "confidence": "95 %", "n_control": 1200, "n_treatment": 1190, "srm_flagged": False,
    "headline": "Better than control: +1.60 pp", "data_through": "2026-03-09T00:00:00+00:00", "guardrails": [{"name": "slow <share>", "state": "safe"}],
}  # fmt: skip
ROW = {
    "title": "Fewer *fields* & <b>", "status": "measuring", "feature_flag_key": "fewer-fields", "rollout_percent": 50, "current_result": RESULT, "final_result": None,
    "pause_reason": None,
}  # fmt: skip
OUTCOME = {"title": "Finish the checkout"}


@pytest.fixture
def settings_of():
    return lambda **changes: Settings().model_copy(update=changes)


def shown(**changes):
    text, blocks = experiment_message(ROW | changes, OUTCOME, "share", Picture("F1", "a chart", "▁▇"))
    assert problems(blocks, "message") == []
    return text, json.dumps(blocks, ensure_ascii=False)


@pytest.mark.parametrize("status", sorted(EXPERIMENT.states))
def test_each_state_has_words_of_its_own(status):
    assert status in STATES
    shown(status=status)


def test_a_running_one_tells_effect_interval_units_and_guardrails():
    text, blocks = shown()
    assert "Better than control: +1.60 pp" in blocks
    assert "+1.60 pp" in blocks
    assert "+0.10 pp to unbounded" in blocks
    assert "0.01235" in blocks
    assert "1,200 control, 1,190 treatment" in blocks
    assert "✅ slow &lt;share&gt; safe" in blocks
    assert "data through 2026-03-09 00:00" in blocks
    assert text == "Fewer *fields* &amp; &lt;b&gt;: Better than control: +1.60 pp"


def test_a_mismatch_of_the_arms_is_never_hidden():
    assert "MISMATCH: results invalid" in shown(current_result=RESULT | {"srm_flagged": True})[1]


def test_one_that_a_constraint_killed_says_so_first():
    final = {"violated": "slow_share above 5 %", "decided_by": "Outcome Runtime", "note": "constraint violated"}
    text, blocks = shown(status="killed", final_result=final)
    assert "Killed by a hard constraint; the flag is off for everybody." in blocks
    assert "slow_share above 5 %" in blocks
    assert "killed by a hard constraint" in text
    assert alarm(ROW | {"final_result": final}, "<@U1>").startswith(
        "⛔ <@U1>: *Fewer fields &amp; &lt;b&gt;* was killed"
    )


def test_one_that_people_ended_names_them():
    assert (
        "⛔ killed by ana@example.com"
        in shown(status="killed", final_result={"decided_by": "ana@example.com", "note": "too\nslow"})[1]
    )
    assert (
        "> too slow" in shown(status="killed", final_result={"decided_by": "ana@example.com", "note": "too\nslow"})[1]
    )
    assert (
        "✅ shipped by ana@example.com"
        in shown(status="shipped", final_result={"decided_by": "ana@example.com", "note": ""})[1]
    )


def test_a_paused_one_says_why():
    assert (
        "⏸️ *Paused; the flag is off.* the signal is silent"
        in shown(status="paused", pause_reason="the signal is silent")[1]
    )


def test_before_the_first_data_there_is_only_the_state():
    text, blocks = shown(status="running", current_result=None)
    assert "🚀 running" in blocks
    assert text.endswith(": running")


def test_before_the_grace_period_and_the_least_sample_nothing_is_called_better(settings_of):
    young = RESULT | {"elapsed_days": 0.5, "n_treatment": 40}
    said = early(young, settings_of())
    assert said == "Too early to tell: 12 of 24 hours of data and 40 of 100 units in the smaller group"
    text, blocks = experiment_message(ROW | {"current_result": young}, OUTCOME, "share", None, early=said)
    shown_ = text + json.dumps(blocks, ensure_ascii=False)
    assert said in shown_
    assert "Better than control" not in shown_
    assert "+1.60 pp" not in shown_
    assert "p, valid at any look" not in shown_
    assert "slow &lt;share&gt; safe" in shown_, "guardrails are shown from the first look"


def test_grown_up_results_are_judged_and_the_settings_decide_when(settings_of):
    assert early(RESULT | {"elapsed_days": 1.0}, settings_of()) is None
    assert early(RESULT | {"elapsed_days": 1.0}, settings_of(notice_minimum_units=1_191)) is not None
    assert early({}, settings_of(notice_grace_hours=0, notice_minimum_units=0)) is None
