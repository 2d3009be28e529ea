"""What leaves the house towards Slack: each notice is drawn from its row as it is now."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from slack_sdk.errors import SlackApiError
from sqlalchemy import func, update

from bot.slack import (
    blocks,
    by_letter,
    deliveries,
    discarded,
    home_drawn,
    home_picture,
    installations,
    kit,
    page_code,
    presence,
    progress,
    queries,
    quiet,
    was_it_you,
)
from bot.slack import digest as digest_message
from bot.slack import pictures as picture_files
from bot.slack.deliveries import Key
from bot.slack.post import Desk, Intent, Letter, Placed
from bot.slack.presence import whereabouts
from bot.slack.repaint import Repainter
from bot.slack.teams import client_for
from bot.slack.tokens import Tokens
from bot.slack.view import Picture, Who, gate_view, named_in, person
from bot.slack.wire import FAILURES, TIMEOUT, code_of, failed
from bot.slack.words import fit
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.db.tables import human_gates
from runtime.digest import digest
from runtime.errors import ChannelFailed, InvalidConfiguration
from runtime.experiments import service as experiments
from runtime.gates import held, pictures, rows
from runtime.identity import away
from runtime.identity.away import Seen
from runtime.identity.people import Member
from runtime.integrations.contracts import Notice
from runtime.lifecycle.gate import OPEN
from runtime.measurement.early import early

_Deliver = Callable[[Desk, Notice], Awaitable[None]]
_SAME_TEAM = 1.0
"""Seconds for which an organisation is taken to speak in the same workspace without looking."""


class SlackChannel:
    """The `slack` channel of the outbox."""

    slug = "slack"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tokens = Tokens(runtime)
        self._desks: dict[tuple[UUID, str | None], Desk] = {}
        self._teams: dict[UUID, tuple[float, str | None]] = {}
        self._homes: dict[Desk, Repainter] = {}

    async def deliver(self, notice: Notice) -> None:
        """May run twice for the same notice; raises ChannelFailed, with `retry_after` when Slack asks to wait."""
        await quiet.wait(self._runtime, notice)
        try:
            await self._shown(await self._desk(notice.org_id), notice)
        except (*FAILURES, ChannelFailed, InvalidConfiguration) as error:
            refused = (
                failed(error, f"to show the {notice.kind} in {notice.place}") if isinstance(error, FAILURES) else error
            )
            if by_letter.lasting(refused):
                await by_letter.instead(self._runtime, notice, refused.message)
            raise refused from error
        if notice.kind == "gate" and await by_letter.shown_elsewhere(self._runtime, notice):
            await by_letter.instead(self._runtime, notice, f"{notice.place} cannot be reached in Slack")

    async def _shown(self, desk: Desk, notice: Notice) -> None:
        """Home tabs are copies too: a gate's are drawn anew even where its message found no place."""
        try:
            await KINDS.get(notice.kind, _words)(desk, notice)
        finally:
            if notice.kind == "gate":
                home = self._homes.setdefault(desk, Repainter(self._runtime, desk.org_id, desk.client))
                home.gate_changed(notice.subject_id)

    async def statuses(self, org_id: UUID, people: Sequence[Member], now: datetime) -> Sequence[Seen]:
        """Who is away by their Slack status; who isn't linked to Slack yet is looked for there first."""
        desk = await self._desk(org_id)
        linked = [member if member.slack_user_id else await desk.people.by_email(member.email) for member in people]
        return await presence.statuses(desk.client, [member for member in linked if member], now)

    async def _desk(self, org_id: UUID) -> Desk:
        """One for each workspace an organisation spoke in; an install elsewhere is noticed a second later."""
        looked, team = self._teams.get(org_id, (0.0, None))
        if time.monotonic() - looked > _SAME_TEAM:
            team = await installations.team_of(self._runtime, org_id)
            self._teams[org_id] = time.monotonic(), team
        key = org_id, team
        if key not in self._desks:
            client = await client_for(self._runtime, org_id, self._tokens)
            client.session = self._runtime.http.plain(TIMEOUT)
            self._desks[key] = Desk(self._runtime, org_id, client)
        return self._desks[key]

    async def close(self) -> None:
        for home in self._homes.values():
            await home.close()
        self._homes.clear()
        self._desks.clear()


async def _gate(desk: Desk, notice: Notice) -> None:
    """The gate's message, every other copy of it, and a call to the person if it reminds."""
    async with desk.runtime.transaction(desk.org_id) as tx:
        gate = await rows.get(tx, notice.subject_id)
        key = Key("gate", gate["id"], notice.place)
        here, copies = await deliveries.known(tx, key)
        thread = await _thread(tx, gate, notice.place)
        hold = await held.current(tx, gate["id"]) if gate["status"] in OPEN else None
        whole = await queries.cut_before(tx, gate)
        author = {hold["member"]} if hold else set()
        named = named_in(gate) | {gate["assigned_to"], rows.seat(gate).asked, *gate["escalation_chain"]} | author
        known = await desk.people.known(tx, named)
        intent = Intent(here, fresh=False, wait=0.0) if here and here["external_id"] else await desk.intend(tx, key)
    people = await desk.people.shown(known)
    gone = away.among(known, {rows.seat(gate).asked, *gate["escalation_chain"]}, desk.runtime.now())
    letter = _gate_letter(gate, people, gone, notice.place, hold)
    placed = await _put(desk, replace(letter, thread=thread, aloud=True, whole=whole), intent)
    for place in copies:
        await desk.put(replace(_gate_letter(gate, people, gone, place, hold), whole=whole))
    await _notified(desk, gate)
    if notice.payload.get("remind"):
        await _remind(desk, gate, people, notice.place, placed)


async def _thread(tx: Tx, gate: Row, place: str) -> tuple[str, str] | None:
    """Later gates of an experiment stand in the thread of its first message, and are shown to the channel as well."""
    if gate["experiment_id"] is None or gate["gate_type"] in deliveries.ASIDE:
        return None
    root = await deliveries.root(tx, gate["experiment_id"], place)
    return (root["external_place"], root["external_id"]) if root and root["subject_id"] != gate["id"] else None


async def _put(desk: Desk, letter: Letter, intent: Intent | None = None) -> Placed:
    """By itself where somebody deleted the message whose thread it belongs in: no gate is lost with it."""
    try:
        return await desk.put(letter, intent)
    except SlackApiError as error:
        if letter.thread is None or code_of(error) not in _NO_THREAD:
            raise
        return await desk.put(replace(letter, thread=None))


def _gate_letter(
    gate: Row, people: Mapping[str, Who], gone: Mapping[str, datetime], place: str, hold: Row | None
) -> Letter:
    note = whereabouts(gate, people, gone)

    def draw(picture: Picture | None) -> tuple[str, kit.Blocks]:
        text, drawn = blocks.gate_message(gate_view(gate, people, picture, hold))
        return text, [*drawn[: kit.MOST_BLOCKS - 1], kit.context(note)] if note else drawn

    details = {"evidence": gate["evidence_hash"], "version": gate["version"]}
    chart = pictures.in_zone(gate["context_package"].get("chart"), person(people, rows.seat(gate).asked).zone)
    return Letter(Key("gate", gate["id"], place), draw, chart, details)


async def _notified(desk: Desk, gate: Row) -> None:
    if gate["notification_sent_at"] is None:
        async with desk.runtime.transaction(desk.org_id) as tx:
            first = (human_gates.c.id == gate["id"]) & human_gates.c.notification_sent_at.is_(None)
            await tx.run(update(human_gates).where(first).values(notification_sent_at=func.clock_timestamp()))


async def _remind(desk: Desk, gate: Row, people: Mapping[str, Who], place: str, placed: Placed) -> None:
    """Once a version of the gate; a gate that was decided meanwhile reminds nobody."""
    view = gate_view(gate, people, None)
    if not view.open and gate["status"] != "timed_out":
        return
    before = person(people, gate["assigned_to"]) if gate["chain_position"] and not gate["delegated_to"] else None
    text = blocks.reminder(view, escalated_from=before)
    key = Key(f"gate-reminder:{gate['version']}", gate["id"], place)
    await desk.put(
        Letter(key, lambda _: (text, [kit.section(text)]), thread=(placed.channel, placed.thread_ts or placed.ts))
    )


async def _experiment(desk: Desk, notice: Notice) -> None:
    """One living message an experiment, in the thread of its first one; a constraint's kill is said aloud as well."""
    async with desk.runtime.transaction(desk.org_id) as tx:
        row = await experiments.get(tx, notice.subject_id)
        outcome = await experiments.outcome_of(tx, row)
        root = await deliveries.root(tx, row["id"], notice.place)
    thread = (root["external_place"], root["external_id"]) if root and root["subject_kind"] == "gate" else None
    unit = pictures.unit(outcome["primary_signal"])
    result = row["current_result"] or {}
    soon = early(result, desk.runtime.settings) if result else None

    people = await desk.people.who({outcome["owner"], *_decider(row)})

    def draw(picture: Picture | None) -> tuple[str, kit.Blocks]:
        return progress.experiment_message(row, outcome, unit, picture, early=soon, people=people)

    owner = person(people, outcome["owner"])
    chart = pictures.in_zone(result.get("chart") if soon is None else None, owner.zone)
    placed = await _put(desk, Letter(Key("experiment", row["id"], notice.place), draw, chart, thread=thread))
    if (row["final_result"] or {}).get("violated"):
        await _alarm(desk, row, outcome, notice.place, placed)


def _decider(row: Row) -> list[str]:
    found = (row["final_result"] or {}).get("decided_by")
    return [found] if found else []


async def _alarm(desk: Desk, row: Row, outcome: Row, place: str, placed: Placed) -> None:
    people = await desk.people.who([outcome["owner"]])
    text = progress.alarm(row, person(people, outcome["owner"]).shown)
    thread = (placed.channel, placed.thread_ts or placed.ts)
    key = Key("experiment-violated", row["id"], place)
    await desk.put(Letter(key, lambda _: (text, [kit.section(text)]), thread=thread, aloud=True))


async def _words(desk: Desk, notice: Notice) -> None:
    """A plain notice: what was written when it happened, said once."""
    said = str(notice.payload.get("text") or notice.event)

    def draw(_: Picture | None) -> tuple[str, kit.Blocks]:
        text = fit(said, kit.SECTION)
        return text, [kit.section(text)]

    await desk.put(
        Letter(Key(f"{notice.kind}:{digest([notice.event, said])[:16]}", notice.subject_id, notice.place), draw)
    )


KINDS: Mapping[str, _Deliver] = {
    "gate": _gate, "experiment": _experiment, "digest": digest_message.deliver, "was_it_you": was_it_you.deliver, page_code.KIND: page_code.deliver,
    home_picture.KIND: home_drawn.deliver, picture_files.DISCARDED: discarded.deliver,
}  # fmt: skip
_NO_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
