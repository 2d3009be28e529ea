"""A worker's part of somebody's Home tab: their outcomes are drawn, uploaded once, and hung there."""

from bot.slack import home, home_picture, pictures
from bot.slack.deliveries import Key
from bot.slack.post import Desk
from runtime.identity import members
from runtime.integrations.contracts import Notice


async def deliver(desk: Desk, notice: Notice) -> None:
    """May run twice; numbers that are as they were are not drawn again. Without a picture, Home keeps its words."""
    async with desk.runtime.transaction(desk.org_id) as tx:
        member = await members.by_slack(tx, notice.place)
    if member is None:
        return
    shown = await home.read_desk(desk.runtime, desk.org_id, member, desk.client)
    async with desk.runtime.transaction(desk.org_id) as tx:
        known = await home_picture.remembered(tx, shown, notice.place)
    found = await pictures.show(desk.client, shown.chart, known)
    if not found.remember:
        return
    async with desk.runtime.transaction(desk.org_id) as tx:
        await home_picture.remember(tx, shown, notice.place, found.remember)
        await pictures.replaced(tx, Key("home-picture", shown.member.id, notice.place), known, found.remember)
    await home.paint(desk.runtime, desk.org_id, desk.client, member, notice.place, patient=True)
