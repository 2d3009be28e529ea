"""What makes a proposal acceptable: falsifiable, coherent, signed the right way, inside its scope."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runtime.hypotheses.models import normal_path, overlap, unique_flag, violations, within


def test_a_sound_draft_has_nothing_against_it(draft, outcome) -> None:
    assert violations(draft(), outcome()) == ()


@pytest.mark.parametrize(
    "hypothesis",
    [
        "Guest checkout will help a lot with checkout_completed.",
        "If shoppers need no account, then checkout_completed rises.",
        "Shoppers leave because they need an account if they want to pay, then checkout_completed falls.",
    ],
)
def test_a_hypothesis_that_cannot_be_refuted_is_none(draft, hypothesis) -> None:
    with pytest.raises(ValidationError, match="must read: If"):
        draft(hypothesis=hypothesis)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"expected_delta": 0.06}, "outside delta_range"),
        ({"expected_delta": 0.0}, "cannot be refuted"),
        ({"delta_range": (0.05, 0.0)}, "outside delta_range"),
        ({"expected_delta": float("nan")}, "finite"),
        ({"confidence": 1.2}, "less than or equal to 1"),
        ({"feature_flag": "Guest Checkout"}, "pattern"),
        ({"feature_flag": "-guest"}, "pattern"),
        ({"scope": ()}, "at least 1"),
        ({"scope": ("../secrets",)}, "inside the repository"),
        ({"scope": ("/etc/passwd",)}, "inside the repository"),
        ({"scope": ("frontend\\..\\..\\x",)}, "inside the repository"),
        ({"scope": ("",)}, "inside the repository"),
        ({"scope": ("a\x00b",)}, "inside the repository"),
        ({"scope": ("C:/windows",)}, "inside the repository"),
        ({"effort_hours": 0}, "greater than 0"),
        ({"risk_level": "none"}, "'low', 'medium' or 'high'"),
        ({"title": "two\nlines"}, "pattern"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_an_incoherent_draft_is_refused_by_the_name_of_its_fault(draft, changes, complaint) -> None:
    with pytest.raises(ValidationError, match=complaint):
        draft(**changes)


@pytest.mark.parametrize(
    ("changes", "context", "complaint"),
    [
        ({"signal": "revenue"}, {}, "predicts revenue"),
        ({"hypothesis": "If we do it, then sales rise because of it."}, {}, "doesn't name the metric"),
        ({}, {"direction": "decrease", "target_value": 0.2}, "the outcome wants decrease"),
        ({"expected_delta": -0.02, "delta_range": (-0.03, 0.0)}, {}, "the outcome wants increase"),
        ({"expected_delta": 3.0, "delta_range": (0.0, 5.0)}, {}, "more than 3 times the whole gap"),
        ({"scope": ("frontend/checkout-old/a.ts",)}, {}, "outside the allowed paths"),
        ({"scope": ("frontend",)}, {}, "outside the allowed paths"),
        ({"scope": ("infra/cdn.tf",)}, {"allowed_paths": ()}, "forbidden path infra"),
        ({"scope": ("services",)}, {"allowed_paths": ("services",)}, "forbidden path services/payments"),
    ],
)
def test_a_draft_against_the_outcomes_rules_is_named_as_such(draft, outcome, changes, context, complaint) -> None:
    assert any(complaint in fault for fault in violations(draft(**changes), outcome(**context)))


def test_a_hypothesis_may_write_the_metric_in_plain_words(draft, outcome) -> None:
    plain = "If shoppers need no account, then Checkout completed rises because registering costs time."
    assert violations(draft(hypothesis=plain), outcome()) == ()


def test_a_wanted_decrease_is_predicted_with_a_minus(draft, outcome) -> None:
    falling = draft(expected_delta=-0.02, delta_range=(-0.05, 0.01))
    assert violations(falling, outcome(direction="decrease", target_value=0.2)) == ()


def test_no_allowed_paths_means_anywhere_that_is_not_forbidden(draft, outcome) -> None:
    assert violations(draft(scope=("anything/at/all",)), outcome(allowed_paths=())) == ()


@pytest.mark.parametrize(
    ("given_path", "normal"),
    [("./frontend//checkout/", "frontend/checkout"), ("a\\b", "a/b"), ("a/./b", "a/b"), ("./", ".")],
)
def test_paths_have_one_normal_form(given_path, normal) -> None:
    assert normal_path(given_path) == normal


segment = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=6)
paths = st.lists(segment, min_size=1, max_size=4).map("/".join)


@given(paths, paths)
def test_overlap_is_symmetric_and_a_folder_holds_what_is_below_it(one: str, other: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert within(f"{one}/{other}", one)
    assert not within(f"{one}{other}", one)


@given(st.sets(st.integers(1, 30)))
def test_a_taken_flag_key_is_numbered_and_stays_a_flag_key(numbers: set[int]) -> None:
    wanted = "x" * 64
    taken = {wanted, *(f"{wanted[: 64 - len(f'-{n}')]}-{n}" for n in numbers)}
    key = unique_flag(wanted, taken)
    assert key not in taken
    assert len(key) <= 64
    assert unique_flag("free", taken) == "free"


def test_the_gap_is_the_way_to_the_target_or_its_size_when_there_is_no_way(outcome) -> None:
    assert outcome().gap == pytest.approx(0.13)
    assert outcome(baseline=None).gap == 0.45
    assert outcome(baseline=0, target_value=0).gap == 1.0
