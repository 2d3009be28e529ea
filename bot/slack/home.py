"""The Home tab: what waits for me, my outcomes, what was decided and learned lately."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import kit, listings, queries
from bot.slack.commands import permalink
from bot.slack.kit import Block
from bot.slack.people import UNKNOWN, People
from bot.slack.words import fit, lines
from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.gates import pictures
from runtime.identity.people import Member

_MOST_GATES = 10


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything one person's Home tab shows."""

    member: Member
    gates: Sequence[Row]
    links: Mapping[UUID, str | None]
    outcomes: Sequence[Row]
    runs: Sequence[Row]
    decisions: Sequence[Row]
    learnings: Sequence[Row]


@dataclass(frozen=True, slots=True)
class HomeDoor:
    """Slack's handler of the Home tab being opened."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def opened(self, event: dict[str, Any], client: AsyncWebClient) -> None:
        if event.get("tab", "home") != "home":
            return
        member = await self.people.behind(event["user"])
        blocks = home_blocks(await self._desk(member, client)) if member else [kit.section(UNKNOWN)]
        await client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": blocks[: kit.MOST_VIEW_BLOCKS]}
        )

    async def _desk(self, member: Member, client: AsyncWebClient) -> Desk:
        async with self.runtime.transaction(self.org_id) as tx:
            waiting = await queries.waiting_for(tx, member)
            shown = await queries.shown_at(tx, [gate["id"] for gate in waiting[:_MOST_GATES]])
            mine = await queries.their_outcomes(tx, member)
            runs = await queries.experiments_of(tx, [row["id"] for row in mine])
            decisions, learnings = await queries.recent_decisions(tx), await queries.recent_learnings(tx)
        links = {gate: await permalink(client, *place) for gate, place in shown.items()}
        return Desk(member, waiting, links, mine, runs, decisions, learnings)


def home_blocks(desk: Desk) -> list[Block]:
    return [*_waiting(desk), *_outcomes(desk), *_lately(desk)]


def _waiting(desk: Desk) -> Iterator[Block]:
    count = len(desk.gates)
    yield kit.header(
        f"{count} decision{'' if count == 1 else 's'} wait{'s' if count == 1 else ''} for you"
        if count
        else "Nothing waits for you"
    )
    for number, gate in enumerate(desk.gates[:_MOST_GATES]):
        link = desk.links.get(gate["id"])
        button = kit.link("Open", f"open:{number}", link) if link else None
        yield kit.section(listings.gate_line(gate, None, desk.member), accessory=button)
    if count > _MOST_GATES:
        yield kit.context(f"and {count - _MOST_GATES} more; `/outcome gates` lists them all")


def _outcomes(desk: Desk) -> Iterator[Block]:
    yield kit.divider()
    yield kit.header("Your outcomes")
    if not desk.outcomes:
        yield kit.section("None yet. `/outcome list` shows everybody's.")
    for row in desk.outcomes:
        runs = [run for run in desk.runs if run["outcome_id"] == row["id"]]
        unit = pictures.unit(row["primary_signal"])
        found = [listings.outcome_line(row, runs), *(listings.run_line(run, unit) for run in runs[:4])]
        yield kit.section(lines(found, kit.SECTION))


def _lately(desk: Desk) -> Iterator[Block]:
    if desk.decisions:
        yield kit.divider()
        yield kit.header("Decided lately")
        yield kit.section(lines((listings.decision_line(gate) for gate in desk.decisions), kit.SECTION))
    if desk.learnings:
        yield kit.header("Learned lately")
        yield kit.section(lines((f"• {fit(row['finding'], 500)}" for row in desk.learnings), kit.SECTION))
