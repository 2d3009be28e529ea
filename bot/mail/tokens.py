"""Reply addresses and Message-IDs that carry a gate and a MAC which only one recipient's letters have."""

import base64
import hashlib
import hmac
import re
from binascii import Error
from collections.abc import Iterable, Sequence
from typing import Literal
from uuid import UUID

from bot.mail.contracts import Token
from runtime.errors import InvalidConfiguration

Purpose = Literal["reply", "thread"]
_MAC_BYTES = 10
"""80 bits: half of what HMAC-SHA256 may be cut to (RFC 2104 section 5), which leaves the base address 20 characters."""
_GATE_LENGTH, _MAC_LENGTH, _LONGEST_LOCAL = 26, 16, 64
_TAG = re.compile(rf"([a-z2-7]{{{_GATE_LENGTH}}})\.([a-z2-7]{{{_MAC_LENGTH}}})")
_MESSAGE = re.compile(
    rf"<?gate-([a-z2-7]{{{_GATE_LENGTH}}})\.[a-z2-7]{{1,26}}\.([a-z2-7]{{{_MAC_LENGTH}}})@[^<>\s@]{{1,255}}>?",
    re.IGNORECASE,
)


def reply_address(base: str, gate_id: UUID, recipient: str, secret: str | bytes) -> str:
    """`outcomes+<gate>.<mac>@domain`; raises InvalidConfiguration when the base leaves no room in 64 characters (RFC 5321)."""
    local, _, domain = base.strip().rpartition("@")
    if not local or not domain:
        raise InvalidConfiguration(f"MAIL_REPLY_TO is no address: {base!r}; set it to one like outcomes@example.com.")
    tagged = f"{local}+{_base32(gate_id.bytes)}.{_mac('reply', gate_id, recipient, secret)}"
    if len(tagged) > _LONGEST_LOCAL:
        most = _LONGEST_LOCAL - (len(tagged) - len(local))
        raise InvalidConfiguration(f"MAIL_REPLY_TO's {local!r} is too long; at most {most} characters before the @.")
    return f"{tagged}@{domain}"


def read(address: str, base: str) -> Token | None:
    """What an address under our base carries. Whether the MAC is right is `owner`'s to say."""
    local, _, domain = address.strip().lower().rpartition("@")
    own, _, home = base.strip().lower().rpartition("@")
    if domain != home or not local.startswith(f"{own}+"):
        return None
    found = _TAG.fullmatch(local.removeprefix(f"{own}+"))
    return _token(found[1], found[2]) if found else None


def owner(token: Token, candidates: Iterable[str], secret: str | bytes, *, purpose: Purpose = "reply") -> str | None:
    """Whose letter the token came from. Every candidate is compared, whichever fits, so that time tells nothing."""
    found: str | None = None
    for candidate in candidates:
        fits = hmac.compare_digest(_mac(purpose, token.gate_id, candidate, secret).encode(), token.mac.lower().encode())
        found = candidate if fits and found is None else found
    return found


def message_id(letter_dedupe: str, gate: UUID, recipient: str, secret: str | bytes, domain: str) -> str:
    """`<gate-<id>.<n>.<mac>@domain>`, the same each time the same letter is sent."""
    number = _base32(hashlib.sha256(letter_dedupe.encode()).digest()[:_MAC_BYTES])
    return f"<gate-{_base32(gate.bytes)}.{number}.{_mac('thread', gate, recipient, secret)}@{domain}>"


def read_message_id(value: str) -> Token | None:
    """The gate and MAC (purpose `thread`) of one of our Message-IDs."""
    found = _MESSAGE.fullmatch(value.strip())
    return _token(found[1].lower(), found[2].lower()) if found else None


def threads(ids: Sequence[str]) -> tuple[Token, ...]:
    """Those of our letters that In-Reply-To and References name, in their order, each once."""
    return tuple(dict.fromkeys(token for value in ids if (token := read_message_id(value))))


def _mac(purpose: Purpose, gate_id: UUID, recipient: str, secret: str | bytes) -> str:
    key = secret.encode() if isinstance(secret, str) else secret
    said = b"\0".join((b"mail", purpose.encode(), gate_id.bytes, recipient.strip().lower().encode("utf-8", "replace")))
    return _base32(hmac.new(key, said, hashlib.sha256).digest()[:_MAC_BYTES])


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=").lower()


def _token(gate: str, mac: str) -> Token | None:
    """None for a spelling we never write: the last character of a gate has bits to spare."""
    try:
        gate_id = UUID(bytes=base64.b32decode(gate.upper() + "=" * 6))
    except (Error, ValueError):
        return None
    return Token(gate_id, mac) if _base32(gate_id.bytes) == gate else None
