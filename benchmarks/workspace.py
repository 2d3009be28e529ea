"""The sandbox workspace of benchmarks/slack.py, in a process of its own: what it was told when is asked over HTTP, and costs the presser nothing.

.venv/bin/python -m benchmarks.workspace < config.json
"""

import json
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from bot.slack.sandbox.config import Person, SandboxConfig
from bot.slack.sandbox.keys import WORKSPACE
from bot.slack.sandbox.server import create_app

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Told:
    """When each message was first redrawn, by the clock all processes share, and what people were told in private."""

    redrawn: dict[str, float] = field(default_factory=dict)
    answered: deque[str] = field(default_factory=deque)


def watched(config: SandboxConfig) -> web.Application:
    """The workspace, with three more addresses: what it was told, forget it, and whether it counts calls as Slack does."""
    app, told = create_app(config), Told()

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/api/chat.update":
            return await handler(request)
        given = await request.json() if request.content_type == "application/json" else await request.post()
        answer = await handler(request)
        told.redrawn.setdefault(str(given.get("ts")), time.perf_counter())
        return answer

    async def answered(request: web.Request) -> web.Response:
        told.answered.append(str((await request.json()).get("text")))
        return web.Response(text="ok")

    async def known(_request: web.Request) -> web.Response:
        return web.json_response({"redrawn": told.redrawn, "answered": list(told.answered)})

    async def counts(_request: web.Request) -> web.Response:
        return web.json_response({"redrawn": len(told.redrawn), "answered": len(told.answered)})

    async def forget(_request: web.Request) -> web.Response:
        told.redrawn.clear()
        told.answered.clear()
        return web.Response(text="ok")

    async def limit(request: web.Request) -> web.Response:
        update = {"rate_limits": request.match_info["on"] == "on"}
        app[WORKSPACE].config = app[WORKSPACE].config.model_copy(update=update)
        return web.Response(text="ok")

    app.middlewares.append(watch)
    app.add_routes(
        [
            web.post("/answered/{person}", answered),
            web.get("/told", known),
            web.get("/told/counts", counts),
            web.post("/told/forget", forget),
            web.post("/limit/{on}", limit),
        ]
    )
    return app


def dumped(config: SandboxConfig) -> str:
    """What `main` reads; secrets in plain, since they are the benchmark's own."""
    plain = {
        "events_url": config.events_url, "signing_secret": config.signing_secret.get_secret_value(),
        "bot_token": config.bot_token.get_secret_value(), "data": str(config.data), "port": config.port,
        "people": [{"name": one.name, "email": one.email} for one in config.people], "channels": list(config.channels),
    }  # fmt: skip
    return json.dumps(plain)


def loaded(plain: Mapping[str, Any]) -> SandboxConfig:
    return SandboxConfig(
        events_url=plain["events_url"], signing_secret=SecretStr(plain["signing_secret"]), bot_token=SecretStr(plain["bot_token"]),
        data=Path(plain["data"]), port=plain["port"], people=tuple(Person(**one) for one in plain["people"]),
        channels=tuple(plain["channels"]),
    )  # fmt: skip


if __name__ == "__main__":
    given = loaded(json.load(sys.stdin))
    web.run_app(watched(given), host="127.0.0.1", port=given.port, access_log=None, print=None)
