"""Replies out of the sandbox's mailbox, which stands in for a mail server until one is configured."""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.mail.intake import LARGEST, receive
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

WAY = "sandbox"
EVERY_SECONDS = 1.0
_LONGEST_PAUSE = 15.0
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: int
    envelope_from: str
    envelope_to: list[str]
    rfc822: str


class _Replies(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    messages: list[_Reply] = []


def mailbox_url(settings: Settings) -> str | None:
    """The sandbox workspace's address, if it is what we speak to: Slack's own is never on this machine."""
    parts = urlsplit(settings.slack_base_url)
    used = parts.hostname in _LOOPBACK and secret(settings.slack_bot_token)
    return f"{parts.scheme}://{parts.netloc}" if used else None


def wanted(settings: Settings) -> bool:
    """Only without a real way in."""
    return not (secret(settings.imap_url) or settings.mail_listen) and mailbox_url(settings) is not None


async def fetch(runtime: "Runtime", session: aiohttp.ClientSession, after: int, wake: Callable[[], None]) -> int:
    """Keep what people wrote since reply number `after`; returns the last number kept."""
    url = f"{mailbox_url(runtime.settings)}/sandbox/mail/outgoing"
    headers = {"Authorization": f"Bearer {secret(runtime.settings.slack_bot_token)}"}
    async with session.get(url, params={"after": str(after)}, headers=headers) as answer:
        answer.raise_for_status()
        found = _Replies.model_validate_json(await answer.read())
    for reply in found.messages:
        raw = b64decode(reply.rfc822)
        if len(raw) <= LARGEST:
            await receive(runtime, raw, way=WAY, envelope_from=reply.envelope_from, envelope_to=reply.envelope_to)
        after = reply.id
        wake()
    return after


async def polling(runtime: "Runtime", wake: Callable[[], None], *, every: float = EVERY_SECONDS) -> None:
    """Until it is cancelled. It begins at the first reply each time: what was kept before is known by its Message-ID."""
    after, pause = 0, every
    async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
        while True:
            try:
                after = await fetch(runtime, session, after, wake)
                pause = every
            except (aiohttp.ClientError, TimeoutError, OSError, ValidationError) as error:
                log.debug("mail.sandbox_waiting", error=f"{type(error).__name__}: {error}"[:200])
                pause = min(_LONGEST_PAUSE, pause * 2)
            except Exception as error:  # noqa: BLE001  the database may be away for a while; replies wait in the sandbox
                log.warning("mail.sandbox_not_kept", error=f"{type(error).__name__}: {error}"[:300])
                pause = min(_LONGEST_PAUSE, pause * 2)
            await asyncio.sleep(pause)
