"""A sandbox on loopback with a real Bolt app behind it, and people to act in it."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.sandbox.config import SandboxConfig, Shortcut, parse_people
from bot.slack.sandbox.server import served
from bot.slack.sandbox.visitor import Visitor

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "xoxb-sandbox-test"
PEOPLE = "Dana Diaz <dana@shop.test> Europe/Berlin; Ben Okri <ben@shop.test>; Mia <mia@shop.test>"


def free_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@dataclass
class Heard:
    """Every request the bot received, as it came over the wire."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Office:
    """The sandbox, the bot and whoever came in."""

    url: str
    config: SandboxConfig
    app: AsyncApp
    client: AsyncWebClient
    http: aiohttp.ClientSession
    stack: AsyncExitStack
    heard: list[Heard] = field(default_factory=list)

    async def come_in(self, name: str) -> Visitor:
        return await self.stack.enter_async_context(Visitor(self.url, f"{name}@shop.test"))

    async def fail_next(self, **fault: Any) -> None:
        async with self.http.post(
            f"{self.url}/sandbox/api/faults", json={"faults": [fault]}, headers={"X-Sandbox": "1"}
        ) as reply:
            assert reply.status == 200


def listening_in(heard: list[Heard]) -> Any:
    @web.middleware
    async def listen(request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.read()
        heard.append(Heard(dict(request.headers), body))
        assert SignatureVerifier(SECRET).is_valid_request(body, dict(request.headers))
        return await handler(request)

    return listen


@pytest.fixture
def sandbox_config(tmp_path: Path, bot_socket: socket.socket) -> SandboxConfig:
    return SandboxConfig(
        events_url=f"http://127.0.0.1:{port_of(bot_socket)}/slack/events",
        signing_secret=SecretStr(SECRET),
        bot_token=SecretStr(TOKEN),
        data=tmp_path / "workspace",
        people=parse_people(PEOPLE),
        channels=("outcome-runtime", "general", "!private-plans"),
        shortcuts=(
            Shortcut(name="Ask about this", type="message", callback_id="ask_about"),
            Shortcut(name="Propose", type="global", callback_id="propose"),
        ),
        trigger_seconds=30.0,
        ack_seconds=2.0,
        retry_delays=(0.0, 0.05, 0.05),
    )


@pytest.fixture
def bot_socket() -> socket.socket:
    return free_socket()


@pytest.fixture
async def office(sandbox_config: SandboxConfig, bot_socket: socket.socket) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(sandbox_config, free_socket()))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        client = AsyncWebClient(token=TOKEN, base_url=f"{url}/api/")
        bolt = AsyncApp(client=client, signing_secret=SECRET)
        heard: list[Heard] = []
        server = bolt.server(path="/slack/events").web_app
        server.middlewares.append(listening_in(heard))
        runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, bot_socket).start()
        stack.push_async_callback(runner.cleanup)
        yield Office(url, sandbox_config, bolt, client, http, stack, heard)


@pytest.fixture
def sandbox_socket() -> socket.socket:
    return free_socket()


@pytest.fixture
def free_port() -> int:
    with free_socket() as sock:
        return port_of(sock)
