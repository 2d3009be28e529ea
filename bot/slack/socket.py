"""Socket Mode: Slack's envelopes come over a connection we open, so no public address and no signing secret are needed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import time

import structlog
from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.slack.teams import Teams
from bot.slack.wire import bare_client, on_this_machine
from runtime.core import Runtime
from runtime.errors import ChannelFailed
from runtime.settings import secret

log = structlog.get_logger(__name__)

PING_SECONDS = 5.0


class Line(SocketModeClient):
    """The SDK's connection. An address Slack gives out is good once, so whenever connecting takes long a new one is asked for."""

    attempt_seconds = 20.0

    async def connect(self) -> None:
        while not self.closed:
            try:
                return await asyncio.wait_for(super().connect(), self.attempt_seconds)  # type: ignore[no-untyped-call]
            except TimeoutError:
                log.warning("slack.socket_not_connected")
                self.wss_uri = None
        return None


class Listener(AsyncBaseSocketModeHandler):
    """Bolt's handler for one app, over all workspaces: each envelope goes where the same request over HTTP would go."""

    def __init__(self, teams: Teams, client: SocketModeClient) -> None:
        self.teams, self.client = teams, client
        client.socket_mode_request_listeners.append(self.handle)

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        """What could not be taken now is not acknowledged, so that Slack sends it again."""
        start = time()
        try:
            answer = await self.teams.dispatch(
                AsyncBoltRequest(mode="socket_mode", body=req.payload, headers=build_headers(req))
            )
        except ChannelFailed as error:
            log.warning("slack.not_ready", reason=error.message)
            return
        await send_async_response(client, req, answer, start)


async def listening(runtime: Runtime, teams: Teams, *, ping_seconds: float = PING_SECONDS) -> AsyncIterator[None]:
    """From start to end of the web server; Slack being away neither delays the start nor ends anything."""
    token = secret(runtime.settings.slack_app_token) or ""
    client = Line(token, web_client=bare_client(runtime.settings, token), ping_interval=ping_seconds)
    if on_this_machine(runtime.settings.slack_base_url):
        client.proxy = None
    listener = Listener(teams, client)
    connecting = asyncio.create_task(listener.connect_async())  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
        await listener.close_async()  # type: ignore[no-untyped-call]
