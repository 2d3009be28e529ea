"""A letter of ours as replies to it are read: gate, options and evidence stand in its headers (bot/mail/letters.py writes them)."""

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from typing import Any
from uuid import UUID

from bot.mail.contracts import SentLetter
from runtime.errors import InvalidRequest

GATE, OPTIONS, EVIDENCE, PROPOSAL = (
    "X-Outcome-Gate",
    "X-Outcome-Options",
    "X-Outcome-Evidence",
    "X-Outcome-Proposal",
)


def sent_letter(raw: bytes) -> SentLetter:
    """A letter as replies to it are read. Raises InvalidRequest for one that is not a gate's."""
    message = message_from_bytes(raw, policy=default)
    try:
        gate_id = UUID(_header(message, GATE).strip())
        options = _unpacked(_header(message, OPTIONS))
    except ValueError as error:
        raise InvalidRequest(
            f"This is no letter of a gate: its {GATE} or {OPTIONS} header is missing or damaged. "
            "`outcome-runtime mail preview gate` writes one."
        ) from error
    reply_to, to = _address(message, "Reply-To"), _address(message, "To")
    if not to:
        raise InvalidRequest("This letter has no recipient in To; take the .eml as it was sent.")
    return SentLetter(
        gate_id, to, _header(message, "Message-ID").strip(), _plain(message), options,
        _header(message, EVIDENCE).strip() or None, reply_to, _proposal(message),
    )  # fmt: skip


def _proposal(message: EmailMessage) -> UUID | None:
    try:
        return UUID(_header(message, PROPOSAL).strip())
    except ValueError:
        return None


def _unpacked(header: str) -> tuple[Mapping[str, Any], ...]:
    try:
        found = json.loads(b64decode("".join(header.split()), validate=True))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not options") from error
    if not isinstance(found, list) or not all(isinstance(item, dict) and "id" in item for item in found):
        raise ValueError("not options")
    return tuple({"label": item["id"], **item} for item in found)


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name) or "")


def _address(message: EmailMessage, name: str) -> str:
    found = [address for _, address in getaddresses([_header(message, name)]) if "@" in address]
    return found[0].lower() if found else ""


def _plain(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    try:
        return str(part.get_content()) if isinstance(part, EmailMessage) else ""
    except (LookupError, KeyError, ValueError):
        return ""
