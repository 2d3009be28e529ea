"""The runtimes of this worker process, opened at first use on the event loop on which all its actors run."""

from dramatiq.asyncio import get_event_loop_thread

from runtime.core import Runtime, open_runtime
from runtime.db.engine import open_engine
from runtime.settings import Settings, secret
from workers.broker import GUARD

_GUARDS = 12
"""Connections, and as many again when needed: measurements and flags hold locks by some, and must find others to go on with."""

_given: list[Settings] = []
_open: dict[str, Runtime] = {}


def use(settings: Settings) -> None:
    """What the actors of this process shall work with; called once, before any message is taken."""
    _given[:] = [settings]


def current_runtime(purpose: str = "") -> Runtime:
    """Each purpose has a pool of connections of its own, so that it need not wait for those that another holds."""
    if purpose not in _open:
        settings = _given[0] if _given else Settings()
        opened = open_runtime(settings)
        if purpose == GUARD:
            opened.engine = open_engine(secret(settings.database_url) or "", pool_size=_GUARDS, overflow=_GUARDS)
        _open[purpose] = opened
    return _open[purpose]


async def _close() -> None:
    while _open:
        await _open.popitem()[1].close()


def close() -> None:
    """Close the runtimes on the loop they were opened on; that loop lives until the worker stops."""
    thread = get_event_loop_thread()
    if thread is not None and _open:
        thread.run_coroutine(_close())
