"""Proofs by which the providers' webhooks are believed, each as its vendor documents it, and certificates. PURE."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates

OLDEST = timedelta(minutes=15)
"""A signed time stamp may be so old: providers repeat a post that was not taken, and sign it anew."""
_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(?:\.cn)?")
_SIGNED_BY_SNS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


def basic(header: str, wanted: str) -> bool:
    """HTTP basic authentication, `wanted` as `user:password`; what Postmark's address carries."""
    scheme, _, given = header.partition(" ")
    try:
        decoded = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(decoded, wanted.encode())


def mailgun(fields: Mapping[str, str], key: str, now: datetime) -> bool:
    """HMAC-SHA256 over timestamp and token, in hexadecimal."""
    stamp, token = fields.get("timestamp", ""), fields.get("token", "")
    wanted = hmac.new(key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
    given = fields.get("signature", "").encode("utf-8", "replace")
    return bool(token) and hmac.compare_digest(wanted.encode(), given) and _recent(stamp, now)


def sendgrid(public_key: str, signature: str, stamp: str, body: bytes, now: datetime) -> bool:
    """ECDSA with SHA-256 over the time stamp and the body as it was sent; the key as the security policy shows it."""
    try:
        key = load_der_public_key(base64.b64decode(public_key))
        given = base64.b64decode(signature, validate=True)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(given, stamp.encode() + body, ec.ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return _recent(stamp, now)


def sns(fields: Mapping[str, str], certificate: bytes) -> bool:
    """RSA over the documented fields in their order, with SHA-256 (version 2) or SHA-1 (version 1)."""
    names = _SIGNED_BY_SNS.get(fields.get("Type", ""), ())
    said = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    version = fields.get("SignatureVersion")
    try:
        key = load_pem_x509_certificate(certificate).public_key()
        given = base64.b64decode(fields.get("Signature", ""), validate=True)
        if not names or not isinstance(key, rsa.RSAPublicKey) or version not in {"1", "2"}:
            return False
        # Version 1 is what a topic signs with unless it was told otherwise.
        key.verify(given, said.encode(), padding.PKCS1v15(), SHA256() if version == "2" else SHA1())  # noqa: S303
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def valid_until(chain: bytes) -> datetime:
    """The end of the first certificate of a PEM file; raises ValueError for anything else."""
    return load_pem_x509_certificates(chain)[0].not_valid_after_utc


def amazons(url: str) -> bool:
    """Whether an address named in a notification is the notification service's own; no other is ever called."""
    parts = urlsplit(url)
    try:
        plain = parts.port in {None, 443} and not parts.username
    except ValueError:
        return False
    return parts.scheme == "https" and plain and bool(_SNS_HOST.fullmatch(parts.hostname or ""))


def _recent(stamp: str, now: datetime) -> bool:
    if not re.fullmatch(r"\d{9,11}", stamp):
        return False
    return abs(now - datetime.fromtimestamp(int(stamp), UTC)) <= OLDEST
