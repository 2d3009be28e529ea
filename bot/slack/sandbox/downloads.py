"""`url_private`: a file's bytes for the app's token; for anybody else the sign-in page, as Slack answers."""

from aiohttp import web

from bot.slack.sandbox.api import check_token
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.keys import WORKSPACE
from bot.slack.sandbox.methods_files import serve

SIGN_IN = "<!doctype html><title>Slack</title><p>Sign in to see this file.</p>"


async def private(request: web.Request) -> web.StreamResponse:
    """A token in the address does not count, only one in the header."""
    try:
        check_token(request.app[WORKSPACE], request, {})
    except SlackRefusal:
        return web.Response(text=SIGN_IN, content_type="text/html")
    return await serve(request)


DOWNLOAD_ROUTES = [web.get("/files-pri/{file}/{name}", private)]
