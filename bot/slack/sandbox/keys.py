"""Where the workspace hangs in the aiohttp application."""

from aiohttp import web

from bot.slack.sandbox.workspace import Workspace

WORKSPACE = web.AppKey("sandbox_workspace", Workspace)


def origin_of(request: web.Request) -> str:
    """How the caller reached us; the guard has checked that it is this machine."""
    return f"{request.scheme}://{request.host}"
