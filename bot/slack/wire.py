"""The Web API client, and what its refusals mean to us."""

from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from runtime.errors import ChannelFailed, InvalidConfiguration
from runtime.settings import Settings, secret

FAILURES = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
"""All that a call can end in besides an answer."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = 20
_MENDS = {
    "invalid_auth": "SLACK_BOT_TOKEN is not valid; copy the Bot User OAuth Token from the app's page again.",
    "not_authed": "SLACK_BOT_TOKEN is missing; copy the Bot User OAuth Token from the app's page.",
    "token_revoked": "The app was uninstalled or its token revoked; install it again and set SLACK_BOT_TOKEN.",
    "account_inactive": "The app was uninstalled; install it again and set SLACK_BOT_TOKEN.",
    "missing_scope": "The app lacks a permission; compare its scopes with manifest.yaml and reinstall it.",
    "not_in_channel": "Invite the app: /invite it in the channel.",
    "channel_not_found": "The channel does not exist or is private; invite the app there, or name another in outcome.yaml.",
}


def web_client(settings: Settings) -> AsyncWebClient:
    """Proxies of the environment are for the world outside, never for an address on this machine."""
    token = secret(settings.slack_bot_token)
    if token is None:
        raise InvalidConfiguration(
            "SLACK_BOT_TOKEN is not set; set it, or start with `outcome-runtime up`, which brings a sandbox workspace."
        )
    client = AsyncWebClient(token=token, base_url=settings.slack_api_url, timeout=_TIMEOUT)
    if urlsplit(settings.slack_api_url).hostname in _LOOPBACK:
        client.proxy = None
    return client


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
