"""What the desk says by letter: each thing once for the mail that caused it, and never so often that two machines talk for ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from bot.mail import contracts
from runtime.answers.service import Answer
from runtime.db.engine import Tx
from runtime.db.mail import inbound_mail
from runtime.gates import rows
from runtime.identity import members
from runtime.journal import Message
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from bot.mail.desk_case import Case

MOST_AN_HOUR = 5
"""Answers, questions back and refusals a person gets about one gate within an hour."""
_QUOTED = 1000
_SAID = 2000
WAS_IT_YOU = "was_it_you"
"""The notice's name in Slack (bot/slack/was_it_you.py)."""
_m = inbound_mail.c


@dataclass(slots=True)
class Done:
    """What became of a letter: its notices and facts are written in the transaction that marks it handled."""

    notices: list[Message] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    proposal: dict[str, Any] | None = None
    action: str = ""
    decision: str = ""


def letter(case: "Case", kind: str, to: str, **payload: Any) -> Message:
    """A letter in the gate's thread, once for this mail."""
    assert case.gate is not None
    mail_id: UUID = case.mail["id"]
    return Message(kind, case.gate["id"], "email", to, once=str(mail_id), payload={"inbound": str(mail_id), **payload})


def quoted(case: "Case") -> str:
    return case.words[:_QUOTED]


def asks_back(case: "Case", say: str) -> Message:
    return letter(case, contracts.ASK_BACK, _to(case), question=quoted(case), say=say[:_SAID])


def refuses(case: "Case", text: str) -> Message:
    return letter(case, contracts.REFUSAL, _to(case), question=quoted(case), text=text[:_SAID])


def answers(case: "Case", found: Answer) -> Message:
    return letter(
        case, contracts.ANSWER, _to(case), question=quoted(case), text=found.text, query=found.query, chart=found.chart
    )


def proposes(case: "Case", reading: UUID, says: str) -> Message:
    return letter(case, contracts.PROPOSAL, _to(case), question=quoted(case), reading=str(reading), says=says)


def confirms(case: "Case") -> Message:
    """Of what took effect at once, and is held by nothing."""
    return letter(case, contracts.RECEIPT, _to(case), hold=None)


def shows_anew(case: "Case", say: str) -> Message:
    """The gate as it is now, to whoever answered what it was."""
    assert case.gate is not None
    to = _to(case)
    return Message(
        "gate",
        case.gate["id"],
        "email",
        to,
        once=f"anew:{case.mail['id']}",
        payload={"to": to, "anew": True, "inbound": str(case.mail["id"]), "say": say},
    )


def was_it_you(case: "Case", settings: Settings, to: str, reasons: Sequence[str]) -> Message:
    """Over a channel that whoever wrote does not have; by letter only where there is no other, and then with a link alone."""
    asked = letter(case, contracts.WAS_IT_YOU, to, reasons=list(reasons))
    if not in_slack(settings):
        return asked
    return Message(WAS_IT_YOU, asked.subject_id, "slack", to, once=asked.once, payload=dict(asked.payload))


def in_slack(settings: Settings) -> bool:
    return bool(secret(settings.slack_bot_token) or settings.slack_client_id)


async def to_owner(
    tx: Tx, settings: Settings, gate: Mapping[str, Any], text: str, once: str, *, past: str
) -> list[Message]:
    """A plain notice to an owner, by another way than the address that failed."""
    owner = await members.owner(tx)
    if owner is None:
        return []
    if in_slack(settings):
        return [Message("mail_trouble", gate["id"], "slack", owner.email, once, {"text": text})]
    return (
        [] if owner.email == past else [Message(contracts.NOTE, gate["id"], "email", owner.email, once, {"text": text})]
    )


async def may_say(tx: Tx, case: "Case") -> bool:
    """Whether this person may get another answer about this gate, or about none, within the hour."""
    answered = _m.action.in_(("decide", "answer", "ask_back")) & _m.decision.in_(("none", "question"))
    mine = (_m.sender == case.incoming.sender) & answered
    return await _handled(tx, case, mine) < MOST_AN_HOUR


async def may_ask_whether(tx: Tx, case: "Case") -> bool:
    """As `may_say`, for asking the real person about mail in their name."""
    return await _handled(tx, case, _m.proposal.is_not(None)) < MOST_AN_HOUR


async def _handled(tx: Tx, case: "Case", which: Any) -> int:
    lately = _m.handled_at > case.now - timedelta(hours=1)
    statement = select(func.count()).where(_m.gate_id == (case.gate or {}).get("id"), lately, which)
    return int(await tx.value(statement) or 0)


def whom_to_ask(case: "Case") -> str:
    """For somebody who may not decide."""
    assert case.gate is not None
    return f"This gate is {rows.seat(case.gate).asked}'s to decide; ask them, or have them reply DELEGATE {_to(case)}."


def _to(case: "Case") -> str:
    return case.member.email if case.member else case.incoming.sender
