"""Where the workspace hangs in the aiohttp application."""

from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from bot.slack.sandbox.workspace import Workspace

WORKSPACE = web.AppKey("sandbox_workspace", Workspace)


def origin_of(request: web.Request) -> str:
    """How the caller reached us; the guard has checked that it is this machine."""
    return f"{request.scheme}://{request.host}"


def private_url(origin: str, file: str, name: str) -> str:
    """What an app downloads with its token; people have the page's own address."""
    return f"{origin}/files-pri/{file}/{quote(Path(name).name)}"
