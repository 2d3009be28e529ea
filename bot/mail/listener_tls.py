"""TLS of the SMTP listener: certificate and key from files, read again when they were renewed."""

import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.mail import signed
from runtime.errors import InvalidConfiguration, OutcomeRuntimeError
from runtime.integrations.contracts import Probe
from runtime.settings import Settings

log = structlog.get_logger(__name__)

SOON = timedelta(days=7)
"""Less than that before its end a certificate should have been renewed: the usual ones are, a month before."""


@dataclass(slots=True)
class Certificate:
    """`context` is what new connections speak with; a renewed pair is taken up without a restart, a broken one is not."""

    chain: Path
    key: Path
    _read: tuple[int, ...] = ()
    _context: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Certificate | None":
        """None without MAIL_TLS_CERT and MAIL_TLS_KEY; raises InvalidConfiguration for half of them."""
        chain, key = settings.mail_tls_cert.strip(), settings.mail_tls_key.strip()
        if not chain and not key:
            return None
        if not chain or not key:
            raise InvalidConfiguration("MAIL_TLS_CERT and MAIL_TLS_KEY go together: the paths of two PEM files.")
        return cls(Path(chain), Path(key))

    def context(self) -> ssl.SSLContext:
        """Raises InvalidConfiguration where nothing usable was ever there."""
        try:
            seen = tuple(path.stat().st_mtime_ns for path in (self.chain, self.key))
            if self._context is None or seen != self._read:
                self._context, self._read = self._loaded(), seen
        except (OSError, InvalidConfiguration) as error:
            if self._context is None:
                raise error if isinstance(error, InvalidConfiguration) else _unread(error) from error
            log.warning("mail.certificate_not_renewed", error=str(error)[:300])
        return self._context

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # An encrypted key would ask at the terminal for its password.
            context.load_cert_chain(self.chain, self.key, password="")
        except ssl.SSLError as error:
            raise InvalidConfiguration(
                f"MAIL_TLS_CERT and MAIL_TLS_KEY are no certificate and its key in PEM, without a password ({error.reason or error})."
            ) from error
        except OSError as error:
            raise _unread(error) from error
        return context

    def ends(self) -> datetime:
        """The end of the certificate's own validity."""
        try:
            return signed.valid_until(self.chain.read_bytes())
        except OSError as error:
            raise _unread(error) from error
        except ValueError as error:
            raise InvalidConfiguration(f"MAIL_TLS_CERT {self.chain} is no certificate in PEM.") from error


def _unread(error: OSError) -> InvalidConfiguration:
    return InvalidConfiguration(
        f"{error.filename or 'The certificate'} cannot be read: {error.strerror}; check MAIL_TLS_CERT and MAIL_TLS_KEY."
    )


def probe(settings: Settings, now: datetime) -> Probe:
    """Whether the listener can speak TLS, and for how long; what `doctor` says."""
    try:
        found = Certificate.of(settings)
        if found is None:
            return Probe(
                ok=True, detail="without TLS; set MAIL_TLS_CERT and MAIL_TLS_KEY where letters cross a network"
            )
        found.context()
        ends = found.ends()
    except OutcomeRuntimeError as error:
        return Probe(ok=False, detail=error.message)
    until = f"until {ends:%Y-%m-%d}"
    if ends <= now:
        return Probe(ok=False, detail=f"the certificate was valid {until}; renew {found.chain}")
    soon = "; renew it now" if ends - now < SOON else ""
    return Probe(ok=not soon, detail=f"STARTTLS is required; the certificate is valid {until}{soon}")
