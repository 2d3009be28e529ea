"""The Web API client, and what its refusals mean to us."""

from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from runtime.errors import ChannelFailed, InvalidConfiguration
from runtime.settings import Settings, secret

FAILURES = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
"""All that a call can end in besides an answer."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TIMEOUT = 20
_MENDS = {
    "invalid_auth": "SLACK_BOT_TOKEN is not valid; copy the Bot User OAuth Token from the app's page again.",
    "not_authed": "SLACK_BOT_TOKEN is missing; copy the Bot User OAuth Token from the app's page.",
    "token_revoked": "The app was uninstalled or its token revoked; install it again and set SLACK_BOT_TOKEN.",
    "account_inactive": "The app was uninstalled; install it again and set SLACK_BOT_TOKEN.",
    "missing_scope": "The app lacks a permission; compare its scopes with manifest.yaml and reinstall it.",
    "not_in_channel": "Invite the app: /invite it in the channel.",
    "is_archived": "The channel is archived; unarchive it, or name another in outcome.yaml.",
    "restricted_action": "The workspace lets only some people post there; name another channel in outcome.yaml.",
    "file_not_found": "The file is not there for the app; upload it again.",
    "file_deleted": "The file was deleted; upload it again.",
    "cannot_dm_bot": "A bot cannot be written to; name a person's address in outcome.yaml.",
    "user_not_found": "The person is not in this workspace any more; name somebody else in outcome.yaml.",
    "user_disabled": "The person's Slack account is deactivated; name somebody else in outcome.yaml.",
    "msg_too_long": "The message is longer than Slack takes; the whole text stands in `outcome-runtime journal`.",
    "invalid_blocks": "Slack did not take the message in any form; please report it with the line in the bot's log.",
    "expired_trigger_id": "That took longer than the three seconds Slack gives a form; press again.",
    "channel_not_found": "The channel does not exist or is private; invite the app there, or name another in outcome.yaml.",
}


def bare_client(settings: Settings, token: str | None = None) -> AsyncWebClient:
    """Speaks to SLACK_BASE_URL with this token. Proxies of the environment are for the world outside, never for this machine."""
    return direct(AsyncWebClient(token=token, base_url=base_url(settings), timeout=TIMEOUT), settings)


def base_url(settings: Settings) -> str:
    return settings.slack_base_url.rstrip("/") + "/"


C = TypeVar("C", bound=AsyncWebClient)


def direct(client: C, settings: Settings) -> C:
    if on_this_machine(settings.slack_base_url):
        client.proxy = None
    return client


def on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def web_client(settings: Settings) -> AsyncWebClient:
    """For the one workspace whose token is in the settings."""
    token = secret(settings.slack_bot_token)
    if not token:
        raise InvalidConfiguration(
            "SLACK_BOT_TOKEN is not set; set it, or start with `outcome-runtime up`, which brings a sandbox workspace."
        )
    return bare_client(settings, token)


def code_of(error: BaseException) -> str:
    """Slack's word for a refusal; empty for anything that isn't one."""
    return str(error.response.get("error", "")) if isinstance(error, SlackApiError) else ""


def failed(error: BaseException, doing: str) -> ChannelFailed:
    """Slack's refusal or the network's, with what to do about it; a rate limit carries `retry_after` in seconds."""
    if isinstance(error, SlackApiError) and error.response.status_code == 429:  # noqa: PLR2004  HTTP
        wait = float(error.response.headers.get("Retry-After", 1))
        return ChannelFailed(f"Slack asks to wait {wait:g} s before {doing}; it is tried again then.", retry_after=wait)
    said = code_of(error)
    mend = _MENDS.get(said, "It is tried again; `/outcome doctor` checks the connection.")
    return ChannelFailed(f"Slack refused {doing}: {said or type(error).__name__}. {mend}", slack_error=said)
