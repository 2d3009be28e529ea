"""Links to a gate's page: whose it is and until when, sealed so that nobody can make or change one."""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

PATH = "/g"
AFTER = timedelta(days=7)
"""How long a link still shows what became of its gate."""
_BODY = struct.Struct(">16s8sI")
_MAC = 16
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. `mark` stands for its recipient, who is found among the members by `owner`."""

    gate_id: UUID
    mark: bytes
    expires: datetime
    token: str


def gate_url(public_url: str, secret: str, gate_id: UUID, recipient: str, expires: datetime) -> str:
    """The address of this gate's page for one person; `expires` is best `until(due_at)`."""
    return f"{public_url.rstrip('/')}{PATH}/{token(secret, gate_id, recipient, expires)}"


def until(due_at: datetime) -> datetime:
    return due_at + AFTER


def token(secret: str, gate_id: UUID, recipient: str, expires: datetime) -> str:
    body = _BODY.pack(gate_id.bytes, _mark(secret, gate_id, recipient), int(expires.timestamp()))
    return base64.urlsafe_b64encode(body + sign(secret, "page-link", body)).decode().rstrip("=")


def read(secret: str, token: str) -> Link | None:
    """None for whatever we did not make. An expired link is still read: its reader is told so."""
    if len(token) > _LONGEST:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    if len(raw) != _BODY.size + _MAC or not hmac.compare_digest(mac, sign(secret, "page-link", body)):
        return None
    gate, mark, expires = _BODY.unpack(body)
    canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return Link(UUID(bytes=gate), mark, datetime.fromtimestamp(expires, UTC), canonical)


def owner(secret: str, link: Link, candidates: Iterable[str]) -> str | None:
    """Whose link it is, among these addresses; all of them are looked at, whichever it is."""
    found = [address for address in candidates if hmac.compare_digest(link.mark, _mark(secret, link.gate_id, address))]
    return found[0] if found else None


def sign(secret: str, purpose: str, *parts: bytes) -> bytes:
    """HMAC-SHA256, cut to 128 bits; each part is counted, so that no two lists of parts look alike."""
    said = b"".join(struct.pack(">I", len(part)) + part for part in (purpose.encode(), *parts))
    return hmac.new(secret.encode(), said, hashlib.sha256).digest()[:_MAC]


def _mark(secret: str, gate_id: UUID, recipient: str) -> bytes:
    return sign(secret, "page-recipient", gate_id.bytes, recipient.casefold().encode())[:8]
