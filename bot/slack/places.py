"""Where a message goes: channels by name, people by id or address, and the owner where nothing else takes it."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.people import People
from bot.slack.wire import FAILURES, code_of, failed
from runtime.core import Runtime
from runtime.errors import ChannelFailed
from runtime.identity import members

CLOSED = frozenset(
    {"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "restricted_action_read_only_channel"}
)
"""Refusals by which a channel says that we can't speak there."""
_PAGE = 1000
_PERSON = re.compile(r"[UW][A-Z0-9]{8,}")
_CONVERSATION = re.compile(r"[CDG][A-Z0-9]{8,}")


class Places:
    """Channel ids by name, remembered for the life of the process."""

    def __init__(self, runtime: Runtime, org_id: UUID, client: AsyncWebClient, people: People) -> None:
        self._runtime, self._org_id, self._client, self._people = runtime, org_id, client, people
        self._channels: dict[str, str] = {}

    async def find(self, place: str) -> str | None:
        """The conversation's id: `#name`, a channel or user id, or an address. None when there is none we can see."""
        if "@" in place:
            member = await self._people.by_email(place)
            return await self._direct(member.slack_user_id) if member and member.slack_user_id else None
        if _PERSON.fullmatch(place):
            return await self._direct(place)
        return place if _CONVERSATION.fullmatch(place) else await self._channel(place.removeprefix("#"))

    def forget(self, place: str) -> None:
        """Look a channel up again at its next message: one of the same name may have taken its place."""
        self._channels.pop(place.removeprefix("#"), None)

    async def owners(self) -> str:
        """The owner's direct conversation: the last resort, so that no gate is lost."""
        async with self._runtime.transaction(self._org_id) as tx:
            owner = await members.owner(tx)
        linked = owner if owner is None or owner.slack_user_id else await self._people.by_email(owner.email)
        if linked is None or linked.slack_user_id is None:
            raise ChannelFailed(
                "The channel cannot be reached and the owner is not in this Slack workspace; invite the app to the channel, "
                "or set OWNER_EMAIL to an address the workspace knows."
            )
        return await self._direct(linked.slack_user_id)

    async def _channel(self, name: str) -> str | None:
        if name not in self._channels:
            self._channels |= {str(found["name"]): str(found["id"]) async for found in self._visible()}
        return self._channels.get(name)

    async def _visible(self) -> AsyncIterator[Mapping[str, Any]]:
        cursor = ""
        while True:
            answer = await self._client.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=_PAGE, cursor=cursor or None
            )
            for found in answer["channels"]:
                yield found
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _direct(self, slack_user_id: str) -> str:
        try:
            return str((await self._client.conversations_open(users=slack_user_id))["channel"]["id"])
        except FAILURES as error:
            raise failed(error, "to open a direct message") from error


def shut(error: BaseException) -> bool:
    return isinstance(error, SlackApiError) and code_of(error) in CLOSED
