"""The sandbox as one aiohttp application."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.slack.sandbox import api, methods_files, replies
from bot.slack.sandbox.assistant import ASSISTANT_ROUTES
from bot.slack.sandbox.config import SandboxConfig
from bot.slack.sandbox.directory import Directory
from bot.slack.sandbox.downloads import DOWNLOAD_ROUTES
from bot.slack.sandbox.guard import guard
from bot.slack.sandbox.keys import WORKSPACE
from bot.slack.sandbox.mail_door import MAIL_ROUTES
from bot.slack.sandbox.oauth import GRANTS, OAUTH_ROUTES, Grants
from bot.slack.sandbox.outgoing import Outgoing
from bot.slack.sandbox.page import CLOSING, PAGE_ROUTES, static_folder
from bot.slack.sandbox.socket import LINES, SOCKET_ROUTES, Lines, SocketOutgoing
from bot.slack.sandbox.store import Store
from bot.slack.sandbox.uploads import UPLOAD_ROUTES
from bot.slack.sandbox.workspace import Workspace

UPLOAD_LIMIT = 32 * 1024 * 1024


def create_app(config: SandboxConfig) -> web.Application:
    """Everything the sandbox serves; its state lives in `config.data` and opens when the application starts."""
    app = web.Application(middlewares=[guard], client_max_size=UPLOAD_LIMIT)
    lines, grants = Lines(config), Grants(config)

    async def opened(app: web.Application) -> AsyncIterator[None]:
        app[LINES], app[GRANTS] = lines, grants
        store = Store(config.data)
        outgoing = SocketOutgoing(config, lines) if config.app_token else Outgoing(config)
        app[WORKSPACE] = Workspace(config, store, outgoing, Directory(config))
        app[CLOSING] = asyncio.Event()
        yield
        await outgoing.close()
        store.close()

    app.cleanup_ctx.append(opened)
    app.on_shutdown.append(_end_streams)
    app.add_routes(
        [
            *SOCKET_ROUTES,
            *OAUTH_ROUTES,
            web.get("/api/{method}", api.web_api),
            web.post("/api/{method}", api.web_api),
            web.post("/upload/v1/{token}", methods_files.upload),
            web.get("/files/{file}", methods_files.serve),
            web.post("/response/{token}", replies.response_url),
            web.get("/healthz", _healthy),
            web.static("/static", static_folder()),
            *PAGE_ROUTES,
            *MAIL_ROUTES,
            *UPLOAD_ROUTES,
            *DOWNLOAD_ROUTES,
            *ASSISTANT_ROUTES,
        ]
    )
    return app


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _end_streams(app: web.Application) -> None:
    await app[LINES].close()
    app[CLOSING].set()
    app[WORKSPACE].store.wake()


@asynccontextmanager
async def served(config: SandboxConfig, sock: socket.socket | None = None) -> AsyncIterator[str]:
    """Run the sandbox inside this process; yields its URL. Without a socket it listens on `config.port`."""
    runner = web.AppRunner(create_app(config), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.SockSite(runner, sock) if sock else web.TCPSite(runner, config.host, config.port)
        await site.start()
        yield f"http://{config.host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
