"""Charts as Slack files: drawn, uploaded once, and never in the way of the message they belong to."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

import charts
from bot.pictures import ChartUnreadable, drawn, picture
from bot.slack.deliveries import CHANNEL, Key
from bot.slack.view import Picture
from bot.slack.wire import FAILURES
from runtime.db.engine import Tx
from runtime.digest import digest
from runtime.identity.people import SYSTEM
from runtime.journal import Event, Message, record

log = structlog.get_logger(__name__)

DISCARDED = "discarded"
"""The notice by which a worker deletes a file (bot.slack.discarded)."""
_REPLACED = "slack.picture_replaced"
_PATIENCE = 45.0
"""Seconds for drawing and uploading together; after that the message goes out with words."""
_ALT = 1000
"""files.getUploadURLExternal takes a shorter alt text than an image block."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture for the message, and what to remember so that an unchanged chart isn't uploaded again."""

    picture: Picture | None
    remember: Mapping[str, Any]


async def show(client: AsyncWebClient, chart: Mapping[str, Any] | None, remembered: Mapping[str, Any]) -> Shown:
    """`remembered` is the delivery's `picture` detail of the time before."""
    if not chart:
        return Shown(None, {})
    try:
        known = picture(chart)
        alt, line = charts.alt_text(known), charts.sparkline(known)
    except (ChartUnreadable, ValueError, ArithmeticError) as error:
        log.warning("slack.chart_unreadable", error=str(error))
        return Shown(None, {})
    mark = digest(chart)
    if remembered.get("digest") == mark:
        return Shown(Picture(remembered["file"], alt, line), remembered)
    file_id = await _uploaded(client, known, alt)
    return Shown(Picture(file_id, alt, line), {"digest": mark, "file": file_id} if file_id else {})


async def replaced(tx: Tx, key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """`before` is what a message remembered of its picture, `after` what it shows instead, in the transaction that remembers it."""
    file = before.get("file")
    if not file or file == after.get("file"):
        return
    wanted = Message(DISCARDED, key.subject, CHANNEL, key.place, once=str(file), payload={"file": str(file)})
    await record(tx, Event(_REPLACED, key.kind, key.subject, {"file": str(file)}), by=SYSTEM, notices=[wanted])


async def _uploaded(client: AsyncWebClient, chart: charts.Chart, alt: str) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            image = await drawn(chart)
            answer = await client.files_upload_v2(
                content=image.png, filename="chart.png", title=chart.title[:100] or "Chart", alt_txt=alt[:_ALT]
            )
            return str(answer["files"][0]["id"])
    except (*FAILURES, LookupError) as error:
        log.warning("slack.picture_not_uploaded", error=str(error)[:300])
    except Exception:  # the drawing library may fail in any way, and the buttons must arrive all the same
        log.exception("slack.picture_not_drawn")
    return None
