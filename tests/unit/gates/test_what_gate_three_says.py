"""The sentences of gate 3 about what lies ahead: from stored figures only, with their assumptions, and honest where nothing is known."""

from typing import Any

import pytest

from runtime.gates.outlook import lines, portfolio, predicted

PREDICTION = {"expected_delta": 0.02, "delta_range": [0.01, 0.03]}
RESULT: dict[str, Any] = {"status": "inconclusive", "reasons": ["waiting"], "delta": 0.012, "shrunk_estimate": 0.008}


def said(unit: str = "share", **ahead: Any) -> dict[str, str]:
    return dict(lines(RESULT | {"outlook": {"trend": "unknown", **ahead}}, unit))


def test_the_verdict_is_one_of_three_with_its_reasons() -> None:
    assert said()["Verdict"] == "not decided: neither better nor worse is shown (waiting)"
    found = dict(lines(RESULT | {"status": "harm", "reasons": []}, "share"))
    assert found["Verdict"] == "harm: worse than control"


def test_an_estimate_is_shown_as_it_should_be_expected_after_stopping_early() -> None:
    assert said()["Expect after a ship"].startswith("+0.80 pp, drawn from +1.20 pp towards no effect")
    assert "Expect after a ship" not in dict(lines(RESULT | {"status": "invalid"}, "share"))


def test_the_chance_is_called_a_forecast() -> None:
    assert said(chance=0.344)["Chance"] == (
        "34% that it still becomes a success by the horizon; a forecast from the registered prior, not a test"
    )
    assert "Chance" not in said(chance=None)


@pytest.mark.parametrize("trend", ["steady", "fading", "growing"])
def test_the_first_days_stand_beside_the_rest(trend: str) -> None:
    pieces: dict[str, Any] = {"early": {"estimate": 0.012, "to_day": 7.0}, "late": {"estimate": 0.004, "to_day": 12.0}}
    found = said(trend=trend, **pieces)["Over time"]
    assert found.startswith(f"the first 7 days said +1.20 pp, the time since +0.40 pp: {trend}")


def test_a_hold_says_how_long_it_has_stood_and_how_long_it_still_takes() -> None:
    hold = {"standing_days": 1.0, "needed_days": 3.0, "first_day": 7.0, "left_days": 2.5}
    assert said(hold=hold)["Why not ship yet"] == (
        "the evidence has stood for 1 day of 3 days, and day 7 is the first to advise on; 2.5 days to go if it stands"
    )


def test_the_cost_of_waiting_is_said_plainly_or_is_not_known() -> None:
    waiting = {"units_per_day": 2000.0, "without": 1000.0, "effect": 0.008, "per_day": 8.0, "gain": True}
    found = said(waiting=waiting)["Cost of waiting"]
    assert found.startswith(
        "about 8 conversions a day: 1,000 of 2,000 units a day do without the change, times +0.80 pp each; assumes"
    )
    assert "get the worse arm" in said(waiting=waiting | {"gain": False})["Cost of waiting"]
    assert "about 8 EUR a day" in said("EUR", waiting=waiting)["Cost of waiting"]
    assert said(waiting=None)["Cost of waiting"] == "not known yet"


def test_results_of_an_earlier_version_say_what_they_hold_and_no_more() -> None:
    assert [name for name, _ in lines(RESULT, "share")] == ["Verdict", "Expect after a ship"]


@pytest.mark.parametrize(
    ("observed", "status", "text"),
    [
        (0.012, "success", "observed +1.20 pp: inside that range, 60 % of what was expected"),
        (0.002, "inconclusive", "observed +0.20 pp: below that range, 10 % of what was expected"),
        (0.05, "success", "observed +5.00 pp: above that range, 250 % of what was expected"),
        (-0.02, "harm", "observed -2.00 pp: below that range"),
        (None, "inconclusive", "+2.00 pp (+1.00 pp to +3.00 pp)"),
        (0.012, "invalid", "+2.00 pp (+1.00 pp to +3.00 pp)"),
    ],
)
def test_what_was_predicted_stands_beside_what_came(observed: float | None, status: str, text: str) -> None:
    assert predicted(RESULT | {"delta": observed, "status": status}, PREDICTION, "share").endswith(text)


def test_a_call_among_several_experiments_names_the_rule_and_its_figures() -> None:
    found = {"alpha": 0.05, "experiments": 3, "rejected": 1, "survives": True, "log_e": 5.0, "threshold": 4.1}
    text = portfolio(found)
    assert text is not None
    assert text.startswith(
        "a difference from control holds among the 3 experiments of this outcome that were measured (e-BH at 5 %"
    )
    assert "its e-value 148 against 60.3 needed; 1 of them hold" in text
    assert "does not hold" in (portfolio(found | {"survives": False}) or "")
    assert "more than 10^21 against" in (portfolio(found | {"log_e": 50.0}) or "")
    assert "beyond any number against" in (portfolio(found | {"log_e": "inf"}) or "")
    assert portfolio(None) is None
