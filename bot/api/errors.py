"""Errors as JSON: one shape, one table of statuses; handlers never catch."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bot.api.views import plain
from runtime.errors import (
    EvidenceChanged,
    GateAlreadyDecided,
    IllegalTransition,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OutcomeRuntimeError,
)
from runtime.ingestion.limits import TooBusy, TooLarge

log = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS: tuple[tuple[type[OutcomeRuntimeError], int], ...] = (
    (NotAuthenticated, 401), (NotAllowed, 403), (NotFound, 404), (GateAlreadyDecided, 409), (EvidenceChanged, 409),
    (IllegalTransition, 409), (InvalidRequest, 422), (TooLarge, 413), (TooBusy, 429),
)  # fmt: skip


def status_of(error: OutcomeRuntimeError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def body_of(error: OutcomeRuntimeError) -> dict[str, object]:
    return {"error": {"code": error.code, "message": error.message, "context": plain(error.context)}}


def _headers(error: OutcomeRuntimeError) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after)} if isinstance(error, TooBusy) else {}


@web.middleware
async def errors_to_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only for the API's own paths; Slack, MCP and pages answer in their own forms."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    try:
        return await handler(request)
    except OutcomeRuntimeError as error:
        return web.json_response(body_of(error), status=status_of(error), headers=_headers(error))
    except web.HTTPException as error:
        return web.json_response(
            {"error": {"code": "HTTP_ERROR", "message": error.reason, "context": {}}}, status=error.status
        )
    except Exception:
        log.exception("api.failed", path=request.path)
        unknown = OutcomeRuntimeError("Something went wrong here; the log of the bot has the details.")
        return web.json_response(body_of(unknown), status=500)
