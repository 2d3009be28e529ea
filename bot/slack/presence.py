"""What a Slack status says about being there: away with an emoji or words that mean it, until the status expires."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pydantic import BaseModel, Field, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.view import Who, person
from bot.slack.wire import FAILURES, code_of
from bot.slack.words import moment
from runtime.db.engine import Row
from runtime.gates import rows
from runtime.gates.policy import next_in_chain
from runtime.identity.away import Seen
from runtime.identity.people import Member
from runtime.lifecycle.gate import OPEN

log = structlog.get_logger(__name__)

EMOJI = frozenset({":palm_tree:", ":face_with_thermometer:", ":desert_island:", ":beach_with_umbrella:", ":no_entry:"})
_AWAY = re.compile(
    r"\b(?:out of (?:the )?office|ooo|vacation(?:ing)?|on (?:\w+ )?leave|on holidays?|off sick|sick leave|annual leave)\b",
    re.IGNORECASE,
)
_BACK = re.compile(r"\b(?:back|returned) from\b|\bbefore my\b|\bplanning\b", re.IGNORECASE)
_OPEN_ENDED = timedelta(days=1)
"""A status without an end counts for so long from when it was seen; it is looked at again before that matters."""


class Status(BaseModel):
    """The part of a Slack profile that says whether somebody is there."""

    status_text: str = ""
    status_emoji: str = ""
    status_expiration: int = Field(0, ge=0, le=253_402_300_799)


class _User(BaseModel):
    profile: Status = Field(default_factory=Status)


def away_until(status: Status, now: datetime) -> datetime | None:
    """None for somebody who is there, whose status has expired, or who is back."""
    said = bool(_AWAY.search(status.status_text)) and not _BACK.search(status.status_text)
    if not said and not (status.status_emoji in EMOJI and not _BACK.search(status.status_text)):
        return None
    if not status.status_expiration:
        return now + _OPEN_ENDED
    ends = datetime.fromtimestamp(status.status_expiration, UTC)
    return ends if ends > now else None


async def statuses(client: AsyncWebClient, people: Sequence[Member], now: datetime) -> list[Seen]:
    """Those Slack could show; who isn't linked to it, or could not be read, is left out."""
    found = await asyncio.gather(*(_status(client, member, now) for member in people if member.slack_user_id))
    return [seen for seen in found if seen is not None]


async def _status(client: AsyncWebClient, member: Member, now: datetime) -> Seen | None:
    try:
        answer: Any = await client.users_info(user=str(member.slack_user_id))
        return Seen(member.email, away_until(_User.model_validate(answer["user"]).profile, now))
    except (*FAILURES, ValidationError) as error:
        log.info("slack.status_not_read", reason=code_of(error) or type(error).__name__)
        return None


def whereabouts(gate: Row, people: Mapping[str, Who], gone: Mapping[str, datetime]) -> str | None:
    """What an open gate's message says when the person it asks is away: nobody is skipped silently, and the clock stays."""
    asked = rows.seat(gate).asked
    if asked not in gone or gate["status"] not in OPEN:
        return None
    chain = gate["escalation_chain"]
    position = next_in_chain(chain, gate["chain_position"], frozenset(gone))
    following = (
        f"After that {person(people, chain[position - 1]).shown} is asked."
        if position
        else "Nobody is asked after that: delegate it to somebody who is there."
    )
    until = f"{person(people, asked).shown} is away, at least until {moment(gone[asked])}"
    return f"🌴 {until}. The time stays: answer by {moment(gate['due_at'])}. {following}"
