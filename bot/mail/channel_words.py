"""A stored chart as a letter shows it: its words, and its PNG in few colours."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from bot.mail.letter_parts import Chart
from bot.pictures import ChartUnreadable, drawn, picture
from runtime.digest import digest

log = structlog.get_logger(__name__)

_KEPT = 16
"""Pictures that are remembered: those of one gate go to several readers."""
_drawn: dict[str, bytes] = {}
_PATIENCE = 45.0
"""Seconds for drawing; after that the letter goes out with words."""


def picture_words(chart: Mapping[str, Any] | None) -> Chart | None:
    """None where there is no chart, or none that can be read."""
    if not chart:
        return None
    import charts  # noqa: PLC0415  with its models only where there is something to draw

    try:
        known = picture(chart)
        return Chart(charts.alt_text(known), charts.sparkline(known))
    except (ChartUnreadable, ValueError, ArithmeticError) as error:
        log.warning("mail.chart_unreadable", error=str(error)[:300])
        return None


async def png(chart: Mapping[str, Any] | None) -> bytes | None:
    """Never in the way of the letter it belongs to."""
    if not chart:
        return None
    mark = digest(chart)
    if mark not in _drawn:
        made = await _made(chart)
        if made is None:
            return None
        _drawn[mark] = made
        for old in list(_drawn)[:-_KEPT]:
            del _drawn[old]
    return _drawn.get(mark)


async def _made(chart: Mapping[str, Any]) -> bytes | None:
    from charts.compact import compact  # noqa: PLC0415  as above

    try:
        async with asyncio.timeout(_PATIENCE):
            image = await drawn(picture(chart))
            return await asyncio.to_thread(compact, image.png)
    except Exception:  # the drawing library may fail in any way, and the letter must go all the same
        log.exception("mail.picture_not_drawn")
        return None
