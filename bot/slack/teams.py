"""The app in each workspace: its own token, organisation and doors; whoever belongs to no known workspace gets in nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack import installations
from bot.slack.inbound import Inbox
from bot.slack.presses import Presses, is_press
from bot.slack.tokens import NotInstalled, Tokens, not_installed
from bot.slack.wire import FAILURES, TIMEOUT, base_url, code_of, direct, failed, web_client
from runtime import noted
from runtime.core import Runtime
from runtime.noted import Note
from runtime.settings import secret

log = structlog.get_logger(__name__)

_TAKEN_BACK = frozenset({"token_revoked", "account_inactive"})


class InstalledClient(AsyncWebClient):
    """Calls with a workspace's token as it is at that moment; raises ChannelFailed where the app is installed no more."""

    def __init__(self, runtime: Runtime, tokens: Tokens, team_id: str) -> None:
        super().__init__(base_url=base_url(runtime.settings), timeout=TIMEOUT)
        self._runtime, self._tokens, self._team_id = runtime, tokens, team_id
        direct(self, runtime.settings)

    async def api_call(self, *args: Any, **kwargs: Any) -> AsyncSlackResponse:
        self.token = (await self._tokens.of(self._team_id)).bot_token
        try:
            return await super().api_call(*args, **kwargs)
        except SlackApiError as error:
            if code_of(error) not in _TAKEN_BACK:
                raise
            await installations.revoke(self._runtime, self._team_id, f"Slack says {code_of(error)}")
            raise not_installed(
                self._runtime.settings, await installations.of_team(self._runtime, self._team_id)
            ) from error


async def client_for(runtime: Runtime, org_id: UUID, tokens: Tokens | None = None) -> AsyncWebClient:
    """How an organisation speaks: in the workspace that installed the app, else with the settings' token, which is the home's alone."""
    settings = runtime.settings
    team_id = await installations.team_of(runtime, org_id)
    if team_id is not None:
        return InstalledClient(runtime, tokens or Tokens(runtime), team_id)
    if settings.slack_client_id and (not secret(settings.slack_bot_token) or org_id != await runtime.home()):
        raise not_installed(settings, None)
    return web_client(settings)


async def home_team(runtime: Runtime) -> str | None:
    """The workspace of the settings' own token; None without one."""
    if not secret(runtime.settings.slack_bot_token):
        return None
    try:
        return str((await web_client(runtime.settings).auth_test()).get("team_id") or "") or None
    except FAILURES as error:
        raise failed(error, "to say which workspace its token belongs to") from error


class Teams:
    """Hands each request to the app of the workspace it comes from."""

    def __init__(self, runtime: Runtime, org_id: UUID) -> None:
        self._runtime, self._org_id = runtime, org_id
        self.tokens, self.inbox = Tokens(runtime), Inbox(runtime)
        self._apps: dict[str, _Known] = {}
        self._front: AsyncApp | None = None
        self._home: str | None = None

    async def dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        """The signature comes first: whoever cannot sign costs no query and learns of no workspace."""
        with noted.apart():
            return await self._dispatch(request)

    async def _dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        team = request.context.team_id
        known = await self._app(team) if team and self._from_slack(request) else None
        if known is None:
            return await self._front_app().async_dispatch(request)
        if echo(request.body):
            return BoltResponse(status=200, body="")
        if is_press(request.body) and await self._may(known, request):
            return await known.presses.take(request.body)
        return await known.app.async_dispatch(request)

    async def again(self, note: Note, body: dict[str, Any]) -> None:
        """Carry out what another process noted, and left; that its signature was checked, the note itself says."""
        request = AsyncBoltRequest(mode="socket_mode", body=body)
        known = await self._app(request.context.team_id or "")
        if known is None or not await self._may(known, request):
            log.warning("slack.not_installed", team=request.context.team_id, note=note.external_id)
            await self.inbox.done(note)
        elif is_press(body):
            await known.presses.work(body, note)
        else:
            with noted.apart():
                noted.begin(note)
                answer = await known.app.async_dispatch(request)
            if answer.status == HTTPStatus.NOT_FOUND:
                await self.inbox.done(note)

    async def tell(self, body: dict[str, Any], text: str, user: str) -> None:
        """Privately, in the workspace that it came from; where the app is installed no more, nobody is told."""
        request = AsyncBoltRequest(mode="socket_mode", body=body)
        known = await self._app(request.context.team_id or "")
        if known is not None and await self._may(known, request):
            await known.presses.tell(body, text, user)

    async def _may(self, known: "_Known", request: AsyncBoltRequest) -> bool:
        """Not where the app was taken back: Bolt tells whoever pressed."""
        context = request.context
        return known.org_id is None or await self._authorize(None, context.team_id, context.user_id) is not None

    def _from_slack(self, request: AsyncBoltRequest) -> bool:
        """Bolt checks it again in the app; over a socket the connection itself is the proof."""
        if request.mode == "socket_mode":
            return True
        stamp, mark = (request.headers.get(f"x-slack-{name}", [""])[0] for name in ("request-timestamp", "signature"))
        verifier = SignatureVerifier(secret(self._runtime.settings.slack_signing_secret) or "")
        return stamp.isdecimal() and verifier.is_valid(request.raw_body, stamp, mark)

    async def _app(self, team_id: str) -> "_Known | None":
        """An organisation's workspace stays its own; one that only has the settings' token may be installed any time."""
        made = self._apps.get(team_id)
        if made and (made.org_id is not None or not self._runtime.settings.slack_client_id):
            return made
        now = await installations.org_of(self._runtime, team_id)
        if made and now is None:
            return made
        if (fresh := await self._made(team_id, now)) is not None:
            self._apps[team_id] = fresh
        return fresh

    async def _made(self, team_id: str, org_id: UUID | None) -> "_Known | None":
        from bot.slack.app import create_app  # noqa: PLC0415  the table of handlers imports this module

        if org_id is not None:
            client = InstalledClient(self._runtime, self.tokens, team_id)

            async def authorize(
                enterprise_id: str | None, team_id: str | None, user_id: str | None
            ) -> AuthorizeResult | None:
                return await self._authorize(enterprise_id, team_id, user_id)

            return _Known(org_id, *create_app(self._runtime, org_id, self.inbox, client, authorize))
        self._home = self._home or await home_team(self._runtime)
        return _Known(None, *create_app(self._runtime, self._org_id, self.inbox)) if team_id == self._home else None

    async def _authorize(
        self, enterprise_id: str | None, team_id: str | None, user_id: str | None
    ) -> AuthorizeResult | None:
        """None, and so a polite refusal, for a workspace that took its tokens back."""
        try:
            found = await self.tokens.at_once(team_id or "")
        except NotInstalled as error:
            log.warning("slack.not_installed", team=team_id, reason=error.message)
            return None
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=found.team_id, bot_user_id=found.bot_user_id, bot_token=found.bot_token,
            bot_scopes=found.scopes, user_id=user_id,
        )  # fmt: skip

    def _front_app(self) -> AsyncApp:
        """For Slack's own checks and for strangers: nothing is done, and it is answered so that nothing comes again."""
        if self._front is None:
            settings = self._runtime.settings
            told = f"This workspace is not known here. Whoever runs Outcome Runtime can install it at {settings.public_url}/slack/install."
            self._front = AsyncApp(
                name="front", signing_secret=secret(settings.slack_signing_secret), client=AsyncWebClient(),
                authorize=_nobody, user_facing_authorize_error_message=told,
            )  # fmt: skip
            for event in ("app_uninstalled", "tokens_revoked"):
                self._front.event(event)(_of_strangers)
        return self._front


@dataclass(frozen=True, slots=True)
class _Known:
    """A workspace's handlers; the organisation is None while it only has the settings' token."""

    org_id: UUID | None
    app: AsyncApp
    presses: Presses


def echo(body: Mapping[str, Any]) -> bool:
    """Whether a change or a bot's message is told, mostly our own: no handler asks for it, and each redrawn message brings one."""
    event = body.get("event") or {}
    return event.get("type") == "message" and (event.get("subtype") in _CHANGES or bool(event.get("bot_id")))


_CHANGES = frozenset({"message_changed", "message_deleted"})


async def _nobody(team_id: str | None) -> Any:
    log.warning("slack.unknown_workspace", team=team_id)
    return None


async def _of_strangers(event: dict[str, Any]) -> None:
    log.info("slack.unknown_workspace", type=event.get("type"))
