"""Mail of a proven colleague that answers no gate: a question is answered, a digest is left, a decision is told that nothing is asked."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.mail import contracts, desk_say, reply, robots, unsubscribe
from bot.mail.contracts import DnsText, Incoming, Verdict
from bot.mail.desk_say import Done
from bot.mail.mailboxes import mailboxes
from bot.mail.message import DOUBTFUL_FAULTS, Headers
from bot.mail.sender import verified
from runtime.db.engine import Row, Tx
from runtime.gates import replies
from runtime.gates.openings import words as openly
from runtime.identity.people import Member
from runtime.journal import Message

if TYPE_CHECKING:
    from bot.mail.desk_case import Case
    from bot.mail.desk_ready import Ready

_STOP = re.compile(
    r"(?:please\s+)?(?:unsubscribe(?:\s+me)?|stop(?:\s+(?:it|this|(?:the|these|my|your)\s+(?:daily\s+)?(?:digests?|e?-?mails?)|sending(?:\s+\w+){0,4}))?|opt[ -]?out|remove me|no more(?:\s+(?:daily\s+)?digests?)?|"
    r"abmelden|abbestellen|bitte abmelden|se désabonner|désabonner|désinscription|désinscrire|darse? de baja|baja|cancelar (?:la )?suscripción|cancelar (?:a )?(?:inscrição|assinatura)|annulla(?: l')? ?iscrizione|disiscrivi(?:mi)?|"
    r"uitschrijven|afmelden|avregistrera|avsluta prenumeration|afmeld|avmeld|peruuta tilaus|wypisz(?: mnie)?|odhlásit|leiratkozás|dezabonare|aboneliği iptal et|отписаться|отписка|відписатися|配信停止|登録解除|退订|取消订阅|수신거부|구독 취소|إلغاء الاشتراك)(?:,?\s+(?:please|bitte|thanks|thank you))?",
    re.IGNORECASE,
)
_NOTHING = "Nothing is asked of you in the letter you answered, so nothing was recorded."
_FRESH = "Your letter answers none of mine, so nothing was recorded. To decide a gate, reply to its own letter."


def judged(
    incoming: Incoming, letter: Row | None, member: Member | None, *, own: Collection[str], authserv_id: str, dns: DnsText | None,
    now: datetime, raw: bytes,
) -> Verdict:  # fmt: skip
    """What to do with it; only who is proven to be one of us is answered. `letter` is the one of ours it replies to."""
    robot = robots.kind(incoming, own=own)
    if robot is not None:
        return Verdict("bounce" if robot.kind == "bounce" else "ignore", reasons=(robot.why,), robot=robot)
    sender = verified(incoming, raw, authserv_id=authserv_id, dns=dns, now=now)
    doubts = tuple(fault for fault in incoming.faults if fault in DOUBTFUL_FAULTS)
    if not sender.verified or doubts or member is None:
        why = doubts or sender.reasons or ("whoever wrote it is nobody of this organisation",)
        return Verdict("quarantine", reasons=("it answers no letter of ours", *why), sender=sender)
    if letter is None and not _to_us(incoming, own):
        return Verdict("ignore", reasons=("it was written to others, and we read along",), sender=sender)
    said = reply.newest(incoming, letter["said"] if letter else "")
    heard = Verdict(
        "ask_back", sender_verified=True, reasons=("it answers no gate",), said=said, sender=sender, why="astray"
    )
    return _heard(heard, said.text.strip(), letter)


def _to_us(incoming: Incoming, own: Collection[str]) -> bool:
    """Written to our address, rather than with us in copy."""
    named = [mailbox.address for line in Headers(incoming.message).all("to") for mailbox in mailboxes(line)]
    bare = {f"{local.partition('+')[0]}@{domain}" for local, _, domain in (one.rpartition("@") for one in named)}
    return bool(bare & set(own))


def _heard(heard: Verdict, text: str, letter: Row | None) -> Verdict:
    first = openly(text).partition("\n")[0].strip(" *_~`.!")
    if _STOP.fullmatch(first) and (letter is None or letter["kind"] == "digest"):
        return replace(heard, action="answer", kind="stop", reasons=("it asks for no more digests",))
    if replies.asks(text):
        return replace(heard, action="answer", decision="question", kind="question", note=text[:1000], why="question")
    return heard


async def answered(tx: Tx, case: "Case", ready: "Ready") -> Done:
    """One letter back, however many words came; nobody is kept talking."""
    facts: dict[str, Any] = {"letter": str(case.letter["id"]) if case.letter else None}
    if case.verdict.kind == "stop":
        await unsubscribe.leave(tx, case.incoming.sender)
        facts["digest"] = "left"
    if not await desk_say.may_say(tx, case):
        return Done(facts={**facts, "silent": "answered often enough within the hour"})
    return Done([_letter(tx, case, _said(case, ready))], facts)


def _said(case: "Case", ready: "Ready") -> Mapping[str, Any]:
    if case.verdict.kind == "stop":
        return {"text": "No more daily digests. Gates still come to you."}
    if ready.found is not None:
        return {"text": ready.found.text, "query": ready.found.query, "chart": ready.found.chart}
    return {"text": _NOTHING if case.letter else _FRESH, "nothing": True}


def _letter(tx: Tx, case: "Case", said: Mapping[str, Any]) -> Message:
    """About what the letter was about, so that whoever asks on is understood."""
    about = case.letter or {"subject_kind": "org", "subject_id": tx.org_id, "title": case.incoming.subject}
    mail_id: UUID = case.mail["id"]
    payload = {
        "inbound": str(mail_id), "question": desk_say.quoted(case), "subject_kind": about["subject_kind"], "title": str(about["title"] or "")[:200],
        **said,
    }  # fmt: skip
    return Message(
        contracts.ASTRAY, about["subject_id"], "email", case.incoming.sender, once=str(mail_id), payload=payload
    )
