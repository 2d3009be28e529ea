"""Presses of a gate's answer, the ones somebody waits for: taken at the door without Bolt, which looks every ten milliseconds whether it may acknowledge."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import ClientSession
from slack_bolt import BoltResponse
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from slack_sdk.webhook.webhook_response import WebhookResponse

from bot.slack.gates import GateDoor, whisper
from bot.slack.inbound import first_time, identity
from bot.slack.wire import TIMEOUT

log = structlog.get_logger(__name__)

ACTION = "gate:"
SORRY = "Something went wrong here; the log of the bot has the details. Look at the message again before you repeat it."
Body = Mapping[str, Any]


def is_press(body: Body) -> bool:
    actions = body.get("actions") or [{}]
    return body.get("type") == "block_actions" and str(actions[0].get("action_id", "")).startswith(ACTION)


class _Respond(AsyncRespond):
    """Bolt's, over connections that are kept: a thousand people who come late to one gate are a thousand answers."""

    def __init__(self, session: ClientSession, **given: Any) -> None:
        super().__init__(**given)
        self._session = session

    async def __call__(self, **said: Any) -> WebhookResponse:  # type: ignore[override]
        client = AsyncWebhookClient(self.response_url or "", proxy=self.proxy, ssl=self.ssl, session=self._session)
        return await client.send_dict(said)


class Presses:
    """One workspace's. Whoever calls has checked the signature, and that the app is installed there."""

    def __init__(self, door: GateDoor, client: AsyncWebClient) -> None:
        self._door, self._client = door, client
        self._under_way: set[asyncio.Task[None]] = set()

    async def take(self, body: dict[str, Any]) -> BoltResponse:
        """Acknowledged as soon as it is noted, and worked on after that; the same one delivered again is only acknowledged."""
        if await first_time(self._door.runtime, self._door.org_id, identity(body)):
            work = asyncio.create_task(self.work(body))
            self._under_way.add(work)
            work.add_done_callback(self._under_way.discard)
        return BoltResponse(status=200, body="")

    async def work(self, body: dict[str, Any]) -> None:
        client, kept = self._client, self._door.runtime.http.plain(TIMEOUT)
        respond = _Respond(kept, response_url=body.get("response_url"), proxy=client.proxy, ssl=client.ssl)
        try:
            await self._door.pressed(AsyncAck(), body, body["actions"][0], client, respond)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001  as Bolt's own handlers: whatever it is, whoever pressed hears of it
            await unforeseen(error, body, respond)


async def unforeseen(error: Exception, body: Body, respond: AsyncRespond) -> None:
    """The log says why, and whoever pressed is not left wondering."""
    log.error("slack.handler_failed", type=body.get("type"), exc_info=error)
    if body.get("response_url"):
        await whisper(respond, SORRY)
