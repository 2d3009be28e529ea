"""The Web API's door: `/api/<method>` by GET, form or JSON, with the bot's token."""

import asyncio
import hmac
import json
from typing import Any

from aiohttp import web

from bot.slack.sandbox import methods_assistant, methods_chat, methods_files, methods_people, methods_views
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.ids import fresh_id
from bot.slack.sandbox.keys import WORKSPACE, origin_of
from bot.slack.sandbox.methods import Call, find
from bot.slack.sandbox.oauth import GRANTS
from bot.slack.sandbox.workspace import Fault, Workspace

REGISTERED = (methods_assistant, methods_chat, methods_files, methods_people, methods_views)
OPEN_TO_ALL = {"api.test"}
SCOPES = (
    "app_mentions:read,assistant:write,channels:history,channels:join,channels:read,chat:write,commands,files:read,files:write,groups:history,groups:read,"
    "im:history,im:read,im:write,reactions:write,team:read,users.profile:read,users:read,users:read.email"
)


async def web_api(request: web.Request) -> web.Response:
    workspace, name = request.app[WORKSPACE], request.match_info["method"]
    try:
        given = await read_arguments(request)
        check_token(workspace, request, given, name)
        failed = await _suffer(workspace, name) or _too_fast(workspace, name, given)
        if failed is not None:
            return failed
        return _reply(find(name)(Call(workspace, origin_of(request)), given))
    except SlackRefusal as refused:
        return _reply(refused.answer())


async def read_arguments(request: web.Request) -> dict[str, Any]:
    query = dict(request.query)
    if request.method == "GET":
        return query
    if request.content_type != "application/json":
        return {**query, **{key: value for key, value in (await request.post()).items() if isinstance(value, str)}}
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise SlackRefusal("invalid_json") from error
    if not isinstance(body, dict):
        raise SlackRefusal("json_not_object")
    return {**query, **body}


def check_token(workspace: Workspace, request: web.Request, given: dict[str, Any], name: str = "") -> None:
    """The bot's own token only; raises Slack's refusal."""
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ").strip() or str(given.get("token", ""))
    if name in OPEN_TO_ALL:
        return
    if not shown:
        raise SlackRefusal("not_authed")
    if request.app[GRANTS].accepts(shown):
        return
    if not hmac.compare_digest(shown.encode(), workspace.config.bot_token.get_secret_value().encode()):
        raise SlackRefusal("invalid_auth")


async def _suffer(workspace: Workspace, name: str) -> web.Response | None:
    """Play the fault that was ordered for this method, if any."""
    fault = _next_fault(workspace, name)
    if fault is None:
        return None
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "ratelimited":
        return _slower(fault.retry_after)
    if fault.kind == "server_error":
        return _reply({"ok": False, "error": "internal_error"}, status=500)
    return _reply({"ok": False, "error": fault.error})


def _too_fast(workspace: Workspace, name: str, given: dict[str, Any]) -> web.Response | None:
    wait = workspace.rates.wait(name, str(given.get("channel", ""))) if workspace.config.rate_limits else 0
    return _slower(wait) if wait else None


def _slower(seconds: int) -> web.Response:
    return _reply({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(seconds)})


def _next_fault(workspace: Workspace, name: str) -> Fault | None:
    fault = next((found for found in workspace.faults if found.method in (name, "*")), None)
    if fault is not None:
        fault.count -= 1
        workspace.faults = [found for found in workspace.faults if found.count > 0]
    return fault


def _reply(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    extra = {"X-OAuth-Scopes": SCOPES, "X-Slack-Req-Id": fresh_id("").lower(), **(headers or {})}
    return web.json_response(body, status=status, headers=extra)
