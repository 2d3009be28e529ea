"""What people type: documented forms in a gate's thread decide, free words become a proposal, questions are answered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import asking, deliveries, inbound, leftovers, naming, proposals, queries, streaming, words
from bot.slack.gates import GateDoor
from bot.slack.kit import Blocks
from bot.slack.people import UNKNOWN
from bot.slack.proposals import Proposals
from bot.slack.wire import FAILURES
from bot.slack.words import fit
from runtime.answers.questions import asks, by_words
from runtime.answers.service import Answer as Found
from runtime.answers.service import answer
from runtime.db.engine import Row
from runtime.errors import GateAlreadyDecided, OutcomeRuntimeError
from runtime.gates import rows
from runtime.gates.language import Answer, HandOver, Reading, read
from runtime.gates.plainly import Wish, read_plainly
from runtime.gates.service import Decision, decide
from runtime.identity.people import Member, person
from runtime.lifecycle.gate import OPEN

Event = dict[str, Any]

HELP = (
    "I ask people to decide at gates, in the channel each outcome names. Answer with the buttons of a gate's message, or in its thread. "
    "Ask me about an experiment (“how sure are we?”, “show the last 14 days”). "
    "`/outcome` lists what else I can do; my Home tab shows what waits for you."
)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class Said:
    """Words somebody wrote; `called` is true when they spoke to us by name, or to us alone (`direct`). Answers go to `thread_ts`."""

    user: str
    text: str
    channel: str
    ts: str
    thread_ts: str | None
    called: bool
    direct: bool = False

    @property
    def place(self) -> asking.Place:
        return asking.Place(self.channel, self.ts, self.thread_ts, self.user if self.direct else "")


def is_talk(event: Event) -> bool:
    """Words of a person, perhaps beside a file: not an edit, a join, or a bot's message."""
    own = event.get("subtype") in {None, "", "file_share"} and not event.get("bot_id")
    return own and bool(event.get("user") and event.get("text"))


def words_of(text: str, bot_user_id: str) -> tuple[str, bool]:
    """What was typed, without our own name before it; and whether our name was there."""
    called = f"<@{bot_user_id}>" in text
    bare = re.sub(rf"^\s*<@{re.escape(bot_user_id)}>[\s,:]*", "", text)
    bare = re.sub(r"<mailto:([^|<>]+)(?:\|[^<>]*)?>", r"\1", bare)
    return re.sub("|".join(_ENTITIES), lambda found: _ENTITIES[found[0]], bare), called


@dataclass(frozen=True, slots=True)
class Talk:
    """Handlers of messages and mentions."""

    door: GateDoor

    async def message(self, event: Event, client: AsyncWebClient, context: dict[str, Any]) -> None:
        """In a gate's or an experiment's thread, and in a direct conversation; elsewhere people talk to each other."""
        text, called = words_of(event["text"], str(context.get("bot_user_id") or ""))
        direct = event.get("channel_type") == "im"
        place = event["channel"], event["ts"], event.get("thread_ts")
        said = Said(event["user"], text, *place, called=called or direct, direct=direct)
        delivery = await self._gate_at(event)
        if delivery is not None:
            await self._at_gate(delivery, said, client)
        elif (experiment_id := await self._experiment_at(event)) is not None:
            if said.called or (asks(text) and by_words(text)):
                await self._question(said, client, experiment_id=experiment_id)
        elif direct:
            await self._to_us(said, client)

    async def mention(self, event: Event, client: AsyncWebClient, context: dict[str, Any]) -> None:
        """Called outside those threads; inside, `message` has heard it already."""
        if await self._gate_at(event) is None and await self._experiment_at(event) is None:
            text, _ = words_of(event["text"], str(context.get("bot_user_id") or ""))
            thread_ts = event.get("thread_ts") or event["ts"]
            await self._to_us(Said(event["user"], text, event["channel"], event["ts"], thread_ts, called=True), client)

    async def _gate_at(self, event: Event) -> Row | None:
        if not event.get("thread_ts"):
            return None
        async with self.door.runtime.transaction(self.door.org_id) as tx:
            return await deliveries.gate_at(tx, event["channel"], event["thread_ts"])

    async def _experiment_at(self, event: Event) -> UUID | None:
        if not event.get("thread_ts"):
            return None
        async with self.door.runtime.transaction(self.door.org_id) as tx:
            found: UUID | None = await queries.experiment_at(tx, event["channel"], event["thread_ts"])
        return found

    async def _at_gate(self, delivery: Row, said: Said, client: AsyncWebClient) -> None:
        gate = await self.door.gate(delivery["subject_id"])
        reading = read(said.text, gate["options"] or [])
        try:
            done = await self._do(gate, delivery, reading, said)
            asked_back = getattr(reading, "asks_back", False)
            evidence = delivery["details"].get("evidence")
            if not done and (asked_back or not await self._proposed(gate, evidence, said, client)):
                await self._talked(gate, reading, said, client)
        except OutcomeRuntimeError as error:
            await self._refused(client, said, error)
            return
        if done:
            await self._receipt(client, said)

    async def _do(self, gate: Row, delivery: Row, reading: Reading, said: Said) -> bool:
        """Whether the words were an answer; it is bound to the evidence the thread's message shows."""
        if not isinstance(reading, Answer | HandOver):
            return False
        if gate["status"] not in OPEN:
            raise GateAlreadyDecided(rows.already(gate), gate_id=gate["id"])
        member = await self.door.member(said.user)
        if isinstance(reading, HandOver):
            await self.door.hand_over(gate["id"], member, await Proposals(self.door).somebody(reading.to))
            return True
        decision = Decision(
            reading.choice,
            reading.note,
            delivery["details"].get("evidence"),
            None,
            reading.percent,
            terms=reading.terms,
            lift=reading.lift,
        )
        by, now = person(member, "slack"), self.door.runtime.now()
        await decide(self.door.runtime, self.door.org_id, gate["id"], decision, by=by, now=now)
        return True

    async def _proposed(self, gate: Row, evidence: str | None, said: Said, client: AsyncWebClient) -> bool:
        """Whether free words of somebody who may decide were shown back to them as a proposal."""
        if asks(said.text) or gate["status"] not in OPEN:
            return False
        member = await self.door.people.behind(said.user)
        proposal = await Proposals(self.door).make(gate, said.text, member, evidence=evidence) if member else None
        if proposal is None:
            return False
        text, blocks = proposals.message(proposal, gate, named=False)
        await self._post(client, said, text, blocks)
        return True

    async def _talked(self, gate: Row, reading: Reading, said: Said, client: AsyncWebClient) -> None:
        """Neither an answer nor a wish: a question, or people talking."""
        if getattr(reading, "tried", False) and gate["status"] in OPEN:
            await self._reply(client, said, getattr(reading, "say", ""))
        elif asks(said.text) and (said.called or by_words(said.text)):
            await self._question(said, client, gate=gate)
        elif gate["status"] in OPEN:
            await self._explain(gate, reading, said, client)

    async def _question(
        self, said: Said, client: AsyncWebClient, *, gate: Row | None = None, experiment_id: UUID | None = None
    ) -> None:
        """Stored data are for members; strangers are told so, and told nothing else."""
        member = await self.door.people.behind(said.user)
        if member is None:
            await self._reply(client, said, UNKNOWN)
            return
        await self._looking(said, client)
        found = await answer(
            self.door.runtime, self.door.org_id, said.text, member=member, experiment_id=experiment_id,
            gate_id=gate["id"] if gate else None,
        )  # fmt: skip
        await asking.reply(self.door.runtime, self.door.org_id, client, found, said.place)

    async def _to_us(self, said: Said, client: AsyncWebClient) -> None:
        """By mention or in a direct conversation: no words decide here, since no message shows what they would decide on."""
        try:
            member = await self.door.people.behind(said.user)
            if member is None or not said.text.strip():
                await self._reply(client, said, HELP if member else f"{HELP}\n{UNKNOWN}")
            elif asks(said.text) or not await self._wished(said, member, client):
                await self._answered(said, member, client)
        except OutcomeRuntimeError as error:
            await self._refused(client, said, error)

    async def _looking(self, said: Said, client: AsyncWebClient) -> None:
        if said.direct:
            await streaming.status(client, said.place.stream, streaming.STATUS)

    async def _answered(self, said: Said, member: Member, client: AsyncWebClient) -> None:
        await self._looking(said, client)
        found = await asking.spoken(self.door.runtime, self.door.org_id, said.text, member)
        helped = found if found.understood else Found(f"{HELP}\n{found.text}", "", understood=False)
        await asking.reply(self.door.runtime, self.door.org_id, client, helped, said.place)

    async def _wished(self, said: Said, member: Member, client: AsyncWebClient) -> bool:
        """Free words or a form for the one gate that waits for them are shown back, with the gate's facts."""
        async with self.door.runtime.transaction(self.door.org_id) as tx:
            waiting = await queries.waiting_for(tx, member)
        if len(waiting) != 1:
            return await self._which(waiting, said, client)
        gate = waiting[0]
        wish, note = _wish(said.text, gate)
        proposal = await Proposals(self.door).make(gate, note, member, evidence=gate["evidence_hash"], wish=wish)
        if proposal is None:
            return False
        text, blocks = proposals.message(proposal, gate, named=True)
        await self._post(client, said, text, blocks)
        return True

    async def _which(self, waiting: Sequence[Row], said: Said, client: AsyncWebClient) -> bool:
        """Words that would answer one of several gates answer none of them."""
        if not any(_wish(said.text, gate)[0] for gate in waiting):
            return False
        listed = "\n".join(f"• {gate['question']}" for gate in waiting[:10])
        await self._reply(
            client, said, f"{len(waiting)} decisions wait for you; answer in the thread of the one you mean:\n{listed}"
        )
        return True

    async def _explain(self, gate: Row, reading: Reading, said: Said, client: AsyncWebClient) -> None:
        """Who called us is told in the thread; who merely talks is told once, for their eyes only."""
        say = getattr(reading, "say", "")
        if said.called:
            await self._reply(client, said, say)
        elif await inbound.first_time(self.door.runtime, self.door.org_id, f"hint:{gate['id']}:{said.user}"):
            await client.chat_postEphemeral(
                channel=said.channel,
                user=said.user,
                thread_ts=said.thread_ts,
                text=fit(f"Just talk on; nothing was decided. {say}", 2000),
            )

    async def _reply(self, client: AsyncWebClient, said: Said, text: str) -> None:
        with words.keeping() as left:
            shown = fit(text, 3000)
        await self._post(client, said, shown, None)
        await leftovers.beside(client, said.channel, said.thread_ts or said.ts, left)

    async def _refused(self, client: AsyncWebClient, said: Said, error: OutcomeRuntimeError) -> None:
        with words.keeping() as left:
            shown = await naming.said(self.door.runtime, self.door.org_id, error.message)
        await self._post(client, said, shown, None)
        await leftovers.beside(client, said.channel, said.thread_ts or said.ts, left)

    async def _post(self, client: AsyncWebClient, said: Said, text: str, blocks: Blocks | None) -> None:
        await streaming.in_turn(
            lambda: client.chat_postMessage(channel=said.channel, thread_ts=said.thread_ts, text=text, blocks=blocks)
        )

    async def _receipt(self, client: AsyncWebClient, said: Said) -> None:
        """A tick on their message; the decision stands with or without it."""
        try:
            await client.reactions_add(channel=said.channel, timestamp=said.ts, name="white_check_mark")
        except FAILURES:
            await self._reply(client, said, "Recorded.")


def _wish(text: str, gate: Row) -> tuple[Wish | None, str]:
    """A documented form as a wish, and the words kept as its note; no wish leaves the words to be interpreted."""
    reading = read(text, gate["options"] or [])
    if isinstance(reading, HandOver):
        return Wish("hand_over", to=reading.to), text
    if isinstance(reading, Answer):
        return Wish("decide", reading.choice, reading.percent, reading.terms, lift=reading.lift), reading.note or text
    return read_plainly(text, gate["options"] or []), text
