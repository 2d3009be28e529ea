"""The daily digest as Slack shows it: one message a reader and a day, with a link to each gate that waits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot import standings
from bot.slack import kit, naming, queries
from bot.slack.acting import named_outcome, permalink
from bot.slack.asked import Asked
from bot.slack.blocks import picture_blocks
from bot.slack.deliveries import Key
from bot.slack.kit import Blocks
from bot.slack.places import Places
from bot.slack.post import Desk, Letter
from bot.slack.view import Picture
from bot.slack.words import bold, fit, lines, moment
from charts.words import spark
from runtime import digests
from runtime.db.engine import Row
from runtime.digests import Digest, Line
from runtime.integrations.contracts import Notice
from runtime.outcomes import rows as outcomes
from runtime.outcomes import standing
from runtime.outcomes.standing import Standings

log = structlog.get_logger(__name__)

Links = Mapping[UUID, str]
_MOST_OUTCOMES = 12


async def deliver(desk: Desk, notice: Notice) -> None:
    """Said once, however often it is tried; an owner who isn't in Slack is not told here."""
    given, settings = notice.payload, desk.runtime.settings
    since, until = (datetime.fromisoformat(given[name]) for name in ("since", "until"))
    async with desk.runtime.transaction(desk.org_id) as tx:
        reader = await digests.by_id(tx, settings, notice.subject_id)
        found = await digests.collect(tx, settings, reader.outcomes, since, until) if reader else None
        found = await naming.digest(tx, found) if found else None
        shown = await queries.shown_at(tx, [line.gate for line in found.waiting if line.gate]) if found else {}
        stand = await standing.of(tx, reader.outcomes, reader.zone) if reader else Standings()
    if found is None or found.empty or not await _reachable(desk.places, notice.place):
        return
    links = await _links(desk.client, shown)
    said = "Your daily digest: " + ", ".join(f"{len(part)} {title.lower()}" for title, part in digests.parts(found))
    key = Key(f"digest:{given['day']}", notice.subject_id, notice.place)
    await desk.put(Letter(key, lambda picture: (said, blocks(found, links, stand, picture)), stand.chart))


async def _reachable(places: Places, place: str) -> bool:
    """A channel that refuses is the owner's to know of; a person nobody knows in Slack is not."""
    if "@" not in place or await places.find(place) is not None:
        return True
    log.info("slack.digest_without_reader")
    return False


async def _links(client: AsyncWebClient, shown: Mapping[UUID, tuple[str, str]]) -> Links:
    """Links to the messages of gates; one that cannot be had is left out."""
    found = {gate: await permalink(client, *place) for gate, place in list(shown.items())[:20]}
    return {gate: link for gate, link in found.items() if link}


async def on_demand(asked: Asked) -> str:
    """`/outcome digest [outcome]`: the last day, of one outcome or of all."""
    now = asked.runtime.now()
    chosen = [(await named_outcome(asked))["id"]] if asked.words else None
    async with asked.runtime.transaction(asked.org_id) as tx:
        wanted = chosen or [row["id"] for row in await outcomes.listed(tx)]
        found = await digests.collect(tx, asked.runtime.settings, wanted, now - timedelta(days=1), now)
        found = await naming.digest(tx, found)
        shown = await queries.shown_at(tx, [line.gate for line in found.waiting if line.gate])
        stand = await standing.of(tx, wanted, asked.member.timezone)
    return text(found, await _links(asked.client, shown), stand)


def blocks(digest: Digest, links: Links, stand: Standings, picture: Picture | None) -> Blocks:
    """A heading, how the outcomes stand, and a section for each part that has anything in it."""
    shown = [kit.section(f"*Daily digest*, since {moment(digest.since)}")]
    file = picture if picture is not None and picture.file_id else None
    if stand.outcomes:
        told = _outcomes(stand, drawn=file is not None)
        shown += [kit.section(f"*Outcomes*\n{lines(told, kit.SECTION - 60)}"), *picture_blocks(file)]
    if stand.chart:
        shown.append(kit.context(standings.origin(stand.chart, partial(fit, limit=200), moment)))
    shown += [
        kit.section(f"*{title}*\n{lines(_lines(part, links), kit.SECTION - 60)}")
        for title, part in digests.parts(digest)
    ]
    return shown


def text(digest: Digest, links: Links, stand: Standings) -> str:
    """The same as one text, for the answer to `/outcome digest`."""
    every = ["*Outcomes*\n" + "\n".join(_outcomes(stand, drawn=False))] if stand.outcomes else []
    if digest.empty:
        return "\n".join(["Nothing happened, and nothing waits.", *every])
    every += [f"*{title}*\n" + "\n".join(_lines(part, links)) for title, part in digests.parts(digest)]
    return "\n".join(every)


def _outcomes(stand: Standings, *, drawn: bool) -> list[str]:
    """A line each; block characters stand for the picture where there is none."""
    shown = stand.outcomes[:_MOST_OUTCOMES]
    told = [_standing(row, stand.levels.get(row["id"], ()), drawn=drawn) for row in shown]
    more = len(stand.outcomes) - len(shown)
    return [*told, f"and {more} more; `/outcome list` shows them all"] if more else told


def _standing(row: Row, levels: Sequence[float], *, drawn: bool) -> str:
    line = f" `{spark(levels, '', '').strip()}`" if len(levels) > 1 and not drawn else ""
    return f"• {bold(row['title'])}: {fit(standings.told(row, levels), 400)}{line}"


def _lines(part: Sequence[Line], links: Links) -> list[str]:
    return [_line(line, links.get(line.gate) if line.gate else None) for line in part]


def _line(line: Line, link: str | None) -> str:
    name = f"<{fit(link, 1000)}|{fit(line.title, 200).replace('|', '/')}>" if link else bold(line.title)
    due = f" until {moment(line.due)}" if line.due else ""
    return f"• {name}{line.joint}{fit(line.says, 500)}{due}"
