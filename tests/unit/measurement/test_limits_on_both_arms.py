"""A limit is the product's: what breaks it ends, and whether control breaks it as well is said."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from runtime.measurement.guardrails import Watched, look_at, resumed_in, watch
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


START = datetime(2027, 1, 15, tzinfo=UTC)


def phase(position: int, started: int, ended: int | None) -> dict[str, object]:
    end = None if ended is None else START + timedelta(days=ended)
    return {"position": position, "started_at": START + timedelta(days=started), "ended_at": end}


def test_a_pause_leaves_a_gap_between_phases_and_a_wider_rollout_leaves_none() -> None:
    assert resumed_in([phase(0, 0, None)]) == 0
    assert resumed_in([phase(0, 0, 3), phase(1, 3, None)]) == 0, "scaled up"
    assert resumed_in([phase(0, 0, 3), phase(1, 5, None)]) == 1
    assert resumed_in([phase(0, 0, 0), phase(1, 5, 8), phase(2, 8, None)]) == 1, "paused at once, resumed, scaled up"


def harm(*, before: Sums, after: Sums | None, buckets: list[tuple[int, float]], resumed: int = 1) -> Watched:
    sums = {0: {"treatment": before}} | ({1: {"treatment": after}} if after else {})
    return watch(LIMIT, "max", 0.05, sums, buckets, 1, resumed)


SLOW_THEN_FINE = [(0, 0.0895), (0, 0.1146), (0, 0.0563), (0, 0.0177)]


def test_who_resumes_after_the_breaker_is_not_stopped_again_by_the_buckets_that_were_shown() -> None:
    calm = rate(200, 8000)
    assert harm(before=calm, after=None, buckets=SLOW_THEN_FINE, resumed=0).look.state == "pause"
    assert harm(before=calm, after=None, buckets=SLOW_THEN_FINE).look.state == "ok"
    again = [*SLOW_THEN_FINE[-1:], (1, 0.09), (1, 0.08), (1, 0.11)]
    assert harm(before=calm, after=rate(30, 400), buckets=again).look.state == "pause"


def test_who_resumes_after_evidence_of_harm_is_stopped_again_by_harm_since_then() -> None:
    assert harm(before=rate(78, 1000), after=None, buckets=[], resumed=0).look.state == "pause"
    assert harm(before=rate(78, 1000), after=None, buckets=[]).look.state == "warn"
    assert harm(before=rate(78, 1000), after=rate(2, 100), buckets=[]).look.state != "pause"
    assert harm(before=rate(400, 4000), after=None, buckets=[]).look.state == "kill"
