"""A proposal made of free words: shown back with a button that only its writer may press; without it nothing is recorded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import kit
from bot.slack.gates import GateDoor
from bot.slack.kit import Blocks
from bot.slack.wire import FAILURES
from bot.slack.words import bold, fit
from runtime.db.engine import Row
from runtime.errors import GateAlreadyDecided, InvalidRequest, NotYourGate, OutcomeRuntimeError
from runtime.gates import policy, quorum, readings, rows
from runtime.gates.plainly import Wish
from runtime.gates.readings import Proposal
from runtime.identity import members
from runtime.identity.people import Member, person
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

CONFIRM = "reading-confirm"
DROP = "reading-drop"
_FACTS = 8
_YES, _NO = "Confirm", "No, that's not it"


class Carried(BaseModel):
    """What a proposal's button brings back."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    r: UUID


def message(proposal: Proposal, gate: Row, *, named: bool) -> tuple[str, Blocks]:
    """`named` says which gate and shows its facts: outside its thread nobody sees them."""
    about = [kit.section(f"{bold(gate['question'], 300)}\n{_facts(gate)}".strip())] if named else []
    text = f"I understand: {bold(proposal.says, 400)}. Nothing is recorded until you press."
    note = " ".join(proposal.words.split())
    value = Carried(r=proposal.id).model_dump_json()
    buttons = [kit.button(_YES, CONFIRM, value, style="primary"), kit.button(_NO, DROP, value)]
    read = "read by a language model, " if proposal.by_model else ""
    return fit(f"I understand: {proposal.says}. Nothing is recorded until you press.", kit.MESSAGE), [
        *about,
        kit.section(f"{text}\n> {fit(note, 600)}"),
        kit.actions("reading", buttons),
        kit.context(
            f"Your words are kept as the note; {read}valid for an hour, and only while the evidence stays as it is."
        ),
    ]


def _facts(gate: Row) -> str:
    facts = gate["context_package"].get("facts") or []
    return "\n".join(f"{fit(name, 60)}: {fit(value, 200)}" for name, value in facts[:_FACTS])


@dataclass(frozen=True, slots=True)
class Proposals:
    """Makes proposals, and handles their two buttons."""

    door: GateDoor

    async def make(
        self, gate: Row, words: str, member: Member, *, evidence: str | None, wish: Wish | None = None
    ) -> Proposal | None:
        """None where the words wish for nothing, or the writer could not have it: then nothing is proposed."""
        runtime, org_id = self.door.runtime, self.door.org_id
        if gate["status"] not in OPEN or not standing(gate, member).allowed:
            return None
        read = (wish, False) if wish else await readings.interpret(runtime, org_id, gate, words)
        if read is None:
            return None
        meant, by_model = read
        if meant.kind == "hand_over":
            to = await self.somebody(meant.to)
            meant = Wish("hand_over", to=to.email)
        return await readings.propose(
            runtime, org_id, gate, meant, words, member=member, evidence=evidence, by_model=by_model
        )

    async def somebody(self, named: str) -> Member:
        """A mention, an address, or `@name` as only one member is called."""
        if named.startswith("<@"):
            return await self.door.colleague(named.strip("<@>").partition("|")[0])
        wanted = named.removeprefix("@").casefold()
        async with self.door.runtime.transaction(self.door.org_id) as tx:
            known = await members.listed(tx)
        found = [item for item in known if wanted in _called(item)]
        if len(found) != 1:
            raise InvalidRequest(
                f"Nobody of this organisation has the address {named}; choose somebody named in outcome.yaml."
                if not found
                else f"More than one person is called {named}; write their e-mail address."
            )
        return found[0]

    async def confirmed(
        self,
        ack: "AsyncAck",
        body: dict[str, Any],
        action: dict[str, Any],
        client: AsyncWebClient,
        respond: "AsyncRespond",
    ) -> None:
        await ack()
        try:
            member = await self.door.member(body["user"]["id"])
            gate, kept = await readings.confirm(
                self.door.runtime, self.door.org_id, _carried(action).r, by=person(member, "slack")
            )
            said = readings.in_words(kept, gate["options"] or [])
            waits = kept.kind == "decide" and gate["status"] in OPEN
            more = " The gate's message says what is still missing." if waits else ""
            await _closed(client, body, f"✅ Recorded: {bold(said, 400)}.{more}")
        except OutcomeRuntimeError as error:
            await self.door.refuse(respond, error)

    async def dropped(
        self,
        ack: "AsyncAck",
        body: dict[str, Any],
        action: dict[str, Any],
        client: AsyncWebClient,
        respond: "AsyncRespond",
    ) -> None:
        await ack()
        try:
            member = await self.door.member(body["user"]["id"])
            await readings.drop(self.door.runtime, self.door.org_id, _carried(action).r, by=person(member, "slack"))
            await _closed(client, body, "Nothing was recorded. Write it another way, or use the gate's buttons.")
        except OutcomeRuntimeError as error:
            await self.door.refuse(respond, error)


def standing(gate: Row, member: Member) -> policy.Standing:
    """An override needs a reason given as such, so free words are none."""
    return policy.may_decide(member, rows.seat(gate), confirming=quorum.first(gate) is not None)


def refused(gate: Row, member: Member) -> OutcomeRuntimeError:
    """Why this person's words could not be made a proposal."""
    if gate["status"] not in OPEN:
        return GateAlreadyDecided(rows.already(gate), gate_id=gate["id"])
    return NotYourGate(standing(gate, member).refusal, gate_id=gate["id"])


def _called(member: Member) -> set[str]:
    name = member.name.casefold()
    return {member.email.casefold(), member.email.casefold().partition("@")[0], name, name.partition(" ")[0]}


def _carried(action: dict[str, Any]) -> Carried:
    try:
        return Carried.model_validate_json(action.get("value") or "{}")
    except ValidationError as error:
        raise InvalidRequest(
            "This button is from an older version of the message; write again what you want."
        ) from error


async def _closed(client: AsyncWebClient, body: dict[str, Any], text: str) -> None:
    """The buttons go; that they are gone is a courtesy, the answer stands without it."""
    container = body.get("container") or {}
    try:
        await client.chat_update(
            channel=container["channel_id"], ts=container["message_ts"], text=text, blocks=[kit.section(text)]
        )
    except (*FAILURES, KeyError):
        return
