"""A mailbox for everybody: letters from the bot come in, replies wait here until the bot fetches them."""

import json
import re
import sqlite3
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime, getaddresses, make_msgid
from html import unescape
from typing import Any

from bot.slack.sandbox.config import Person
from bot.slack.sandbox.directory import Directory
from bot.slack.sandbox.store import Store, dump
from runtime.errors import InvalidRequest, NotFound

AUTHSERV_ID = "sandbox.outcome.invalid"
NEWEST = 100
_GLANCE, _SNIPPET = 4000, 140
_TAGS = re.compile(r"<[^>]*>")
_FILLING = dict.fromkeys(map(ord, "\u034f\u200b\u200c\u200d\ufeff"))
"""Characters without width, which letters put behind their first words so that no others are shown."""
_WHOLE = SMTP.clone(max_line_length=998)
"""Folded at 78 characters the library would encode a long Message-ID in In-Reply-To, which no mail client does."""


def parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def addresses(message: EmailMessage, *headers: str) -> list[str]:
    found = getaddresses([str(value) for header in headers for value in message.get_all(header, [])])
    return list(dict.fromkeys(address.lower() for _, address in found if "@" in address))


def part_of(message: EmailMessage, kind: str) -> str:
    """The text or HTML body; empty when there is none."""
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def pictures(message: EmailMessage) -> dict[str, str]:
    """Inline pictures by Content-ID, as data URLs."""
    found = [part for part in message.walk() if part.get("Content-ID") and part.get_content_maintype() == "image"]
    return {part["Content-ID"].strip("<> "): _data_url(part) for part in found}


def _data_url(part: Any) -> str:
    return f"data:{part.get_content_type()};base64,{b64encode(part.get_payload(decode=True)).decode()}"


def html_of(raw: bytes) -> str:
    """The HTML body with its inline pictures in it, links opening outside the frame."""
    message = parse(raw)
    shown = part_of(message, "html")
    for name, url in pictures(message).items():
        shown = shown.replace(f"cid:{name}", url)
    return f'<base target="_blank">{shown}'


def receive(store: Store, raw: bytes, recipients: Sequence[str], now: datetime) -> int:
    """Put a letter into its recipients' mailboxes; `recipients` is the envelope, else To and Cc."""
    message = parse(raw)
    to = [address.lower() for address in recipients] or addresses(message, "To", "Cc")
    if not to or not message["From"]:
        raise InvalidRequest("This is not a letter: it needs From and To.")
    with store.change() as rev:
        return store.insert(
            "insert into mail (direction, raw, recipients, summary, rev) values ('in', ?, ?, ?, ?)",
            raw, dump(to), dump(summary(message, now)), rev,
        )  # fmt: skip


def summary(message: EmailMessage, now: datetime) -> dict[str, Any]:
    """What the page lists, worked out once."""
    sender = getaddresses([str(message["From"])])[0]
    return {
        "from": sender[0] or sender[1], "address": sender[1], "to": str(message["To"] or ""), "subject": str(message["Subject"] or ""),
        "at": now.timestamp(), "text": part_of(message, "plain"), "has_html": bool(part_of(message, "html")),
        "message_id": str(message["Message-ID"] or ""), "in_reply_to": str(message["In-Reply-To"] or ""), "snippet": snippet(message),
    }  # fmt: skip


def snippet(message: EmailMessage) -> str:
    """What a mail client shows beside the subject: the first words of the HTML, which may stand there for that alone; else of the text."""
    html = part_of(message, "html")
    body = html[max(html.find("<body"), 0) :][:_GLANCE]
    words = unescape(_TAGS.sub(" ", body)) if html else part_of(message, "plain")
    return " ".join(words.translate(_FILLING).split())[:_SNIPPET]


def listed(store: Store, directory: Directory, person: Person) -> list[dict[str, Any]]:
    """A person's letters and replies, newest first; letters to nobody here are shown to all."""
    read = {row["mail"] for row in store.rows("select mail from mail_read where person = ?", person.id)}
    here = {known.email.lower() for known in directory.people.values()}
    rows = store.rows("select id, direction, recipients, summary from mail order by id desc limit 300")
    mine = [row for row in rows if _concerns(row, person, here)]
    return [
        {**body, "id": row["id"], "direction": row["direction"], "read": row["id"] in read}
        for row in mine[:NEWEST]
        for body in [_summary(row)]
    ]


def changed(store: Store, since: int) -> bool:
    """Whether anything arrived, was sent or was read after this revision; 0 asks for everything."""
    return since == 0 or store.row("select 1 from mail where rev > ? limit 1", since) is not None


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["summary"])
    return {"snippet": ""} | found


def _concerns(row: sqlite3.Row, person: Person, here: set[str]) -> bool:
    own = person.email.lower()
    if row["direction"] == "out":
        return str(_summary(row)["address"]).lower() == own
    to = set(recipients_of(row))
    return own in to or not to & here


def recipients_of(row: sqlite3.Row) -> list[str]:
    return list(json.loads(row["recipients"]))


def letter(store: Store, directory: Directory, person: Person, mail_id: int) -> sqlite3.Row:
    here = {known.email.lower() for known in directory.people.values()}
    found = store.row("select * from mail where id = ?", mail_id)
    if found is None or not _concerns(found, person, here):
        raise NotFound("There is no such letter in this mailbox.", mail_id=mail_id)
    return found


def mark_read(store: Store, person: Person, mail_id: int) -> None:
    with store.change() as rev:
        store.run("insert or ignore into mail_read values (?, ?)", person.id, mail_id)
        store.run("update mail set rev = ? where id = ?", rev, mail_id)


def reply(store: Store, person: Person, to: sqlite3.Row, text: str, now: datetime) -> int:
    """Answer as a mail client does: threaded, quoting, from the person's own verified address."""
    original = parse(to["raw"])
    message = _reply_to(original, person, text, now)
    # A receiving server writes its verdict above everything the sender wrote.
    verdict = (
        f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from={person.email.partition('@')[2]}\r\n".encode()
    )
    sent_to = addresses(message, "To")
    with store.change() as rev:
        return store.insert(
            "insert into mail (direction, raw, recipients, summary, rev) values ('out', ?, ?, ?, ?)",
            verdict + message.as_bytes(policy=_WHOLE), dump(sent_to), dump(summary(message, now)), rev,
        )  # fmt: skip


def _reply_to(original: EmailMessage, person: Person, text: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    subject = str(original["Subject"] or "")
    message["From"] = f'"{person.name}" <{person.email}>'
    message["To"] = str(original["Reply-To"] or original["From"])
    message["Subject"] = subject if subject.lower().startswith("re:") else f"Re: {subject}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=AUTHSERV_ID)
    if original["Message-ID"]:
        message["In-Reply-To"] = str(original["Message-ID"])
        message["References"] = f"{original['References'] or ''} {original['Message-ID']}".strip()
    message.set_content(f"{text.rstrip()}\n\n{quoted(original)}")
    return message


def quoted(original: EmailMessage) -> str:
    lines = "\n".join(f"> {line}".rstrip() for line in part_of(original, "plain").splitlines())
    return f"On {original['Date']}, {original['From']} wrote:\n{lines}\n"


def outgoing(store: Store, after: int) -> list[dict[str, Any]]:
    """Replies the bot has not seen yet, oldest first, as a mail server would hand them over."""
    rows = store.rows("select * from mail where direction = 'out' and id > ? order by id limit 100", after)
    return [
        {
            "id": row["id"],
            "envelope_from": _summary(row)["address"],
            "envelope_to": recipients_of(row),
            "rfc822": b64encode(row["raw"]).decode(),
        }
        for row in rows
    ]


def now_utc() -> datetime:
    return datetime.now(tz=UTC)
