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

from bot.slack import kit
from bot.slack.gates import GateDoor, whisper
from bot.slack.inbound import Inbox, unreachable
from bot.slack.wire import TIMEOUT
from bot.slack.words import fit
from runtime import noted
from runtime.noted import Note

log = structlog.get_logger(__name__)

ACTION = "gate:"
_REFUSED = 400
"""From this HTTP status on Slack has forgotten the address."""
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

    def __init__(self, door: GateDoor, client: AsyncWebClient, inbox: Inbox) -> None:
        self._door, self._client, self._inbox = door, client, inbox
        self._under_way: set[asyncio.Task[None]] = set()

    async def take(self, body: dict[str, Any]) -> BoltResponse:
        """Acknowledged as soon as it is noted, and worked on after that; the same one delivered again is only acknowledged."""
        if (note := await self._inbox.note(self._door.org_id, body)) is not None:
            work = asyncio.create_task(self.work(body, note))
            self._under_way.add(work)
            work.add_done_callback(self._under_way.discard)
            work.add_done_callback(lambda _: self._inbox.leave(note))
        return BoltResponse(status=200, body="")

    async def work(self, body: dict[str, Any], note: Note) -> None:
        """What it ends in, an error that was told among it, ends the note; who is stopped on the way leaves it to the next one."""
        ended = False
        try:
            with noted.apart():
                noted.begin(note)
                ended = await self._ended(body, note)
        finally:
            self._inbox.leave(note)
        if ended:
            await self._inbox.done(note)

    async def _ended(self, body: dict[str, Any], note: Note) -> bool:
        """A database that went away in the middle is no news to whoever pressed: when it is back, somebody goes on."""
        respond = self._respond(body)
        try:
            await self._door.pressed(AsyncAck(), body, body["actions"][0], self._client, respond)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001  as Bolt's own handlers: whatever it is, whoever pressed hears of it
            if note.turn == 0 and unreachable(error):
                log.warning("slack.left_for_later", note=note.external_id, reason=type(error).__name__)
                return False
            await unforeseen(error, body, respond)
        return True

    async def tell(self, body: dict[str, Any], text: str, user: str) -> None:
        """Privately: where it was asked for, or directly once Slack has forgotten that address."""
        if body.get("response_url"):
            said = await self._respond(body)(
                text=fit(text, kit.SECTION), response_type="ephemeral", replace_original=False
            )
            if said.status_code < _REFUSED:
                return
        await self._client.chat_postMessage(channel=user, text=fit(text, kit.MESSAGE))

    def _respond(self, body: Body) -> _Respond:
        kept = self._door.runtime.http.plain(TIMEOUT)
        url, client = body.get("response_url"), self._client
        return _Respond(kept, response_url=url, proxy=client.proxy, ssl=client.ssl)


async def unforeseen(error: Exception, body: Body, respond: AsyncRespond) -> None:
    """The log says why, and whoever pressed is not left wondering."""
    log.error("slack.handler_failed", type=body.get("type"), exc_info=error)
    if body.get("response_url"):
        await whisper(respond, SORRY)
