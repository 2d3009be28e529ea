"""The ingestion door: let in what fits, check whose it is, unpack it, store it."""

from aiohttp import web

from bot.api.auth import RUNTIME, sender
from bot.api.views import plain
from runtime.errors import NotAuthenticated
from runtime.identity.keys import Caller
from runtime.ingestion import body as bodies
from runtime.ingestion import door
from runtime.ingestion.limits import LARGEST_BODY, Flight, Seat, TooLarge

_NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
_MEGABYTE = 1024 * 1024
flight = Flight()


async def ingest_signals(request: web.Request) -> web.Response:
    """Signed, idempotent by webhook-id and by event id, errors named by their place; what does not fit is told when to come back."""
    runtime = request.app[RUNTIME]
    if (request.content_length or 0) > LARGEST_BODY:
        raise TooLarge(limit=LARGEST_BODY)
    size, most = request.content_length or _MEGABYTE, runtime.settings.ingest_in_flight_mb * _MEGABYTE
    async with flight.admitted(size, most, runtime.settings.ingest_in_flight_requests) as seat:
        sent = await _read(request, seat)
        async with flight.room:
            found, body = await _opened(request, sent, seat)
            taken = await door.take(
                runtime,
                found.org_id,
                body,
                message_id=request.headers.get("webhook-id"),
                key_id=found.key_id,
                ndjson=request.content_type in _NDJSON,
            )
    return web.json_response(plain(taken), status=202)


async def _read(request: web.Request, seat: Seat) -> bytes:
    """As much as may be sent, and not a byte more in memory than counted."""
    parts, length = [], 0
    async for part in request.content.iter_any():
        length += len(part)
        if length > LARGEST_BODY:
            raise TooLarge(limit=LARGEST_BODY)
        if length > seat.held:
            seat.grow(max(_MEGABYTE, len(part)))
        parts.append(part)
    return b"".join(parts)


async def _opened(request: web.Request, sent: bytes, seat: Seat) -> tuple[Caller, bytes]:
    """Whoever signed the bytes as they were sent, or, as some libraries do, the bytes before they were compressed."""
    if not bodies.packed(sent):
        return await sender(request, sent), sent
    try:
        found = await sender(request, sent)
    except NotAuthenticated:
        if "webhook-signature" not in request.headers:
            raise
        body = _unpacked(sent, seat)
        return await sender(request, body), body
    return found, _unpacked(sent, seat)


def _unpacked(sent: bytes, seat: Seat) -> bytes:
    body = bodies.unpack(sent)
    seat.grow(len(body))
    return body
