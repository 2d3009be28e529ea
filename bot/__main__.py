"""The bot process: the web server on its port, until it is told to stop."""

import asyncio
import gc
import signal
import sys

from aiohttp import web

from bot.web import create_app
from runtime.core import running
from runtime.identity.members import ensure_home
from runtime.logs import configure
from runtime.settings import Settings


async def serve(settings: Settings) -> None:
    async with running(settings) as runtime:
        org_id = await ensure_home(runtime)
        # A signature is made over the bytes as they are sent, so the doors unpack by themselves.
        runner = web.AppRunner(create_app(runtime, org_id), access_log=None, auto_decompress=False)
        await runner.setup()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
            # What was imported stays: looking through it again and again would hold up whoever presses a button meanwhile.
            gc.collect()
            gc.freeze()
            sys.stdout.write(f"bot ready on {settings.public_url}\n")
            sys.stdout.flush()
            await stop.wait()
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    configure()
    asyncio.run(serve(Settings()))
