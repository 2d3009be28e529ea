from datetime import timedelta

import pytest
from pydantic import ValidationError

from runtime.spec.models import (
    STAND_INS,
    GateSpec,
    LimitConstraint,
    OutcomeFile,
    OutcomeSpec,
    RuleConstraint,
    Signal,
    Target,
)

PLAIN = {
    "id": "checkout",
    "title": "Checkout",
    "signal": {"source": "webhook", "metric": "paid"},
    "target": {"direction": "increase", "from": 1, "to": 2},
    "horizon": "6w",
    "owner": "ana@example.com",
}


def outcome(**more):
    return OutcomeSpec.model_validate(PLAIN | more)


def test_a_gate_that_is_not_written_is_asked_of_its_nearest_stand_in():
    found = outcome(
        gates={
            "launch_approval": {"assigned_to": "lead@example.com"},
            "analysis_review": {"assigned_to": "bo@example.com"},
        }
    )
    assert found.gate("launch_approval").assigned_to == "lead@example.com"
    assert found.gate("scale_approval").assigned_to == "lead@example.com"
    assert found.gate("ship_approval").assigned_to == "bo@example.com"
    assert found.gate("portfolio_review").assigned_to == "bo@example.com"


def test_without_any_gate_the_owner_decides_within_a_day():
    gate = outcome().gate("ship_approval")
    assert (gate.assigned_to, gate.sla, gate.channel) == ("ana@example.com", timedelta(hours=24), None)


@pytest.mark.parametrize("kind", sorted(STAND_INS))
def test_any_single_gate_can_stand_in_for_all_others(kind):
    found = outcome(owner=None, gates={kind: {"assigned_to": "bo@example.com"}})
    assert {found.gate(other).assigned_to for other in STAND_INS} == {"bo@example.com"}
    assert found.responsible == "bo@example.com"


@pytest.mark.parametrize(
    ("more", "days"),
    [({}, 14), ({"horizon": "5d"}, 5), ({"measurement": {"duration": "3w"}}, 21)],
)
def test_an_experiment_measures_two_weeks_unless_the_file_or_the_horizon_says_otherwise(more, days):
    assert outcome(**more).duration == timedelta(days=days)


def test_constraints_come_as_what_they_are():
    found = outcome(
        constraints=[{"rule": "No new cookies"}, {"signal": "errors", "max": 0.1, "source": "webhook", "metric": "e"}]
    )
    rule, limit = found.constraints
    assert isinstance(rule, RuleConstraint)
    assert isinstance(limit, LimitConstraint)
    assert (rule.rule, limit.min, limit.max) == ("No new cookies", None, 0.1)


def test_code_may_use_names_where_yaml_uses_words_python_reserves():
    assert Target(direction="decrease", from_=3, to=2) == Target.model_validate(
        {"direction": "decrease", "from": 3, "to": 2}
    )


@pytest.mark.parametrize("span", [timedelta(seconds=-5), timedelta(hours=1, microseconds=1), 5, None])
def test_a_span_that_the_file_could_not_hold_is_refused_in_code_too(span):
    with pytest.raises(ValidationError):
        GateSpec(assigned_to="ana@example.com", sla=span)


def test_what_was_read_does_not_change():
    signal = Signal(source="webhook", metric="paid")
    with pytest.raises(ValidationError, match="frozen"):
        signal.metric = "other"


def test_whole_file_rules_hold_for_files_made_in_code():
    with pytest.raises(ValidationError, match="already"):
        OutcomeFile(version=1, outcomes=(outcome(), outcome()))


def test_outcomes_and_connectors_are_found_by_name():
    file = OutcomeFile.model_validate(
        {"version": 1, "outcomes": [PLAIN], "signal_connectors": [{"name": "shop", "type": "ga4"}]}
    )
    assert file.outcome("checkout") is file.outcomes[0]
    assert file.connector("shop") is file.signal_connectors[0]
    assert file.outcome("nothing") is None
    assert file.connector("nothing") is None


def test_config_keeps_to_what_the_database_can_hold():
    deep: object = "x"
    for _ in range(20):
        deep = {"a": deep}
    for value in ("nul\0", float("inf"), 2**70, {"k" * 200: 1}, deep):
        with pytest.raises(ValidationError):
            OutcomeFile.model_validate({"version": 1, "outcomes": [], "feature_flags": {"config": {"a": value}}})


def test_an_error_made_in_code_does_not_print_the_secret_it_choked_on():
    with pytest.raises(ValidationError) as refused:
        OutcomeFile.model_validate(
            {"version": 1, "outcomes": [], "notifications": {"slack": {"bot_token": "hunter2${"}}}
        )
    assert "hunter2" not in str(refused.value)
