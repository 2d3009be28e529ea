"""Installing the app into a workspace by OAuth, and hearing that it was removed again."""

import base64
import binascii
import hashlib
import hmac
import html
import secrets
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urljoin
from uuid import UUID

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError
from slack_bolt.async_app import AsyncApp
from sqlalchemy.dialects.postgresql import insert

from bot.slack import installations, tokens
from bot.slack.checkup import SCOPES
from bot.slack.installations import Grant
from bot.slack.teams import home_team
from bot.slack.wire import base_url, on_this_machine
from runtime.core import Runtime
from runtime.db.tables import inbound_events
from runtime.errors import ChannelFailed, InvalidRequest, NotAllowed, NotAuthenticated, OutcomeRuntimeError
from runtime.identity import keys, members
from runtime.settings import Settings, secret

log = structlog.get_logger(__name__)

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
COOKIE = "outcome_slack_install"
LIFETIME = 600
"""Seconds from the beginning of an install to Slack's answer."""
_RULERS = frozenset({"owner", "admin"})
_STALE = "This install is no longer valid: it was begun in another browser, more than ten minutes ago, or is finished. Begin again at /slack/install."
_ASK = "Give the member key of an owner or admin as the password (any name); `outcome-runtime key create --kind member` makes one."


class State(BaseModel):
    """What comes back from Slack's page unchanged; `proven`: whoever began showed the key of an owner or admin."""

    nonce: str
    expires: float
    org: UUID
    proven: bool


def install_routes(runtime: Runtime, org_id: UUID) -> list[web.RouteDef]:
    """GET /slack/install and GET /slack/oauth_redirect; without SLACK_CLIENT_ID they say what is missing."""

    async def begin(request: web.Request) -> web.Response:
        return await _answered(_begun(runtime, org_id, request))

    async def come_back(request: web.Request) -> web.Response:
        return await _answered(_finished(runtime, request))

    return [web.get(INSTALL, begin), web.get(REDIRECT, come_back)]


async def _answered(work: Awaitable[web.Response]) -> web.Response:
    """As pages for people; nobody but an owner or admin learns more than a sentence."""
    try:
        response = await work
    except NotAuthenticated as error:
        response = page("A key is needed", error.message, status=401)
        response.headers["WWW-Authenticate"] = 'Basic realm="Outcome Runtime", charset="UTF-8"'
    except (NotAllowed, InvalidRequest) as error:
        response = page("Not installed", error.message, status=403 if isinstance(error, NotAllowed) else 400)
    except ChannelFailed as error:
        response = page("Not installed", error.message, status=502)
    except OutcomeRuntimeError as error:
        response = page("Not ready", error.message, status=503)
    response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    return response


async def _begun(runtime: Runtime, org_id: UUID, request: web.Request) -> web.Response:
    """On to Slack's page. On a public address only owners and admins begin; which workspace it may be is decided at the end."""
    client_id, _ = tokens.client_secrets(runtime.settings)
    proven = await _proven(runtime, request)
    if proven is None and ("key" in request.query or not on_this_machine(runtime.settings.public_url)):
        raise NotAuthenticated(_ASK)
    state = State(
        nonce=secrets.token_urlsafe(16),
        expires=runtime.now().timestamp() + LIFETIME,
        org=proven or org_id,
        proven=bool(proven),
    )
    cookie = secrets.token_urlsafe(32)
    asked = {
        "client_id": client_id, "scope": ",".join(SCOPES), "redirect_uri": _redirect_uri(runtime.settings),
        "state": _signed(runtime.settings, state, cookie),
    }  # fmt: skip
    page_of_slack = urljoin(base_url(runtime.settings), "../oauth/v2/authorize")
    response = web.Response(status=302, headers={"Location": f"{page_of_slack}?{urlencode(asked)}"})
    secure = runtime.settings.public_url.startswith("https:")
    response.set_cookie(
        COOKIE, cookie, max_age=LIFETIME, httponly=True, secure=secure, samesite="Lax", path="/slack",
    )  # fmt: skip
    return response


async def _proven(runtime: Runtime, request: web.Request) -> UUID | None:
    """The organisation whose owner or admin asks; None when no key was shown."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    try:
        found = await keys.authenticate(runtime, _password(header), now=runtime.now())
    except NotAuthenticated as error:
        raise NotAuthenticated(_ASK) from error
    async with runtime.transaction(found.org_id) as tx:
        known = [member for member in await members.listed(tx) if member.id == found.member_id]
    if not known or known[0].role not in _RULERS:
        raise NotAuthenticated(_ASK)
    return found.org_id


def _password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    try:
        shown = base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        return ""
    return shown.partition(":")[2]


async def _finished(runtime: Runtime, request: web.Request) -> web.Response:
    """Slack's answer: the state first, then the code; each is good once."""
    state = await _spent(runtime, request.query.get("state", ""), request.cookies.get(COOKIE, ""))
    if request.query.get("error"):
        raise InvalidRequest("Slack's page was left without installing the app; nothing has changed.")
    if not request.query.get("code"):
        raise InvalidRequest("Slack sent no code; begin again at /slack/install.")
    grant = await _granted(runtime, request.query["code"])
    if not state.proven and not await _trusted(runtime, state.org, grant.team.id):
        raise NotAllowed(
            "This organisation is in another Slack workspace already. Another one is added by an owner or admin, who begins "
            f"with their key: {runtime.settings.public_url}{INSTALL}?key"
        )
    await installations.keep(runtime, state.org, grant)
    response = page(
        f"Installed in {grant.team.name or grant.team.id}",
        "Invite the app to your outcomes' channels (/invite), then type /outcome doctor there.",
    )
    response.del_cookie(COOKIE, path="/slack")
    return response


async def _granted(runtime: Runtime, code: str) -> Grant:
    try:
        return await tokens.exchange(runtime, code=code, redirect_uri=_redirect_uri(runtime.settings))
    except ChannelFailed as error:
        said = error.context.get("slack_error")
        if not said:
            raise
        mend = "begin again at /slack/install, and if it stays so, compare SLACK_CLIENT_ID and SLACK_CLIENT_SECRET with the app's page."
        raise InvalidRequest(f"Slack did not accept the code ({said}); {mend}") from error


async def _trusted(runtime: Runtime, org_id: UUID, team_id: str) -> bool:
    """Without a key: the workspace an organisation is in already, or its first one."""
    if await installations.org_of(runtime, team_id) == org_id:
        return True
    if await installations.team_of(runtime, org_id) is not None:
        return False
    return await home_team(runtime) in (None, team_id)


def _redirect_uri(settings: Settings) -> str:
    return f"{settings.public_url}{REDIRECT}"


def _signed(settings: Settings, state: State, cookie: str) -> str:
    body = base64.urlsafe_b64encode(state.model_dump_json().encode()).decode().rstrip("=")
    return f"{body}.{_mark(settings, body, cookie)}"


def _mark(settings: Settings, body: str, cookie: str) -> str:
    """Over the browser's cookie as well, so that a link begun elsewhere ends nowhere."""
    key = (secret(settings.api_secret) or "").encode()
    if not key:
        raise OutcomeRuntimeError("API_SECRET is not set; `outcome-runtime up` generates one under DATA_DIR.")
    return hmac.new(key, f"slack-install|{body}|{cookie}".encode(), hashlib.sha256).hexdigest()


async def _spent(runtime: Runtime, signed: str, cookie: str) -> State:
    """The state, which now is used up; raises NotAllowed for one that is forged, foreign, late or used."""
    body, _, mark = signed.partition(".")
    if not cookie or not hmac.compare_digest(mark.encode(), _mark(runtime.settings, body, cookie).encode()):
        raise NotAllowed(_STALE)
    try:
        state = State.model_validate_json(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValidationError, binascii.Error, ValueError) as error:
        raise NotAllowed(_STALE) from error
    if state.expires < runtime.now().timestamp() or not await _first_use(runtime, state):
        raise NotAllowed(_STALE)
    return state


async def _first_use(runtime: Runtime, state: State) -> bool:
    seen = insert(inbound_events).values(org_id=state.org, source="slack-install", external_id=state.nonce)
    async with runtime.transaction(state.org) as tx:
        noted = await tx.run(seen.on_conflict_do_nothing().returning(inbound_events.c.external_id))
        return noted.first() is not None


def taken_back(app: AsyncApp, runtime: Runtime) -> None:
    """Slack's word that the app or its token is gone: from then on nothing is sent to that workspace."""

    async def uninstalled(body: Mapping[str, Any]) -> None:
        await _revoked(runtime, body, "the app was uninstalled")

    async def revoked(body: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        if (event.get("tokens") or {}).get("bot"):
            await _revoked(runtime, body, "its token was revoked")

    app.event("app_uninstalled")(uninstalled)
    app.event("tokens_revoked")(revoked)


async def _revoked(runtime: Runtime, body: Mapping[str, Any], why: str) -> None:
    """The event tells its second; whoever installed again after it keeps the new token."""
    team = str(body.get("team_id") or "")
    done = await installations.revoke(runtime, team, why, at=_moment(body.get("event_time")))
    log.warning("slack.taken_back", team=team, why=why, stored=done)


def _moment(event_time: Any) -> datetime | None:
    """The end of that second; None when the event tells no time."""
    return datetime.fromtimestamp(event_time + 1, UTC) if isinstance(event_time, int) and event_time > 0 else None


def page(title: str, text: str, *, status: int = 200) -> web.Response:
    """A page of one heading and one sentence, with nothing in it that runs."""
    words, head = html.escape(text), html.escape(title)
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{head}</title><body style="font:16px/1.5 system-ui;max-width:36em;margin:4em auto;padding:0 1em">'
        f"<h1>{head}</h1><p>{words}</p></body></html>"
    )
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=body, content_type="text/html", status=status, headers=headers)
