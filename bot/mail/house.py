"""Under which names, addresses and keys this installation writes letters."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bot.mail import links, tokens
from bot.mail.addresses import reply_base
from bot.mail.letters import domain_of
from runtime.errors import InvalidConfiguration
from runtime.settings import Settings, secret


@dataclass(frozen=True, slots=True)
class House:
    """`base` is the address replies go to; a letter about a gate gets its token before the @."""

    sender: str
    base: str
    secret: str
    public_url: str

    @classmethod
    def of(cls, settings: Settings) -> "House":
        key = secret(settings.api_secret)
        if not key:
            raise InvalidConfiguration("API_SECRET is not set; `outcome-runtime up` generates one under DATA_DIR.")
        return cls(settings.mail_from, reply_base(settings), key, settings.public_url)

    def reply_to(self, gate: UUID | None, recipient: str) -> str:
        """Bound to gate and recipient; the bare address where a letter is about no gate."""
        return tokens.reply_address(self.base, gate, recipient, self.secret) if gate else self.base

    def message_id(self, dedupe: str, gate: UUID | None, recipient: str) -> str:
        """The same for the same letter, so that a retry cannot be taken for another one."""
        if gate:
            return tokens.message_id(dedupe, gate, recipient, self.secret, domain_of(self.sender))
        mark = hashlib.sha256(f"{self.secret}\0{dedupe}\0{recipient}".encode()).hexdigest()[:40]
        return f"<letter-{mark}@{domain_of(self.sender)}>"

    def link(self, gate: UUID, recipient: str, due_at: datetime) -> str:
        return links.gate_url(self.public_url, self.secret, gate, recipient, links.until(due_at))
