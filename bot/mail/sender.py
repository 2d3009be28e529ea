"""Who wrote: proved by our border server's Authentication-Results, else by a signature we check ourselves."""

import math
import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from bot.mail.contracts import DnsText, Incoming, Sender
from bot.mail.mailboxes import lowered
from bot.mail.message import AUTHOR_FAULTS, Headers

_LONGEST, _MOST_SIGNATURES = 8000, 6
_ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})
"""RFC 8301 forbids rsa-sha1."""
_LEEWAY = 300
"""Seconds that a signer's clock may be off."""


def verified(incoming: Incoming, raw: bytes, *, authserv_id: str, dns: DnsText | None = None, now: datetime) -> Sender:
    """`dns` gives TXT records; without it only our own server's word counts, without `authserv_id` only the signature.

    With both, our server's word is held against the letter: what claims a signature that is not there was not written by our server.
    """
    doubts = tuple(fault for fault in incoming.faults if fault in AUTHOR_FAULTS)
    if not incoming.sender or doubts:
        return Sender(incoming.sender, verified=False, reasons=doubts or ("no single author",))
    reasons: list[str] = []
    if authserv_id.strip():
        how, why = _told(incoming, authserv_id, compare=dns is not None)
        if how:
            return Sender(incoming.sender, verified=True, how=how)
        if why == _FAILED:
            return Sender(incoming.sender, verified=False, reasons=(why,))
        reasons.append(why)
    if dns is not None:
        how, why = _signed(incoming, raw, dns, now)
        if how:
            return Sender(incoming.sender, verified=True, how=how)
        reasons.append(why)
    return Sender(incoming.sender, verified=False, reasons=tuple(reasons) or ("nothing here checks who sent it",))


_FAILED = "our server says dmarc=fail"
_OTHER_FROM = "its Authentication-Results speaks of another From"
_UNSIGNED = "its Authentication-Results claims a signature that the letter does not have"


def _told(incoming: Incoming, authserv_id: str, *, compare: bool) -> tuple[str, str]:
    """Only the topmost block counts: our server puts its own on top, and anything below may be the sender's (RFC 8601 section 5)."""
    lines = Headers(incoming.message).all("authentication-results")
    if not lines:
        return "", "no Authentication-Results header"
    found = _parsed(lines[0])
    if found is None:
        return "", "the topmost Authentication-Results header cannot be read"
    if str(found.authserv_id).lower() != authserv_id.strip().lower():
        return "", f"the topmost Authentication-Results is {str(found.authserv_id)[:80]}'s, not {authserv_id.strip()}'s"
    if compare and not _has_signatures(incoming, found.results):
        return "", _UNSIGNED
    return _passed(found.results, domain_of(incoming.sender))


def _parsed(line: str) -> Any:
    """None for what cannot be read: unread is unproved."""
    try:
        import authres  # type: ignore[import-untyped]  # noqa: PLC0415  only mail that came in needs it

        return authres.all_features().parse_value(line[:_LONGEST])
    except Exception:  # noqa: BLE001  authres raises plain SyntaxErrors, and others on what it does not expect
        return None


def vouched_by(line: str) -> str:
    """The name of the server that a header says it is of, in lower case; empty for what cannot be read."""
    found = _parsed(line) if line else None
    return str(found.authserv_id).strip().lower() if found is not None else ""


def _has_signatures(incoming: Incoming, results: list[Any]) -> bool:
    """A server that checked a signature leaves it where it is: whatever is said to pass must stand in the letter."""
    lines = Headers(incoming.message).all("dkim-signature")
    signed = {lowered(_tags(line).get("d", "").strip(". ")) for line in lines} - {""}
    passed = [one for one in results if str(one.method).lower() == "dkim" and _result(one) == "pass"]
    exact = {domain for one in passed for domain in _domains(one, "d")}
    named = {domain for one in passed if not _domains(one, "d") for domain in _domains(one, "i")}
    return exact <= signed and all(any(aligned(signer, name) for signer in signed) for name in named)


def _passed(results: list[Any], domain: str) -> tuple[str, str]:
    """All of one method must pass: a header with dmarc=fail and dmarc=pass proves nothing."""
    dmarc = [result for result in results if str(result.method).lower() == "dmarc"]
    if any(_result(result) == "fail" for result in dmarc):
        return "", _FAILED
    if any(not aligned(told, domain) for result in dmarc for told in _domains(result, "from")):
        return "", _OTHER_FROM
    passed = [result for result in dmarc if _result(result) == "pass"]
    if passed and all(domain in _domains(result, "from") for result in dmarc):
        return "dmarc", ""
    for result in results:
        if str(result.method).lower() == "dkim" and _result(result) == "pass":
            signers = _domains(result, "d") or _domains(result, "i")
            if any(aligned(signer, domain) for signer in signers):
                return "dkim", ""
    return "", "dmarc passed for another domain" if passed else "neither dmarc nor an aligned dkim passed"


def _result(result: Any) -> str:
    return str(result.result).lower()


def _domains(result: Any, name: str) -> list[str]:
    """The domain of `header.<name>`; `header.i` and some servers' `header.from` are whole addresses. None when it stands twice."""
    found = [
        item.value
        for item in result.properties or []
        if (str(item.type).lower(), str(item.name).lower()) == ("header", name)
    ]
    return [lowered(str(value).rpartition("@")[2].strip('." ')) for value in found] if len(found) == 1 else []


def aligned(signer: str, author: str) -> bool:
    """The signer is the author's domain or one above it, of at least two labels.

    DMARC also lets one below sign; without the public suffix list that would let any customer of a hosting domain speak for it, so it
    does not count here.
    """
    signer, author = lowered(signer.strip(". ")), lowered(author.strip(". "))
    return "." in signer and (author == signer or author.endswith(f".{signer}"))


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip(".")


def _signed(incoming: Incoming, raw: bytes, dns: DnsText, now: datetime) -> tuple[str, str]:
    """Our own DKIM check (RFC 6376): the first signature that holds, is aligned, covers From and the whole body, and has not run out."""
    lines = Headers(incoming.message).all("dkim-signature")
    if not lines:
        return "", "no DKIM signature"
    why = "no signature holds"
    for place, line in enumerate(lines[:_MOST_SIGNATURES]):
        tags = _tags(line)
        refused = _refused(tags, domain_of(incoming.sender), now)
        if not refused and _holds(raw, place, tags, dns):
            return "own dkim", ""
        why = refused or "its DKIM signature does not hold"
    return "", why


def _tags(line: str) -> dict[str, str]:
    """Empty for a signature that says one thing twice."""
    parts = [part.partition("=") for part in line.split(";") if part.strip()]
    found = {name.strip(): re.sub(r"\s+", "", value) for name, _, value in parts}
    return found if len(found) == len(parts) else {}


def _refused(tags: dict[str, str], domain: str, now: datetime) -> str:
    signed = [name.lower() for name in tags.get("h", "").split(":")]
    checks = (
        (not tags, "its DKIM signature cannot be read"),
        (tags.get("a", "").lower() not in _ALGORITHMS, "its DKIM signature uses a weak algorithm"),
        (not aligned(tags.get("d", ""), domain), "its DKIM signature is another domain's"),
        ("from" not in signed, "its DKIM signature leaves From out"),
        # Else anything its author ever wrote to anybody could be sent to us anew, as if it were an answer.
        ("to" not in signed, "its DKIM signature leaves To out"),
        ("l" in tags, "its DKIM signature covers only the beginning of the body"),
        (_seconds(tags.get("x"), absent=math.inf, wrong=0) <= now.timestamp(), "its DKIM signature has run out"),
        (
            _seconds(tags.get("t"), absent=0, wrong=math.inf) > now.timestamp() + _LEEWAY,
            "its DKIM signature is from the future",
        ),
    )
    return next((why for wrong, why in checks if wrong), "")


def _seconds(value: str | None, *, absent: float, wrong: float) -> float:
    """RFC 6376 allows twelve digits."""
    if value is None:
        return absent
    return float(value) if re.fullmatch(r"[0-9]{1,12}", value) else wrong


def _holds(raw: bytes, place: int, tags: dict[str, str], dns: DnsText) -> bool:
    import dkim  # noqa: PLC0415  imports DNS and cryptography

    def text(name: bytes, timeout: int = 5) -> bytes:
        records = [record for record in dns(name.decode("ascii", "replace").rstrip(".")) if "p=" in record]
        # More than one key record, one for tests, or one that forbids sub-domains where there is one: no key for us.
        flags = _tags(records[0]).get("t", "").lower().split(":") if len(records) == 1 else ["y"]
        strict = "s" in flags and tags.get("i", "@").rpartition("@")[2].lower() not in {"", tags.get("d", "").lower()}
        return b"" if "y" in flags or strict else records[0].encode()

    with suppress(
        dkim.DKIMException,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        UnicodeError,
        OSError,
        ArithmeticError,
    ):
        return bool(dkim.DKIM(raw, minkey=1024).verify(place, dnsfunc=text))
    return False
