"""The way out of daily digests: one press in the mail program (RFC 8058) or on a small page; gates still come."""

import base64
import binascii
import hmac
import html
from uuid import UUID

from aiohttp import web
from sqlalchemy import func, select, update

from bot.mail.house import House
from bot.mail.links import sign
from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.db.mail import letters

PATH = "/mail/unsubscribe"
_MAC = 16
_WHY = "unsubscribed"
_ASK = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Daily digest</title>
<body style="font:16px/1.5 sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem"><h1>Daily digest</h1>
<p>{said}</p>{form}</body></html>"""
_FORM = '<form method="post"><button style="font:inherit;padding:.5rem 1rem">Stop the daily digest</button></form>'
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def url(house: House, org_id: UUID, email: str) -> str:
    body = org_id.bytes + email.encode()
    sealed = base64.urlsafe_b64encode(sign(house.secret, "unsubscribe", body) + body).decode().rstrip("=")
    return f"{house.public_url.rstrip('/')}{PATH}/{sealed}"


def read(key: str, token: str) -> tuple[UUID, str] | None:
    """Organisation and address; None for whatever we did not make."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        mac, body = raw[:_MAC], raw[_MAC:]
        if not hmac.compare_digest(mac, sign(key, "unsubscribe", body)):
            return None
        return UUID(bytes=body[:16]), body[16:].decode()
    except (binascii.Error, ValueError):
        return None


async def left(tx: Tx, email: str) -> bool:
    """Whether this person has left their digests."""
    mine = letters.c
    return (
        await tx.first(select(mine.id).where(mine.kind == "digest", mine.recipient == email, mine.refused_why == _WHY))
        is not None
    )


async def leave(tx: Tx, email: str) -> None:
    """Remembered at the digests they got."""
    mine = (letters.c.kind == "digest") & (letters.c.recipient == email)
    await tx.run(update(letters).where(mine).values(refused_at=func.clock_timestamp(), refused_why=_WHY))


def routes(runtime: Runtime) -> list[web.RouteDef]:
    """Opening the page changes nothing: mail scanners open links."""

    async def ask(request: web.Request) -> web.Response:
        found = _found(runtime, request)
        said = f"{_shown(found[1])} gets a digest once a day." if found else "This link is damaged."
        return _page(said, _FORM if found else "", 200 if found else 404)

    async def stop(request: web.Request) -> web.Response:
        found = _found(runtime, request)
        if found is None:
            return _page("This link is damaged.", "", 404)
        async with runtime.transaction(found[0]) as tx:
            await leave(tx, found[1])
        return _page("No more daily digests. Gates still come to you.", "", 200)

    return [web.get(PATH + "/{token}", ask), web.post(PATH + "/{token}", stop)]


def _found(runtime: Runtime, request: web.Request) -> tuple[UUID, str] | None:
    return read(House.of(runtime.settings).secret, request.match_info["token"])


def _shown(email: str) -> str:
    return html.escape(email)


def _page(said: str, form: str, status: int) -> web.Response:
    return web.Response(
        text=_ASK.format(said=said, form=form), content_type="text/html", status=status, headers=_HEADERS
    )
