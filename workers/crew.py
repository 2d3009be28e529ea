"""The threads of one worker process: a Dramatiq worker a queue, so that no kind of work keeps the threads of another."""

from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from workers.broker import FOLD, GUARD, QUEUES

_PATIENCE_SECONDS = 10.0
_FEWEST = {GUARD: 6, FOLD: 2}
"""Measurements may take three threads for a while; flags must still find one."""
_IDLE_MS = {GUARD: 100, FOLD: 100}
"""How long an empty queue is left alone at most before it is looked at again."""


def start(broker: RedisBroker, threads: int, *, idle_ms: int = 250) -> list[dramatiq.Worker]:
    workers = [
        dramatiq.Worker(
            broker,
            queues={queue},
            worker_threads=max(threads, _FEWEST.get(queue, 1)),
            worker_timeout=min(idle_ms, _IDLE_MS.get(queue, idle_ms)),
        )
        for queue in QUEUES
    ]
    for worker in workers:
        # What a worker adds to the broker listens for queues declared later; there are none, and two of a kind are warned of.
        middleware = list(broker.middleware)
        worker.start()
        broker.middleware[:] = middleware
    return workers


def finish(workers: Sequence[dramatiq.Worker]) -> None:
    """What is under way ends and nothing new is begun; Worker.pause would also make the consumers sleep for 3 s."""
    threads = [thread for worker in workers for thread in worker.workers]
    for thread in threads:
        thread.pause()
    for thread in threads:
        thread.paused_event.wait(_PATIENCE_SECONDS)


def stop(workers: Sequence[dramatiq.Worker], *, timeout_ms: int = 10_000) -> None:
    for worker in workers:
        worker.stop(timeout=timeout_ms)
