"""A letter on the desk: the gate and the letter of ours that it answers, who wrote it, and what is to be done with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from bot.mail import astray, dns_text, intake, interpret, sender, tokens
from bot.mail.addresses import carried, from_address, reply_base
from bot.mail.contracts import Incoming, SentLetter, Token, Verdict
from bot.mail.sandbox_in import WAY as SANDBOX
from bot.slack.sandbox.mailbox import AUTHSERV_ID
from runtime.db.conversed import gate_readings
from runtime.db.engine import Row, Tx
from runtime.db.mail import letters
from runtime.db.tables import human_gates
from runtime.db.tables import members as members_table
from runtime.errors import InvalidConfiguration
from runtime.gates import rows
from runtime.gates.policy import OVERRIDERS
from runtime.identity import members
from runtime.identity.people import Member
from runtime.settings import secret

if TYPE_CHECKING:
    from runtime.core import Runtime

_MOST_LETTERS = 200
_QUOTABLE = 5
"""Letters of ours that a reply may quote: the one it answers and the newest ones of its thread."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything known about one letter before anything is done with it. `owner` is whose letter its token came from.

    Without a gate there is no token: `owner` is the writer, if that is proven, and nothing can be decided.
    """

    mail: Row
    incoming: Incoming
    verdict: Verdict
    now: datetime
    gate: Row | None = None
    letter: Row | None = None
    owner: str | None = None
    member: Member | None = None
    reading: UUID | None = None
    """The proposal that a YES would confirm."""

    @property
    def proven(self) -> bool:
        """The three proofs of a decision once more, whatever the verdict says."""
        sender, member = self.incoming.sender, self.member
        mine = bool(sender) and self.owner is not None and self.owner.casefold() == sender.casefold()
        return (
            self.verdict.sender_verified
            and mine
            and member is not None
            and member.email.casefold() == sender.casefold()
        )

    @property
    def words(self) -> str:
        return self.verdict.said.text.strip()


async def open_case(runtime: "Runtime", org_id: UUID, mail: Row) -> Case:
    """Read and understood; nothing is changed by it."""
    now, settings = runtime.now(), runtime.settings
    key = secret(settings.api_secret)
    if not key:
        raise InvalidConfiguration("API_SECRET is not set; without it no reply token can be checked.")
    incoming = await asyncio.to_thread(intake.read, mail["raw"] or b"", mail["envelope_from"], mail["envelope_to"])
    found = [token for address in incoming.recipients if (token := carried(address))][: intake.MOST_TOKENS]
    async with runtime.transaction(org_id) as tx:
        gate = await _gate(tx, found, incoming)
        sent = await _letters(tx, gate) if gate else []
        known = await _known(tx, gate) if gate else []
        member = await members.by_email(tx, incoming.sender) if incoming.sender else None
        owner = _owner(found, gate, sent, key, incoming.sender)
        answered = _answered(sent, incoming, owner)
        reading = await _reading(tx, gate, answered, owner, now) if gate else None
        named = await _named(tx, incoming) if gate is None else None
    proofs: dict[str, Any] = {
        "authserv_id": AUTHSERV_ID if mail["way"] == SANDBOX else settings.mail_authserv_id,
        "dns": None if mail["way"] == SANDBOX else dns_text.texts, "now": now, "raw": bytes(mail["raw"] or b""),
    }  # fmt: skip
    if gate is None:
        own = {reply_base(settings), from_address(settings)}
        verdict = await asyncio.to_thread(astray.judged, incoming, named, member, own=own, **proofs)
        heard = incoming.sender if verdict.sender_verified else None
        return Case(mail, incoming, verdict, now, letter=named, owner=heard, member=member)
    sent_letter = replace(_sent(gate, answered, sent, reading), own=(reply_base(settings), from_address(settings)))
    verdict = await asyncio.to_thread(
        interpret.interpret, incoming, sent=sent_letter, known=known, secret=key, **proofs
    )
    if verdict.robot is not None and verdict.robot.kind == "out_of_office":
        # Whoever has somebody's reply address could else send them on holiday, and be asked next.
        proof = await asyncio.to_thread(sender.verified, incoming, **proofs)
        verdict = replace(verdict, sender_verified=proof.verified)
    return Case(mail, incoming, verdict, now, gate, answered, owner, member, reading)


async def _named(tx: Tx, incoming: Incoming) -> Row | None:
    """The letter of ours it answers, where that is about no gate: a digest, an experiment's news, plain words."""
    wanted = letters.c.message_id.in_(list(incoming.in_reply_to)) & (letters.c.recipient == incoming.sender)
    found = {row["message_id"]: row for row in await tx.all(select(letters).where(wanted))}
    return next((found[name] for name in incoming.in_reply_to if name in found), None)


async def _gate(tx: Tx, found: Sequence[Token], incoming: Incoming) -> Row | None:
    """By the address it was sent to, else by the letter it answers."""
    for token in found:
        if gate := await tx.first(select(human_gates).where(human_gates.c.id == token.gate_id)):
            return gate
    for message_id in incoming.in_reply_to:
        mine = select(human_gates).join(letters, letters.c.gate_id == human_gates.c.id)
        if gate := await tx.first(mine.where(letters.c.message_id == message_id)):
            return gate
    return None


async def _letters(tx: Tx, gate: Row) -> Sequence[Row]:
    mine = (
        select(letters)
        .where(letters.c.gate_id == gate["id"])
        .order_by(letters.c.created_at.desc())
        .limit(_MOST_LETTERS)
    )
    return await tx.all(mine)


async def _known(tx: Tx, gate: Row) -> list[str]:
    """Who may decide it: whoever is or will be asked, and those who may decide in their place."""
    overriding = select(members_table.c.email).where(members_table.c.role.in_(sorted(OVERRIDERS)))
    people = [*rows.seat(gate).entitled, *gate["escalation_chain"], *(row["email"] for row in await tx.all(overriding))]
    return sorted({email.lower() for email in people})


def _owner(found: Sequence[Token], gate: Row | None, sent: Sequence[Row], key: str, writer: str) -> str | None:
    """Only people who got a letter of this gate have a token. Of several, as when colleagues answer to all, the writer's own counts."""
    recipients = list(dict.fromkeys(str(row["recipient"]) for row in sent))
    mine = [token for token in found if gate is not None and token.gate_id == gate["id"]]
    owners = [who for token in mine if (who := tokens.owner(token, recipients, key))]
    return writer if writer in owners else next(iter(owners), None)


def _answered(sent: Sequence[Row], incoming: Incoming, owner: str | None) -> Row | None:
    """The letter it answers by name, if that went to the token's owner; else the newest one that showed the owner the gate."""
    mine = [row for row in sent if owner is None or row["recipient"] == owner]
    by_name = {row["message_id"]: row for row in mine}
    named = next((by_name[name] for name in incoming.in_reply_to if name in by_name), None)
    shown = [row for row in mine if row["evidence_hash"]]
    newest = (shown or mine)[:1] if owner else []
    return named or (newest[0] if newest else None)


async def _reading(tx: Tx, gate: Row, answered: Row | None, owner: str | None, now: datetime) -> UUID | None:
    """The proposal that the letter shows, else one made since: a YES on top of an older letter of the thread means the newest question."""
    if answered is None or owner is None:
        return None
    if shown := (answered["details"] or {}).get("reading"):
        return UUID(str(shown))
    r = gate_readings.c
    waiting = (
        (r.gate_id == gate["id"])
        & (r.asked_by == owner)
        & (r.via == "mail")
        & r.used_at.is_(None)
        & (r.expires_at > now)
    )
    newest = select(r.id).where(waiting, r.created_at >= answered["created_at"]).order_by(r.created_at.desc()).limit(1)
    found: UUID | None = await tx.value(newest)
    return found


def _sent(gate: Row, answered: Row | None, sent: Sequence[Row], reading: UUID | None) -> SentLetter:
    options = tuple(gate["options"] or ())
    if answered is None:
        return SentLetter(gate["id"], "", "", "", options)
    thread = [row for row in sent if row["recipient"] == answered["recipient"] and row["id"] != answered["id"]]
    said = "\n".join([answered["said"], *(row["said"] for row in thread[:_QUOTABLE])])
    return SentLetter(
        gate["id"], answered["recipient"], answered["message_id"], said, options, answered["evidence_hash"],
        proposal=reading,
    )  # fmt: skip
