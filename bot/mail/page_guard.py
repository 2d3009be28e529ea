"""What stands between a gate's page and everybody else's: whose browser it is, whose form, and how often."""

import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from bot.mail.links import PATH, Link, sign
from runtime.errors import NotAllowed
from runtime.settings import Settings, secret

BROWSER, WHO = "outcome_page", "outcome_who"
REMEMBERED = timedelta(hours=12)
"""How long a browser that showed its person's code is taken for theirs."""
FORM_LIVES = timedelta(hours=12)
_MINUTE = 60.0
_MOST_KNOWN = 10_000


class PageRefused(NotAllowed):
    """This page was asked for something its own form did not ask; open the link from the letter again and repeat it."""

    code = "PAGE_REFUSED"


@dataclass(slots=True)
class Pace:
    """At most so many in a minute for each name; the oldest names are forgotten first."""

    most: int
    _seen: "OrderedDict[str, tuple[float, int]]" = field(default_factory=OrderedDict)

    def take(self, name: str) -> None:
        started, count = self._seen.pop(name, (time.monotonic(), 0))
        if time.monotonic() - started > _MINUTE:
            started, count = time.monotonic(), 0
        self._seen[name] = started, count + 1
        while len(self._seen) > _MOST_KNOWN:
            self._seen.popitem(last=False)
        if count >= self.most:
            raise PageRefused("That was a lot at once; wait a minute, then repeat it.")


def key(settings: Settings) -> str:
    found = secret(settings.api_secret)
    if not found:
        raise PageRefused("API_SECRET is not set; `outcome-runtime up` generates one under DATA_DIR.")
    return found


def own_form(request: web.Request, settings: Settings) -> None:
    """Whoever sends a form says where from; with `Referrer-Policy: no-referrer` an honest browser's Origin is `null`."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in {None, "same-origin"}:
        raise PageRefused("This form was sent from another site. Open the link from the letter and answer there.")
    ours = {settings.public_url, f"{request.scheme}://{request.host}"}
    if origin not in {None, "null"} and origin not in {_origin(url) for url in ours}:
        raise PageRefused("This form was sent from another site. Open the link from the letter and answer there.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def browser_of(request: web.Request) -> str:
    """The browser's own random name, made at its first look; it says nothing about who sits there."""
    known = request.cookies.get(BROWSER, "")
    return known if 20 <= len(known) <= 64 and known.isascii() else secrets.token_urlsafe(24)  # noqa: PLR2004  our own length and some


def remember_browser(response: web.StreamResponse, settings: Settings, name: str) -> None:
    _set(response, settings, BROWSER, name, timedelta(days=30))


def form_mark(settings: Settings, link: Link, browser: str) -> str:
    """The field that must come back beside the cookie: made for this link and this browser."""
    return _text(sign(key(settings), "page-form", link.token.encode(), browser.encode()))


def own_field(settings: Settings, link: Link, browser: str, sent: str) -> None:
    if not hmac.compare_digest(form_mark(settings, link, browser).encode(), sent.encode()):
        raise PageRefused("This form is from another browser, or cookies are off. Open the link from the letter again.")


def decision_token(settings: Settings, link: Link, browser: str, evidence: str, now: datetime) -> str:
    """Good for one answer, on this evidence, by this link in this browser, for some hours."""
    body = f"{int((now + FORM_LIVES).timestamp())}.{evidence[:16]}.{secrets.token_urlsafe(12)}"
    return f"{body}.{_once(settings, link, browser, body)}"


def shown_evidence(settings: Settings, link: Link, browser: str, sent: str, now: datetime) -> str:
    """The evidence the answer was given on; raises PageRefused for a token that is not ours, or too old."""
    body, _, mark = sent.rpartition(".")
    if not hmac.compare_digest(mark.encode(), _once(settings, link, browser, body).encode()):
        raise PageRefused("This form is not one of this page's. Open the link from the letter again.")
    expires, evidence, _ = body.split(".", 2)
    if int(expires) < now.timestamp():
        raise PageRefused("This page stood open for too long. Open the link from the letter again.")
    return evidence


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _once(settings: Settings, link: Link, browser: str, body: str) -> str:
    return _text(sign(key(settings), "page-once", link.token.encode(), browser.encode(), body.encode()))


def remember_person(response: web.StreamResponse, settings: Settings, email: str, browser: str, now: datetime) -> None:
    """Until REMEMBERED is over, this browser is that person's."""
    expires = str(int((now + REMEMBERED).timestamp()))
    _set(response, settings, WHO, f"{expires}.{_person(settings, email, browser, expires)}", REMEMBERED)


def is_theirs(request: web.Request, settings: Settings, email: str, browser: str, now: datetime) -> bool:
    expires, _, mark = request.cookies.get(WHO, "").partition(".")
    right = hmac.compare_digest(mark.encode(), _person(settings, email, browser, expires).encode())
    return right and int(expires) > now.timestamp()


def _person(settings: Settings, email: str, browser: str, expires: str) -> str:
    return _text(sign(key(settings), "page-person", email.casefold().encode(), browser.encode(), expires.encode()))


def _set(response: web.StreamResponse, settings: Settings, name: str, value: str, lives: timedelta) -> None:
    response.set_cookie(
        name, value, max_age=int(lives.total_seconds()), path=PATH, httponly=True, samesite="Lax",
        secure=settings.public_url.startswith("https:"),
    )  # fmt: skip


def _text(mark: bytes) -> str:
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")
