"""The words of a message: its text and HTML parts, decoded whatever they claim to be; attachments are never read."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

_LONGEST = 400_000
_MOST_PARTS = 200
_WRONG_CHARSETS = {"": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8", "iso-8859-1": "cp1252", "latin-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949", "unicode-1-1-utf-7": "utf-7"}  # fmt: skip
"""What senders write, and what they mean by it (the WHATWG Encoding Standard says the same)."""


@dataclass(frozen=True, slots=True)
class Words:
    text: str
    html: str
    faults: tuple[str, ...] = ()


def words(message: Message) -> Words:
    """Inline text and HTML in their order. A text part that is HTML counts as HTML."""
    text, html, faults = [], [], []
    for part in _inline(message):
        try:
            shown = _decoded(part)
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError, IndexError):
            faults.append("undecodable_part")
            continue
        kind = _kind(part)
        if kind == "text/html" or re.match(r"\s*<(?:!doctype html|html)\b", shown, re.IGNORECASE):
            html.append(shown)
        else:
            text.append(_unflowed(part, shown))
    if _kind(message) in {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}:
        faults.append("encrypted")
    return Words("\n".join(text)[:_LONGEST], "\n".join(html)[:_LONGEST], tuple(faults))


def is_attachment(part: Message) -> bool:
    """By its disposition, or because a part named like a file is no speech."""
    disposition = str(part.get("Content-Disposition", "")).partition(";")[0].strip().lower()
    return disposition == "attachment" or bool(
        _parameter(part, "filename", "content-disposition") or _parameter(part, "name")
    )


def kinds(message: Message) -> tuple[tuple[str, Message], ...]:
    """Every part's type, attached messages not entered."""
    return tuple((_kind(part), part) for part in _walk(message))


def parameter(part: Message, name: str) -> str:
    return _parameter(part, name).lower()


def content(part: Message) -> str:
    """A part's decoded text, empty when it has none."""
    try:
        return _decoded(part)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, IndexError):
        return ""


def _inline(message: Message) -> Iterator[Message]:
    for part in _walk(message):
        if not part.is_multipart() and _kind(part) in {"text/plain", "text/html"} and not is_attachment(part):
            yield part


def _walk(message: Message) -> list[Message]:
    found: list[Message] = []
    waiting = [message]
    while waiting and len(found) < _MOST_PARTS:
        part = waiting.pop()
        found.append(part)
        # Only of these: asked for a text part's, the library decodes it, and not every charset's name can be looked up.
        inside = part.get_payload() if part.is_multipart() else None
        if (
            isinstance(inside, list)
            and _kind(part).startswith("multipart/")
            and not (part is not message and is_attachment(part))
        ):
            waiting += [item for item in reversed(inside) if isinstance(item, Message)]
    return found


def _kind(part: Message) -> str:
    return str(part.get_content_type()).lower()


def _parameter(part: Message, name: str, header: str = "content-type") -> str:
    try:
        found = part.get_param(name, "", header=header)
    except (ValueError, TypeError, AttributeError, LookupError, IndexError):
        return ""
    return str(found[-1] if isinstance(found, tuple) else found or "")


def _decoded(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    raw = raw[: 4 * _LONGEST]
    named = re.sub(r"[^a-z0-9_-]", "", _parameter(part, "charset").lower())
    for charset in dict.fromkeys((_WRONG_CHARSETS.get(named, named), "utf-8")):
        try:
            if codecs.lookup(charset)._is_text_encoding:  # noqa: SLF001  "base64" is a codec too
                return raw.decode(charset)
        except (LookupError, ValueError):
            continue
    return raw.decode("cp1252", "replace")


def _unflowed(part: Message, text: str) -> str:
    """format=flowed (RFC 3676): lines that end in a blank go on in the next one of the same quote depth."""
    if _parameter(part, "format").lower() != "flowed":
        return text
    joint = "" if _parameter(part, "delsp").lower() == "yes" else " "
    out: list[str] = []
    flowing = False
    for line in text.replace("\r\n", "\n").split("\n"):
        marks, rest = _quote(line)
        if flowing and out and _quote(out[-1])[0] == marks:
            out[-1] = f"{out[-1].removesuffix(' ')}{joint}{rest}"
        else:
            out.append(f"{marks}{' ' if marks else ''}{rest}")
        flowing = rest.endswith(" ") and rest != "-- "
    return "\n".join(out)


def _quote(line: str) -> tuple[str, str]:
    """Quote marks, and the line unstuffed of the blank that guards it."""
    marks = line[: len(line) - len(line.lstrip(">"))]
    return marks, line[len(marks) :].removeprefix(" ")
