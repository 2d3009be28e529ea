"""A letter in somebody's name that could not be proven to be theirs: asked of them in Slack, where the letter's writer is not."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select, update

from bot.slack import kit
from bot.slack.deliveries import Key
from bot.slack.gates import GateDoor, whisper
from bot.slack.kit import Blocks
from bot.slack.post import Desk, Letter
from bot.slack.wire import FAILURES
from bot.slack.words import bold, fit
from runtime.db.engine import Row, Tx
from runtime.db.mail import inbound_mail
from runtime.errors import InvalidRequest, NotFound, NotYourGate, OutcomeRuntimeError
from runtime.gates import binding, rows, service, terms
from runtime.gates.service import Decision
from runtime.identity import members
from runtime.identity.people import SYSTEM, Member, person
from runtime.integrations.contracts import Notice
from runtime.journal import Event, Message, record
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

YES, NO = "was-it-you:yes", "was-it-you:no"
BY_LETTER = "mail_was_it_you"
_MOST_REASONS = 5


class Asked(BaseModel):
    """What the letter asked for, as it is kept with it; `member` is whose answer it claimed to be."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    member: str
    kind: str = "decide"
    choice: str = ""
    says: str = ""
    note: str = ""
    percent: int | None = None
    terms: list[dict[str, Any]] = Field(default_factory=list)
    lift: bool = False
    to: str = ""
    evidence: str | None = None


class Carried(BaseModel):
    """What the buttons bring back: the letter."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    i: UUID


async def deliver(desk: Desk, notice: Notice) -> None:
    """To that person alone; who has no direct conversation with us is asked by a letter that holds a link and no answer."""
    mail_id = UUID(str(notice.payload["inbound"]))
    async with desk.runtime.transaction(desk.org_id) as tx:
        mail = await _mail(tx, mail_id)
        gate = await rows.get(tx, notice.subject_id)
        known = await members.by_email(tx, notice.place)
    linked = known if known is None or known.slack_user_id else await desk.people.by_email(known.email)
    if linked is None or not linked.slack_user_id:
        await _by_letter(desk, notice, gate)
        return
    reasons = [str(item) for item in notice.payload.get("reasons") or mail["reasons"]]
    text, blocks = message(mail_id, asked(mail), gate, reasons, answered=mail["ended_at"] is not None)
    await desk.put(Letter(Key("was-it-you", mail_id, notice.place), lambda _: (text, blocks)))


async def _by_letter(desk: Desk, notice: Notice, gate: Row) -> None:
    asked_by_letter = Message(BY_LETTER, gate["id"], "email", notice.place, once=str(notice.payload["inbound"]), payload=notice.payload)  # fmt: skip
    async with desk.runtime.transaction(desk.org_id) as tx:
        event = Event("mail.asked_by_letter", "gate", gate["id"], {"inbound": str(notice.payload["inbound"])})
        await record(tx, event, by=SYSTEM, notices=[asked_by_letter])


def message(mail_id: UUID, wanted: Asked, gate: Row, reasons: list[str], *, answered: bool) -> tuple[str, Blocks]:
    says = wanted.says or wanted.choice or "decide"
    head = f"A letter in your name asked to {bold(says, 200)} at {bold(gate['question'], 300)}."
    why = (
        "\n".join(f"• {fit(reason, 300)}" for reason in reasons[:_MOST_REASONS])
        or "• nothing in it proves who wrote it"
    )
    note = f"\n> {fit(' '.join(wanted.note.split()), 600)}" if wanted.note else ""
    value = Carried(i=mail_id).model_dump_json()
    buttons = [kit.button("Yes, record it", YES, value, style="primary"), kit.button("No", NO, value, style="danger")]
    blocks = [kit.section(f"{head}{note}\nIt could not be proven to be from you:\n{why}\n*Was that you?*")]
    if answered or gate["status"] not in OPEN:
        blocks.append(kit.context("It was answered already, or the gate is closed."))
    else:
        blocks.append(kit.actions("was-it-you", buttons))
    return fit(f"A letter in your name asked to {says} at “{gate['question']}”. Was that you?", kit.MESSAGE), blocks


def asked(mail: Row) -> Asked:
    try:
        return Asked.model_validate(mail["proposal"])
    except ValidationError as error:
        raise InvalidRequest("This letter asked for nothing that could be recorded.") from error


@dataclass(frozen=True, slots=True)
class WasItYou:
    """The two buttons. Only whose name the letter bears may press them, and only once."""

    door: GateDoor

    async def confirmed(
        self, ack: "AsyncAck", body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:  # fmt: skip
        await ack()
        try:
            member = await self.door.member(body["user"]["id"])
            says = await self._record(_carried(action).i, member)
            await _closed(client, body, f"✅ Recorded as yours: {bold(says, 300)}.")
        except OutcomeRuntimeError as error:
            await whisper(respond, error.message)

    async def denied(
        self, ack: "AsyncAck", body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:  # fmt: skip
        await ack()
        try:
            member = await self.door.member(body["user"]["id"])
            await self._deny(_carried(action).i, member)
            await _closed(
                client, body, "Thank you. Nothing was recorded; the letter stays in quarantine, and the owner knows."
            )
        except OutcomeRuntimeError as error:
            await whisper(respond, error.message)

    async def _record(self, mail_id: UUID, member: Member) -> str:
        """The same call as any button makes, on the evidence of the letter that was answered, in one step with ending the question."""
        runtime, org_id, now = self.door.runtime, self.door.org_id, self.door.runtime.now()
        by = person(member, "slack")
        async with runtime.transaction(org_id) as tx:
            found = asked(await _mine(tx, mail_id, member))
        decision = Decision(
            found.choice, found.note, found.evidence, None, found.percent, terms.load(found.terms), found.lift
        )
        await binding.targets(runtime, org_id, decision.terms)
        async with runtime.transaction(org_id) as tx:
            mail = await _mine(tx, mail_id, member, lock=True)
            stale = False
            if found.kind == "hand_over":
                to = await members.by_email(tx, found.to)
                if to is None:
                    raise InvalidRequest(f"{found.to} is nobody of this organisation; use the gate's own buttons.")
                await service.handed_over(tx, mail["gate_id"], to=to, by=by, now=now)
            else:
                _, stale = await service.answered(runtime, tx, mail["gate_id"], decision, by=by, now=now)
            if not stale:
                await _end(tx, mail, "confirmed", now)
                await record(tx, Event("mail.confirmed", "gate", mail["gate_id"], {"inbound": str(mail_id)}), by=by)
        if stale:
            raise service.changed(mail["gate_id"])
        return found.says or found.choice

    async def _deny(self, mail_id: UUID, member: Member) -> None:
        runtime, now = self.door.runtime, self.door.runtime.now()
        async with runtime.transaction(self.door.org_id) as tx:
            mail = await _mine(tx, mail_id, member, lock=True)
            await _end(tx, mail, "denied", now)
            owner, gate = await members.owner(tx), await rows.get(tx, mail["gate_id"])
            text = (
                f"A letter in {member.email}'s name asked to {asked(mail).says or 'decide'} at “{gate['question']}”. "
                f"{member.name} says it was not theirs. Nothing was recorded; the letter is kept ({mail_id})."
            )
            told = [Message("mail_denied", gate["id"], "slack", owner.email, str(mail_id), {"text": text})] if owner else []  # fmt: skip
            facts = {"inbound": str(mail_id), "claimed": member.email}
            await record(tx, Event("mail.denied", "gate", gate["id"], facts), by=person(member, "slack"), notices=told)


async def _mail(tx: Tx, mail_id: UUID, *, lock: bool = False) -> Row:
    statement = select(inbound_mail).where(inbound_mail.c.id == mail_id)
    found = await tx.first(statement.with_for_update() if lock else statement)
    if found is None or found["gate_id"] is None:
        raise NotFound("This letter is not here any more.", inbound=mail_id)
    return found


async def _mine(tx: Tx, mail_id: UUID, member: Member, *, lock: bool = False) -> Row:
    mail = await _mail(tx, mail_id, lock=lock)
    if asked(mail).member.casefold() != member.email.casefold():
        raise NotYourGate(f"Only {asked(mail).member}, whose name the letter bears, can say whether it was theirs.")
    if mail["ended_at"] is not None:
        raise InvalidRequest("You answered this already.")
    return mail


async def _end(tx: Tx, mail: Row, how: str, now: datetime) -> None:
    await tx.run(update(inbound_mail).where(inbound_mail.c.id == mail["id"]).values(ended=how, ended_at=now))


def _carried(action: dict[str, Any]) -> Carried:
    try:
        return Carried.model_validate_json(action.get("value") or "{}")
    except ValidationError as error:
        raise InvalidRequest("This button is from an older version of the message.") from error


async def _closed(client: AsyncWebClient, body: dict[str, Any], text: str) -> None:
    """The buttons go; what was recorded stands without it."""
    container = body.get("container") or {}
    try:
        await client.chat_update(
            channel=container["channel_id"], ts=container["message_ts"], text=text, blocks=[kit.section(text)]
        )
    except (*FAILURES, KeyError):
        return
