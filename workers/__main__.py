"""One worker process: Dramatiq threads and the clock. The supervisor starts several; the death of one ends no other."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

from runtime.errors import InvalidConfiguration
from runtime.logs import configure
from runtime.settings import Settings, secret
from workers import crew, current
from workers.broker import connect

_SWITCH_SECONDS = 0.001
"""A fifth of the default: while threads draw charts, each answer of the database waits so long for its turn."""


def main() -> None:
    configure()
    sys.setswitchinterval(_SWITCH_SECONDS)
    settings = Settings()
    redis_url = secret(settings.redis_url)
    if redis_url is None:
        raise InvalidConfiguration("REDIS_URL is not set; `outcome-runtime up` starts an embedded server and sets it.")
    broker = connect(redis_url)
    current.use(settings)
    from workers import clock  # noqa: PLC0415  its actors bind to the broker connected just above

    workers = crew.start(broker, settings.worker_threads)
    try:
        asyncio.run(_clock(lambda stop: clock.run(settings, stop)))
    finally:
        crew.finish(workers)
        current.close()
        crew.stop(workers)
        broker.close()


async def _clock(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gc.collect()
    gc.freeze()
    sys.stdout.write("worker ready\n")
    sys.stdout.flush()
    await run(stop)


if __name__ == "__main__":
    main()
