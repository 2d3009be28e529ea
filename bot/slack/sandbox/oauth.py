"""Installing an app into the workspace: a page that asks, codes good once, tokens that run out and are renewed."""

import base64
import html
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from pydantic import SecretStr

from bot.slack.sandbox.config import SandboxConfig
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.keys import WORKSPACE

CODE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Code:
    """What somebody agreed to, until the app fetches its token."""

    redirect_uri: str
    scope: str
    person: str
    expires: float


@dataclass(frozen=True, slots=True)
class Issued:
    """A bot token out in the world."""

    scope: str
    expires: float | None
    revoked: bool = False


class Grants:
    """What was granted to the app whose client id the sandbox was given."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._codes: dict[str, Code | None] = {}
        self._tokens: dict[str, Issued] = {}
        self._refresh: dict[str, str | None] = {}
        self.exchanges = 0

    def agree(self, redirect_uri: str, scope: str) -> str:
        """The first person of the workspace presses Allow."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = Code(redirect_uri, scope, self._config.people[0].id, time.time() + CODE_SECONDS)
        return code

    def accepts(self, token: str) -> bool:
        """Whether the token is one of ours and good; Slack's refusal if it was once."""
        found = self._tokens.get(token)
        if found is None:
            return False
        if found.revoked:
            raise SlackRefusal("token_revoked")
        if found.expires is not None and found.expires < time.time():
            raise SlackRefusal("token_expired")
        return True

    def exchange(self, given: dict[str, str]) -> dict[str, Any]:
        """oauth.v2.access; raises Slack's refusals."""
        self.exchanges += 1
        if given.get("grant_type") == "refresh_token":
            return self._renew(given.get("refresh_token", ""))
        code = given.get("code", "")
        if code not in self._codes:
            raise SlackRefusal("invalid_code")
        agreed, self._codes[code] = self._codes[code], None
        if agreed is None:
            raise SlackRefusal("code_already_used")
        if agreed.expires < time.time():
            raise SlackRefusal("code_expired")
        if given.get("redirect_uri", "") != agreed.redirect_uri:
            raise SlackRefusal("bad_redirect_uri")
        return self._issue(agreed.scope, agreed.person)

    def uninstall(self) -> None:
        """Every token ends at once."""
        self._tokens = {name: Issued(kept.scope, kept.expires, revoked=True) for name, kept in self._tokens.items()}
        self._refresh.clear()

    def check_client(self, client_id: str, client_secret: str) -> None:
        wanted = self._config.client_secret or SecretStr("")
        if not self._config.client_id or client_id != self._config.client_id:
            raise SlackRefusal("invalid_client_id")
        if not secrets.compare_digest(client_secret.encode(), wanted.get_secret_value().encode()):
            raise SlackRefusal("bad_client_secret")

    def _renew(self, refresh: str) -> dict[str, Any]:
        """A refresh token is good once; the token before it lives on until its hour."""
        scope = self._refresh.pop(refresh, None)
        if scope is None:
            raise SlackRefusal("invalid_refresh_token")
        return self._issue(scope, self._config.people[0].id)

    def _issue(self, scope: str, person: str) -> dict[str, Any]:
        rotating = self._config.token_seconds
        token = f"{'xoxe.xoxb-1' if rotating else 'xoxb'}-{secrets.token_hex(20)}"
        self._tokens[token] = Issued(scope, time.time() + rotating if rotating else None)
        answer: dict[str, Any] = {
            "ok": True, "access_token": token, "token_type": "bot", "scope": scope, "bot_user_id": self._config.bot_user_id,
            "app_id": self._config.app_id, "team": {"id": self._config.team_id, "name": self._config.workspace}, "enterprise": None,
            "authed_user": {"id": person}, "is_enterprise_install": False,
        }  # fmt: skip
        if rotating:
            refresh = f"xoxe-1-{secrets.token_hex(20)}"
            self._refresh[refresh] = scope
            answer |= {"expires_in": rotating, "refresh_token": refresh}
        return answer


GRANTS = web.AppKey("sandbox_grants", Grants)


async def authorize(request: web.Request) -> web.Response:
    """The page on which a person allows the app or goes back; both are links, nothing runs."""
    workspace, asked = request.app[WORKSPACE], request.query
    if not workspace.config.client_id or asked.get("client_id") != workspace.config.client_id:
        return web.json_response({"ok": False, "error": "invalid_client_id"}, status=400)
    redirect_uri = asked.get("redirect_uri", "")
    if not redirect_uri.startswith(("http://127.0.0.1:", "http://localhost:")):
        return web.json_response({"ok": False, "error": "bad_redirect_uri"}, status=400)
    scope, state = asked.get("scope", ""), asked.get("state", "")
    allow = urlencode({"code": request.app[GRANTS].agree(redirect_uri, scope), "state": state})
    deny = urlencode({"error": "access_denied", "state": state})
    name, team = html.escape(workspace.config.bot_name), html.escape(workspace.config.workspace)
    wishes = "".join(f"<li>{html.escape(one)}</li>" for one in scope.split(","))
    to = html.escape(redirect_uri)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Install {name}</title><h1>{name} asks to join {team}</h1>'
        f'<ul>{wishes}</ul><p><a id="allow" href="{to}?{html.escape(allow)}">Allow</a> '
        f'<a id="cancel" href="{to}?{html.escape(deny)}">Cancel</a></p></html>'
    )
    return web.Response(text=page, content_type="text/html")


async def access(request: web.Request) -> web.Response:
    """oauth.v2.access: the client's secret by HTTP Basic or in the form."""
    form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    given = {**dict(request.query), **form}
    client_id, client_secret = _client(request, given)
    try:
        request.app[GRANTS].check_client(client_id, client_secret)
        return web.json_response(request.app[GRANTS].exchange(given))
    except SlackRefusal as refused:
        return web.json_response(refused.answer())


def _client(request: web.Request, given: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return given.get("client_id", ""), given.get("client_secret", "")
    try:
        client_id, _, client_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return client_id, client_secret


async def state(request: web.Request) -> web.Response:
    """How often the app came for a token."""
    return web.json_response({"ok": True, "exchanges": request.app[GRANTS].exchanges})


async def uninstall(request: web.Request) -> web.Response:
    """Somebody removes the app: the tokens end, and the app hears of it by two events, as in Slack; `?quiet` loses them."""
    workspace = request.app[WORKSPACE]
    request.app[GRANTS].uninstall()
    if "quiet" in request.query:
        return web.json_response({"ok": True})
    workspace.tell({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [workspace.config.bot_user_id]}})
    workspace.tell({"type": "app_uninstalled"})
    return web.json_response({"ok": True})


OAUTH_ROUTES = (
    web.get("/oauth/v2/authorize", authorize),
    web.get("/api/oauth.v2.access", access),
    web.post("/api/oauth.v2.access", access),
    web.get("/sandbox/api/oauth", state),
    web.post("/sandbox/api/uninstall", uninstall),
)
