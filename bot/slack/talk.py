"""What people type: the documented forms in a gate's thread decide; anything else is answered with what is understood."""

import re
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import deliveries, inbound
from bot.slack.gates import GateDoor
from bot.slack.wire import FAILURES
from bot.slack.words import fit
from runtime.db.engine import Row
from runtime.errors import GateAlreadyDecided, InvalidRequest, OutcomeRuntimeError
from runtime.gates import rows
from runtime.gates.language import Answer, HandOver, Reading, read
from runtime.gates.service import Decision, decide
from runtime.identity import members
from runtime.identity.people import Member, person
from runtime.lifecycle.gate import OPEN

Event = dict[str, Any]

HELP = (
    "I ask people to decide at gates, in the channel each outcome names. Answer with the buttons of a gate's message, or in its thread. "
    "`/outcome` lists what else I can do; my Home tab shows what waits for you."
)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class Said:
    """Words somebody wrote in a gate's thread; `called` is true when they spoke to us by name."""

    user: str
    text: str
    channel: str
    ts: str
    thread_ts: str
    called: bool


def is_talk(event: Event) -> bool:
    """Words of a person: not an edit, a join, or a bot's message."""
    return bool(event.get("user") and event.get("text")) and not event.get("subtype") and not event.get("bot_id")


def words_of(text: str, bot_user_id: str) -> tuple[str, bool]:
    """What was typed, without our own name before it; and whether our name was there."""
    called = f"<@{bot_user_id}>" in text
    bare = re.sub(rf"^\s*<@{re.escape(bot_user_id)}>[\s,:]*", "", text)
    bare = re.sub(r"<mailto:([^|>]+)(?:\|[^>]*)?>", r"\1", bare)
    return re.sub("|".join(_ENTITIES), lambda found: _ENTITIES[found[0]], bare), called


@dataclass(frozen=True, slots=True)
class Talk:
    """Handlers of messages and mentions."""

    door: GateDoor

    async def message(self, event: Event, client: AsyncWebClient, context: dict[str, Any]) -> None:
        """In a gate's thread; in a direct conversation somebody is told how this works."""
        delivery = await self._gate_at(event)
        text, called = words_of(event["text"], str(context.get("bot_user_id") or ""))
        if delivery is not None:
            said = Said(event["user"], text, event["channel"], event["ts"], event["thread_ts"], called)
            await self._answer(delivery, said, client)
        elif event.get("channel_type") == "im" and not event.get("thread_ts"):
            await client.chat_postMessage(channel=event["channel"], text=HELP)

    async def mention(self, event: Event, client: AsyncWebClient) -> None:
        """Called outside a gate's thread; inside, `message` has heard it already."""
        if await self._gate_at(event) is None:
            thread_ts = event.get("thread_ts") or event["ts"]
            await client.chat_postMessage(channel=event["channel"], thread_ts=thread_ts, text=HELP)

    async def _gate_at(self, event: Event) -> Row | None:
        if not event.get("thread_ts"):
            return None
        async with self.door.runtime.transaction(self.door.org_id) as tx:
            return await deliveries.gate_at(tx, event["channel"], event["thread_ts"])

    async def _answer(self, delivery: Row, said: Said, client: AsyncWebClient) -> None:
        gate = await self.door.gate(delivery["subject_id"])
        reading = read(said.text, gate["options"] or [])
        try:
            done = await self._do(gate, delivery, reading, said)
        except OutcomeRuntimeError as error:
            await self._reply(client, said, error.message)
            return
        if done:
            await self._receipt(client, said)
        elif gate["status"] in OPEN:
            await self._explain(gate, reading, said, client)

    async def _do(self, gate: Row, delivery: Row, reading: Reading, said: Said) -> bool:
        """Whether the words were an answer; it is bound to the evidence the thread's message shows."""
        if not isinstance(reading, Answer | HandOver):
            return False
        if gate["status"] not in OPEN:
            raise GateAlreadyDecided(rows.already(gate), gate_id=gate["id"])
        member = await self.door.member(said.user)
        if isinstance(reading, HandOver):
            await self.door.hand_over(gate["id"], member, await self._somebody(reading.to))
            return True
        decision = Decision(reading.choice, reading.note, delivery["details"].get("evidence"), None, reading.percent)
        by, now = person(member, "slack"), self.door.runtime.now()
        await decide(self.door.runtime, self.door.org_id, gate["id"], decision, by=by, now=now)
        return True

    async def _somebody(self, named: str) -> Member:
        if named.startswith("<@"):
            return await self.door.colleague(named.strip("<@>"))
        async with self.door.runtime.transaction(self.door.org_id) as tx:
            found = await members.by_email(tx, named)
        if found is None:
            raise InvalidRequest(
                f"Nobody of this organisation has the address {named}; choose somebody named in outcome.yaml."
            )
        return found

    async def _explain(self, gate: Row, reading: Reading, said: Said, client: AsyncWebClient) -> None:
        """Who tried an answer or called us is told in the thread; who merely talks is told once, for their eyes only."""
        say = getattr(reading, "say", "")
        if said.called or getattr(reading, "tried", False):
            await self._reply(client, said, say)
        elif await inbound.first_time(self.door.runtime, self.door.org_id, f"hint:{gate['id']}:{said.user}"):
            await client.chat_postEphemeral(
                channel=said.channel,
                user=said.user,
                thread_ts=said.thread_ts,
                text=fit(f"Just talk on; nothing was decided. {say}", 2000),
            )

    async def _reply(self, client: AsyncWebClient, said: Said, text: str) -> None:
        await client.chat_postMessage(channel=said.channel, thread_ts=said.thread_ts, text=fit(text, 3000))

    async def _receipt(self, client: AsyncWebClient, said: Said) -> None:
        """A tick on their message; the decision stands with or without it."""
        try:
            await client.reactions_add(channel=said.channel, timestamp=said.ts, name="white_check_mark")
        except FAILURES:
            await self._reply(client, said, "Recorded.")
