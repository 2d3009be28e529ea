"""Home tabs drawn anew when a gate changes: for whom it concerns and who has opened Home before, at most once in two seconds each."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import func, select

from bot.slack import deliveries
from bot.slack.home import paint
from bot.slack.wire import FAILURES, failed
from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.db.tables import deliveries as shown
from runtime.db.tables import human_gates, members, outcomes
from runtime.gates import rows
from runtime.identity.people import Member

log = structlog.get_logger(__name__)

EVERY = 2.0
"""Seconds between two drawings; what changes within them is drawn together."""


class Repainter:
    """One organisation's Home tabs. Nothing is lost with the process: Slack asks for a Home tab whenever somebody opens it."""

    def __init__(self, runtime: Runtime, org_id: UUID, client: AsyncWebClient, *, every: float = EVERY) -> None:
        self._runtime, self._org_id, self._client, self._every = runtime, org_id, client, every
        self._changed: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    def gate_changed(self, gate_id: UUID) -> None:
        """The first change is drawn at once, those that follow closely together after it."""
        self._changed.add(gate_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="home-repaint")

    async def idle(self) -> None:
        """Returns when everything that changed so far is drawn."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._changed:
            gates, self._changed = self._changed, set()
            await asyncio.sleep(await self._draw(gates))

    async def _draw(self, gates: set[UUID]) -> float:
        """Seconds to wait before the next drawing: what Slack asks for when it refuses one, after which these come again."""
        try:
            async with self._runtime.transaction(self._org_id) as tx:
                visitors = await _visitors(tx, await _concerned(tx, gates))
            for member, user in visitors:
                await paint(self._runtime, self._org_id, self._client, member, user)
        except FAILURES as error:
            refusal = failed(error, "to draw a Home tab")
            log.info("slack.home_not_drawn", error=refusal.message)
            again = refusal.context.get("retry_after")
            self._changed |= gates if again else set()
            return float(again or self._every)
        except Exception:  # a Home tab is a copy, and whatever is wrong with one must not stop the others for good
            log.exception("slack.home_not_drawn")
        return self._every


async def _concerned(tx: Tx, gates: set[UUID]) -> set[str]:
    """Addresses of everybody these gates ask or have asked, who decided them, and whose outcome they are about."""
    g, o = human_gates.c, outcomes.c
    joined = select(human_gates, o.owner, o.team_members).join(outcomes, o.id == g.outcome_id).where(g.id.in_(gates))
    found: set[str] = set()
    for row in await tx.all(joined):
        people = [*rows.seat(row).entitled, row["decided_by"], row["owner"], *row["team_members"]]
        found |= {address.casefold() for address in people if address}
    return found


async def _visitors(tx: Tx, addresses: set[str]) -> Sequence[tuple[Member, str]]:
    """Those of them who have opened Home, with the Slack user they are."""
    d = shown.c
    statement = (
        select(members, d.place)
        .join(shown, (d.subject_id == members.c.id) & (d.org_id == members.c.org_id))
        .where(d.subject_kind == "home", d.channel == deliveries.CHANNEL, func.lower(members.c.email).in_(addresses))
    )
    return [(Member.of(row), str(row["place"])) for row in await tx.all(statement)]
