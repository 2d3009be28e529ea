"""The flag service's door: the product's `custom` provider protocol and OFREP evaluation, over HTTP with a bearer token."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from demo.flags import Flag, FlagBook, FlagWish, Key, VersionConflict, hundredth, in_segment, is_on

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BOOK = web.AppKey("book", FlagBook)
TOKEN = web.AppKey("token", str)
KEYS: TypeAdapter[str] = TypeAdapter(Key)


class Evaluation(BaseModel):
    """OFREP's request body; `targetingKey` names the unit, all else are its attributes."""

    context: dict[str, Any] = Field(default_factory=dict)


def error(status: int, code: str, message: str, **more: Any) -> web.Response:
    return web.json_response({"error": code, "message": message, **more}, status=status)


def flag_answer(flag: Flag, status: int = 200) -> web.Response:
    return web.json_response(flag.answer(), status=status, headers={"ETag": f'"{flag.version}"'})


@web.middleware
async def bearer_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Flags are for the token's holder; the page and the health answer are for everybody on this machine."""
    if not request.path.startswith(("/flags", "/ofrep")):
        return await handler(request)
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {request.app[TOKEN]}".encode()):
        refusal = error(401, "not_authenticated", "send the flag service's token as Authorization: Bearer")
        refusal.headers["WWW-Authenticate"] = 'Bearer realm="flags"'
        return refusal
    return await handler(request)


@web.middleware
async def plain_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except VersionConflict as conflict:
        return error(412, "version_conflict", str(conflict), version=conflict.version)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        return error(400, "invalid_request", f"{place}: {first['msg']}")


def _key(request: web.Request) -> str:
    return KEYS.validate_python(request.match_info["key"])


def _unknown(key: str, book: FlagBook) -> web.Response:
    return error(404, "unknown_flag", f"there is no flag {key}; make it with PUT /flags/{key}", version=book.counter)


async def put_flag(request: web.Request) -> web.Response:
    wish = FlagWish.model_validate_json(await request.read())
    flag = request.app[BOOK].put(_key(request), wish, if_match=request.headers.get("If-Match"))
    return flag_answer(flag)


async def get_flag(request: web.Request) -> web.Response:
    book, key = request.app[BOOK], _key(request)
    flag = book.get(key)
    return flag_answer(flag) if flag else _unknown(key, book)


async def list_flags(request: web.Request) -> web.Response:
    book = request.app[BOOK]
    flags = [flag.answer() for _, flag in sorted(book.flags.items())]
    return web.json_response({"flags": flags, "version": book.counter})


async def kill_flag(request: web.Request) -> web.Response:
    book, key = request.app[BOOK], _key(request)
    flag = book.kill(key, if_match=request.headers.get("If-Match"))
    return flag_answer(flag) if flag else _unknown(key, book)


async def delete_flag(request: web.Request) -> web.Response:
    key = _key(request)
    version = request.app[BOOK].delete(key, if_match=request.headers.get("If-Match"))
    return web.json_response({"key": key, "deleted": True, "version": version})


def _reason(flag: Flag, context: dict[str, Any]) -> str:
    if not flag.enabled:
        return "DISABLED"
    if not in_segment(flag, context):
        return "DEFAULT"
    if flag.percentage < 100:  # noqa: PLR2004  per cent
        return "SPLIT"
    return "TARGETING_MATCH" if flag.segment else "STATIC"


def _ofrep_error(status: int, key: str, code: str, details: str) -> web.Response:
    return web.json_response({"key": key, "errorCode": code, "errorDetails": details}, status=status)


async def evaluate(request: web.Request) -> web.Response:
    """OFREP single-flag evaluation; the variant is `treatment` when the flag is on for the unit."""
    key = request.match_info["key"]
    try:
        context = Evaluation.model_validate_json(await request.read()).context
    except ValidationError:
        return _ofrep_error(400, key, "PARSE_ERROR", 'send {"context": {"targetingKey": "…"}}')
    flag = request.app[BOOK].get(key)
    if flag is None:
        return _ofrep_error(404, key, "FLAG_NOT_FOUND", f"there is no flag {key}")
    unit = context.get("targetingKey")
    if not isinstance(unit, str) or not unit:
        return _ofrep_error(400, key, "TARGETING_KEY_MISSING", "context.targetingKey names the unit")
    on = is_on(flag, unit, context)
    metadata = {"version": flag.version, "bucket": hundredth(key, unit), "simulated": True}
    variant = "treatment" if on else "control"
    answer = {"key": key, "value": on, "reason": _reason(flag, context), "variant": variant, "metadata": metadata}
    return web.json_response(answer)


def mount(app: web.Application, book: FlagBook, token: str) -> None:
    app[BOOK], app[TOKEN] = book, token
    app.add_routes(
        [
            web.get("/flags", list_flags),
            web.put("/flags/{key}", put_flag),
            web.get("/flags/{key}", get_flag),
            web.delete("/flags/{key}", delete_flag),
            web.post("/flags/{key}/kill", kill_flag),
            web.post("/ofrep/v1/evaluate/flags/{key}", evaluate),
        ]
    )
