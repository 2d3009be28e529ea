"""Socket Mode as Slack speaks it: addresses good once, hello, envelopes, an acknowledgement within three seconds."""

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl
from uuid import uuid4

import structlog
from aiohttp import WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.slack.sandbox.config import SandboxConfig
from bot.slack.sandbox.errors import BotDidNotAnswer, SlackRefusal
from bot.slack.sandbox.keys import origin_of
from bot.slack.sandbox.outgoing import JSON, Answer, Outgoing

log = structlog.get_logger(__name__)

MOST = 10
"""Connections an app may hold at once (https://docs.slack.dev/apis/events-api/using-socket-mode)."""
TICKET_SECONDS = 30.0


class Acknowledgement(BaseModel):
    """What an app sends back; a payload only where the envelope accepts one."""

    envelope_id: str
    payload: dict[str, Any] | None = None


class Farewell(BaseModel):
    """Slack ends connections now and then; `warning` comes `seconds` before."""

    model_config = ConfigDict(extra="forbid")

    reason: Literal["warning", "refresh_requested", "link_disabled"] = "refresh_requested"
    seconds: float = Field(default=10.0, ge=0, le=60)


class Lines:
    """The connections an app holds, and the envelopes that wait for an answer."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self._tickets: dict[str, float] = {}
        self._open: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self.opened = 0

    @property
    def connected(self) -> int:
        return len(self._open)

    def ticket(self) -> str:
        made = secrets.token_urlsafe(24)
        self._tickets[made] = asyncio.get_running_loop().time() + TICKET_SECONDS
        return made

    def redeem(self, ticket: str) -> bool:
        """Each ticket opens one connection, and only soon after it was given out."""
        return self._tickets.pop(ticket, 0.0) > asyncio.get_running_loop().time()

    async def hold(self, line: web.WebSocketResponse) -> None:
        """Until the app or the sandbox closes it."""
        if len(self._open) >= MOST:
            await _say(line, {"type": "disconnect", "reason": "too_many_websockets"})
            await line.close()
            return
        self._open.append(line)
        self.opened += 1
        try:
            await _say(line, self._hello())
            async for message in line:
                if message.type is WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            self._gone(line)

    async def send(self, kind: str, payload: Any, *, extra: Mapping[str, Any]) -> Answer:
        """To one of the connections; raises BotDidNotAnswer as HTTP would."""
        if not self._open:
            raise BotDidNotAnswer(f"{self.config.bot_name} is not connected.", reason="connection_failed")
        line = secrets.choice(self._open)
        envelope_id = str(uuid4())
        answered = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "envelope_id": envelope_id, "type": kind, "payload": payload, "accepts_response_payload": kind != "events_api", **extra,
        }  # fmt: skip
        try:
            await _say(line, envelope)
            said = await asyncio.wait_for(answered, self.config.ack_seconds)
        except TimeoutError as error:
            raise BotDidNotAnswer(f"{self.config.bot_name} did not respond in time.", reason="timeout") from error
        except ConnectionError as error:
            raise BotDidNotAnswer(f"{self.config.bot_name} did not respond.", reason="connection_failed") from error
        finally:
            self._waiting.pop(envelope_id, None)
        return Answer(200, json.dumps(said) if said is not None else "", wants_no_retry=False)

    async def end(self, how: Farewell) -> int:
        """Tell every connection that it ends; a warned one still carries envelopes meanwhile."""
        told = list(self._open)
        for line in told:
            await _say(line, {"type": "disconnect", "reason": how.reason, "debug_info": {"host": "sandbox"}})
            if how.reason != "warning":
                self._gone(line)
        ending = asyncio.create_task(_closed(told, how.seconds if how.reason == "warning" else 0.0))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        return len(told)

    async def close(self) -> None:
        for ending in tuple(self._endings):
            ending.cancel()
        await _closed(list(self._open), 0.0)

    def _hello(self) -> dict[str, Any]:
        info = {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060}
        number = len(self._open)
        app = {"app_id": self.config.app_id}
        return {"type": "hello", "num_connections": number, "debug_info": info, "connection_info": app}

    def _heard(self, text: str) -> None:
        try:
            said = Acknowledgement.model_validate_json(text)
        except ValidationError:
            log.warning("sandbox.socket_unreadable", size=len(text))
            return
        waiting = self._waiting.get(said.envelope_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(said.payload)

    def _gone(self, line: web.WebSocketResponse) -> None:
        if line in self._open:
            self._open.remove(line)


LINES = web.AppKey("sandbox_lines", Lines)


class SocketOutgoing(Outgoing):
    """What would be posted goes out as envelopes: same bodies, same patience, same repetitions."""

    def __init__(self, config: SandboxConfig, lines: Lines) -> None:
        super().__init__(config)
        self._lines = lines

    async def _post(self, body: bytes, content_type: str, extra: Mapping[str, str]) -> Answer:
        if content_type == JSON:
            attempt = {
                "retry_attempt": int(extra.get("X-Slack-Retry-Num", 0)),
                "retry_reason": extra.get("X-Slack-Retry-Reason", ""),
            }
            return await self._lines.send("events_api", json.loads(body), extra=attempt)
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if "payload" in fields:
            return await self._lines.send("interactive", json.loads(fields["payload"]), extra={})
        return await self._lines.send("slash_commands", fields, extra={})


async def connections_open(request: web.Request) -> web.Response:
    """apps.connections.open: an app-level token for an address."""
    lines = request.app[LINES]
    shown = request.headers.get("Authorization", "").removeprefix("Bearer").strip()
    try:
        _check_app_token(lines, shown or str((await request.post()).get("token", "")))
    except SlackRefusal as refused:
        return web.json_response(refused.answer())
    origin = origin_of(request).replace("http", "ws", 1)
    return web.json_response({"ok": True, "url": f"{origin}/link/?ticket={lines.ticket()}"})


def _check_app_token(lines: Lines, shown: str) -> None:
    wanted = lines.config.app_token
    if not shown:
        raise SlackRefusal("not_authed")
    if not shown.startswith("xapp-"):
        raise SlackRefusal("not_allowed_token_type")
    if wanted is None or not hmac.compare_digest(shown.encode(), wanted.get_secret_value().encode()):
        raise SlackRefusal("invalid_auth")


async def link(request: web.Request) -> web.StreamResponse:
    if not request.app[LINES].redeem(request.query.get("ticket", "")):
        return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
    line = web.WebSocketResponse()
    await line.prepare(request)
    await request.app[LINES].hold(line)
    return line


async def state(request: web.Request) -> web.Response:
    """How many connections there are, and how many there ever were."""
    lines = request.app[LINES]
    return web.json_response({"ok": True, "connected": lines.connected, "opened": lines.opened})


async def disconnect(request: web.Request) -> web.Response:
    """For tests and the curious: what Slack does to a connection every few hours."""
    how = Farewell.model_validate(await request.json())
    return web.json_response({"ok": True, "told": await request.app[LINES].end(how)})


async def _say(line: web.WebSocketResponse, what: Mapping[str, Any]) -> None:
    await line.send_str(json.dumps(what))


async def _closed(lines: list[web.WebSocketResponse], seconds: float) -> None:
    await asyncio.sleep(seconds)
    await asyncio.gather(*(line.close() for line in lines), return_exceptions=True)


SOCKET_ROUTES = (
    web.post("/api/apps.connections.open", connections_open),
    web.get("/link/", link),
    web.get("/sandbox/api/socket", state),
    web.post("/sandbox/api/socket/disconnect", disconnect),
)
