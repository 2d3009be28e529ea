"""Which way letters leave: SMTP, a provider's API, or the sandbox's mailbox where none is configured."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bot.mail.contracts import Transport
from bot.mail.dkim import signer
from bot.mail.sandbox_in import mailbox_url
from runtime.errors import InvalidConfiguration
from runtime.integrations.contracts import Probe
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from urllib.parse import SplitResult

PROVIDERS = ("postmark", "sendgrid", "mailgun", "resend")
_SCHEMES = ("smtp", "smtps", *PROVIDERS)


def configured(settings: Settings) -> bool:
    """Whether there is any way out for letters."""
    return bool(secret(settings.smtp_url)) or mailbox_url(settings) is not None


def open_transport(settings: Settings) -> Transport:
    """Nothing is connected before the first letter. Raises InvalidConfiguration where there is no way, or no such one."""
    url = secret(settings.smtp_url)
    if url:
        return _by_url(url, settings)
    sandbox = mailbox_url(settings)
    if sandbox is None:
        raise InvalidConfiguration("SMTP_URL is not set, so no letters can be sent; set it, as docs/email.md shows.")
    from bot.mail.transports.sandbox import SandboxTransport  # noqa: PLC0415  one way is used, the others need not be imported

    return SandboxTransport(sandbox, secret(settings.slack_bot_token) or "", signer(settings))


def _by_url(url: str, settings: Settings) -> Transport:
    parts = _parts(url)
    if parts.scheme in {"smtp", "smtps"}:
        from bot.mail.transports.smtp import SmtpTransport, Way  # noqa: PLC0415  as above

        return SmtpTransport(Way.of(parts), signer(settings))
    from bot.mail.transports import providers  # noqa: PLC0415  as above

    key = unquote(parts.username or "")
    if not key:
        raise InvalidConfiguration(f"SMTP_URL {parts.scheme}:// needs the provider's key: {parts.scheme}://KEY@.")
    if parts.scheme == "mailgun" and not parts.hostname:
        raise InvalidConfiguration("SMTP_URL mailgun:// needs the sending domain: mailgun://KEY@mg.example.com.")
    return providers.made(parts.scheme, key, parts.hostname or "")


def _parts(url: str) -> "SplitResult":
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidConfiguration("SMTP_URL cannot be read; write it as smtp://user:password@host:587.") from error
    if parts.scheme not in _SCHEMES:
        raise InvalidConfiguration(
            f"SMTP_URL begins with {parts.scheme}://; known are {', '.join(f'{one}://' for one in _SCHEMES)}."
        )
    return parts


async def probe(settings: Settings) -> Probe:
    """Whether the server answers and takes our name and password; providers are asked nothing, since that would send."""
    url = secret(settings.smtp_url)
    transport = open_transport(settings)
    try:
        if url and urlsplit(url).scheme in {"smtp", "smtps"}:
            from bot.mail.transports.smtp import SmtpTransport  # noqa: PLC0415  as above

            assert isinstance(transport, SmtpTransport)
            return await transport.probe()
    finally:
        await transport.close()
    return Probe(
        ok=True,
        detail=f"by {urlsplit(url).scheme}'s API" if url else "to the sandbox's mailbox; set SMTP_URL for real mail",
    )
