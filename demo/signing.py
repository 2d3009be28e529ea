"""Standard Webhooks: sign what the demo sends, check what it is sent (standardwebhooks.com, version 1)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

TOLERANCE_SECONDS = 300


class BadSignature(Exception):
    """The message was not signed with our secret, or not within the last five minutes."""


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise BadSignature("the secret is not whsec_ and base64") from error


def _digest(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def sign(secret: str, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers that go with `body`."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_digest(secret, message_id, timestamp, body)}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The message's id, when one of its signatures is ours and its time is near; several allow a change of secret."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:  # noqa: PLR2004  any date
        raise BadSignature("webhook-id or webhook-timestamp is missing")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("webhook-timestamp is more than five minutes away")
    expected = _digest(secret, message_id, timestamp, body).encode()
    for part in headers.get("webhook-signature", "").split():
        version, _, value = part.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), expected):
            return message_id
    raise BadSignature("no signature fits")
