"""Stored secrets: sealed with AES-256-GCM under keys that can be changed, and tokens kept only as hashes."""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.errors import InvalidConfiguration, VaultFailed

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12
SHOWN_CHARACTERS = 6
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals with the first key, opens with any. A blob opens only for the organisation and purpose it was sealed for."""

    newest: str
    _keys: Mapping[str, AESGCM] = field(repr=False)

    @classmethod
    def from_keys(cls, keys: str) -> "Vault":
        """Reads `kid:base64,kid2:base64,...`; a lone base64 key without a kid is named by its own fingerprint."""
        entries = [entry.strip() for entry in keys.split(",") if entry.strip()]
        named = [_parse_entry(entry, place) for place, entry in enumerate(entries, start=1)]
        if not named:
            raise InvalidConfiguration("ENCRYPTION_KEYS is empty; write kid:base64 of 32 random bytes.")
        if len({kid for kid, _ in named}) < len(named):
            raise InvalidConfiguration("ENCRYPTION_KEYS names a kid twice; give each key a kid of its own.")
        return cls(named[0][0], {kid: AESGCM(key) for kid, key in named})

    def seal(self, secret: str, *, org_id: UUID | str, purpose: str) -> str:
        """`v1.kid.nonce.ciphertext`, the last two in base64url without padding; never the same twice."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._keys[self.newest].encrypt(nonce, secret.encode(), _bound_to(org_id, purpose))
        return ".".join((VERSION, self.newest, _text(nonce), _text(sealed)))

    def open(self, blob: str, *, org_id: UUID | str, purpose: str) -> str:
        kid, nonce, sealed = _parts(blob)
        key = self._keys.get(kid)
        if key is None:
            raise VaultFailed(
                f"A stored secret was sealed with key '{kid}', which ENCRYPTION_KEYS does not hold; "
                "put that key back beside the new one.",
                kid=kid,
            )
        try:
            return key.decrypt(nonce, sealed, _bound_to(org_id, purpose)).decode()
        except InvalidTag as error:
            raise VaultFailed(
                f"A stored secret does not open with key '{kid}': the key's value was changed, or the secret was "
                "damaged or moved here from elsewhere. Put the old key back, or store the secret anew.",
                kid=kid,
                purpose=purpose,
            ) from error

    def is_stale(self, blob: str) -> bool:
        """Whether it was sealed with another key than the one that writes now."""
        return _parts(blob)[0] != self.newest

    def rotate(self, blob: str, *, org_id: UUID | str, purpose: str) -> str:
        """The same secret under the newest key; a blob that is there already comes back unchanged."""
        if not self.is_stale(blob):
            return blob
        return self.seal(self.open(blob, org_id=org_id, purpose=purpose), org_id=org_id, purpose=purpose)


def hash_token(token: str) -> str:
    """SHA-256 in hex. Enough for random 256-bit tokens; never use it for words that people choose."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(prefix: str) -> tuple[str, str, str]:
    """`(token, beginning to show in lists, hash to store)`; the token itself is shown once and kept nowhere."""
    token = f"{prefix}_{secrets.token_urlsafe(KEY_BYTES)}"
    return token, token[: len(prefix) + 1 + SHOWN_CHARACTERS], hash_token(token)


def _parse_entry(entry: str, place: int) -> tuple[str, bytes]:
    kid, colon, encoded = entry.rpartition(":")
    try:
        key = base64.b64decode(encoded.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidConfiguration(f"Key {place} in ENCRYPTION_KEYS is not base64; write kid:base64.") from error
    if len(key) != KEY_BYTES:
        raise InvalidConfiguration(f"Key {place} in ENCRYPTION_KEYS has {len(key)} bytes; it needs {KEY_BYTES}.")
    kid = kid if colon else hashlib.sha256(key).hexdigest()[:8]
    if not _KID.fullmatch(kid):
        raise InvalidConfiguration(
            f"Key {place} in ENCRYPTION_KEYS has an unusable kid; use 1 to 32 letters, digits, - or _."
        )
    return kid, key


def _bound_to(org_id: UUID | str, purpose: str) -> bytes:
    organisation = str(org_id)
    if "|" in organisation:
        raise VaultFailed("An organisation's id holds no '|'; pass its UUID.")
    return f"{organisation}|{purpose}".encode()


def _parts(blob: str) -> tuple[str, bytes, bytes]:
    fields = blob.split(".")
    if len(fields) != 4 or fields[0] != VERSION:  # noqa: PLR2004  v1.kid.nonce.ciphertext
        raise VaultFailed("What is stored is not a sealed secret of version v1; store the secret anew.")
    try:
        nonce, sealed = _bytes(fields[2]), _bytes(fields[3])
    except (binascii.Error, ValueError) as error:
        raise VaultFailed("A sealed secret is damaged; restore it from a backup or store it anew.") from error
    if len(nonce) != NONCE_BYTES:
        raise VaultFailed("A sealed secret is damaged; restore it from a backup or store it anew.")
    return fields[1], nonce, sealed


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Only the one canonical spelling is accepted, so that every changed character of a blob is noticed."""
    raw = base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True)
    if _text(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
