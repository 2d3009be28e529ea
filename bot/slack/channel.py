"""What leaves the house towards Slack: each notice is drawn from its row as it is now."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import func, update

from bot.slack import blocks, deliveries, kit, progress
from bot.slack.deliveries import Key
from bot.slack.post import Desk, Letter, Placed
from bot.slack.view import Picture, Who, gate_view, named_in, person
from bot.slack.wire import FAILURES, failed, web_client
from bot.slack.words import fit
from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.db.tables import human_gates
from runtime.digest import digest
from runtime.experiments import service as experiments
from runtime.gates import pictures, rows
from runtime.integrations.contracts import Notice

_Deliver = Callable[[Desk, Notice], Awaitable[None]]


class SlackChannel:
    """The `slack` channel of the outbox."""

    slug = "slack"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._client: AsyncWebClient | None = None
        self._desks: dict[UUID, Desk] = {}

    async def deliver(self, notice: Notice) -> None:
        """May run twice for the same notice; raises ChannelFailed, with `retry_after` when Slack asks to wait."""
        try:
            await _KINDS.get(notice.kind, _words)(self._desk(notice.org_id), notice)
        except FAILURES as error:
            raise failed(error, f"to show the {notice.kind} in {notice.place}") from error

    def _desk(self, org_id: UUID) -> Desk:
        if org_id not in self._desks:
            self._client = self._client or web_client(self._runtime.settings)
            self._desks[org_id] = Desk(self._runtime, org_id, self._client)
        return self._desks[org_id]

    async def close(self) -> None:
        """Every call brings its own connection, so there is nothing to let go but what was remembered."""
        self._desks.clear()


async def _gate(desk: Desk, notice: Notice) -> None:
    """The gate's message, every other copy of it, and a call to the person if it reminds."""
    async with desk.runtime.transaction(desk.org_id) as tx:
        gate = await rows.get(tx, notice.subject_id)
        copies = await deliveries.elsewhere(tx, Key("gate", gate["id"], notice.place))
    people = await desk.people.who(named_in(gate) | {gate["assigned_to"]})
    placed = await desk.put(_gate_letter(gate, people, notice.place))
    for place in copies:
        await desk.put(_gate_letter(gate, people, place))
    await _notified(desk, gate)
    if notice.payload.get("remind"):
        await _remind(desk, gate, people, notice.place, placed)


def _gate_letter(gate: Row, people: Mapping[str, Who], place: str) -> Letter:
    def draw(picture: Picture | None) -> tuple[str, kit.Blocks]:
        return blocks.gate_message(gate_view(gate, people, picture))

    details = {"evidence": gate["evidence_hash"], "version": gate["version"]}
    return Letter(Key("gate", gate["id"], place), draw, gate["context_package"].get("chart"), details)


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
    await desk.put(Letter(key, lambda _: (text, [kit.section(text)]), thread=(placed.channel, placed.ts)))


async def _experiment(desk: Desk, notice: Notice) -> None:
    """One living message an experiment, in the thread of its newest gate; a constraint's kill is said aloud as well."""
    async with desk.runtime.transaction(desk.org_id) as tx:
        row = await experiments.get(tx, notice.subject_id)
        outcome = await experiments.outcome_of(tx, row)
        gate = await deliveries.latest_gate(tx, row["id"])
    thread = (gate["external_place"], gate["external_id"]) if gate else None
    unit = pictures.unit(outcome["primary_signal"])

    def draw(picture: Picture | None) -> tuple[str, kit.Blocks]:
        return progress.experiment_message(row, outcome, unit, picture)

    chart = (row["current_result"] or {}).get("chart")
    placed = await desk.put(Letter(Key("experiment", row["id"], notice.place), draw, chart, thread=thread))
    if (row["final_result"] or {}).get("violated"):
        await _alarm(desk, row, outcome, notice.place, placed)


async def _alarm(desk: Desk, row: Row, outcome: Row, place: str, placed: Placed) -> None:
    people = await desk.people.who([outcome["owner"]])
    text = progress.alarm(row, person(people, outcome["owner"]).shown)
    thread = (placed.channel, placed.thread_ts) if placed.thread_ts else None
    key = Key("experiment-violated", row["id"], place)
    await desk.put(Letter(key, lambda _: (text, [kit.section(text)]), thread=thread, aloud=True))


async def _words(desk: Desk, notice: Notice) -> None:
    """A plain notice: what was written when it happened, said once."""
    said = str(notice.payload.get("text") or notice.event)
    text = fit(said, kit.SECTION)
    key = Key(f"{notice.kind}:{digest([notice.event, said])[:16]}", notice.subject_id, notice.place)
    await desk.put(Letter(key, lambda _: (text, [kit.section(text)])))


_KINDS: Mapping[str, _Deliver] = {"gate": _gate, "experiment": _experiment}
