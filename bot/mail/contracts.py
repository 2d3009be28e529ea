"""The values that pass between reading, understanding, writing and carrying out mail."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Literal, Protocol
from uuid import UUID

Action = Literal["decide", "answer", "ask_back", "ignore", "bounce", "quarantine"]
DecisionKind = Literal["approve", "reject", "conditions", "delegate", "question", "none"]
RobotKind = Literal[
    "out_of_office", "bounce", "auto_reply", "receipt", "challenge", "list", "reaction", "own", "calendar"
]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came, read tolerantly. Addresses are lower case; `faults` say what was wrong with it."""

    message: EmailMessage
    sender: str
    """The single From address; empty when there is none, or more than one."""
    sender_name: str
    recipients: tuple[str, ...]
    """Every address it was for, by header and envelope."""
    envelope_from: str | None
    """None where the way in does not tell it; empty for a null sender."""
    message_id: str
    in_reply_to: tuple[str, ...]
    """In-Reply-To, then References from the newest."""
    subject: str
    text: str
    """The plain text part; empty when there is none."""
    html: str
    date: datetime | None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """The newest human words of a message. `disagrees` is true when its two parts say different things."""

    text: str
    quoted: str = ""
    signature: str = ""
    disagrees: bool = False
    cut: bool = False
    """Whether it was too long to be read to its end."""
    hidden: bool = False
    """Whether its HTML hid words; they are never among `text`."""


@dataclass(frozen=True, slots=True)
class Robot:
    """Mail that no person wrote for us. `until` is the end of an absence; `recipient` whom a bounce is about."""

    kind: RobotKind
    why: str
    until: datetime | None = None
    recipient: str | None = None
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, and whether our own border server or the signature proves it."""

    address: str
    verified: bool
    how: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """What a reply address carries: the gate, and a MAC that only one recipient's letter had."""

    gate_id: UUID
    mac: str


@dataclass(frozen=True, slots=True)
class SentLetter:
    """The letter a reply answers: what interpreting needs of it, from the database or from its own bytes."""

    gate_id: UUID
    recipient: str
    message_id: str
    said: str
    """Its plain text, to be taken out of what a reply quotes."""
    options: tuple[Mapping[str, Any], ...] = ()
    """The gate's stored options: `id`, `label`, `needs_reason`, `needs_percent`, `terms`."""
    evidence: str | None = None
    reply_to: str = ""
    proposal: UUID | None = None
    """The proposal it asks to confirm with YES."""
    own: tuple[str, ...] = ()
    """Our addresses, where `reply_to` is not known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the runtime does with a message. `kind` refines an answer: question, yes, no, undo, or stop the digest; `choice` is the gate's option."""

    action: Action
    decision: DecisionKind = "none"
    note: str = ""
    conditions: tuple[str, ...] = ()
    delegate_to: str | None = None
    sender_verified: bool = False
    reasons: tuple[str, ...] = ()
    kind: Literal["", "question", "yes", "no", "undo", "stop"] = ""
    why: str = ""
    """Why it was asked back, in one word: `free` for words without any form, which a model may read; `hedge`, `sarcasm`, `condition`, `empty`, …"""
    choice: str = ""
    percent: int | None = None
    terms: tuple[Any, ...] = ()
    lift: bool = False
    said: Said = field(default_factory=lambda: Said(""))
    robot: Robot | None = None
    sender: Sender | None = None
    token_of: str | None = None
    """The recipient whose letter the token came from."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter ready to be handed over. `envelope_from` names gate and recipient, so that a bounce does."""

    recipient: str
    envelope_from: str
    message: EmailMessage


class Transport(Protocol):
    """Hands letters over. Raises ChannelFailed (`retry_after` in its context) for later, MailRefused for never."""

    def send(self, letter: Letter) -> Coroutine[Any, Any, None]: ...
    def close(self) -> Coroutine[Any, Any, None]: ...


DnsText = Callable[[str], Sequence[str]]
"""TXT records of a name, for DKIM keys; empty when there are none. Blocking, so call it in a thread."""

Draw = Callable[[Mapping[str, Any]], Awaitable[bytes | None]]
"""A stored chart to PNG bytes; None when it cannot be drawn."""

# Kinds of letters, as notices of the outbox with channel "email" and the recipient's address as place (M4/M5 put them in, the channel
# draws them). `gate`, `experiment`, `outcome`, `digest` are those that every channel knows; these are mail's own. Payload keys beside each.
RECEIPT = "mail_receipt"  # subject gate; hold (id, ended if it took effect at once): who/what/when/evidence, undo until; from holding.hold
UNDONE = "mail_undone"  # subject gate; hold: its author took it back; put in by holding.undo itself
HOLD_ENDED = "mail_hold_ended"  # subject gate; hold: overtaken or failed, and why; put in by the hold's timer
ANSWER = "mail_answer"  # subject gate; inbound: id of inbound_mail; text, query, chart (stored chart or None), question
ASK_BACK = "mail_ask_back"  # subject gate; inbound; question (quoted words), say
PROPOSAL = "mail_proposal"  # subject gate; inbound; reading (gate_readings id), says, question (their words)
REFUSAL = "mail_refusal"  # subject gate; inbound; text: too late, not theirs, evidence changed, not offered; what to do instead
WAS_IT_YOU = "mail_was_it_you"  # subject gate; inbound; reasons: to the real person, with a link only
ASTRAY = "mail_astray"  # subject whatever the letter it answers was about, else org; inbound; question, text, query, chart, subject_kind, title: what somebody gets who writes to no gate
NOTE = "mail_note"  # subject gate or org; text: plain words (an address refuses letters, ...)

# inbound_mail.proposal of a quarantined letter, written by the desk for "was that you?": {"member": address of whom it speaks for,
# "kind": "decide" | "hand_over", "choice", "note", "percent", "terms": [dumped], "lift", "evidence": hash, "to": address, "says": in words}.
# With Slack the outbox gets Message("was_it_you", gate id, "slack", member's address, payload={"inbound": id, "reasons": [...]}); else WAS_IT_YOU.
PAGE_CODE = "page_code"  # subject gate; code: id; the words are runtime.identity.codes.words(settings, id, question), nowhere else is the code
