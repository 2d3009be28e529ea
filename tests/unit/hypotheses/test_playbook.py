"""The keyless source: fits the outcome, stays within its rules, remembers what was learned, and says what it is."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.hypotheses import playbook
from runtime.hypotheses.models import violations
from runtime.hypotheses.playbook import consider, kinds, leakiest, propose, tactics


def learned(finding: str, finding_type: str = "refuted_hypothesis", confidence: float = 0.9) -> dict[str, object]:
    return {"finding": finding, "finding_type": finding_type, "confidence": confidence}


def titled(drafts, title: str):
    return next(draft for draft in drafts if draft.title == title)


GUEST = "Let people check out without an account"


def test_the_catalogue_has_tactics_for_every_sort_of_outcome_with_ranges_that_hold() -> None:
    sorts = [kind for tactic in tactics() for kind in tactic.kinds]
    for kind in ("checkout", "activation", "retention", "latency", "support", "pricing", "generic"):
        assert sorts.count(kind) >= 3, kind
    for tactic in tactics():
        assert tactic.effect.low < tactic.effect.expected < tactic.effect.high, tactic.slug
        assert tactic.evidence.endswith("."), tactic.slug
    for names in ([tactic.slug for tactic in tactics()], [tactic.title for tactic in tactics()]):
        assert len(names) == len(set(names))


def test_the_same_outcome_gets_the_same_drafts(outcome) -> None:
    assert propose(outcome()) == propose(outcome())


def test_drafts_for_a_checkout_speak_its_metric_and_fit_its_scope(outcome) -> None:
    drafts = propose(outcome())
    assert len(drafts) >= 6
    guest = titled(drafts, GUEST)
    assert guest.hypothesis.startswith("If shoppers may order as a guest")
    assert "then checkout_completed rises from 0.32 by about 0.0192 because" in guest.hypothesis
    assert guest.prediction.expected_delta == pytest.approx(0.32 * 0.06)
    assert guest.prediction.delta_range == (0.0, pytest.approx(0.048))
    assert guest.intervention.scope == ("frontend/checkout/guest",)
    assert playbook.NOTICE in guest.mechanism


def test_no_draft_promises_more_than_the_way_to_the_target(outcome) -> None:
    for draft in propose(outcome(baseline=0.44)):
        assert draft.prediction.expected_delta <= 0.01 + 1e-9


def test_a_latency_is_lowered_by_what_lowers_latencies_only(outcome) -> None:
    slow = outcome(
        title="Faster checkout",
        metric="checkout_p95_latency_ms",
        direction="decrease",
        baseline=900,
        target_value=600,
        unit="ms",
    )
    drafts = propose(slow)
    assert kinds(slow) == {"latency"}
    assert {draft.title for draft in drafts} >= {
        "Serve repeated reads from a cache",
        "Answer first, do the rest afterwards",
    }
    cache = titled(drafts, "Serve repeated reads from a cache")
    assert cache.prediction.expected_delta == pytest.approx(-135)
    assert cache.prediction.delta_range == (pytest.approx(-360), pytest.approx(-18))
    assert "falls from 900 ms by about 135 ms" in cache.hypothesis


@pytest.mark.parametrize(
    ("metric", "title", "sort"),
    [
        ("trial_activated", "More new teams get going", "activation"),
        ("day_30", "Reduce churn of small teams", "retention"),
        ("tickets_per_order_line", "Fewer questions", "support"),
        ("share_on_year", "More people choose the yearly plan", "pricing"),
        ("widgets_made", "More widgets", "generic"),
    ],
)
def test_the_sort_of_an_outcome_is_told_by_its_words(outcome, metric, title, sort) -> None:
    assert sort in kinds(outcome(metric=metric, title=title, funnel_steps=()))


def test_what_was_refuted_here_is_not_proposed_again_and_the_reason_is_told(outcome) -> None:
    finding = "Guest checkout did not raise completion on phones (p = 0.4)."
    context = outcome(past_learnings=[learned(finding)])
    considered = consider(context)
    assert GUEST not in {draft.title for draft in considered.drafts}
    assert any(one.title == GUEST and "did not raise" in one.reason for one in considered.rejected)


def test_weak_learnings_stop_nothing(outcome) -> None:
    context = outcome(past_learnings=[learned("Guest checkout did not help.", confidence=0.3)])
    assert titled(propose(context), GUEST)


def test_words_inside_other_words_are_no_learning_about_a_tactic(outcome) -> None:
    context = outcome(past_learnings=[learned("The declutteredness index fell; ncta shows nothing.")])
    assert len(propose(context)) == len(propose(outcome()))


def test_what_was_confirmed_here_is_believed_more(outcome) -> None:
    confirmed = outcome(past_learnings=[learned("Guest checkout raised completion.", "confirmed_hypothesis")])
    before, after = (titled(propose(context), GUEST).prediction.confidence for context in (outcome(), confirmed))
    assert after == pytest.approx(before + 0.1)


@pytest.mark.parametrize("tried", [GUEST, "exp-guest-checkout", "exp-guest-checkout-2"])
def test_what_was_tried_for_this_outcome_is_not_proposed_again(outcome, tried) -> None:
    considered = consider(outcome(already_tried=[tried]))
    assert GUEST not in {draft.title for draft in considered.drafts}
    assert any("already tried" in one.reason for one in considered.rejected)


def test_a_rule_keeps_tactics_away_from_what_it_protects(outcome) -> None:
    wallets = "Put express wallets at the top of checkout"
    assert wallets not in {draft.title for draft in propose(outcome())}
    assert wallets in {draft.title for draft in propose(outcome(rules=()))}


def test_the_leakiest_step_of_the_funnel_is_aimed_at_and_named(outcome) -> None:
    levels = {"cart_viewed": 1000, "checkout_started": 500, "payment_entered": 450, "order_confirmed": 400}
    context = outcome(funnel_levels=levels)
    assert leakiest(context) == ("cart_viewed", "checkout_started")
    guest = titled(propose(context), GUEST)
    assert "50% don't go on" in guest.mechanism
    assert guest.prediction.confidence > titled(propose(outcome()), GUEST).prediction.confidence
    assert leakiest(outcome()) is None


def test_when_part_of_the_allowed_path_is_forbidden_the_draft_keeps_off_that_part(outcome) -> None:
    context = outcome(allowed_paths=("web",), forbidden_paths=("web/guest", "web/form"))
    considered = consider(context)
    assert GUEST not in {draft.title for draft in considered.drafts}
    assert any(one.title == GUEST and "forbidden" in one.reason for one in considered.rejected)
    assert considered.drafts


number = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 4))
names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    metric=st.one_of(st.sampled_from(["checkout_rate", "p95_latency", "retention_d7", "x"]), names),
    direction=st.sampled_from(["increase", "decrease"]),
    levels=st.tuples(st.none() | number, number),
    allowed=st.lists(st.sampled_from(["web", "api/cart", "."]), unique=True),
)
def test_whatever_the_outcome_its_drafts_break_none_of_its_rules(outcome, metric, direction, levels, allowed) -> None:
    context = outcome(
        metric=metric, direction=direction, baseline=levels[0], target_value=levels[1], allowed_paths=allowed
    )
    for draft in propose(context):
        assert violations(draft, context) == ()
