"""Work that finds by itself what there is to do: asked for while it is under way, it runs once more, not many times in a row."""

from collections.abc import Awaitable, Callable

_under_way: set[str] = set()
_once_more: set[str] = set()


async def together(name: str, work: Callable[[], Awaitable[object]]) -> None:
    """All callers are of one event loop. Who comes while it is under way returns at once: it is done again for all who came."""
    if name in _under_way:
        _once_more.add(name)
        return
    _under_way.add(name)
    try:
        await work()
        while name in _once_more:
            _once_more.discard(name)
            await work()
    finally:
        _under_way.discard(name)
        _once_more.discard(name)
