"""A limit reads in the unit of what it watches, in every figure that was written."""

import pytest

from runtime.gates.bounds import exactly, in_words, unit

SHOP = {
    "primary_signal": {"source": "shop", "metric": "order.value", "unit": "EUR"},
    "secondary_signals": [{"source": "shop", "metric": "finished", "method": "funnel"}],
}


@pytest.mark.parametrize(
    ("constraint", "shown"),
    [
        ({"signal": "slow_share", "max": 0.05}, "at most 5 %"),
        ({"signal": "payment_success_rate", "min": 0.9995}, "at least 99.95 %"),
        ({"signal": "refund-ratio", "min": 0.01, "max": 0.02}, "at least 1 % and at most 2 %"),
        ({"signal": "checkout_p95_latency_ms", "max": 800}, "at most 800 ms"),
        ({"signal": "basket_eur", "min": 12.5}, "at least 12.5 EUR"),
        ({"signal": "baskets", "min": 12.5, "source": "shop", "metric": "order.value"}, "at least 12.5 EUR"),
        ({"signal": "done", "min": 0.3, "source": "shop", "metric": "finished"}, "at least 30 %"),
    ],
)
def test_a_limit_is_told_in_its_unit(constraint: dict[str, object], shown: str) -> None:
    assert in_words(constraint, SHOP) == shown


@pytest.mark.parametrize(
    "constraint",
    [
        {"signal": "tickets", "max": 0.5},
        {"signal": "heart_rate", "max": 140},
        {"signal": "slow_percent", "max": 0.05},
        {"signal": "baskets", "min": 3, "source": "elsewhere", "metric": "order.value"},
        {"signal": "share_of_wallet_index", "min": 0.1},
    ],
)
def test_where_nothing_says_a_unit_none_is_made_up(constraint: dict[str, object]) -> None:
    assert unit(constraint, SHOP) == ""


def test_a_limit_is_never_rounded_to_another() -> None:
    assert exactly(0.9999, "share") == "99.99 %"
    assert exactly(-0.5, "share") == "-50 %"
    assert exactly(1500, "ms") == "1,500 ms"
    assert exactly(3, "") == "3"
