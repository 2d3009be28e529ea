"""What the API answers: rows as JSON, and nothing of them that is secret."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

OUTCOME = (
    "id", "slug", "title", "description", "status", "primary_signal", "secondary_signals", "target", "constraints",
    "max_concurrent_experiments", "horizon", "deadline", "owner", "version", "created_at", "updated_at", "activated_at", "achieved_at",
)  # fmt: skip
EXPERIMENT = (
    "id", "outcome_id", "title", "hypothesis", "mechanism", "prediction", "intervention", "measurement_plan", "rollout_plan", "baseline_value",
    "generated_by", "agent_id", "agent_runtime", "feature_flag_key", "status", "current_result", "final_result", "learnings", "plan",
    "plan_digest", "build_report", "rollout_percent", "rollout_cap", "data_from", "pause_reason", "version", "created_at", "updated_at",
    "launched_at", "concluded_at",
)  # fmt: skip
GATE = (
    "id", "experiment_id", "outcome_id", "gate_type", "context_package", "question", "signal_snapshot", "snapshot_id", "options", "assigned_to",
    "escalation_chain", "chain_position", "sla_hours", "due_at", "channel", "status", "choice", "conditions", "selection", "response_note",
    "decided_by", "decided_via", "delegated_to", "evidence", "evidence_hash", "version", "created_at", "responded_at",
)  # fmt: skip


def plain(value: Any) -> Any:
    """JSON-able: decimals as exact strings, times as ISO 8601, spans as seconds."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def view(row: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: plain(row[name]) for name in columns}
