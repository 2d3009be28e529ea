"""Letters that could not be delivered: RFC 3464 reports, and what servers write that do not know it."""

import re
from email.message import Message

from bot.mail.contracts import Incoming, Robot
from bot.mail.mailboxes import mailboxes
from bot.mail.message import Headers
from bot.mail.parts import content, kinds, parameter

_DAEMON = re.compile(r"(?:mailer-?daemon|postmaster|mail-?daemon|microsoftexchange[0-9a-f]+|bounces?|mdaemon|mail\.?delivery)(?:[+-].*)?@|^$", re.IGNORECASE)  # fmt: skip
_SUBJECT = re.compile(
    r"\s*(?:undeliverable|undelivered mail|(?:mail )?delivery (?:status notification|failure|failed|problem|report|incomplete|delayed|has failed)|delivery notification|mail (?:delivery|system) (?:failed|error)|returned mail|failure notice|failed delivery|message (?:undeliverable|delivery failure|delayed|could not be delivered)|could not (?:send|deliver)|warning: (?:message|could not)|mail could not be delivered|"
    r"unzustellbar|nicht zustellbar|unzustellbarkeit|zustellung fehlgeschlagen|ihre nachricht wurde nicht zugestellt|non remis|échec de (?:la )?remise|non distribué|message non délivré|no se puede entregar|no entregado|devuelto|non recapitabile|mancato recapito|não entregue|não é possível entregar|onbestelbaar|niet bezorgd|kan inte levereras|ej levererat|ikke levert|kan ikke leveres|nie można dostarczyć|niedostarczalne|nedoručiteln|не доставлено|недоставленное|teslim edilemedi|配信不能|配信できません|无法送达|未送达|배달되지 않음|반송)",
    re.IGNORECASE,
)
_FAILED = re.compile(r"(?:<|\b)([^\s<>:;,\"']+@[^\s<>:;,\"'()]+\w)")
_CODE = re.compile(r"(?:#|\b)([245])\.\d{1,3}\.\d{1,3}\b|\b([45])\d\d[ -]")
_DELAYED = re.compile(
    r"delay|verzöger|retard|still (?:trying|being)|will (?:be retried|keep trying|continue)|temporar", re.IGNORECASE
)


def bounce(incoming: Incoming, head: Headers) -> Robot | None:
    """A report by its parts, else a daemon's letter by sender and subject, or by X-Failed-Recipients (Exim, Gmail)."""
    for kind, part in kinds(incoming.message):
        if kind == "message/delivery-status":
            return _reported(part, incoming, head)
    failed = head.first("x-failed-recipients")
    own_report = parameter(incoming.message, "report-type") == "delivery-status"
    daemon = bool(_DAEMON.match(incoming.sender)) or incoming.envelope_from == ""
    if (
        failed
        or own_report
        or (daemon and _SUBJECT.match(incoming.subject))
        or (daemon and "qmail-send program" in incoming.text[:400])
    ):
        return _told(incoming, failed)
    return None


def _reported(part: Message, incoming: Incoming, head: Headers) -> Robot:
    """RFC 3464 section 2.3: the fields of the first recipient; `delayed` and 4.x.x may still arrive."""
    fields = _fields(part)
    action, status = fields.get("action", "").lower(), fields.get("status", "")
    address = (fields.get("final-recipient") or fields.get("original-recipient") or "").rpartition(";")[2]
    recipient = _address(address) or _told(incoming, head.first("x-failed-recipients")).recipient
    if action in {"delivered", "relayed", "expanded"}:
        return Robot("receipt", f"a delivery report says {action}", recipient=recipient)
    permanent = action != "delayed" and not status.strip().startswith("4")
    return Robot("bounce", f"delivery {action or 'failed'} {status}".strip(), recipient=recipient, permanent=permanent)


def _fields(part: Message) -> dict[str, str]:
    """Of all blocks, the first value each: the parser makes them messages of their own, a broken report is one text."""
    inside = part.get_payload() if part.is_multipart() else None
    blocks = [item for item in inside if isinstance(item, Message)] if isinstance(inside, list) else []
    pairs = [(name.lower(), str(value)) for block in blocks for name, value in block.raw_items()]
    text = "\n".join([*(content(block) for block in blocks), "" if blocks else content(part)])
    pairs += [(name.lower(), value) for name, value in re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", text, re.MULTILINE)]
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value.strip())
    return found


def _told(incoming: Incoming, failed: str) -> Robot:
    text = incoming.text or re.sub(r"<[^>]*>", " ", incoming.html)
    own = {incoming.sender, *incoming.recipients}
    named = [_address(failed), *(found.lower() for found in _FAILED.findall(text[:4000]))]
    recipient = next((address for address in named if address and address not in own), None)
    codes = [one or two for one, two in _CODE.findall(text[:8000])]
    permanent = "5" in codes or ("4" not in codes and not _DELAYED.search(incoming.subject + text[:1000]))
    return Robot("bounce", f"not delivered: {incoming.subject[:80]}", recipient=recipient, permanent=permanent)


def _address(value: str) -> str:
    found = mailboxes(value)
    return found[0].address if found else ""
