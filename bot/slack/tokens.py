"""A workspace's token as it is now: renewed in time, by one process at a time."""

import asyncio
import base64

import structlog
from pydantic import ValidationError

from bot.slack import installations
from bot.slack.installations import Grant, Installation
from bot.slack.wire import FAILURES, bare_client, failed
from runtime.core import Runtime
from runtime.db.engine import exclusive
from runtime.errors import ChannelFailed, InvalidConfiguration
from runtime.settings import Settings, secret

log = structlog.get_logger(__name__)

_REFUSED = frozenset({"invalid_refresh_token", "token_revoked", "token_expired", "account_inactive"})
"""Answers after which a refresh token opens nothing any more."""
_WAIT = 30.0


class NotInstalled(ChannelFailed):
    """The app is not, or no longer, installed in this Slack workspace; install it again at /slack/install."""


class Tokens:
    """One process's way to the stored tokens."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._turn = asyncio.Lock()
        self._renewals: dict[str, asyncio.Task[Installation]] = {}

    async def of(self, team_id: str) -> Installation:
        """Renewed first if it soon runs out; raises ChannelFailed when the app is not, or no longer, installed there."""
        found = await self._living(team_id)
        return await self._renewed(team_id) if found.due(self._runtime.now()) else found

    async def at_once(self, team_id: str) -> Installation:
        """For whoever must answer Slack in time: a token that is still good is renewed behind their back."""
        found, now = await self._living(team_id), self._runtime.now()
        if found.expired(now):
            return await self._renewed(team_id)
        if found.due(now) and team_id not in self._renewals:
            self._renewals[team_id] = task = asyncio.create_task(self._renewed(team_id))
            task.add_done_callback(lambda done: self._over(team_id, done))
        return found

    async def close(self) -> None:
        """Let renewals that are under way end: a new token that nobody stored would be lost."""
        await asyncio.gather(*self._renewals.values(), return_exceptions=True)

    def _over(self, team_id: str, done: asyncio.Task[Installation]) -> None:
        self._renewals.pop(team_id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("slack.token_not_renewed", team=team_id, reason=str(error))

    async def _living(self, team_id: str) -> Installation:
        found = await installations.of_team(self._runtime, team_id)
        if found is None or found.revoked_at is not None:
            raise not_installed(self._runtime.settings, found)
        return found

    async def _renewed(self, team_id: str) -> Installation:
        """One refresher among all processes, with no transaction open meanwhile; whoever comes second finds the new token."""
        async with self._turn, exclusive(self._runtime.engine, f"slack-token:{team_id}", wait_seconds=_WAIT) as mine:
            found = await self._living(team_id)
            if not found.due(self._runtime.now()):
                return found
            try:
                await self._renew(found, mine=mine)
            except ChannelFailed as error:
                if found.expired(self._runtime.now()):
                    raise
                log.warning("slack.token_not_renewed", team=team_id, reason=error.message)
                return found
            return await self._living(team_id)

    async def _renew(self, found: Installation, *, mine: bool) -> None:
        if not mine:
            raise ChannelFailed("Another process has been renewing this workspace's token for long; it is tried again.")
        try:
            grant = await exchange(self._runtime, grant_type="refresh_token", refresh_token=found.refresh_token or "")
        except ChannelFailed as error:
            if found.expired(self._runtime.now()) and error.context.get("slack_error") in _REFUSED:
                await installations.revoke(self._runtime, found.team_id, "the refresh token was refused")
            raise
        await installations.renew(self._runtime, found, grant)


def not_installed(settings: Settings, found: Installation | None) -> NotInstalled:
    """What a message to a workspace without a valid token ends in."""
    where = f"{settings.public_url}/slack/install"
    if found is None:
        return NotInstalled(f"The app is not installed in this organisation's Slack workspace; install it at {where}.")
    return NotInstalled(
        f"The app was removed from the Slack workspace {found.team_name} ({found.revoked_why}); install it again at {where}.",
        team=found.team_id,
    )


def client_secrets(settings: Settings) -> tuple[str, str]:
    client_id, client_secret = settings.slack_client_id, secret(settings.slack_client_secret)
    if not client_id or not client_secret:
        raise InvalidConfiguration(
            "SLACK_CLIENT_ID or SLACK_CLIENT_SECRET is not set; copy both from the app's Basic Information page."
        )
    return client_id, client_secret


async def exchange(runtime: Runtime, **given: str) -> Grant:
    """A code, or a refresh token, for a grant (https://docs.slack.dev/reference/methods/oauth.v2.access)."""
    client_id, client_secret = client_secrets(runtime.settings)
    client = bare_client(runtime.settings)
    shown = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    try:
        answer = await client.api_call("oauth.v2.access", data=given, headers={"Authorization": f"Basic {shown}"})
        return Grant.model_validate(answer.data)
    except FAILURES as error:
        raise failed(error, "to exchange a code or token") from error
    except ValidationError as error:
        raise ChannelFailed(
            "Slack granted something else than a bot token for one workspace; install the app into one workspace."
        ) from error
