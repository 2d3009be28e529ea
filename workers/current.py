"""The runtime of this worker process, opened at first use on the event loop on which all its actors run."""

from dramatiq.asyncio import get_event_loop_thread

from runtime.core import Runtime, open_runtime
from runtime.settings import Settings

_given: list[Settings] = []
_open: list[Runtime] = []


def use(settings: Settings) -> None:
    """What the actors of this process shall work with; called once, before any message is taken."""
    _given[:] = [settings]


def current_runtime() -> Runtime:
    if not _open:
        _open.append(open_runtime(_given[0] if _given else Settings()))
    return _open[0]


async def _close() -> None:
    while _open:
        await _open.pop().close()


def close() -> None:
    """Close the runtime on the loop it was opened on; that loop lives until the worker stops."""
    thread = get_event_loop_thread()
    if thread is not None and _open:
        thread.run_coroutine(_close())
