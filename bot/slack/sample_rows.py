"""Rows as the database would hold them, of a made-up outcome: what the preview draws and what the tests of every message feed on. PURE."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Table

from bot.slack.view import Who
from runtime.db.tables import experiments, human_gates, outcomes
from runtime.gates.choices import offered
from runtime.identity.people import Member

Say: TypeAlias = Callable[[str], str]
"""Stands between a sample and its texts: `str` leaves them, a test puts something hostile in their place."""

AT = datetime(2026, 11, 23, 10, 31, tzinfo=UTC)
ANA, BEN, CYRA = "ana@example.com", "ben@example.com", "cyra@example.com"
_KEPT = frozenset(
    {"id", "style", "choice", "data_through", "data_from", "state", "status", "verdict", "kind", "channel"}
)
"""Keys whose values are the product's own words: never typed by a person, an agent or a model."""


def fed(node: Any, say: Say) -> Any:
    """The same tree with each text said by `say`."""
    if isinstance(node, Mapping):
        return {key: value if key in _KEPT else fed(value, say) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [fed(item, say) for item in node]
    return say(node) if isinstance(node, str) else node


def of_table(table: Table, **values: Any) -> dict[str, Any]:
    """A row with every column: those not named hold nothing."""
    return {column.name: None for column in table.columns} | values


def people(say: Say) -> dict[str, Who]:
    """Ana and Cyra are in Slack, Ben isn't yet."""
    return {
        ANA: Who(ANA, say("Ana Diaz"), "U0ANA00001"),
        BEN: Who(BEN, say("Ben Okri")),
        CYRA: Who(CYRA, say("Cyra Lind"), "U0CYRA0001"),
    }


def member(say: Say, role: str = "owner") -> Member:
    return Member(UUID(int=1), UUID(int=2), say("Ana Diaz"), ANA, role, "U0ANA00001", "Europe/Berlin")


_OUTCOME = {"slug": "checkout", "title": "Finish the checkout", "metric": "checkout_completed", "unit": "share", "direction": "increase",
            "from": 0.32, "to": 0.45}  # fmt: skip
_LEARNINGS = [
    {"finding": "Fewer form fields raised completion by 1.4 pp on mobile.", "confidence": 0.93},
    {"finding": "A progress bar did not change completion.", "confidence": 0.71},
]
_ORIGIN = {"source": "shop", "simulated": True, "snapshot_id": "abcdef01-2345-6789-abcd-ef0123456789", "timezone": "UTC",
           "data_from": "2026-03-02T00:00:00+00:00", "data_through": "2026-03-16T00:00:00+00:00"}  # fmt: skip
_PROPOSED = [
    (
        "Fewer form fields",
        "If the form asks for less, more people finish, since each field costs attention.",
        "+1.6 pp (0.4 to 2.8)",
    ),
    (
        "Guest checkout",
        "If nobody has to register, more people finish, since the wall is gone.",
        "+2.2 pp (0.8 to 3.6)",
    ),
    (
        "Delivery date on the cart",
        "If the date is known early, fewer people leave to look for it.",
        "+0.7 pp (0.1 to 1.3)",
    ),
]
_HEADLINES = {
    "portfolio_review": "Which of 3 experiments may be built for “Finish the checkout”?",
    "launch_approval": "May “Guest checkout” be launched to 10 % of users?",
    "analysis_review": "“Guest checkout” is better than control: ship it?",
    "scale_approval": "May “Guest checkout” go on from 25 % of users?",
    "ship_approval": "Shall everybody get “Guest checkout”?",
    "change_review": "May the target of “Finish the checkout” change from 45 % to 42 %?",
    "resume_review": "“Guest checkout” was paused by a guardrail: resume it?",
    "agent_question": "The agent asks: may I change the address form's validation as well?",
}
_FACTS = {
    "portfolio_review": [["Now → target", "32.0 % → 45.0 %"], ["Proposed by", "the playbook"], ["Places free", "2 of 3"]],
    "analysis_review": [["Effect", "+2.10 pp"], ["95 % always-valid interval", "+0.62 pp to +3.58 pp"], ["Predicted", "+2.2 pp (0.8 to 3.6)"],
                        ["Guardrails", "slow_share safe, error_share safe"], ["Randomisation", "as planned (p = 0.62)"],
                        ["Cost of waiting", "about 41 orders a day"]],
}  # fmt: skip
_OTHER_FACTS = [
    ["First rollout", "10 %"],
    ["Needs", "about 14 days at 4,000 users a day"],
    ["Chance to see +2 pp", "84 %"],
    ["Risk", "low"],
]
_SECTIONS = {
    "launch_approval": [
        {"title": "Hypothesis", "text": "If nobody has to register, more people finish, since the wall is gone."},
        {
            "title": "What was built",
            "text": "The registration step is skipped when the flag is on.\nFiles: frontend/checkout/guest.js, frontend/checkout/form.js",
        },
        {
            "title": "Diff",
            "text": "+ if (flag('guest-checkout')) return <GuestForm/>;\n- return <RegisterWall/>;",
            "style": "code",
        },
    ],
    "resume_review": [{"title": "Why it was paused", "text": "slow_share was 6.1 %, and at most 5 % is allowed."}],
    "agent_question": [
        {
            "title": "Question",
            "text": "The validation refuses postcodes with a space. Changing it touches a second form.",
        }
    ],
}
_ADVICE = {
    "analysis_review": {
        "choice": "ship",
        "why": "The interval is above zero, the hold has passed, and every guardrail is safe.",
    },
    "scale_approval": {"choice": "scale", "why": "No guardrail moved at 25 %."},
}


def package(kind: str) -> dict[str, Any]:
    """What `runtime.gates.briefing` freezes with a gate of this kind."""
    listed = [
        {
            "id": str(UUID(int=n)),
            "title": title,
            "hypothesis": why,
            "expected": effect,
            "flag": title.lower().replace(" ", "-"),
        }
        for n, (title, why, effect) in enumerate(_PROPOSED, 11)
    ]
    portfolio = kind == "portfolio_review"
    return {
        "schema": 1, "kind": kind, "headline": _HEADLINES[kind], "outcome": _OUTCOME, "facts": _FACTS.get(kind, _OTHER_FACTS),
        "sections": _SECTIONS.get(kind, [{"title": row["title"], "text": f"{row['hypothesis']}\nExpected {row['expected']}"} for row in listed]),
        "experiments": listed if portfolio else [], "experiment_ids": [row["id"] for row in listed] if portfolio else [],
        "chart": None, "recommendation": _ADVICE.get(kind), "learnings": _LEARNINGS, "provenance": _ORIGIN,
    }  # fmt: skip


def gate(kind: str, say: Say, **changes: Any) -> dict[str, Any]:
    values = {
        "id": UUID(int=7), "experiment_id": None if kind == "portfolio_review" else UUID(int=12), "outcome_id": UUID(int=3), "gate_type": kind,
        "context_package": fed(package(kind), say), "question": say(_HEADLINES[kind]), "options": offered(kind), "assigned_to": ANA,
        "escalation_chain": [BEN], "chain_position": 0, "sla_hours": 24.0, "due_at": AT + timedelta(hours=20), "channel": "slack:#checkout",
        "status": "pending", "evidence": {}, "evidence_hash": "0123456789abcdef" * 4, "version": 1, "clock_version": 1, "quorum": 1, "terms": [],
        "created_at": AT - timedelta(hours=4), "org_id": UUID(int=2),
    }  # fmt: skip
    return of_table(human_gates, **(values | changes))


def outcome(say: Say, **changes: Any) -> dict[str, Any]:
    values = {
        "id": UUID(int=3), "slug": "checkout", "title": say("Finish the checkout"), "description": say("More people who start pay."),
        "status": "active", "target": {"direction": "increase", "from": 0.32, "to": 0.45, "confidence_required": 0.95},
        "primary_signal": {"source": "shop", "metric": say("checkout_completed"), "method": "funnel", "unit": "share"}, "constraints": [],
        "max_concurrent_experiments": 3, "horizon": timedelta(weeks=6), "deadline": AT + timedelta(weeks=6), "owner": ANA, "team_members": [BEN],
        "secondary_signals": [], "spec": {}, "version": 1, "org_id": UUID(int=2), "created_at": AT, "updated_at": AT, "activated_at": AT,
    }  # fmt: skip
    return of_table(outcomes, **(values | changes))


RESULT: dict[str, Any] = {
    "status": "inconclusive", "delta": 0.021, "ci_lower": 0.0062, "ci_upper": 0.0358, "p_value": 0.0041, "confidence": "95 %", "n_control": 21_040,
    "n_treatment": 20_987, "srm_flagged": False, "headline": "Better than control: +2.10 pp", "data_through": "2026-03-16T00:00:00+00:00",
    "control_rate": 0.321, "treatment_rate": 0.342, "reasons": ["the interval leaves zero out"], "shrunk_estimate": 0.018,
    "outlook": {
        "chance": 0.71, "early": {"estimate": 0.031, "to_day": 7.0}, "late": {"estimate": 0.012}, "trend": "fading",
        "hold": {"standing_days": 1.5, "needed_days": 3.0, "first_day": 7.0, "left_days": 1.5},
        "waiting": {"per_day": 41.0, "without": 1950.0, "units_per_day": 3900.0, "effect": 0.018, "gain": True},
    },
    "guardrails": [{"name": "slow_share", "state": "safe"}, {"name": "error_share", "state": "pause"}],
}  # fmt: skip


def experiment(say: Say, **changes: Any) -> dict[str, Any]:
    values = {
        "id": UUID(int=12), "outcome_id": UUID(int=3), "title": say("Guest checkout"), "hypothesis": say(_PROPOSED[1][1]),
        "mechanism": say("No wall before the form."), "prediction": {"expected_delta": 0.022, "delta_range": [0.008, 0.036], "confidence": 0.6},
        "intervention": {}, "measurement_plan": {}, "rollout_plan": {"initial_pct": 10}, "generated_by": "ai", "feature_flag_key": "guest-checkout",
        "status": "measuring", "current_result": fed(RESULT, say), "draft": {}, "rollout_percent": 50, "terms": [], "extended_days": 0.0,
        "version": 1, "org_id": UUID(int=2), "created_at": AT, "updated_at": AT, "launched_at": AT - timedelta(days=14), "data_from": AT,
    }  # fmt: skip
    return of_table(experiments, **(values | changes))
