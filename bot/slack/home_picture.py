"""The picture of somebody's outcomes on Home: asked for by the process that answers clicks, drawn and uploaded by a worker."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select

import charts
from bot.pictures import ChartUnreadable, picture
from bot.slack import deliveries
from bot.slack.dashboard import Desk
from bot.slack.deliveries import Key
from bot.slack.view import Picture
from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.db.tables import outbox
from runtime.digest import digest
from runtime.identity.people import SYSTEM
from runtime.journal import Event, Message, record

log = structlog.get_logger(__name__)

KIND = "home"
_EVENT = "home.picture_wanted"


def _key(desk: Desk, user: str) -> Key:
    return Key("home-picture", desk.member.id, user)


async def hung(runtime: Runtime, org_id: UUID, desk: Desk, user: str) -> Desk:
    """The desk with its picture, if these very numbers were drawn before; else with words, and a worker is asked to draw."""
    if desk.chart is None:
        return desk
    mark = digest(desk.chart)
    async with runtime.transaction(org_id) as tx:
        known = await remembered(tx, desk, user)
        if known.get("digest") != mark:
            await _ask(runtime, tx, desk, user, mark)
            return desk
    return replace(desk, picture=Picture(str(known["file"]), _alt(desk.chart), ""))


def _alt(chart: Mapping[str, Any]) -> str:
    try:
        return charts.alt_text(picture(chart))
    except (ChartUnreadable, ValueError, ArithmeticError) as error:
        log.warning("slack.chart_unreadable", error=str(error)[:300])
        return str(chart["title"])


async def remembered(tx: Tx, desk: Desk, user: str) -> Mapping[str, Any]:
    row, _ = await deliveries.intend(tx, _key(desk, user))
    found: Mapping[str, Any] = row["details"].get("picture") or {}
    return found


async def remember(tx: Tx, desk: Desk, user: str, found: Mapping[str, Any]) -> None:
    await deliveries.placed(tx, _key(desk, user), user, str(found["file"]), {"picture": dict(found)})


async def _ask(runtime: Runtime, tx: Tx, desk: Desk, user: str, mark: str) -> None:
    """Once an hour for the same numbers, however often Home is opened and even if drawing them failed."""
    once = f"{mark[:16]}:{runtime.now():%Y-%m-%dT%H}"
    key = f"{_EVENT}:{KIND}:{desk.member.id}:{once}:slack:{user}"
    if await tx.first(select(outbox.c.id).where(outbox.c.dedupe == key)) is not None:
        return
    wanted = Message(KIND, desk.member.id, "slack", user, once=once)
    await record(tx, Event(_EVENT, "member", desk.member.id, {"chart": mark}), by=SYSTEM, notices=[wanted])
