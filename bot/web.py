"""The one web server: Slack's events, the REST API, MCP and a health check on one port."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web
from sqlalchemy import text

from bot.api.auth import RUNTIME
from bot.api.errors import errors_to_json
from bot.api.routes import routes
from bot.asgi import Asgi, Door
from bot.mail import unsubscribe
from bot.mail.page import page_routes
from runtime.core import Runtime

LARGEST_BODY = 8 * 1024 * 1024
MCP: web.AppKey[Door] = web.AppKey("mcp", Door)


async def health(request: web.Request) -> web.Response:
    """200 when the database answers; what a supervisor or load balancer asks."""
    async with request.app[RUNTIME].engine.connect() as conn:
        await conn.execute(text("select 1"))
    return web.json_response({"status": "ok"})


async def mcp(request: web.Request) -> web.StreamResponse:
    return await request.app[MCP].handle(request)


def create_app(runtime: Runtime, org_id: UUID) -> web.Application:
    """Everything mounted; Slack's handlers answer within its three seconds because they only write rows."""
    from bot.mail import serve as mail  # noqa: PLC0415  as Bolt
    from bot.slack.app import mount  # noqa: PLC0415  Bolt takes a second to import, and API tests need none of it

    app = web.Application(middlewares=[errors_to_json], client_max_size=LARGEST_BODY)
    app[RUNTIME] = runtime
    app.router.add_get("/health", health)
    app.add_routes(routes)
    app.add_routes(page_routes(runtime))
    app.add_routes(unsubscribe.routes(runtime))
    mount(app, runtime, org_id)
    mail.mount(app, runtime)
    app.router.add_route("*", "/mcp", mcp)
    app.router.add_route("*", "/.well-known/{tail:.*}", mcp)
    app.cleanup_ctx.append(_mcp_door)
    return app


async def _mcp_door(app: web.Application) -> AsyncIterator[None]:
    app[MCP] = door = Door(lambda: _load_mcp(app[RUNTIME]))
    yield
    await door.close()


def _load_mcp(runtime: Runtime) -> tuple[Any, Asgi]:
    from bot.mcp import asgi_app, create_server  # noqa: PLC0415  two seconds of import, paid by the first agent instead of every start

    public = runtime.settings.public_url
    local = f"http://127.0.0.1:{runtime.settings.port}"
    hosts = sorted({urlsplit(url).netloc for url in (public, local, local.replace("127.0.0.1", "localhost"))})
    server = create_server(runtime, resource=f"{public}/mcp")
    app = asgi_app(server, hosts, [public, local])
    return server.session_manager.run, app
