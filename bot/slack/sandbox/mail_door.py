"""The mail doors: letters in, replies out, and a letter's HTML in a frame that can do nothing."""

from aiohttp import web

from bot.slack.sandbox import mailbox
from bot.slack.sandbox.api import check_token
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.guard import LETTER_POLICY
from bot.slack.sandbox.keys import WORKSPACE
from runtime.errors import InvalidRequest, NotAuthenticated


def _check(request: web.Request) -> None:
    try:
        check_token(request.app[WORKSPACE], request, {})
    except SlackRefusal as refused:
        raise NotAuthenticated("Send the bot's token as `Authorization: Bearer ...`.") from refused


async def receive(request: web.Request) -> web.Response:
    """RFC 5322 bytes; the envelope's recipients as `to=` in the query, once each."""
    _check(request)
    raw = await request.read()
    kept = mailbox.receive(request.app[WORKSPACE].store, raw, request.query.getall("to", []), mailbox.now_utc())
    return web.json_response({"ok": True, "id": kept})


async def outgoing(request: web.Request) -> web.Response:
    """`after=N`: the replies with a higher number, base64 of their bytes."""
    _check(request)
    after = request.query.get("after", "0")
    if not after.isdigit():
        raise InvalidRequest("`after` is the number of the last reply you have.")
    found = mailbox.outgoing(request.app[WORKSPACE].store, int(after))
    return web.json_response({"ok": True, "messages": found, "last": found[-1]["id"] if found else int(after)})


async def html(request: web.Request) -> web.Response:
    workspace = request.app[WORKSPACE]
    person = workspace.directory.person(request.query.get("as", ""))
    found = mailbox.letter(workspace.store, workspace.directory, person, int(request.match_info["mail"]))
    headers = {"Content-Security-Policy": LETTER_POLICY}
    return web.Response(text=mailbox.html_of(found["raw"]), content_type="text/html", charset="utf-8", headers=headers)


MAIL_ROUTES = [
    web.post("/sandbox/mail", receive),
    web.get("/sandbox/mail/outgoing", outgoing),
    web.get(r"/sandbox/mail/{mail:\d+}/html", html),
]
