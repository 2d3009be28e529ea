"""The Home tab: drawn when it is opened and when something on it changed, and what its buttons do."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

import charts
from bot.pictures import ChartUnreadable, picture
from bot.slack import deliveries, home_picture, kit, listings, naming, queries
from bot.slack.acting import permalink
from bot.slack.dashboard import MOST_GATES, MOST_OUTCOMES, MOST_PICTURES, Desk, found_blocks, home_blocks
from bot.slack.deliveries import Key
from bot.slack.gates import GateDoor
from bot.slack.people import UNKNOWN
from bot.slack.values import Pressed, Wanted
from bot.slack.view import Picture
from bot.slack.wire import FAILURES, code_of, failed
from bot.slack.words import fit
from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.errors import InvalidRequest, NotAllowed, OutcomeRuntimeError
from runtime.experiments import control
from runtime.gates import rows
from runtime.identity.people import By, Member, person
from runtime.learnings.service import search
from runtime.outcomes import standing

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

__all__ = ["Desk", "HomeDoor", "home_blocks", "paint"]

log = structlog.get_logger(__name__)

Body = dict[str, Any]
_WAITS = (0.0, 0.1, 0.3, 0.6, 1.0, 1.0, 1.0)
_GIVEN_UP = 3
"""Conflicts over one hash, after which whoever drew last is taken to have died before noting the next one down."""
_BARE = 2
_PROCESSED = 3
"""Refusals of a picture that was uploaded just now before Home is drawn without it."""
_links: dict[tuple[str, str], str | None] = {}
_MOST_LINKS = 5000


async def read_desk(runtime: Runtime, org_id: UUID, member: Member, client: AsyncWebClient) -> Desk:
    """Its numbers are one snapshot: words and picture of the outcomes are made of the same readings."""
    async with runtime.transaction(org_id) as tx:
        every = await rows.listed(tx)
        mine = [gate for gate in every if member.email.casefold() in rows.seat(gate).entitled]
        mine.sort(key=lambda gate: gate["due_at"])
        own = {gate["id"] for gate in mine}
        others = [gate for gate in every if gate["id"] not in own]
        shown = await queries.shown_at(tx, [gate["id"] for gate in mine[:MOST_GATES]])
        files = await queries.files_of(tx, [gate["id"] for gate in mine[:MOST_PICTURES]])
        theirs = await queries.their_outcomes(tx, member, limit=MOST_OUTCOMES + 1)
        ids = [row["id"] for row in theirs]
        runs, read = await queries.experiments_of(tx, ids), await standing.read(tx, theirs)
        chart = await standing.shown(tx, theirs[:MOST_OUTCOMES], read, member.timezone)
        decisions, learnings = await queries.recent_decisions(tx), await queries.recent_learnings(tx)
        holds = await queries.holds_of(tx, [gate["id"] for gate in mine[:MOST_GATES]])
        named = [*(gate["decided_by"] for gate in decisions), *(hold["member"] for hold in holds.values())]
        people = await queries.people_of(tx, [*named, *(rows.seat(gate).asked for gate in others[:MOST_GATES])])
    links = {gate: await _link(client, *place) for gate, place in shown.items()}
    pictures = {gate["id"]: Picture(files[gate["id"]], _alt(gate), "") for gate in mine if gate["id"] in files}
    levels = standing.numbers(read)
    return Desk(
        member,
        mine,
        links,
        theirs,
        runs,
        decisions,
        learnings,
        others,
        levels,
        runtime.now(),
        pictures,
        chart,
        people=people,
        holds=holds,
    )


def _alt(gate: Row) -> str:
    try:
        return charts.alt_text(picture(gate["context_package"].get("chart") or {}))
    except (ChartUnreadable, ValueError, ArithmeticError):
        return str(gate["question"])


async def _link(client: AsyncWebClient, channel: str, ts: str) -> str | None:
    """A message's address never changes, so it is asked for once."""
    if _links.get((channel, ts)) is None:
        if len(_links) >= _MOST_LINKS:
            _links.clear()
        _links[channel, ts] = await permalink(client, channel, ts)
    return _links[channel, ts]


async def paint(
    runtime: Runtime, org_id: UUID, client: AsyncWebClient, member: Member, user: str, *, patient: bool = False
) -> None:
    """Draw a person's Home tab. What is read after the hash is at least as new as what stands there, or Slack refuses it.

    `patient`: after an upload, which Slack processes for a moment, its refusal is not the last word.
    """
    key = Key("home", member.id, user)
    conflicts: Counter[str] = Counter()
    plain = -_PROCESSED if patient else 0
    for wait in _WAITS:
        await asyncio.sleep(wait)
        seen = await _hash(runtime, org_id, key)
        desk = await home_picture.hung(runtime, org_id, await read_desk(runtime, org_id, member, client), user)
        view = {"type": "home", "blocks": home_blocks(_without(desk, plain))}
        trusted = seen if conflicts[seen] < _GIVEN_UP else ""
        try:
            answer = await client.views_publish(user_id=user, view=view, hash=trusted or None)
        except SlackApiError as error:
            if code_of(error) == "invalid_blocks" and plain < _BARE:
                plain += 1  # a chart of a channel that this person cannot see, or one that is still processed
                continue
            if code_of(error) != "hash_conflict":
                raise
            conflicts[seen] += 1
            continue
        async with runtime.transaction(org_id) as tx:
            await deliveries.placed(tx, key, user, str(answer["view"]["id"]), {"hash": answer["view"]["hash"]})
        return
    log.warning("slack.home_contended", member=str(member.id))


def _without(desk: Desk, plain: int) -> Desk:
    """First without the gates' charts, then without any picture."""
    found = replace(desk, pictures={}) if plain > 0 else desk
    return replace(found, picture=None) if plain >= _BARE else found


async def _hash(runtime: Runtime, org_id: UUID, key: Key) -> str:
    async with runtime.transaction(org_id) as tx:
        row, _ = await deliveries.intend(tx, key)
    return str(row["details"].get("hash") or "")


@dataclass(frozen=True, slots=True)
class Aside:
    """Answers a press on Home, where Slack gives no address to answer at: a small form, a direct message if that fails."""

    client: AsyncWebClient
    body: Body
    title: str = "Not done"
    said: list[str] = field(default_factory=list)

    async def __call__(self, text: str = "", **_: Any) -> None:
        """`text` is escaped already."""
        self.said.append(text)
        try:
            view = kit.modal(self.title, [kit.section(text)])
            await self.client.views_open(trigger_id=self.body["trigger_id"], view=view)
        except FAILURES:
            await self.client.chat_postMessage(channel=self.body["user"]["id"], text=text)


@dataclass(frozen=True, slots=True)
class HomeDoor:
    """Slack's handlers of the Home tab: opened, and its buttons."""

    gates: GateDoor
    greet: Callable[[Body, AsyncWebClient], Awaitable[None]]

    async def opened(self, event: Body, client: AsyncWebClient) -> None:
        """The messages tab is where an agent is talked to; it gets suggested prompts instead."""
        if event.get("tab", "home") != "home":
            await self.greet(event, client)
            return
        member = await self.gates.people.behind(event["user"])
        if member is not None:
            await self._paint(client, member, event["user"])
        else:
            await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [kit.section(UNKNOWN)]})

    async def _paint(self, client: AsyncWebClient, member: Member, user: str) -> None:
        await paint(self.gates.runtime, self.gates.org_id, client, member, user)

    async def decide(self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient) -> None:
        """The same as pressing it on the gate's message."""
        respond = cast("AsyncRespond", Aside(client, body))
        await self.gates.pressed(ack=ack, body=body, action=action, client=client, respond=respond)
        await self._again(body, client)

    async def more(self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient) -> None:
        """Conditions, delegation, questions and the menu: the same forms as beside the gate's message."""
        aside = Aside(client, body)
        respond = cast("AsyncRespond", aside)
        await self.gates.more(ack=ack, body=body, action=action, client=client, respond=respond)
        chosen = (action.get("selected_option") or {}).get("value")
        if chosen and not aside.said and Wanted.load(chosen).do == "file":
            await Aside(client, body, "Evidence")("The evidence lies as a file in the thread of the gate's message.")

    async def _again(self, body: Body, client: AsyncWebClient) -> None:
        member = await self.gates.people.behind(body["user"]["id"])
        if member is not None:
            await self._paint(client, member, body["user"]["id"])

    async def pause(self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient) -> None:
        await ack()

        async def hold(experiment: UUID, by: By) -> None:
            now = self.gates.runtime.now()
            await control.pause(self.gates.runtime, self.gates.org_id, experiment, "from Home", by=by, now=now)

        await self._steer(hold, body, action, client)

    async def resume(self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient) -> None:
        """An answer to the gate that the pause opened, with the form that belongs to it."""
        runtime, org_id = self.gates.runtime, self.gates.org_id
        gate = await control.waiting_to_resume(runtime, org_id, _experiment(action))
        if gate is not None:
            value = Pressed(g=gate["id"], c="resume", e=gate["evidence_hash"][:16]).dump()
            await self.decide(ack, body, {**action, "value": value}, client)
            return
        await ack()

        async def go_on(experiment: UUID, by: By) -> None:
            await control.resume(runtime, org_id, experiment, "", by=by, now=runtime.now())

        await self._steer(go_on, body, action, client)

    async def _steer(
        self, do: Callable[[UUID, By], Awaitable[None]], body: Body, action: Body, client: AsyncWebClient
    ) -> None:
        try:
            member = await self._steering(body)
            await do(_experiment(action), person(member, "slack"))
        except OutcomeRuntimeError as error:
            await Aside(client, body)(await naming.said(self.gates.runtime, self.gates.org_id, error.message, 2900))
        await self._again(body, client)

    async def _steering(self, body: Body) -> Member:
        member = await self.gates.member(body["user"]["id"])
        if member.role == "viewer":
            raise NotAllowed("You can look, but not steer; ask somebody who may decide.")
        return member

    async def search(self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient) -> None:
        """The form opens at once, since finding may take longer than a trigger lives."""
        await ack()
        question = " ".join(str(action.get("value") or "").split())
        if not question:
            return
        try:
            waiting = kit.modal("Learnings", [kit.section("Looking …")])
            opened = await client.views_open(trigger_id=body["trigger_id"], view=waiting)
            blocks = await self._found(body["user"]["id"], question)
            await client.views_update(view_id=opened["view"]["id"], view=kit.modal("Learnings", blocks))
        except FAILURES as error:
            log.warning("slack.search_not_shown", error=failed(error, "to show what was found").message)

    async def _found(self, user: str, question: str) -> list[kit.Block]:
        try:
            await self.gates.member(user)
            found = await search(self.gates.runtime, self.gates.org_id, question, limit=8)
        except OutcomeRuntimeError as error:
            return [kit.section(fit(error.message, 2900))]
        return found_blocks(question, listings.learning_lines(found, room=2900))


def _experiment(action: Body) -> UUID:
    try:
        return UUID(str(action.get("value")))
    except ValueError as error:
        raise InvalidRequest("This button is from an older Home tab; open Home again.") from error
