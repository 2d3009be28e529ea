"""Letters of a gate as the outbox would have sent them, and replies to them as mail clients write them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as FOLDING
from email.utils import format_datetime, make_msgid
from itertools import count
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import insert, select

from bot.mail import intake, tokens
from bot.mail.addresses import reply_base
from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.db.mail import gate_holds, inbound_mail, letters
from runtime.db.tables import human_gates, journal, outbox
from runtime.settings import Settings, secret
from tests.story import FILE, Story

SMTP = FOLDING.clone(max_line_length=998)
"""As clients write: a long Message-ID stays whole."""
BORDER = "mx.outcome.test"
MAIL = {
    "mail_from": "Outcomes <outcomes@outcome.test>", "mail_reply_to": "outcomes@outcome.test", "mail_authserv_id": BORDER,
    "imap_url": None, "smtp_url": SecretStr("smtp://127.0.0.1:1"),
}  # fmt: skip
BY_MAIL = FILE.replace("slack:#checkout", "email")
_numbers = count(1)


def mail_settings(settings: Settings, **more: Any) -> Settings:
    return settings.model_copy(update=MAIL | more)


def verdict(sender: str, authserv_id: str = BORDER, result: str = "pass") -> str:
    return f"{authserv_id}; dmarc={result} header.from={sender.rpartition('@')[2]}"


@dataclass
class MailStory:
    """A gate asked by letter, and people who reply."""

    story: Story
    sent: dict[str, Row] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        return self.story.runtime

    @property
    def org_id(self) -> UUID:
        return self.story.org_id

    async def portfolio(self) -> Row:
        gate: Row = await self.story.reach("portfolio by mail", self._portfolio)
        return gate

    async def _portfolio(self) -> Row:
        await self.story.apply(BY_MAIL)
        await self.story.work()
        return await self.story.gate("portfolio_review")

    async def launch(self) -> Row:
        """The gate that one person can approve, cap or reject."""
        gate: Row = await self.story.reach("launch by mail", self._launch)
        return gate

    async def _launch(self) -> Row:
        gate = await self.portfolio()
        first = UUID(gate["context_package"]["experiment_ids"][0])
        await self.story.decide("portfolio_review", "approve", "ana@example.com", selection=(first,))
        await self.story.work()
        await self.story.built()
        return await self.story.gate("launch_approval")

    async def letter(self, gate: Row, to: str, kind: str = "gate", said: str = "", **details: Any) -> Row:
        """As the channel keeps what it sent."""
        dedupe = f"{kind}:{next(_numbers)}"
        key = secret(self.runtime.settings.api_secret) or ""
        values = {
            "org_id": self.org_id, "kind": kind, "subject_kind": "gate", "subject_id": gate["id"], "gate_id": gate["id"],
            "recipient": to, "dedupe": dedupe, "message_id": tokens.message_id(dedupe, gate["id"], to, key, "outcome.test"),
            "title": gate["question"], "said": said or f"{gate['question']}\n\nReply APPROVE or REJECT why.\n",
            "evidence_hash": gate["evidence_hash"], "details": details, "sent_at": self.runtime.now(),
        }  # fmt: skip
        async with self.runtime.transaction(self.org_id) as tx:
            row = await tx.first(insert(letters).values(values).returning(letters))
        assert row is not None
        self.sent[to] = row
        return row

    def address(self, letter: Row) -> str:
        settings = self.runtime.settings
        return tokens.reply_address(
            reply_base(settings), letter["gate_id"], letter["recipient"], secret(settings.api_secret) or ""
        )

    def reply(
        self, letter: Row, text: str, *, sender: str = "", verified: str | None = "", quote: bool = True, **headers: str
    ) -> bytes:
        """`verified` is the border server's header; None leaves it out. Header names with underscores."""
        author = sender or letter["recipient"]
        message = EmailMessage(policy=SMTP)
        if verified is not None:
            message["Authentication-Results"] = verified or verdict(author)
        message["From"], message["To"] = f"Somebody <{author}>", self.address(letter)
        message["Subject"], message["Date"] = f"Re: {letter['title'][:60]}", format_datetime(self.runtime.now())
        message["Message-ID"] = make_msgid(domain=author.rpartition("@")[2])
        message["In-Reply-To"] = message["References"] = letter["message_id"]
        for name, value in headers.items():
            del message[name.replace("_", "-")]
            message[name.replace("_", "-")] = value
        below = "\n".join(f"> {line}" for line in letter["said"].splitlines())
        message.set_content(f"{text}\n\nOn Mon, 23 Nov 2026, Outcomes wrote:\n{below}\n" if quote else text)
        return message.as_bytes(policy=SMTP)

    async def receive(
        self, raw: bytes, *, to: Sequence[str] = (), sender: str | None = None, way: str = "smtp"
    ) -> UUID | None:
        return await intake.receive(self.runtime, raw, way=way, envelope_from=sender, envelope_to=to)

    async def arrives(self, raw: bytes, **how: Any) -> Row:
        """Kept and handled; the row of it afterwards."""
        from bot.mail import desk  # noqa: PLC0415  the ways in are tested without it

        mail_id = await self.receive(raw, **how)
        assert mail_id is not None, "it was here before"
        await desk.handle(self.runtime, self.org_id, mail_id)
        [row] = [row for row in await self.rows(inbound_mail) if row["id"] == mail_id]
        return row

    async def rows(self, table: Any) -> list[Row]:
        async with self.runtime.transaction(self.org_id) as tx:
            return list(await tx.all(select(table)))

    async def holds(self) -> list[Row]:
        return await self.rows(gate_holds)

    async def said(self, *kinds: str) -> list[Row]:
        """Notices waiting in the outbox, oldest first."""
        found = [
            row for row in await self.rows(outbox) if row["kind"] == "notice" and (not kinds or row["name"] in kinds)
        ]
        return sorted(found, key=lambda row: row["id"])

    async def events(self, name: str) -> list[Row]:
        return [row for row in await self.rows(journal) if row["event"] == name]

    async def gate(self, gate_id: UUID) -> Row:
        async with self.runtime.transaction(self.org_id) as tx:
            found = await tx.first(select(human_gates).where(human_gates.c.id == gate_id))
        assert found is not None
        return found
