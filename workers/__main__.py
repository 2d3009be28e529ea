"""One worker process: Dramatiq threads and the clock. The supervisor starts several; the death of one ends no other."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import dramatiq

from runtime.errors import InvalidConfiguration
from runtime.logs import configure
from runtime.settings import Settings, secret
from workers import current
from workers.broker import connect

_PATIENCE_SECONDS = 10.0


def main() -> None:
    configure()
    settings = Settings()
    redis_url = secret(settings.redis_url)
    if redis_url is None:
        raise InvalidConfiguration("REDIS_URL is not set; `outcome-runtime up` starts an embedded server and sets it.")
    broker = connect(redis_url)
    current.use(settings)
    from workers import clock  # noqa: PLC0415  its actors bind to the broker connected just above

    worker = dramatiq.Worker(broker, queues={"outcome"}, worker_threads=settings.worker_threads, worker_timeout=250)
    worker.start()
    try:
        asyncio.run(_clock(lambda stop: clock.run(settings, stop)))
    finally:
        _finish_work(worker)
        current.close()
        worker.stop(timeout=10_000)
        broker.close()


def _finish_work(worker: dramatiq.Worker) -> None:
    """What is under way ends and nothing new is begun; Worker.pause would also make the consumers sleep for 3 s."""
    for thread in worker.workers:
        thread.pause()
    for thread in worker.workers:
        thread.paused_event.wait(_PATIENCE_SECONDS)


async def _clock(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write("worker ready\n")
    sys.stdout.flush()
    await run(stop)


if __name__ == "__main__":
    main()
