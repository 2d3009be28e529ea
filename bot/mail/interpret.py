"""What is to be done with a reply: robots aside, proofs next, words last. PURE but for the lookup of DKIM keys it is given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.mail import reply, robots, tokens
from bot.mail.contracts import DnsText, Incoming, Said, Sender, SentLetter, Token, Verdict
from bot.mail.mailboxes import mailboxes
from bot.mail.message import AUTHOR_FAULTS, DOUBTFUL_FAULTS, Headers
from bot.mail.sender import verified
from runtime.gates import language, replies
from runtime.gates.language import MOST_NOTE, Answer, HandOver, Unclear
from runtime.gates.terms import Deadline, Note, Term, in_words

_FAULTS = {
    "no_from": "it has no From address",
    "two_from": "it has two From headers",
    "several_authors": "its From names several addresses",
    "group": "its From is a group of addresses",
    "not_an_address": "its From is no address",
    "text_after_address": "its From goes on behind the address",
    "hidden_from": "its From hides characters",
    "name_is_another_address": "the name in its From is another address",
    "another_sender": "its Sender is somebody else",
}
_SAID_OFTEN = "Reply with one of the forms of the letter alone on the first line."


def interpret(
    incoming: Incoming, *, sent: SentLetter, known: Sequence[str], authserv_id: str, secret: str | bytes, now: datetime,
    raw: bytes = b"", dns: DnsText | None = None,
) -> Verdict:  # fmt: skip
    """What the runtime does with a message as a reply to a letter. `known` may decide the gate as well as the letter's recipient.

    A decision needs all three: a token that only the writer's own letter had, a proven sender, and that sender being asked.
    """
    robot = robots.kind(incoming, own=[_base(sent, sent.reply_to)] if sent.reply_to else [])
    if robot is not None:
        return Verdict("bounce" if robot.kind == "bounce" else "ignore", reasons=(robot.why,), robot=robot)
    proof = _proof(incoming, raw, sent, known, authserv_id, secret, now, dns)
    said = reply.newest(incoming, sent.said)
    meant = "" if proof.against else _otherwise(incoming, sent, secret, said)
    proven = Verdict(
        "quarantine",
        sender_verified=proof.sender.verified,
        reasons=proof.against,
        said=said,
        sender=proof.sender,
        token_of=proof.token_of,
    )
    if proof.against:
        return proven
    heard = _heard(replace(proven, reasons=proof.sender.reasons), said, sent, now)
    if meant and (heard.action == "decide" or heard.kind in {"yes", "no", "undo"}):
        return replace(
            proven, action="ask_back", note=_note(said), reasons=(meant, *proof.sender.reasons), why="addressed"
        )
    return heard


@dataclass(frozen=True, slots=True)
class _Proof:
    sender: Sender
    token_of: str | None
    against: tuple[str, ...]
    """Everything that is missing; only without any of it do the words count."""


def _proof(
    incoming: Incoming, raw: bytes, sent: SentLetter, known: Sequence[str], authserv_id: str, secret: str | bytes,
    now: datetime, dns: DnsText | None,
) -> _Proof:  # fmt: skip
    asked = {address.strip().lower() for address in (sent.recipient, *known)} - {""}
    sender = verified(incoming, raw, authserv_id=authserv_id, dns=dns, now=now)
    token_of, missing = _token(incoming, sent, asked, secret)
    against = [_FAULTS.get(fault, f"its sender is in doubt ({fault})") for fault in _authorship(incoming.faults)]
    if not sender.verified:
        against += sender.reasons or ("nothing proves who sent it",)
    if missing:
        against.append(missing)
    elif token_of != incoming.sender:
        against.append(
            f"its reply token is that of {token_of}'s letter, and {incoming.sender or 'nobody known'} wrote it"
        )
    if incoming.sender not in asked:
        against.append(f"{incoming.sender or 'whoever wrote it'} is not among those who decide this")
    return _Proof(sender, token_of, tuple(dict.fromkeys(against)))


def _authorship(faults: Iterable[str]) -> list[str]:
    return [fault for fault in faults if fault in AUTHOR_FAULTS | DOUBTFUL_FAULTS]


def _token(incoming: Incoming, sent: SentLetter, asked: Iterable[str], secret: str | bytes) -> tuple[str | None, str]:
    """Whose letter its reply address came from, or what is wrong with it. Of several, the writer's own counts."""
    found = [
        token for address in incoming.recipients if (token := tokens.read(address, _base(sent, address))) is not None
    ]
    if not found:
        return None, "it came to no reply address of a letter"
    here = [token for token in found if token.gate_id == sent.gate_id]
    if not here:
        return None, "its reply token belongs to another gate"
    owners = [owner for token in here if (owner := tokens.owner(token, sorted(asked), secret)) is not None]
    if not owners:
        return None, "its reply token is none that anybody asked here was sent"
    return (incoming.sender if incoming.sender in owners else owners[0]), ""


_TWO_GATES = "it is addressed to two gates at once; answer each one in its own letter"
_OTHER_LETTER = "it replies to the letter of one gate and is addressed to another; answer the letter you mean"
_TO_OTHERS = "it was written to somebody else, and I only read along; write your answer to me"


def _otherwise(incoming: Incoming, sent: SentLetter, secret: str | bytes, said: Said) -> str:
    """Why a proven colleague's words may not be meant for this gate; they are asked, and nothing is recorded. Empty if they are.

    Mail that was written to others decides nothing whoever hands it on: a signature holds for every copy of it (RFC 6376 section 8.6).
    """
    found = [token for address in incoming.recipients[:_MOST] if (token := tokens.read(address, _base(sent, address)))]
    others = {token for token in found if token.gate_id != sent.gate_id}
    if any(tokens.owner(token, [incoming.sender], secret) for token in others):
        return _TWO_GATES
    parent = next(iter(tokens.threads(incoming.in_reply_to[:1])), None)
    if parent is not None and parent.gate_id != sent.gate_id:
        return _OTHER_LETTER
    head = Headers(incoming.message)
    if _ours(head, "to", found, sent):
        return ""
    copied = _ours(head, "cc", found, sent) and isinstance(language.read(said.text, sent.options), Answer | HandOver)
    return "" if copied else _TO_OTHERS


def _ours(head: Headers, name: str, found: Sequence[Token], sent: SentLetter) -> bool:
    """Whether a header names a token's address, or one of ours that a server took the token from."""
    named = [mailbox.address for line in head.all(name)[:_MOST] for mailbox in mailboxes(line)]
    own = {_bare(address) for address in (*sent.own, sent.reply_to) if address}
    return any(tokens.read(address, _base(sent, address)) in found or _bare(address) in own for address in named)


def _bare(address: str) -> str:
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


_MOST = 100


def _base(sent: SentLetter, address: str) -> str:
    """The address the letter asked to reply to, without its token; where it isn't known the MAC alone must prove one."""
    return _bare(sent.reply_to or address)


_TOO_LONG = "it is too long for me to read to its end"


def _heard(proven: Verdict, said: Said, sent: SentLetter, now: datetime) -> Verdict:
    """The words of somebody who is proven, and asked."""
    if said.disagrees or said.cut:
        why = "its plain text and its HTML say different things, so I go by neither" if said.disagrees else _TOO_LONG
        return replace(proven, action="ask_back", note=_note(said), reasons=(why, _SAID_OFTEN), why="disagrees")
    if replies.undoes(said.text):
        return replace(proven, action="answer", kind="undo", reasons=("it takes the answer back", *proven.reasons))
    if sent.proposal is not None and (plain := replies.agreement(said.text)):
        words = "it confirms the proposal" if plain == "yes" else "it declines the proposal"
        return replace(proven, action="answer", kind=plain, reasons=(words, *proven.reasons))
    match replies.reply(said.text, sent.options):
        case Answer() as answer:
            return _over(proven, answer, said, now) or _decided(proven, answer, sent)
        case HandOver() as hand:
            to = hand.to.lower()
            because = (f"it hands the gate to {to}", *proven.reasons)
            return replace(proven, action="decide", decision="delegate", delegate_to=to, reasons=because)
        case Unclear() as unclear:
            return _unclear(proven, unclear, said)


def _over(proven: Verdict, answer: Answer, said: Said, now: datetime) -> Verdict | None:
    """A deadline that has passed in every zone of the earth binds nobody."""
    past = next(
        (term for term in answer.terms if isinstance(term, Deadline) and term.until < (now - _EARTH).date()), None
    )
    if past is None:
        return None
    late = f"the deadline {past.until} has passed already; name a later day"
    return replace(proven, action="ask_back", note=_note(said), reasons=(late, *proven.reasons), why="condition")


_EARTH = timedelta(hours=12)


def _decided(proven: Verdict, answer: Answer, sent: SentLetter) -> Verdict:
    option = next((option for option in sent.options if option["id"] == answer.choice), {})
    label, event = str(option.get("label", answer.choice)), option.get("gate_event", "")
    against = answer.choice in _AGAINST or event == "reject"
    conditions = (*([f"{answer.percent} % of users"] if answer.percent is not None else []), *_in_words(answer.terms))
    bound = event == "approve_with_conditions" or bool(conditions)
    return replace(
        proven,
        action="decide",
        decision="reject" if against else "conditions" if bound else "approve",
        note=answer.note,
        conditions=conditions or ((label,) if bound and not against else ()),
        choice=answer.choice,
        percent=answer.percent,
        terms=answer.terms,
        lift=answer.lift,
        reasons=(f"it answers “{label}”", *proven.reasons),
    )


_AGAINST = frozenset({"reject", "rework", "kill", "iterate"})


def _in_words(terms: Sequence[Term]) -> list[str]:
    """Each as it binds; conditions in free words one by one, as they were written."""
    return [
        words for term in terms for words in (term.text.split("; ") if isinstance(term, Note) else [in_words(term)])
    ]


def _note(said: Said) -> str:
    """Their words, to be quoted back to them."""
    return said.text.strip()[:MOST_NOTE]


def _unclear(proven: Verdict, unclear: Unclear, said: Said) -> Verdict:
    if unclear.why == "question":
        return replace(
            proven, action="answer", decision="question", kind="question", note=_note(said), why="question",
            reasons=("it asks something, and a question decides nothing", *proven.reasons),
        )  # fmt: skip
    return replace(proven, action="ask_back", note=_note(said), reasons=(unclear.say, *proven.reasons), why=unclear.why)
