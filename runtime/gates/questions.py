"""An agent's question to a person, as a gate of its own kind that moves no experiment."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runtime.errors import InvalidRequest
from runtime.experiments import service
from runtime.gates import briefing, opening, rows
from runtime.identity.people import By

if TYPE_CHECKING:
    from runtime.core import Runtime

MOST_OPEN = 5
_LONGEST = 2000


async def ask(
    runtime: "Runtime", org_id: UUID, experiment_id: UUID, gate_type: str, question: str, context: Mapping[str, Any], *, by: By, now: datetime
) -> UUID:  # fmt: skip
    """Open an `agent_question` gate. The same question asked again while it is open is the same gate."""
    if not question.strip() or len(question) > _LONGEST:
        raise InvalidRequest(f"A question has between 1 and {_LONGEST} characters.", field="question")
    async with runtime.transaction(org_id) as tx:
        experiment = await service.get(tx, experiment_id, lock=True)
        outcome = await service.outcome_of(tx, experiment)
        ask_ = briefing.agent_question(experiment, outcome, gate_type[:100], question, context)
        waiting = [
            gate for gate in await rows.listed(tx, experiment_id=experiment_id) if gate["gate_type"] == "agent_question"
        ]
        same = next((gate for gate in waiting if gate["evidence"] == dict(ask_.evidence)), None)
        if same is not None:
            return UUID(str(same["id"]))
        if len(waiting) >= MOST_OPEN:
            raise InvalidRequest(
                f"{MOST_OPEN} questions about this experiment wait already; wait for an answer.", open=len(waiting)
            )
        return await opening.open_gate(
            tx, outcome, ask_, default_channel=runtime.settings.slack_default_channel, now=now, by=by
        )
