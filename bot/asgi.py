"""A bridge from aiohttp to one ASGI application, loaded at its first request: the MCP server is heavy and often not needed at once."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from aiohttp import web

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Callable[[], Awaitable[Scope]], Callable[[Scope], Awaitable[None]]], Awaitable[None]]
Load = Callable[[], tuple[Any, Asgi]]


class Door:
    """Runs the application's session context in a task of its own from the first request until `close`."""

    def __init__(self, load: Load) -> None:
        self._load, self._app = load, asyncio.get_running_loop().create_future()
        self._stop, self._task = asyncio.Event(), None  # type: tuple[asyncio.Event, asyncio.Task[None] | None]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        app: Asgi = await asyncio.shield(self._app)
        return await _Exchange(request).run(app)

    async def _run(self) -> None:
        try:
            context, app = await asyncio.to_thread(self._load)
            async with context():
                self._app.set_result(app)
                await self._stop.wait()
        except Exception as error:
            if self._app.done():
                raise
            self._app.set_exception(error)

    async def close(self) -> None:
        self._stop.set()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(self._task, timeout=5)


class _Exchange:
    """One request and its answer in ASGI's terms."""

    def __init__(self, request: web.Request) -> None:
        self._request, self._response = request, web.StreamResponse()
        self._sent, self._done = False, asyncio.Event()

    async def run(self, app: Asgi) -> web.StreamResponse:
        try:
            await app(self._scope(), self._receive, self._send)
        finally:
            self._done.set()
        return self._response

    def _scope(self) -> Scope:
        request, transport = self._request, self._request.transport
        peer = transport.get_extra_info("peername") if transport else None
        own = transport.get_extra_info("sockname") if transport else None
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": request.method,
            "scheme": request.scheme, "path": request.path, "raw_path": request.raw_path.encode().split(b"?")[0],
            "query_string": request.query_string.encode(), "root_path": "", "state": {},
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
            "client": peer[:2] if peer else None, "server": own[:2] if own else None,
        }  # fmt: skip

    async def _receive(self) -> Scope:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": await self._request.read(), "more_body": False}
        await self._done.wait()
        return {"type": "http.disconnect"}

    async def _send(self, event: Scope) -> None:
        if event["type"] == "http.response.start":
            self._response = web.StreamResponse(status=event["status"])
            for name, value in event["headers"]:
                self._response.headers.add(name.decode(), value.decode())
            await self._response.prepare(self._request)
            return
        if event.get("body"):
            await self._response.write(event["body"])
        if not event.get("more_body"):
            await self._response.write_eof()
            self._done.set()
