"""Each thing Slack tells us is acted on once, however often it is delivered."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from runtime.core import Runtime
from runtime.db.tables import inbound_events


async def first_time(runtime: Runtime, org_id: UUID, external_id: str) -> bool:
    """Whether this was never heard before; it is noted in the same breath, so two processes can't both say yes."""
    statement = insert(inbound_events).values(org_id=org_id, source="slack", external_id=external_id)
    async with runtime.transaction(org_id) as tx:
        heard = await tx.run(statement.on_conflict_do_nothing().returning(inbound_events.c.external_id))
        return heard.first() is not None


def identity(body: Mapping[str, Any]) -> str:
    """What names a delivery: the event's id, an action by person and moment, otherwise its one-time trigger."""
    if body.get("event_id"):
        return str(body["event_id"])
    if body.get("actions"):
        return f"action:{body['user']['id']}:{body['actions'][0].get('action_ts', '')}:{body.get('trigger_id', '')}"
    return f"trigger:{body.get('trigger_id', '')}"
