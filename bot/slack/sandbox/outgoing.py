"""Requests to the bot: signed as Slack signs them, repeated as Slack repeats them."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import structlog

from bot.slack.sandbox.config import SandboxConfig
from bot.slack.sandbox.errors import BotDidNotAnswer

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot said within the time Slack gives it."""

    status: int
    body: str
    wants_no_retry: bool

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  # HTTP


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Version 0 of https://docs.slack.dev/authentication/verifying-requests-from-slack ."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Outgoing:
    """The one way out: to the bot's events URL, on this machine."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._session = aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=config.ack_seconds))
        self._deliveries: set[asyncio.Task[None]] = set()

    async def interaction(self, payload: Mapping[str, Any]) -> Answer:
        """Buttons, selects, modals, shortcuts: a form with one field; raises BotDidNotAnswer."""
        return await self.form({"payload": json.dumps(payload)})

    async def form(self, fields: Mapping[str, str]) -> Answer:
        answer = await self._post(urlencode(fields).encode(), FORM, {})
        if not answer.ok:
            raise BotDidNotAnswer(
                f"{self._config.bot_name} did not respond (HTTP {answer.status}).", status=answer.status
            )
        return answer

    def event(self, envelope: Mapping[str, Any]) -> None:
        """Deliver in the background; up to three more tries when the bot fails."""
        delivery = asyncio.create_task(self._deliver(json.dumps(envelope).encode()))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def close(self) -> None:
        for delivery in tuple(self._deliveries):
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await self._session.close()

    async def _deliver(self, body: bytes) -> None:
        headers: dict[str, str] = {}
        for number, delay in enumerate((None, *self._config.retry_delays)):
            if delay is not None:
                await asyncio.sleep(delay)
                headers["X-Slack-Retry-Num"] = str(number)
            reason = await self._try(body, headers)
            if reason is None:
                return
            headers["X-Slack-Retry-Reason"] = reason
        log.info("sandbox.event_given_up", reason=reason)

    async def _try(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        """None when the event needs no other try, else Slack's word for what went wrong."""
        try:
            answer = await self._post(body, JSON, headers)
        except BotDidNotAnswer as failed:
            return str(failed.context["reason"])
        return None if answer.ok or answer.wants_no_retry else "http_error"

    async def _post(self, body: bytes, content_type: str, extra: Mapping[str, str]) -> Answer:
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._config.signing_secret.get_secret_value(), timestamp, body),
            **extra,
        }
        try:
            async with self._session.post(
                self._config.events_url, data=body, headers=headers, allow_redirects=False
            ) as reply:
                said = await reply.read()
                no_retry = reply.headers.get("X-Slack-No-Retry") == "1"
                return Answer(reply.status, said.decode("utf-8", "replace"), no_retry)
        except TimeoutError as error:
            raise BotDidNotAnswer(f"{self._config.bot_name} did not respond in time.", reason="http_timeout") from error
        except aiohttp.ClientError as error:
            raise BotDidNotAnswer(f"{self._config.bot_name} did not respond.", reason="connection_failed") from error
