"""A gate as plain values, to be drawn."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from bot.slack.view import GateView, Who
from runtime.gates.choices import offered

ANA = Who("ana@example.com", "Ana <Diaz> & co", "U0ANA")
BEN = Who("ben@example.com", "Ben")
AT = datetime(2026, 11, 23, 10, 31, tzinfo=UTC)
PACKAGE: dict[str, Any] = {
    "kind": "portfolio", "headline": "Which experiments may be built for “Checkout & <pay>”?",
    "outcome": {"slug": "checkout", "title": "Checkout & <pay>", "metric": "checkout_completed", "unit": "share", "direction": "increase", "from": 0.32, "to": 0.45},
    "facts": [["Target", "32 % → 45 %"], ["Proposed by", "playbook <!channel>"]],
    "sections": [{"title": "Fewer *fields*", "text": "If the form asks less"}, {"title": "Diff", "text": "+ a < b\n```rm -rf```", "style": "code"}],
    "experiments": [{"id": str(UUID(int=n)), "title": f"Experiment {n} <@U1>", "hypothesis": "h", "expected": "+1 pp", "flag": f"flag-{n}"} for n in (1, 2)],
    "chart": None, "recommendation": None, "learnings": [{"finding": "People <b>hate</b> captchas", "confidence": 0.9}],
    "provenance": {"source": "playbook", "simulated": True, "snapshot_id": "abcdef0123456789", "data_through": "2026-03-02T00:00:00+00:00"},
}  # fmt: skip


@pytest.fixture
def gate() -> Callable[..., GateView]:
    def made(kind: str = "portfolio_review", **changes: Any) -> GateView:
        values: dict[str, Any] = {
            "id": UUID(int=7), "gate_type": kind, "status": "pending", "package": PACKAGE, "options": offered(kind), "asked": ANA, "due_at": AT,
            "sla_hours": 24.0, "evidence": "0123456789abcdef" * 4,
        }  # fmt: skip
        return GateView(**(values | changes))

    return made
