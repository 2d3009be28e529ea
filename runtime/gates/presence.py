"""Effect `gate.people`: ask the gate's channel who of its people is away, and have the message say so; the clock never waits for it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from runtime.db.engine import Row
from runtime.errors import OutcomeRuntimeError
from runtime.gates import rows
from runtime.identity import away
from runtime.identity.away import Seen, SeesPeople
from runtime.identity.people import SYSTEM, Member
from runtime.integrations import catalogue
from runtime.integrations.contracts import Channel
from runtime.journal import Event, record
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

PATIENCE = 10.0
"""Seconds a channel has to answer; after it the clock goes by what was known before."""


async def look(runtime: "Runtime", org_id: UUID, gate_id: UUID) -> None:
    """Never fails for the channel's sake: who cannot be seen counts as there."""
    now = runtime.now()
    async with runtime.transaction(org_id) as tx:
        gate = await rows.get(tx, gate_id)
        people = await away.unseen(tx, _people(gate), now)
    if gate["status"] not in OPEN or not people:
        return
    seen = await _seen(runtime, org_id, rows.place(gate)[0], people, now)
    async with runtime.transaction(org_id) as tx:
        changed = await away.keep(tx, seen, "slack", now)
        gate = await rows.get(tx, gate_id, lock=True)
        if changed and gate["status"] in OPEN:
            gone = await away.until(tx, _people(gate), now)
            version = await rows.change(tx, gate)
            event = Event("gate.people_seen", "gate", gate_id, {"away": sorted(gone)})
            await record(tx, event, by=SYSTEM, notices=[rows.redraw(gate, version)])


def _people(gate: Row) -> set[str]:
    """Who is asked now, and who may be asked next."""
    return {rows.seat(gate).asked, *gate["escalation_chain"][gate["chain_position"] :]}


async def _seen(runtime: "Runtime", org_id: UUID, name: str, people: Sequence[Member], now: datetime) -> Sequence[Seen]:
    channel: Channel | None = None
    try:
        channel = catalogue.channel(name)(runtime)
        if not isinstance(channel, SeesPeople):
            return []
        return await asyncio.wait_for(channel.statuses(org_id, people, now), PATIENCE)
    except (OutcomeRuntimeError, TimeoutError) as error:
        log.info("presence.not_seen", channel=name, error=f"{type(error).__name__}: {error}"[:200])
        return []
    finally:
        if channel is not None:
            await channel.close()
