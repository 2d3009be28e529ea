"""An own SMTP listener behind the organisation's mail server: only for our addresses, and 250 only after the commit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.mail.addresses import is_ours
from bot.mail.intake import LARGEST, receive
from bot.mail.listener_tls import Certificate
from runtime.errors import InvalidConfiguration, OutcomeRuntimeError

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

    from runtime.core import Runtime

log = structlog.get_logger(__name__)

WAY = "smtp"
_MOST_RECIPIENTS = 20
_IDLE_SECONDS = 60.0
_NO_PASSWORDS = ("LOGIN", "PLAIN")
"""Nobody logs in here, so nobody is invited to."""


class Door:
    """What aiosmtpd asks: whom we take letters for, and what became of one."""

    def __init__(self, runtime: "Runtime", wake: Callable[[], None]) -> None:
        self._runtime, self._wake = runtime, wake

    async def handle_RCPT(  # noqa: N802  aiosmtpd calls it by this name
        self, server: "SMTP", session: "Session", envelope: "Envelope", address: str, options: list[str]
    ) -> str:
        if not is_ours(address, self._runtime.settings):
            return "550 5.1.1 Nobody here has this address"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: "SMTP", session: "Session", envelope: "Envelope") -> str:  # noqa: N802  as above
        content: Any = envelope.content or b""
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else bytes(content)
        try:
            await receive(
                self._runtime, raw, way=WAY, envelope_from=envelope.mail_from or "", envelope_to=envelope.rcpt_tos
            )
        except (OutcomeRuntimeError, SQLAlchemyError, OSError) as error:
            log.warning("mail.not_kept", way=WAY, error=f"{type(error).__name__}: {error}"[:300])
            return "451 4.3.0 It could not be kept just now; send it again"
        self._wake()
        return "250 2.0.0 OK"


def address_of(listen: str) -> tuple[str, int]:
    """`host:port`; raises InvalidConfiguration for anything else."""
    host, _, port = listen.strip().rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:  # noqa: PLR2004  a port
        raise InvalidConfiguration(f"MAIL_LISTEN is host:port, for instance 127.0.0.1:2525, not '{listen}'.")
    return host.strip("[]"), int(port)


@asynccontextmanager
async def listening(runtime: "Runtime", wake: Callable[[], None], listen: str = "") -> AsyncIterator[int]:
    """From start to end of the bot; yields the port. With a certificate nobody hands over a letter in the clear."""
    from aiosmtpd.smtp import SMTP  # noqa: PLC0415  only where MAIL_LISTEN asks for it

    host, port = address_of(listen or runtime.settings.mail_listen)
    loop, door = asyncio.get_running_loop(), Door(runtime, wake)
    certificate = Certificate.of(runtime.settings)
    if certificate is not None:
        certificate.context()

    def connected() -> Any:
        return SMTP(
            door, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="outcome-runtime", ident="mail", timeout=_IDLE_SECONDS, loop=loop,
            tls_context=certificate.context() if certificate else None, require_starttls=certificate is not None,
            auth_exclude_mechanism=_NO_PASSWORDS,
        )  # fmt: skip

    server = await loop.create_server(connected, host, port)
    try:
        found = int(server.sockets[0].getsockname()[1])
        log.info("mail.listening", host=host, port=found)
        yield found
    finally:
        server.close()
        # A client that keeps its connection open must not keep the bot from ending (Python 3.13 can close them).
        if hasattr(server, "abort_clients"):
            server.abort_clients()
            await server.wait_closed()
