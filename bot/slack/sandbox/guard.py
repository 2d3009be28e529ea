"""Who may knock: this machine only, pages of our own only, and nothing on the page that we did not ship."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from bot.slack.sandbox.config import LOOPBACK
from bot.slack.sandbox.errors import status_of
from runtime.errors import NotAllowed, OutcomeRuntimeError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self' data: http://127.0.0.1:* http://localhost:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SAFE = {"GET", "HEAD"}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign Host headers (DNS rebinding), foreign pages, and page calls without our header (CSRF)."""
    try:
        check(request)
        response = await handler(request)
    except OutcomeRuntimeError as error:
        told = {"ok": False, "error": error.code, "message": error.message, "context": error.context}
        response = web.json_response(told, status=status_of(error))
    if not response.prepared:
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers.setdefault("Cache-Control", "no-cache")
        response.headers.update(HEADERS)
    return response


def check(request: web.Request) -> None:
    if _hostname(request) not in LOOPBACK:
        raise NotAllowed("The sandbox answers to 127.0.0.1 and localhost only.")
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"} and not _followed_link(request):
        raise NotAllowed("Another page may not reach into the sandbox.")
    needs_header = request.path.startswith("/sandbox/api/") and request.method not in SAFE
    if needs_header and request.headers.get("X-Sandbox") != "1":
        raise NotAllowed("Send the header `X-Sandbox: 1`; a foreign page cannot.")


def _hostname(request: web.Request) -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _followed_link(request: web.Request) -> bool:
    """A link from elsewhere (a letter, the demo shop) may open the page itself."""
    return (
        request.method in SAFE
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.path in {"/", "/oauth/v2/authorize"}
    )
