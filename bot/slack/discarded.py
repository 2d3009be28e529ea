"""Pictures that no message shows any more: their files are deleted, by the outbox, once the new ones stand in their place."""

import structlog
from slack_sdk.errors import SlackApiError
from sqlalchemy import select

from bot.slack.deliveries import CHANNEL
from bot.slack.post import Desk
from bot.slack.wire import code_of
from runtime.db.engine import Tx
from runtime.db.tables import deliveries
from runtime.integrations.contracts import Notice

log = structlog.get_logger(__name__)

_GONE = frozenset({"file_not_found", "file_deleted"})
_KEPT = frozenset({"cant_delete_file", "missing_scope", "no_permission", "not_allowed_token_type", "restricted_action"})
"""Refusals that trying again does not mend; the file stays, and nothing else does."""


async def deliver(desk: Desk, notice: Notice) -> None:
    """May run twice. Evidence is data and stays in the database; files given to people in a thread are never among these."""
    file = str(notice.payload["file"])
    async with desk.runtime.transaction(desk.org_id) as tx:
        if await _shown(tx, file):
            return
    try:
        await desk.client.files_delete(file=file)
    except SlackApiError as error:
        if code_of(error) in _GONE:
            return
        if code_of(error) not in _KEPT:
            raise
        log.warning("slack.picture_not_deleted", file=file, error=code_of(error))


async def _shown(tx: Tx, file: str) -> bool:
    """Whether any message, or somebody's Home, still remembers it as its picture."""
    d = deliveries.c
    same = d.details["picture"]["file"].astext == file
    return await tx.first(select(d.subject_id).where(d.channel == CHANNEL, same).limit(1)) is not None
