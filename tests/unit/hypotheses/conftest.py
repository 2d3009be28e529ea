"""An outcome and a draft to vary."""

from collections.abc import Callable
from typing import Any

import pytest

from runtime.hypotheses.models import ExperimentDraft, OutcomeContext


def make_outcome(**changes: Any) -> OutcomeContext:
    fields: dict[str, Any] = {
        "title": "Reduce mobile checkout abandonment",
        "metric": "checkout_completed",
        "direction": "increase",
        "baseline": 0.32,
        "target_value": 0.45,
        "funnel_steps": ("cart_viewed", "checkout_started", "payment_entered", "order_confirmed"),
        "rules": ("No changes to payment provider integration files",),
        "allowed_paths": ("frontend/checkout/", "api/cart/"),
        "forbidden_paths": ("services/payments/", "infra/"),
    }
    return OutcomeContext(**fields | changes)


def make_draft(**changes: Any) -> ExperimentDraft:
    """Top-level fields by name; those of prediction and intervention by their own names."""
    prediction = {
        "signal": "checkout_completed",
        "expected_delta": 0.02,
        "delta_range": (0.0, 0.05),
        "confidence": 0.5,
    }
    intervention = {
        "type": "code_change",
        "scope": ("frontend/checkout/guest",),
        "description": "Add a guest path through checkout.",
        "feature_flag": "exp-guest",
    }
    fields = {
        "title": "Guest checkout",
        "hypothesis": "If shoppers need no account, then checkout_completed rises because registering costs time.",
        "mechanism": "Registering before paying sends people away.",
        "risk_level": "low",
        "effort_hours": 8,
        "reversible": True,
        "tags": ("checkout", "account"),
        "sub_problem": "account wall",
    }
    for name, value in changes.items():
        part = next((part for part in (prediction, intervention) if name in part), fields)
        part[name] = value
    return ExperimentDraft.model_validate({**fields, "prediction": prediction, "intervention": intervention})


@pytest.fixture
def outcome() -> Callable[..., OutcomeContext]:
    return make_outcome


@pytest.fixture
def draft() -> Callable[..., ExperimentDraft]:
    return make_draft
