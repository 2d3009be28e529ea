"""Where Slack cannot show a gate to the person who is asked, a letter does: no gate is lost with a channel, a token or an account."""

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import select

from bot.slack.deliveries import CHANNEL
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.db.mail import letters
from runtime.db.tables import deliveries, outbox
from runtime.errors import OutcomeRuntimeError
from runtime.gates import rows
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Notice
from runtime.journal import Event, Message, record
from runtime.lifecycle.gate import OPEN
from runtime.settings import secret

log = structlog.get_logger(__name__)

_EVENT = "gate.sent_by_letter"
_LASTING = frozenset(
    {
        "account_inactive", "cannot_dm_bot", "channel_not_found", "ekm_access_denied", "invalid_auth", "is_archived", "missing_scope",
        "not_authed", "not_in_channel", "restricted_action", "team_access_not_granted", "token_expired", "token_revoked", "user_disabled",
        "user_not_found", "users_not_found",
    }
)  # fmt: skip
"""Refusals that trying again does not mend."""


def lasting(error: OutcomeRuntimeError) -> bool:
    """Whether only a person can mend it: without Slack's own word it was never asked, since nobody or nothing was there to ask."""
    said: Mapping[str, Any] = error.context
    return "retry_after" not in said and ("slack_error" not in said or said["slack_error"] in _LASTING)


async def instead(runtime: Runtime, notice: Notice, why: str) -> None:
    """The gate by letter to whoever is asked, once for each version; only where letters are really sent."""
    if notice.kind != "gate" or not secret(runtime.settings.smtp_url):
        return
    async with runtime.transaction(notice.org_id) as tx:
        gate = await rows.get(tx, notice.subject_id)
        asked, once = rows.seat(gate).asked, f"v{gate['version']}"
        if not await _wanted(tx, gate) or await _sent(tx, gate, asked, once):
            return
        letter = Message("gate", gate["id"], "email", asked, once=once, payload=_plain(notice.payload))
        event = Event(_EVENT, "gate", gate["id"], {"to": asked, "why": why[:300]})
        await record(tx, event, by=SYSTEM, notices=[letter])
    log.warning("slack.gate_goes_by_letter", gate=str(notice.subject_id), reason=why[:300])


async def shown_elsewhere(runtime: Runtime, notice: Notice) -> bool:
    """Whether the message stands in the owner's direct conversation, because its own place is closed to us, and letters can be sent."""
    if not secret(runtime.settings.smtp_url):
        return False
    d = deliveries.c
    mine = (d.subject_kind == "gate") & (d.subject_id == notice.subject_id) & (d.channel == CHANNEL) & (d.place == notice.place)  # fmt: skip
    async with runtime.transaction(notice.org_id) as tx:
        return await tx.value(select(d.details["instead"].astext).where(mine)) is not None


async def _wanted(tx: Tx, gate: Row) -> bool:
    """A closed gate interests only those who had a letter about it."""
    if gate["status"] in OPEN:
        return True
    return await tx.first(select(letters.c.id).where(letters.c.gate_id == gate["id"]).limit(1)) is not None


async def _sent(tx: Tx, gate: Row, asked: str, once: str) -> bool:
    """By the key that the outbox keeps it under, so that each retry of Slack's doesn't write a line into the journal."""
    key = f"{_EVENT}:gate:{gate['id']}:{once}:email:{asked}"
    return await tx.first(select(outbox.c.id).where(outbox.c.dedupe == key)) is not None


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "event"}
