"""The Slack app: which handler answers what, and the one address Slack sends everything to."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web
from slack_bolt import BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp, AsyncRespond

from bot.slack.commands import CommandDoor
from bot.slack.gates import GateDoor, whisper
from bot.slack.home import HomeDoor
from bot.slack.inbound import first_time, identity
from bot.slack.people import People
from bot.slack.talk import Talk, is_talk
from bot.slack.wire import web_client
from runtime.core import Runtime
from runtime.settings import secret

log = structlog.get_logger(__name__)

PATH = "/slack/events"
MISSING = "Slack is not connected: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET (docs/slack.md), or start with `outcome-runtime up`.\n"
SORRY = "Something went wrong here; the log of the bot has the details. Look at the message again before you repeat it."
Next = Callable[[], Awaitable[BoltResponse]]


def slack_routes(runtime: Runtime, org_id: UUID) -> list[web.RouteDef]:
    """Slack's events, actions, forms and commands, all at one address; without tokens it says what is missing."""
    if runtime.settings.slack_bot_token is None or runtime.settings.slack_signing_secret is None:
        return [web.post(PATH, _not_connected)]
    app = create_app(runtime, org_id)

    async def events(request: web.Request) -> web.Response:
        answer = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    return [web.post(PATH, events)]


async def _not_connected(request: web.Request) -> web.Response:
    return web.Response(status=503, text=MISSING)


def create_app(runtime: Runtime, org_id: UUID) -> AsyncApp:
    """Bolt checks each request's signature and age before any handler sees it."""
    client = web_client(runtime.settings)
    app = AsyncApp(client=client, signing_secret=secret(runtime.settings.slack_signing_secret))
    gates = GateDoor(runtime, org_id, People(runtime, org_id, client))

    async def once(body: dict[str, Any], next: Next) -> BoltResponse:  # noqa: A002  Bolt hands arguments over by these names
        """Slack delivers again what was not acknowledged in time; the second time only the acknowledgement is given."""
        if await first_time(runtime, org_id, identity(body)):
            return await next()
        return BoltResponse(status=200, body="")

    _gates(app, gates, once)
    _talk(app, Talk(gates), once)
    app.command("/outcome", middleware=[once])(CommandDoor(runtime, org_id, gates.people).run)
    app.event("app_home_opened")(HomeDoor(runtime, org_id, gates.people).opened)
    app.error(_failed)
    return app


def _gates(app: AsyncApp, door: GateDoor, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    app.action(re.compile(r"^gate:"), middleware=[once])(door.pressed)
    app.action("gate-more", middleware=[once])(door.more)
    app.action("gate-reopen", middleware=[once])(door.reopened)
    app.action(re.compile(r"^(gate-pick:|open:)"))(_only_acknowledge)
    app.view("gate-answer", middleware=[once])(door.answered)
    app.view("gate-delegate", middleware=[once])(door.delegated)
    app.view("gate-ask", middleware=[once])(door.asked)


def _talk(app: AsyncApp, talk: Talk, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    async def typed(event: dict[str, Any]) -> bool:
        return is_talk(event)

    app.event("message", matchers=[typed], middleware=[once])(talk.message)
    app.event("app_mention", matchers=[typed], middleware=[once])(talk.mention)
    for name in ("message", "app_mention", "member_joined_channel", "app_uninstalled", "tokens_revoked"):
        app.event(name)(_heard)


async def _only_acknowledge(ack: Callable[[], Awaitable[BoltResponse]]) -> None:
    """Ticked boxes arrive with the button; a link was followed by the browser."""
    await ack()


async def _heard(event: dict[str, Any]) -> None:
    """Edits, joins and our own words ask for nothing."""
    log.debug("slack.heard", type=event.get("type"), subtype=event.get("subtype"))


async def _failed(error: Exception, body: dict[str, Any], respond: AsyncRespond) -> None:
    """What nobody foresaw: the log says why, and whoever pressed is not left wondering."""
    log.error("slack.handler_failed", type=body.get("type"), exc_info=error)
    if body.get("response_url"):
        await whisper(respond, SORRY)
