"""Letters by SMTP: TLS always but on this machine, connections kept for the next letter, refusals told apart."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote

from bot.mail.contracts import Letter
from bot.mail.dkim import Sign
from runtime.errors import ChannelFailed, InvalidConfiguration, MailRefused, OutcomeRuntimeError
from runtime.integrations.contracts import Probe

if TYPE_CHECKING:
    from aiosmtplib import SMTP

TIMEOUT = 20.0
MOST = 4
"""Connections at once; mail servers count them."""
_STALE = 20.0
"""Seconds after which a kept connection is asked whether it still lives; servers close them without a word."""
_LATER = 120.0
_PERMANENT = 500
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OURS = re.compile(
    r"relay|authenticat|not (?:allowed|permitted|authorized) to send|sender (?:address )?rejected|\b5\.7\.(?:0|8|9|57|60)\b",
    re.IGNORECASE,
)
"""Words of refusals that are about us and not about whom we write to."""
_ABOUT_US = frozenset({500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 555})


@dataclass(frozen=True, slots=True)
class Way:
    """Where a server is and how it is spoken to."""

    host: str
    port: int
    implicit_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, parts: SplitResult) -> "Way":
        if not parts.hostname:
            raise InvalidConfiguration("SMTP_URL names no host; write it as smtp://user:password@host:587.")
        implicit = parts.scheme == "smtps"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, parts.port or (465 if implicit else 587), implicit, user, password)

    @property
    def here(self) -> bool:
        """On this machine nobody listens between us and the server."""
        return self.host in _LOOPBACK


@dataclass(slots=True)
class _Line:
    client: "SMTP"
    used: float


class SmtpTransport:
    """One server, a few connections."""

    def __init__(self, way: Way, sign: Sign = bytes) -> None:
        self._way, self._sign = way, sign
        self._idle: list[_Line] = []
        self._room = asyncio.Semaphore(MOST)

    async def send(self, letter: Letter) -> None:
        from aiosmtplib import SMTPException  # noqa: PLC0415  only here

        raw = self._sign(letter.message.as_bytes())
        try:
            async with self._line() as client:
                await client.sendmail(letter.envelope_from, letter.recipient, raw)
        except SMTPException as error:
            raise refused(error, letter.recipient) from error
        except (OSError, TimeoutError, ValueError) as error:
            raise _unreachable(self._way, error) from error

    async def probe(self) -> Probe:
        """EHLO, TLS and login, and nothing sent."""
        from aiosmtplib import SMTPException  # noqa: PLC0415  as above

        try:
            async with self._line():
                tls = (
                    "TLS"
                    if self._way.implicit_tls
                    else "STARTTLS where it is offered"
                    if self._way.here
                    else "STARTTLS"
                )
                return Probe(ok=True, detail=f"{self._way.host}:{self._way.port} answers, by {tls}")
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            return Probe(ok=False, detail=f"{self._way.host}:{self._way.port}: {_shown(error)}; check SMTP_URL")

    async def close(self) -> None:
        lines, self._idle = self._idle, []
        for line in lines:
            await _quit(line.client)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator["SMTP"]:
        """A connection that is kept if all went well, or the letter alone was refused."""
        from aiosmtplib import SMTPResponseException  # noqa: PLC0415  as above
        from aiosmtplib.errors import SMTPRecipientsRefused  # noqa: PLC0415  as above

        async with self._room:
            client = await self._connected()
            try:
                yield client
            except (SMTPResponseException, SMTPRecipientsRefused):
                self._keep(client)
                raise
            except BaseException:
                client.close()
                raise
            self._keep(client)

    def _keep(self, client: "SMTP") -> None:
        if client.is_connected:
            self._idle.append(_Line(client, time.monotonic()))

    async def _connected(self) -> "SMTP":
        while self._idle:
            line = self._idle.pop()
            if time.monotonic() - line.used < _STALE or await _alive(line.client):
                return line.client
        return await self._connect()

    async def _connect(self) -> "SMTP":
        from aiosmtplib import SMTP  # noqa: PLC0415  as above

        way = self._way
        context = ssl.create_default_context()
        if way.here:
            # A server on this machine has a certificate for its real name, or one of its own making.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = SMTP(
            hostname=way.host, port=way.port, use_tls=way.implicit_tls, start_tls=_starttls(way), tls_context=context, timeout=TIMEOUT,
            username=way.user or None, password=way.password or None,
        )  # fmt: skip
        await client.connect()
        return client


def _starttls(way: Way) -> bool | None:
    """None takes it where it is offered; True fails without it, so that nobody in between can talk us out of it."""
    if way.implicit_tls:
        return False
    return None if way.here else True


async def _alive(client: "SMTP") -> bool:
    from aiosmtplib import SMTPException  # noqa: PLC0415  as above

    try:
        await client.noop()
    except (SMTPException, OSError, TimeoutError):
        client.close()
        return False
    return client.is_connected


async def _quit(client: "SMTP") -> None:
    """Politely if the server lets us; the connection is gone either way."""
    from aiosmtplib import SMTPException  # noqa: PLC0415  as above

    try:
        await client.quit(timeout=2)
    except (SMTPException, OSError, TimeoutError):
        client.close()


def refused(error: Exception, recipient: str) -> OutcomeRuntimeError:
    """A server's no as ours: for never (this address), for later, or for whoever runs this installation."""
    from aiosmtplib import SMTPResponseException, SMTPSenderRefused  # noqa: PLC0415  as above
    from aiosmtplib.errors import SMTPAuthenticationError, SMTPRecipientsRefused  # noqa: PLC0415  as above

    if isinstance(error, SMTPRecipientsRefused) and error.recipients:
        return refused(error.recipients[0], recipient)
    if not isinstance(error, SMTPResponseException):
        return ChannelFailed(
            f"The mail server went away: {_shown(error)}. It is tried again; `outcome-runtime doctor` checks it."
        )
    said = f"{error.code} {' '.join(str(error.message).split())}"[:300]
    if isinstance(error, SMTPAuthenticationError):
        return ChannelFailed(f"The mail server refuses our name or password: {said}. Check SMTP_URL.")
    if error.code < _PERMANENT:
        return ChannelFailed(f"The mail server asks to come later: {said}.", retry_after=_LATER)
    if isinstance(error, SMTPSenderRefused) or error.code in _ABOUT_US or _OURS.search(said):
        return ChannelFailed(f"The mail server takes no letters from us: {said}. Check SMTP_URL and MAIL_FROM.")
    return MailRefused(f"{recipient} was refused: {said}.", recipient=recipient, said=said)


def _unreachable(way: Way, error: Exception) -> ChannelFailed:
    return ChannelFailed(
        f"The mail server {way.host}:{way.port} cannot be reached: {_shown(error)}. It is tried again; check SMTP_URL."
    )


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200].rstrip(": ")
