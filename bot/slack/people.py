"""Which member stands behind a Slack user, and which Slack user behind a member: by verified e-mail address only."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel, Field
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import bindparam, select

from bot.slack.view import Who
from bot.slack.wire import FAILURES, code_of, failed
from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.db.tables import members as members_table
from runtime.identity import members
from runtime.identity.people import Member

log = structlog.get_logger(__name__)

UNKNOWN = (
    "I know people by e-mail address, and yours is not among this organisation's. "
    "Ask an owner to name you in outcome.yaml (as assignee or in an escalation chain), then try again."
)
_NAMED = select(members_table).where(members_table.c.email.in_(bindparam("emails", expanding=True)))
_ASK_AGAIN = 600.0
"""Seconds before somebody who was not found in Slack is looked for again."""


class _Profile(BaseModel):
    email: str = ""
    real_name: str = ""


class SlackUser(BaseModel):
    """The part of Slack's user object that says who somebody is."""

    id: str
    team_id: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_email_confirmed: bool = True
    tz: str | None = None
    profile: _Profile = Field(default_factory=_Profile)


def trusted(user: SlackUser, own_team: str) -> bool:
    """Whether this user's address says who they are: another workspace's admins choose their people's addresses."""
    person = not user.deleted and not user.is_bot
    return person and user.is_email_confirmed and bool(user.profile.email) and user.team_id == own_team


class People:
    """Looks people up in both directions and remembers what it found in the members table."""

    def __init__(self, runtime: Runtime, org_id: UUID, client: AsyncWebClient) -> None:
        self._runtime, self._org_id, self._client = runtime, org_id, client
        self._team = ""
        self._absent: dict[str, float] = {}

    async def behind(self, slack_user_id: str) -> Member | None:
        """The member this user is; None for strangers, bots and guests of other workspaces, whatever they call themselves."""
        async with self._runtime.transaction(self._org_id) as tx:
            known = await members.by_slack(tx, slack_user_id)
        return known or await self.asked(slack_user_id)

    async def asked(self, slack_user_id: str) -> Member | None:
        """As `behind`, for a user nobody is linked with yet: Slack is asked for their address."""
        try:
            return await self._join((await self._client.users_info(user=slack_user_id))["user"])
        except FAILURES as error:
            if code_of(error) in {"user_not_found", "user_not_visible"}:
                return None
            raise failed(error, "to tell me who you are") from error

    async def who(self, emails: Iterable[str]) -> Mapping[str, Who]:
        """How to show these people; who isn't linked to Slack yet is looked for there, and that may fail without harm."""
        async with self._runtime.transaction(self._org_id) as tx:
            known = await self.known(tx, emails)
        return await self.shown(known)

    async def known(self, tx: Tx, emails: Iterable[str]) -> Sequence[Member]:
        """The members of these addresses."""
        wanted = {email.casefold() for email in emails}
        rows = await tx.all(_NAMED, {"emails": list(wanted)})
        return [Member.of(row) for row in rows]

    async def shown(self, known: Iterable[Member]) -> Mapping[str, Who]:
        """As `who`, of members that were read before."""
        return {member.email.casefold(): await self._shown(member) for member in known}

    async def _shown(self, member: Member) -> Who:
        linked = member if member.slack_user_id else await self.by_email(member.email) or member
        return Who(linked.email, linked.name, linked.slack_user_id, linked.timezone)

    async def by_email(self, email: str) -> Member | None:
        """The member of this address, linked to their Slack user; None when Slack knows nobody by it."""
        if self._absent.get(email.casefold(), 0.0) > time.monotonic():
            return None
        try:
            return await self._join((await self._client.users_lookupByEmail(email=email))["user"])
        except FAILURES as error:
            log.info("slack.person_not_found", reason=code_of(error) or type(error).__name__)
            self._absent[email.casefold()] = time.monotonic() + _ASK_AGAIN
            return None

    async def _join(self, found: Mapping[str, Any]) -> Member | None:
        user = SlackUser.model_validate(found)
        if not trusted(user, await self._own_team()):
            return None
        async with self._runtime.transaction(self._org_id) as tx:
            return await members.link_slack(
                tx, user.profile.email, user.id, name=user.profile.real_name, timezone=user.tz or "UTC"
            )

    async def _own_team(self) -> str:
        if not self._team:
            self._team = str((await self._client.auth_test())["team_id"])
        return self._team
