"""A mail server on loopback that keeps what it takes, and says to a recipient or a letter what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Postbox:
    """`says` are answers to RCPT by address, `at_data` the answer to a whole letter; `got` is envelope and bytes of each letter."""

    says: dict[str, str] = field(default_factory=dict)
    at_data: str = ""
    got: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0

    async def handle_EHLO(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_RCPT(  # noqa: N802  as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        if self.at_data:
            return self.at_data
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append((str(envelope.mail_from), envelope.rcpt_tos[0], content))
        return "250 OK"

    def letters(self, to: str = "") -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for _, rcpt, raw in self.got if to in {"", rcpt}]


@asynccontextmanager
async def listening(box: Postbox, **options: Any) -> AsyncIterator[int]:
    """The port of a server that runs in the test's own loop; `options` are aiosmtpd's."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop, **options), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if hasattr(server, "abort_clients"):  # since Python 3.13
            server.abort_clients()
            await server.wait_closed()
