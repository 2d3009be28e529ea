"""Header text decoded, and addresses taken from it by the letter of RFC 5322: nothing that merely looks like an address counts."""

import re
import unicodedata
from binascii import Error
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

_LONGEST = 20_000
_MOST = 500
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]"
_ADDRESS = re.compile(
    rf"(?:{_ATEXT}+(?:\.{_ATEXT}+)*|\"(?:[^\"\\\x00-\x1f\x7f]|\\[\x20-\x7e])+\")"
    r"@(?:[A-Za-z0-9\u0080-\U0010ffff_](?:[A-Za-z0-9\u0080-\U0010ffff_.-]{0,252}[A-Za-z0-9\u0080-\U0010ffff_])?|\[[0-9A-Za-z:.]{2,64}\])"
)
_LOOKS_LIKE = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One author or recipient; `address` is lower case, empty when it is none."""

    name: str
    address: str
    fault: str = ""


def decoded(value: str) -> str:
    """Encoded words read, raw 8-bit text guessed (UTF-8, else Latin-1), on one line."""
    text = _eight_bit(value[:_LONGEST])
    if "=?" in text:
        with suppress(HeaderParseError, Error, ValueError, AssertionError):
            text = "".join(_word(word, charset) for word, charset in decode_header(re.sub(r"\s*[\r\n]+\s*", " ", text)))
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()


def _eight_bit(text: str) -> str:
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _word(word: str | bytes, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    try:
        return word.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return word.decode("utf-8", "replace")


def lowered(text: str) -> str:
    """ASCII only: a Kelvin sign must not become the k of somebody else's domain."""
    return "".join(char.lower() if char.isascii() else char for char in text)


def mailboxes(value: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an address header, in order. A group gives its members, each with the fault `group`."""
    found: list[Mailbox] = []
    piece: list[tuple[str, str]] = []
    group = False
    for kind, text in _tokens(_eight_bit(value[:_LONGEST])):
        if kind == ":" and not group:
            piece, group = [], True
        elif kind in {",", ";"}:
            found += [_mailbox(piece, group=group)] if piece else []
            piece, group = [], group and kind == ","
        else:
            piece.append((kind, text))
    found += [_mailbox(piece, group=group)] if piece else []
    return tuple(found[:_MOST])


def _tokens(value: str) -> Iterator[tuple[str, str]]:
    """Quoted strings, comments (dropped), what stands in angles, separators and words."""
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"?|\(|<[^<>]*>?|[,;:]|[^\s"(<,;:]+', _uncommented(value), re.DOTALL):
        text = found[0]
        kind = {'"': "quoted", "<": "angle", ",": ",", ";": ";", ":": ":"}.get(text[0], "word")
        yield kind, text


def _uncommented(value: str) -> str:
    """Comments nest, and a bracket in a quoted string opens none."""
    out, depth, quoted, skip = [], 0, False, False
    for char in value:
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif char == "(" and not quoted:
            depth += 1
        elif char == ")" and depth and not quoted:
            depth -= 1
            out.append(" ")
            continue
        if not depth:
            out.append(char)
    return "".join(out)


def _mailbox(piece: list[tuple[str, str]], *, group: bool) -> Mailbox:
    angles = [place for place, (kind, _) in enumerate(piece) if kind == "angle"]
    if not angles:
        text = "".join(text for _, text in piece)
        return Mailbox("", *_checked(text, len(piece), group=group))
    inside = re.sub(r"^<\s*(?:@[^:<>]*:)?|\s*>$", "", piece[angles[0]][1])
    name = decoded(" ".join(_unquoted(text) for _, text in piece[: angles[0]]))
    if len(angles) > 1 or angles[0] != len(piece) - 1 or not piece[-1][1].endswith(">"):
        return Mailbox(name, "", "text_after_address")
    return Mailbox(name, *_checked(inside, 1, group=group))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1] if text.endswith('"') else text[1:]) if text.startswith('"') else text


def _checked(text: str, pieces: int, *, group: bool) -> tuple[str, str]:
    whole = _ADDRESS.fullmatch(text) if pieces == 1 or text.startswith('"') else None
    if not whole or "=?" in text or any(unicodedata.category(char) in {"Cc", "Cf", "Zs"} for char in text):
        return "", "not_an_address"
    return lowered(text), "group" if group else ""


def named_otherwise(mailbox: Mailbox) -> bool:
    """Whether a display name shows an address that is not the mailbox's own."""
    shown = _LOOKS_LIKE.findall(mailbox.name.lower())
    return any(address != mailbox.address for address in shown)
