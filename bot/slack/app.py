"""The Slack app: which handler answers what, and the one address Slack sends everything to."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web
from slack_bolt import BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import checkup
from bot.slack.again import NOTE, UNTOLD, Finished, going_on
from bot.slack.agent_view import AgentView
from bot.slack.applying import APPLY, ApplyDoor
from bot.slack.applying import DROP as DROP_PLAN
from bot.slack.commands import CommandDoor
from bot.slack.connecting import ConnectDoor
from bot.slack.dropped import DropDoor, meant
from bot.slack.gates import GateDoor
from bot.slack.home import HomeDoor
from bot.slack.importing import ImportDoor, content
from bot.slack.inbound import Inbox
from bot.slack.install import install_routes, taken_back
from bot.slack.people import People
from bot.slack.presses import Presses, unforeseen
from bot.slack.proposals import CONFIRM, DROP, Proposals
from bot.slack.shaping import Shaping
from bot.slack.shortcuts import ShortcutDoor
from bot.slack.socket import listening
from bot.slack.talk import Talk, is_talk
from bot.slack.teams import Teams
from bot.slack.was_it_you import NO, YES, WasItYou
from bot.slack.wire import web_client
from bot.slack.wizard import WizardDoor
from runtime import noted
from runtime.answers.service import answer
from runtime.core import Runtime
from runtime.errors import ChannelFailed
from runtime.settings import Settings, secret

log = structlog.get_logger(__name__)

PATH = "/slack/events"
MISSING = (
    "Slack is not connected over HTTP: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET (docs/slack.md), or start with `outcome-runtime up`. "
    "With SLACK_APP_TOKEN everything comes in by Socket Mode, and nothing here.\n"
)
Next = Callable[[], Awaitable[BoltResponse]]
Authorize = Callable[..., Awaitable[Any]]
"""Bolt's: answers an AuthorizeResult, or None for a workspace that may not."""


def slack_routes(runtime: Runtime, org_id: UUID, teams: Teams | None = None) -> list[web.RouteDef]:
    """Slack's events, actions, forms and commands, all at one address; without tokens it says what is missing."""
    if not connected(runtime.settings) or not secret(runtime.settings.slack_signing_secret):
        return [web.post(PATH, _not_connected)]
    doors = teams or Teams(runtime, org_id)

    async def events(request: web.Request) -> web.Response:
        try:
            answer = await doors.dispatch(await to_bolt_request(request))
        except ChannelFailed as error:
            log.warning("slack.not_ready", reason=error.message)
            return web.Response(status=503, text=error.message)
        return await to_aiohttp_response(answer)

    return [web.post(PATH, events)]


def mount(app: web.Application, runtime: Runtime, org_id: UUID) -> None:
    """Every way Slack comes in: HTTP, Socket Mode when SLACK_APP_TOKEN is set, and the pages that install the app."""
    teams = Teams(runtime, org_id)
    app.add_routes(slack_routes(runtime, org_id, teams))
    app.add_routes(install_routes(runtime, org_id))
    if connected(runtime.settings):
        app.cleanup_ctx.append(lambda _app: going_on(teams))
    if secret(runtime.settings.slack_app_token) and connected(runtime.settings):
        app.cleanup_ctx.append(lambda _app: listening(runtime, teams))
    app.on_shutdown.append(settled)
    app.on_cleanup.append(lambda _app: teams.tokens.close())


async def settled(_app: web.Application) -> None:
    """Handlers go on after their acknowledgement, and Bolt keeps no list of them: a stop waits for what they are at."""
    running = {
        task for task in asyncio.all_tasks() if str(getattr(task.get_coro(), "__qualname__", "")).endswith(_HANDLING)
    }
    if running:
        await asyncio.wait(running, timeout=_PATIENCE)


_HANDLING = ("run_ack_function_asynchronously", Presses.work.__qualname__)
_PATIENCE = 5.0


def connected(settings: Settings) -> bool:
    """Whether there is a token of one workspace, or an app that workspaces install."""
    return bool(secret(settings.slack_bot_token) or settings.slack_client_id)


async def _not_connected(request: web.Request) -> web.Response:
    return web.Response(status=503, text=MISSING)


def create_app(
    runtime: Runtime,
    org_id: UUID,
    inbox: Inbox,
    client: AsyncWebClient | None = None,
    authorize: Authorize | None = None,
) -> tuple[AsyncApp, Presses]:
    """One workspace's handlers; presses of a gate's answer go past Bolt. The door has checked each HTTP request's signature and age."""
    client = client or web_client(runtime.settings)
    signing = secret(runtime.settings.slack_signing_secret)
    app = AsyncApp(name="outcome", client=client, signing_secret=signing, authorize=authorize)
    gates = GateDoor(runtime, org_id, People(runtime, org_id, client))

    async def once(body: dict[str, Any], context: dict[str, Any], next: Next) -> BoltResponse:  # noqa: A002  Bolt hands arguments over by these names
        """Slack delivers again what was not acknowledged in time; the second time only the acknowledgement is given."""
        note = noted.current() or await inbox.note(org_id, body)
        if note is None:
            return BoltResponse(status=200, body="")
        noted.begin(note)
        context[NOTE] = note
        return await next()

    _gates(app, gates, once)
    _files(app, DropDoor(runtime, org_id, gates.people), once)
    _desk(app, gates, once)
    _talk(app, Talk(gates), once)
    app.command("/outcome", middleware=[once])(CommandDoor(runtime, org_id, gates.people).run)
    _steps(app, gates, once)
    taken_back(app, runtime)
    app.error(_failed)
    app.listener_runner.listener_completion_handler = Finished(inbox)
    return app, Presses(gates, client, inbox)


def _desk(app: AsyncApp, gates: GateDoor, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    """The Home tab and the assistant; before talk, since the assistant's threads are heard there only."""
    agent = AgentView(gates.runtime, gates.org_id, gates.people, answer)
    home = HomeDoor(gates, agent.greet)
    app.event("app_home_opened")(home.opened)
    app.action(re.compile(r"^home-gate:"), middleware=[once])(home.decide)
    app.action(re.compile(r"^home-(more$|do:)"), middleware=[once])(home.more)
    app.action("home-pause", middleware=[once])(home.pause)
    app.action("home-resume", middleware=[once])(home.resume)
    app.action("home-search", middleware=[once])(home.search)
    app.event("assistant_thread_started", middleware=[once])(agent.started)
    app.event("assistant_thread_context_changed", middleware=[once])(agent.context_changed)
    app.event("message", matchers=[agent.is_ours], middleware=[once])(agent.asked)


def _files(app: AsyncApp, door: DropDoor, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    """Before all talk: an outcome.yaml is read, whatever was written beside it."""

    async def given(event: dict[str, Any], context: dict[str, Any]) -> bool:
        return meant(event, str(context.get("bot_user_id") or ""))

    for name in ("message", "app_mention"):
        app.event(name, matchers=[given], middleware=[once])(door.heard)
    app.action(APPLY, middleware=[once])(door.applied)
    app.action(DROP_PLAN, middleware=[once])(door.dropped)
    app.action("import-start")(_only_acknowledge)


def _gates(app: AsyncApp, door: GateDoor, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    app.action(re.compile(r"^gate-(more$|do:)"), middleware=[once])(door.more)
    app.action("gate-reopen", middleware=[once])(door.reopened)
    app.action(re.compile(r"^(gate-pick:|open:)"))(_only_acknowledge)
    app.view("gate-answer", middleware=[once])(door.answered)
    app.view("gate-delegate", middleware=[once])(door.delegated)
    app.view("gate-ask", middleware=[once])(door.asked)
    shaping = Shaping(door)
    app.view("gate-terms", middleware=[once])(shaping.bound)
    app.view("gate-snooze", middleware=[once])(shaping.snoozed)
    app.view("gate-edit", middleware=[once])(shaping.edited)


def _steps(app: AsyncApp, door: GateDoor, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    """The forms behind `/outcome new`, `import` and `connect`, the doctor's button, and the shortcuts."""
    place = (door.runtime, door.org_id, door.people)
    wizard, connecting, shortcuts = WizardDoor(*place), ConnectDoor(*place), ShortcutDoor(*place)
    app.action(re.compile(r"^wizard:"), middleware=[once])(wizard.touched)
    app.view("outcome-new", middleware=[once])(wizard.submitted)
    app.view("outcome-import", middleware=[once])(ImportDoor(*place).submitted)
    app.view("outcome-apply", middleware=[once])(ApplyDoor(*place, content).submitted)
    app.action("connect-key", middleware=[once])(connecting.pressed)
    app.view("connect-key", middleware=[once])(connecting.submitted)
    app.action(checkup.PROOF, middleware=[once])(checkup.pressed)
    app.action("home-new", middleware=[once])(wizard.opened)
    app.shortcut("new-outcome", middleware=[once])(wizard.opened)
    app.shortcut("outcome-from-message", middleware=[once])(shortcuts.outcome)
    app.shortcut("hypothesis-from-message", middleware=[once])(shortcuts.hypothesis)
    app.view("hypothesis-new", middleware=[once])(shortcuts.submitted)


def _talk(app: AsyncApp, talk: Talk, once: Callable[..., Awaitable[BoltResponse]]) -> None:
    async def typed(event: dict[str, Any]) -> bool:
        return is_talk(event)

    app.event("message", matchers=[typed], middleware=[once])(talk.message)
    app.event("app_mention", matchers=[typed], middleware=[once])(talk.mention)
    proposals = Proposals(talk.door)
    app.action(CONFIRM, middleware=[once])(proposals.confirmed)
    app.action(DROP, middleware=[once])(proposals.dropped)
    letters = WasItYou(talk.door)
    app.action(YES, middleware=[once])(letters.confirmed)
    app.action(NO, middleware=[once])(letters.denied)
    for name in ("message", "app_mention", "member_joined_channel"):
        app.event(name)(_heard)


async def _only_acknowledge(ack: Callable[[], Awaitable[BoltResponse]]) -> None:
    """Ticked boxes arrive with the button; a link was followed by the browser."""
    await ack()


async def _heard(event: dict[str, Any]) -> None:
    """Edits, joins and our own words ask for nothing."""
    log.debug("slack.heard", type=event.get("type"), subtype=event.get("subtype"))


async def _failed(error: Exception, body: dict[str, Any], respond: AsyncRespond, context: dict[str, Any]) -> None:
    context[UNTOLD] = True
    await unforeseen(error, body, respond)
    context[UNTOLD] = False
