"""Each thing Slack tells us is acted on once, however often it is delivered."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from runtime.core import Runtime
from runtime.db.engine import plainly

_NOTE = """
with here as materialized (select set_config('app.org_id', $1, true))
insert into inbound_events (org_id, source, external_id) select $1::uuid, 'slack', $2 from here
on conflict do nothing returning true
"""


async def first_time(runtime: Runtime, org_id: UUID, external_id: str) -> bool:
    """Whether this was never heard before; it is noted in the same breath, so two processes can't both say yes.

    One message to the database and back, since Slack waits for it: the acknowledgement says that it is on disk.
    """
    async with plainly(runtime.engine) as conn:
        return bool(await conn.fetchval(_NOTE, str(org_id), external_id))


def identity(body: Mapping[str, Any]) -> str:
    """What names a delivery: the event's id, an action by person and moment, otherwise its one-time trigger."""
    if body.get("event_id"):
        return str(body["event_id"])
    if body.get("actions"):
        return f"action:{body['user']['id']}:{body['actions'][0].get('action_ts', '')}:{body.get('trigger_id', '')}"
    return f"trigger:{body.get('trigger_id', '')}"
