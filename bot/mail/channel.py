"""What leaves the house by letter: each notice becomes the letters it calls for, written down before they are handed over."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import func, update

from bot.mail import channel_astray, channel_digest, channel_gate, channel_notes, contracts, desk_say, outgoing
from bot.mail.channel_notes import At, Make
from bot.mail.channel_words import png
from bot.mail.contracts import Letter, Transport
from bot.mail.house import House
from bot.mail.letter_text import text_of
from bot.mail.letters import Heading, subject, write
from bot.mail.outgoing import Draft, Thread
from bot.mail.transport import open_transport
from bot.slack import quiet
from runtime.core import Runtime
from runtime.db.engine import Row, exclusive
from runtime.db.tables import human_gates
from runtime.errors import ChannelFailed, MailRefused, OutcomeRuntimeError
from runtime.gates import rows, unreachable
from runtime.identity.people import SYSTEM
from runtime.integrations.contracts import Notice
from runtime.journal import Event, record

log = structlog.get_logger(__name__)

_PATIENCE = 10.0
"""Seconds to wait for another worker that writes to the same person about the same gate."""
_LONGEST = timedelta(days=5)
"""A server that says `later` for so long means never (RFC 5321 section 4.5.4.1)."""
_QUIET = frozenset({"gate", "experiment", "outcome", "digest"})
"""What waits for its reader's morning; answers to what somebody just wrote do not."""


class EmailChannel:
    """The `email` channel of the outbox."""

    slug = "email"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._transport: Transport | None = None

    async def deliver(self, notice: Notice) -> None:
        """May run twice for the same notice; raises ChannelFailed, with `retry_after` when the mail server asks to wait."""
        if notice.kind in _QUIET:
            await quiet.wait(self._runtime, notice)
        failures: list[OutcomeRuntimeError] = []
        for draft in await self._drafts(notice):
            try:
                await self._post(notice, draft)
            except OutcomeRuntimeError as error:
                # One reader's server must not keep the others waiting.
                failures.append(error)
        if failures:
            raise failures[0]

    async def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def _drafts(self, notice: Notice) -> Sequence[Draft]:
        async with self._runtime.transaction(notice.org_id) as tx:
            at = At(self._runtime, tx, House.of(self._runtime.settings), notice, self._runtime.now())
            return await _KINDS.get(notice.kind, channel_notes.words)(at)

    async def _post(self, notice: Notice, draft: Draft) -> None:
        """One letter, by one worker at a time; what was sent is not sent again."""
        key = f"letters:{draft.gate or draft.subject_id}:{draft.recipient}"
        async with exclusive(self._runtime.engine, key, wait_seconds=_PATIENCE) as mine:
            if not mine:
                raise ChannelFailed("Another letter to the same person is on its way; this one follows.", retry_after=5)
            row, letter = await self._written(notice, draft)
            if letter is not None:
                await self._hand_over(notice, row, letter)

    async def _written(self, notice: Notice, draft: Draft) -> tuple[Row, Letter | None]:
        """The letter's row, committed before anything leaves; None for a letter that was sent or refused before."""
        house = House.of(self._runtime.settings)
        message_id = house.message_id(draft.dedupe, draft.gate, draft.recipient)
        said = text_of(draft.page)
        said = said.replace(draft.secret, "······") if draft.secret else said
        async with self._runtime.transaction(notice.org_id) as tx:
            thread = await outgoing.thread(tx, draft.gate, draft.recipient, message_id)
            draft = channel_gate.retitled(draft, thread.title)
            row = await outgoing.intend(tx, draft, message_id, said)
            name = await outgoing.name_of(tx, draft.recipient)
        if row["sent_at"] is not None or row["refused_at"] is not None:
            return row, None
        heading = self._heading(house, draft, row["message_id"], thread, name)
        try:
            return row, write(draft.page, heading, await png(draft.chart))
        except MailRefused as error:
            await self._refused(notice, row, error)
            return row, None

    def _heading(self, house: House, draft: Draft, message_id: str, thread: Thread, name: str) -> Heading:
        reply_to = house.base if draft.tokenless else house.reply_to(draft.gate, draft.recipient)
        again = bool(thread.root or draft.answers)
        return Heading(
            house.sender, draft.recipient, reply_to, message_id, subject(draft.title, again=again), self._runtime.now(), name,
            answers=draft.answers or (thread.ids[-1] if thread.ids else ""), references=thread.ids,
            gate=None if draft.tokenless else draft.gate, evidence=draft.evidence or "", options=draft.options, proposal=draft.proposal,
            unsubscribe=draft.unsubscribe,
        )  # fmt: skip

    async def _hand_over(self, notice: Notice, row: Row, letter: Letter) -> None:
        if self._transport is None:
            self._transport = open_transport(self._runtime.settings)
        try:
            await self._transport.send(letter)
        except MailRefused as error:
            await self._refused(notice, row, error)
        except ChannelFailed as error:
            if not error.context.get("retry_after") or self._runtime.now() - row["created_at"] < _LONGEST:
                raise
            await self._refused(notice, row, MailRefused(error.message, recipient=letter.recipient, said=error.message))
        else:
            async with self._runtime.transaction(notice.org_id) as tx:
                await outgoing.sent(tx, row)
                if row["kind"] == channel_gate.GATE:
                    first = (human_gates.c.id == row["gate_id"]) & human_gates.c.notification_sent_at.is_(None)
                    await tx.run(update(human_gates).where(first).values(notification_sent_at=func.clock_timestamp()))

    async def _refused(self, notice: Notice, row: Row, error: MailRefused) -> None:
        """The address is marked, its gates go on to the next person, and an owner is told by another way."""
        why, now, to = str(error.context.get("said") or error.message), self._runtime.now(), row["recipient"]
        log.warning("mail.refused", letter=str(row["id"]), why=why[:300])
        async with self._runtime.transaction(notice.org_id) as tx:
            await unreachable.refused(tx, to, why, now)
            await outgoing.refused(tx, row, why, now)
            if row["gate_id"] is None:
                return
            gate = await rows.get(tx, row["gate_id"])
            text = f"Letters to {to} are refused: {why[:300]}. Gates that wait for them go on to the next person of the chain. Correct the address in outcome.yaml, or let them answer in Slack."
            once = f"refused:{to}:{now:%Y-%m-%d}"
            told = await desk_say.to_owner(tx, self._runtime.settings, gate, text, once, past=to)
            await record(
                tx, Event("letter.refused", "gate", gate["id"], {"to": to, "why": why[:300]}), by=SYSTEM, notices=told
            )


async def _gate(at: At) -> list[Draft]:
    desk = await channel_gate.desk(at.tx, await rows.get(at.tx, at.notice.subject_id), at.house, at.now)
    return channel_gate.drafts(desk, at.payload, at.to)


_KINDS: Mapping[str, Make] = {
    "gate": _gate,
    "experiment": channel_notes.experiment,
    "digest": channel_digest.digest,
    contracts.RECEIPT: channel_notes.receipt,
    contracts.UNDONE: channel_notes.undone,
    contracts.HOLD_ENDED: channel_notes.hold_ended,
    contracts.ANSWER: channel_notes.answer,
    contracts.ASK_BACK: channel_notes.ask_back,
    contracts.PROPOSAL: channel_notes.proposal,
    contracts.REFUSAL: channel_notes.refusal,
    contracts.WAS_IT_YOU: channel_notes.was_it_you,
    contracts.PAGE_CODE: channel_notes.code,
    contracts.ASTRAY: channel_astray.astray,
}
