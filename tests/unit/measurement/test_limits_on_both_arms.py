"""A limit is the product's: what breaks it ends, and whether control breaks it as well is said."""

from decimal import Decimal

from runtime.measurement.guardrails import Watched, look_at
from runtime.measurement.store import Sums

LIMIT = {"signal": "slow_share", "max": 0.05}


def rate(hits: int, n: int) -> Sums:
    return Sums(n, Decimal(hits), Decimal(hits), None)


def looked(control: Sums, treatment: Sums) -> Watched:
    return look_at(LIMIT, "max", 0.05, {0: {"control": control, "treatment": treatment}}, (), 1)


def test_a_violation_in_treatment_alone_is_the_experiments() -> None:
    found = looked(rate(80, 4000), rate(320, 4000))
    assert found.look.state == "kill"
    assert "control" not in found.look.reason


def test_a_violation_in_both_arms_kills_too_and_says_where_to_look() -> None:
    found = looked(rate(330, 4000), rate(320, 4000))
    assert found.look.state == "kill"
    assert found.look.reason.endswith(
        "control is beyond the limit as well, so the cause may lie outside this experiment"
    )
    assert found.look.estimate == 0.08, "what is shown is treatment's own"


def test_a_violation_in_control_alone_stops_nothing() -> None:
    found = looked(rate(330, 4000), rate(80, 4000))
    assert found.look.state == "ok"
    assert "control" not in found.look.reason
