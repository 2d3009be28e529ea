"""Signs letters with DKIM (RFC 6376), so that whoever gets them can prove they are ours."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bot.mail.letters import domain_of
from runtime.errors import InvalidConfiguration
from runtime.settings import Settings, secret

Sign = Callable[[bytes], bytes]
_SIGNED = (
    b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"mime-version", b"content-type",
    b"auto-submitted", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
_TWICE = (b"from", b"to", b"subject", b"reply-to", b"date")
"""Named once more than they stand there: whoever adds a second one breaks the signature."""


def signer(settings: Settings) -> Sign:
    """Leaves letters as they are where MAIL_DKIM_KEY is not set."""
    key = _key(secret(settings.mail_dkim_key))
    if key is None:
        return bytes
    selector, domain = settings.mail_dkim_selector, domain_of(settings.mail_from)
    return lambda raw: signed(raw, selector, domain, key)


def signed(raw: bytes, selector: str, domain: str, key: bytes) -> bytes:
    """The letter with its signature above everything; relaxed for headers and body."""
    import dkim  # noqa: PLC0415  only where a key is set
    from dkim import KeyFormatError, ValidationError  # noqa: PLC0415  as above

    algorithm = b"rsa-sha256" if b"PRIVATE KEY" in key else b"ed25519-sha256"
    try:
        header = dkim.sign(
            raw, selector.encode(), domain.encode(), key, canonicalize=(b"relaxed", b"relaxed"), include_headers=_headers(raw),
            signature_algorithm=algorithm,
        )  # fmt: skip
    except (KeyFormatError, ValidationError, ValueError) as error:
        raise InvalidConfiguration(
            f"MAIL_DKIM_KEY cannot sign: {error}; it must be an RSA private key in PEM."
        ) from error
    return bytes(header) + raw


def _headers(raw: bytes) -> Sequence[bytes]:
    head = raw.split(b"\r\n\r\n", 1)[0].lower()
    there = [name for name in _SIGNED if (b"\r\n" + head).find(b"\r\n" + name + b":") >= 0]
    return [*there, *(name for name in _TWICE if name in there)]


def _key(said: str | None) -> bytes | None:
    """PEM as it is, or the path of a file that holds it."""
    if not said:
        return None
    if "-----BEGIN" in said:
        return said.replace("\\n", "\n").encode()
    try:
        return Path(said).read_bytes()
    except OSError as error:
        raise InvalidConfiguration(f"MAIL_DKIM_KEY names {said}, which cannot be read: {error.strerror}.") from error
