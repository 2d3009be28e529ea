"""Each thing Slack tells us is acted on once, however often it is delivered, and whatever process dies at it."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError

from runtime import noted
from runtime.core import Runtime
from runtime.db.engine import plainly
from runtime.db.tables import inbound_events
from runtime.errors import VaultFailed
from runtime.noted import Note

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]
LEASE = timedelta(seconds=12)
"""How long a process may say nothing about what it works on before another one takes it over; twice as long after each time, up to five minutes."""
MOST = 10
SOURCE = "slack"
_PURPOSE = "noted in Slack"
_NOTE = f"""
with here as materialized (select set_config('app.org_id', $1, true))
insert into inbound_events (org_id, source, external_id, sealed, lease_until)
select $1::uuid, '{SOURCE}', $2, $3, clock_timestamp() + $4 from here
on conflict do nothing returning true
"""  # noqa: S608  a constant of this module
_CLOSE = "select set_config('synchronous_commit', 'off', true), close_noted($1, $2, $3, $4)"
_AWAY = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
_e = inbound_events.c


class Inbox:
    """What this process has noted, or taken over, and is at."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._under_way: set[Note] = set()

    async def note(self, org_id: UUID, body: Body) -> Note | None:
        """None for what was heard before. One message to the database and back, since Slack waits: then it is on disk, whatever comes."""
        name = identity(body)
        sealed = self._runtime.vault.seal(json.dumps(kept(body)), org_id=org_id, purpose=_PURPOSE)
        if not await _first(self._runtime, org_id, name, sealed):
            return None
        note = Note(org_id, SOURCE, name)
        self._under_way.add(note)
        return note

    async def done(self, note: Note) -> None:
        """Nothing is left to do; what it was is forgotten. A database that is away leaves it to be done again, which decides nothing twice."""
        self._under_way.discard(note)
        try:
            async with plainly(self._runtime.engine) as conn:
                await conn.execute(_CLOSE, note.org_id, note.source, note.external_id, note.turn)
        except _AWAY as error:
            log.warning("slack.note_left_open", note=note.external_id, reason=type(error).__name__)

    def leave(self, note: Note) -> None:
        """Not done: whoever finds its lease over goes on with it."""
        self._under_way.discard(note)

    async def renew(self) -> None:
        """What is still worked on here is not to be taken over. A row that is locked is just being closed."""
        found: dict[UUID, list[str]] = {}
        for note in self._under_way:
            found.setdefault(note.org_id, []).append(note.external_id)
        for org_id, names in found.items():
            mine = (_e.org_id == org_id) & (_e.source == SOURCE) & _e.external_id.in_(names) & _e.sealed.is_not(None)
            free = select(_e.external_id).where(mine).with_for_update(skip_locked=True)
            until = update(inbound_events).where(mine, _e.external_id.in_(free)).values(lease_until=_now() + LEASE)
            async with self._runtime.transaction(org_id, lasting=False) as tx:
                await tx.run(until)

    async def left(self) -> Sequence[tuple[Note, Body]]:
        """Take over what nobody works on any more, the oldest first, at most MOST at once."""
        async with plainly(self._runtime.engine) as conn:
            rows = await conn.fetch("select * from claim_noted($1, $2, $3)", SOURCE, LEASE, MOST)
        found = [await self._opened(row["org_id"], row["external_id"]) for row in rows]
        return [one for one in found if one is not None]

    async def _opened(self, org_id: UUID, name: str) -> tuple[Note, Body] | None:
        mine = (_e.org_id == org_id) & (_e.source == SOURCE) & (_e.external_id == name) & _e.sealed.is_not(None)
        asked = select(_e.sealed, _e.attempts, (_now() - _e.received_at).label("age")).where(mine)
        async with self._runtime.transaction(org_id) as tx:
            row = await tx.first(asked)
        if row is None:
            return None
        note = Note(org_id, SOURCE, name, row["attempts"], row["age"])
        self._under_way.add(note)
        try:
            body: Body = json.loads(self._runtime.vault.open(row["sealed"], org_id=org_id, purpose=_PURPOSE))
        except VaultFailed as error:
            log.error("slack.note_unreadable", note=name, reason=error.message)  # noqa: TRY400  the message says it all
            await self.done(note)
            return None
        return note, body


def unreachable(error: Exception) -> bool:
    """Whether the database went away, which says nothing about what was asked of it."""
    gone = (OSError, DisconnectionError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
    return isinstance(error, gone) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _now() -> Any:
    return func.clock_timestamp(type_=_e.received_at.type)


async def first_time(runtime: Runtime, org_id: UUID, external_id: str) -> bool:
    """Whether this was never heard before; it is noted in the same breath, so two processes can't both say yes.

    Whoever goes on for a process that died cannot know whether that one got further than this: for them it is the first time.
    """
    return await _first(runtime, org_id, external_id, None) or noted.late()


async def _first(runtime: Runtime, org_id: UUID, name: str, sealed: str | None) -> bool:
    async with plainly(runtime.engine) as conn:
        return bool(await conn.fetchval(_NOTE, str(org_id), name, sealed, LEASE if sealed else None))


def identity(body: Body) -> str:
    """What names a delivery: the event's id, an action by person and moment, otherwise its one-time trigger."""
    if body.get("event_id"):
        return str(body["event_id"])
    if body.get("actions"):
        return f"action:{body['user']['id']}:{body['actions'][0].get('action_ts', '')}:{body.get('trigger_id', '')}"
    return f"trigger:{body.get('trigger_id', '')}"


ASKING = "gate-ask"
"""The one form that is acknowledged before it is worked on; all others are answered with what became of them."""
_FORMS_ONLY = frozenset({"home-search", "home-new", "connect-key"})


def repeatable(body: Body) -> bool:
    """Whether it can be carried out by somebody else, later: what only opens a form cannot, since Slack gives three seconds for that.

    Nor can a form: as long as it is not acknowledged, it stands open before its author, with Slack's word that it did not go through.
    """
    kind = body.get("type")
    if kind == "view_submission":
        return bool((body.get("view") or {}).get("callback_id") == ASKING)
    action = str((body.get("actions") or [{}])[0].get("action_id", ""))
    return kind not in {"shortcut", "message_action"} and action not in _FORMS_ONLY


def kept(body: Body) -> dict[str, Any]:
    """What going on with it takes: never the message a button stands under, and of what is not repeated only who and what it was."""
    if repeatable(body):
        return {name: value for name, value in body.items() if name not in {"message", "token"}}
    view = body.get("view") or {}
    named = {name: body[name] for name in _NAMED if name in body}
    return named | ({"view": {name: view.get(name) for name in ("callback_id", "title")}} if view else {})


_NAMED = (
    "type", "team", "user", "enterprise", "is_enterprise_install", "api_app_id", "actions", "channel", "callback_id", "response_url",
)  # fmt: skip
