"""Standard Webhooks 1.0 (standardwebhooks.com): sign what we send, check what we are sent."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from runtime.errors import InvalidConfiguration, NotAuthenticated

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
FEWEST_SECRET_BYTES = 16
LONGEST_ID = 256
MOST_SIGNATURES = 16
_LONGEST_TIMESTAMP = 12


def new_secret() -> str:
    """32 random bytes, the middle of the 24 to 64 the standard asks for."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 HMAC-SHA256 of id.timestamp.body>`; the timestamp in whole Unix seconds."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def signed_headers(secrets_: str | Iterable[str], message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers of one message. Several secrets give several signatures, so that receivers can change over.

    Use the same `message_id` when the message is sent again: receivers take it as the idempotency key.
    """
    if not _usable_id(message_id):
        raise ValueError("a webhook-id is 1 to 256 printable ASCII characters without a full stop")
    keys = [secrets_] if isinstance(secrets_, str) else list(secrets_)
    if not keys:
        raise InvalidConfiguration("Nothing to sign with; set a whsec_... secret for this receiver.")
    timestamp = int(now.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message_id, timestamp, body) for key in keys),
    }


def verify(
    secrets_: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The message's id, if one of its signatures was made with one of our secrets and its time is near; else NotAuthenticated."""
    found = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = found.get("webhook-id", ""), _timestamp(found.get("webhook-timestamp", ""))
    if not _usable_id(message_id):
        raise NotAuthenticated("webhook-id is missing or unusable; send 1 to 256 ASCII characters without a full stop.")
    if abs(now.timestamp() - timestamp) > tolerance.total_seconds():
        minutes = tolerance.total_seconds() / 60
        raise NotAuthenticated(
            f"webhook-timestamp is more than {minutes:g} minutes away from our clock; sign again now."
        )
    keys = [secrets_] if isinstance(secrets_, str) else secrets_
    expected = [signature(key, message_id, timestamp, body).encode() for key in keys]
    if not _any_equal(found.get("webhook-signature", ""), expected):
        raise NotAuthenticated(
            "No webhook-signature fits this body; sign the exact bytes with the secret you were given."
        )
    return message_id


def _any_equal(given: str, expected: list[bytes]) -> bool:
    """Compares every pair in constant time; parts of other versions, or of no version, simply do not fit."""
    parts = [part.encode() for part in given.split()[:MOST_SIGNATURES]]
    return any([hmac.compare_digest(part, whole) for part in parts for whole in expected])  # noqa: C419  no early end


def _usable_id(message_id: str) -> bool:
    """A full stop would let one signature fit two readings of id.timestamp.body."""
    printable = message_id.isascii() and message_id.isprintable() and " " not in message_id
    return 0 < len(message_id) <= LONGEST_ID and printable and "." not in message_id


def _timestamp(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_TIMESTAMP):
        raise NotAuthenticated("webhook-timestamp is missing or no number; send whole Unix seconds.")
    return int(text)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidConfiguration(
            "A webhook secret is not whsec_ and base64; copy it whole, or make a new one."
        ) from error
    if len(key) < FEWEST_SECRET_BYTES:
        raise InvalidConfiguration(f"A webhook secret is shorter than {FEWEST_SECRET_BYTES} bytes; make a new one.")
    return key
