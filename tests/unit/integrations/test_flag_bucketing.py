"""Who sees the treatment: known values, fair shares, and nobody thrown out when a rollout grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import FlagServiceFailed
from runtime.integrations.flags.bucketing import checked_percentage, hundredth, variant_of


@pytest.mark.parametrize(("key", "unit", "expected"), [("gr1", "123", 73), ("groupX", "999", 25)])
def test_buckets_agree_with_unleashs_client_specification(key: str, unit: str, expected: int) -> None:
    """Unleash's clients all test `normalizedValue("123", "gr1") == 73` and `("999", "groupX") == 25`."""
    assert hundredth(key, unit) == expected


@given(st.text(), st.text(), st.integers(0, 100), st.integers(0, 100))
def test_raising_the_percentage_only_adds_units_to_the_treatment(key: str, unit: str, one: int, two: int) -> None:
    lower, higher = sorted((one, two))
    assert not (variant_of(key, unit, lower) == "treatment" and variant_of(key, unit, higher) == "control")


@given(st.text(), st.text())
def test_nobody_is_in_at_zero_and_everybody_at_a_hundred(key: str, unit: str) -> None:
    assert variant_of(key, unit, 0) == "control"
    assert variant_of(key, unit, 100) == "treatment"


@pytest.mark.parametrize("percentage", [1, 10, 50, 90])
def test_the_share_of_units_is_the_percentage(percentage: int) -> None:
    """20 000 units: four standard errors are at most 1.5 points."""
    inside = sum(variant_of("checkout", f"user-{unit}", percentage) == "treatment" for unit in range(20_000))
    assert inside / 200 == pytest.approx(percentage, abs=1.5)


def test_two_flags_split_the_same_people_independently() -> None:
    both = [(hundredth("a", f"u{unit}") <= 50, hundredth("b", f"u{unit}") <= 50) for unit in range(20_000)]
    assert sum(first and second for first, second in both) / 20_000 == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize("percentage", [-1, 101])
def test_a_percentage_outside_of_a_hundred_is_refused(percentage: int) -> None:
    with pytest.raises(FlagServiceFailed):
        checked_percentage(percentage)
