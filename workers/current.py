"""The runtime of this worker process, opened on its event loop at first use."""

from runtime.core import Runtime, open_runtime
from runtime.settings import Settings

_open: dict[str, Runtime] = {}


def current_runtime() -> Runtime:
    if "runtime" not in _open:
        _open["runtime"] = open_runtime(Settings())
    return _open["runtime"]


async def close() -> None:
    if "runtime" in _open:
        await _open.pop("runtime").close()
