"""Mail in the bot's process: the ways in that the settings ask for, and the desk behind them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from bot.mail import sandbox_in
from bot.mail.webhook_events import Events
from bot.mail.webhooks import Inbound
from runtime.errors import OutcomeRuntimeError
from runtime.settings import secret

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
"""How often the desk looks for letters that a dead process left behind; new ones wake it."""


class Desk:
    """Handles what came in: at the start, whenever a way in says so, and every minute."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime, self._woken = runtime, asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        from bot.mail.desk import handle_waiting  # noqa: PLC0415  parsers are slow to import, and many a bot gets no mail

        while True:
            self._woken.clear()
            try:
                while await handle_waiting(self._runtime):
                    log.debug("mail.desk_looks_again")
            except Exception as error:  # noqa: BLE001  the database may be away; the letters are safe in it
                log.warning("mail.desk_waiting", error=f"{type(error).__name__}: {error}"[:300])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), EVERY_SECONDS)


def mount(app: web.Application, runtime: "Runtime") -> None:
    """Webhooks on the web server, and whatever else runs beside it from its start to its end."""
    desk = Desk(runtime)
    inbound = Inbound(runtime, desk.wake)
    app.add_routes([*inbound.routes(), *Events(inbound).routes()])
    app.cleanup_ctx.append(lambda _app: running(runtime, desk))


async def running(runtime: "Runtime", desk: Desk) -> AsyncIterator[None]:
    """Nothing without a way in; one that cannot be opened is logged, and neither the others nor the web server wait for it."""
    async with contextlib.AsyncExitStack() as stack:
        jobs = [asyncio.create_task(job) for job in await _jobs(runtime, desk, stack)]
        try:
            yield
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)


async def _jobs(runtime: "Runtime", desk: Desk, stack: contextlib.AsyncExitStack) -> list[Coroutine[Any, Any, None]]:
    settings, ways = runtime.settings, (_mailbox, _listener, _sandbox)
    jobs: list[Coroutine[Any, Any, None]] = []
    for way in ways:
        try:
            jobs += await way(runtime, desk, stack)
        except (OutcomeRuntimeError, OSError) as error:
            log.warning("mail.way_in_is_shut", way=way.__name__.strip("_"), error=str(error)[:300])
    if jobs or settings.mail_listen or secret(settings.mail_inbound_secrets):
        jobs.append(desk.run())
    return jobs


async def _mailbox(runtime: "Runtime", desk: Desk, stack: contextlib.AsyncExitStack) -> list[Coroutine[Any, Any, None]]:
    if not secret(runtime.settings.imap_url):
        return []
    from bot.mail.imap import Reader  # noqa: PLC0415  only where a mailbox is configured

    return [Reader(runtime, desk.wake).run()]


async def _listener(
    runtime: "Runtime", desk: Desk, stack: contextlib.AsyncExitStack
) -> list[Coroutine[Any, Any, None]]:
    if runtime.settings.mail_listen:
        from bot.mail.listener import listening  # noqa: PLC0415  only where a listener is configured

        await stack.enter_async_context(listening(runtime, desk.wake))
    return []


async def _sandbox(runtime: "Runtime", desk: Desk, stack: contextlib.AsyncExitStack) -> list[Coroutine[Any, Any, None]]:
    return [sandbox_in.polling(runtime, desk.wake)] if sandbox_in.wanted(runtime.settings) else []
