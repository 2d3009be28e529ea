"""The newest human words of a reply: quotes, what we sent, signatures and what gateways add are taken out; kept when unsure."""
# ruff: noqa: RUF001  words of other scripts look like Latin ones

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from bot.mail import endings, quotes, visible
from bot.mail.contracts import Incoming, Said
from bot.mail.visible import Line

_STUB = re.compile(
    r"\s*(?:(?:this|the|your|diese|ce|este|questo|dit)\b.{0,160}\b(?:html|mime)\b.{0,240}|\(?no text (?:part|body|content)\)?|\[?html\]?)\s*",
    re.IGNORECASE | re.DOTALL,
)
_NOISE = re.compile(r"\[(?:image|cid|inline image|bild|grafik|logo)\b[^\]]*\]|<(?:https?:|mailto:|tel:|cid:)[^<>]*>|https?://\S+|^\s*(?:[*•·-]|\d+[.)])\s+", re.IGNORECASE | re.MULTILINE)  # fmt: skip
_LINK = re.compile(r"<(?:https?:|mailto:)[^<>]*>")
_SQUEEZED = re.compile(r"[^\w%+\u2600-\u27bf\U0001f000-\U0001faff]+|_")
_INLINE = re.compile(r"\b(?:inline|in-line|below|unten|darunter|ci-dessous|abajo|sotto|abaixo|onder|nedan|nedenfor|poniżej|níže|ниже|(?:in|en) (?:red|blue|rot|blau|rouge|bleu|rojo|azul))\b|下|아래", re.IGNORECASE)  # fmt: skip
_MOST_LINES, _MOST_CHARS = 4000, 200_000
_LONG_LINE, _RUN, _RUN_CHARS, _WRAPPED_WORDS = 50, 3, 60, 3
_AHEAD, _SURE = 14, 12


@dataclass(slots=True)
class _Split:
    """Lines of one part by whose they are; `said` is in runs that quotes interrupted."""

    said: list[list[str]] = field(default_factory=lambda: [[]])
    quoted: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)

    def quote(self, *lines: str) -> None:
        self.quoted.extend(lines)
        if self.said[-1]:
            self.said.append([])


class Sent:
    """The letter a reply answers, to recognise its lines however a client broke, marked or decorated them."""

    def __init__(self, text: str) -> None:
        keys = [key for line in text.splitlines() if (key := squeezed(line))]
        self._lines = {key: place for place, key in reversed(list(enumerate(keys)))}
        self._whole = squeezed(text)

    def line(self, text: str) -> bool:
        return squeezed(text) in self._lines

    def place(self, text: str) -> int:
        """Which of its lines this is, counted from the top."""
        return self._lines.get(squeezed(text), -1)

    def part(self, text: str) -> bool:
        """Whether all its letters and digits stand in the letter in a row."""
        key = squeezed(text)
        return not key or key in self._whole


def newest(incoming: Incoming, sent_text: str) -> Said:
    """What was said in this message itself. Where text and HTML part say different things, `disagrees`: nothing follows from it."""
    return replace(_newest(incoming, sent_text), cut=_longer(incoming))


def _newest(incoming: Incoming, sent_text: str) -> Said:
    sent = Sent(sent_text)
    plain = "" if _STUB.fullmatch(incoming.text[:600]) else incoming.text
    text = _said(_plain_lines(plain), sent, incoming.sender_name) if plain.strip() else None
    if not incoming.html.strip():
        return text or Said("")
    seen = visible.lines(incoming.html)
    html = _said(seen.lines, sent, incoming.sender_name)
    chosen = html if text is None else _agreed(text, html)
    return Said(chosen.text, chosen.quoted, chosen.signature, disagrees=chosen.disagrees, hidden=seen.hidden)


def _longer(incoming: Incoming) -> bool:
    text = incoming.text
    if text.strip():
        return len(text) > _MOST_CHARS or text.count("\n") > _MOST_LINES
    return len(incoming.html) > visible.LONGEST


@lru_cache(maxsize=512)
def squeezed(text: str) -> str:
    """Its letters, digits and symbols that are words (+, %, emoji) without case; links and quote marks do not count."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _SQUEEZED.sub("", _LINK.sub(" ", text)).casefold()


def _plain_lines(text: str) -> list[Line]:
    washed = text[:_MOST_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    washed = re.sub("[\u200b\u200c\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", washed)
    washed = re.sub("[\u00a0\u2000-\u200a\u202f\u3000\t]", " ", washed)
    return [_plain_line(line) for line in washed.split("\n")[:_MOST_LINES]]


def _plain_line(line: str) -> Line:
    found = re.match(r"\s{0,3}(?:[>»]\s?)+", line)
    return Line(line[found.end() :], "quote") if found else Line(line.rstrip() if line.rstrip() != "--" else line)


def _said(lines: Sequence[Line], sent: Sent, name: str) -> Said:
    split = _split(_unglued(lines), sent)
    runs = [_unsent(run, sent) for run in split.said]
    kept: list[str] = []
    signature = list(split.signed)
    for run in runs:
        words, ended = endings.split(endings.without_banner(run), name)
        kept += [*words, ""] if any(line.strip() for line in words) else []
        signature += ended
    if split.inline and (not kept or _INLINE.search(" ".join(kept))):
        kept += split.inline
    if not kept and split.signed:
        kept, signature = _only_signed(split.signed, name)
    return Said(_joined(kept), _joined(split.quoted), _joined(signature))


def _only_signed(signed: Sequence[str], name: str) -> tuple[list[str], list[str]]:
    """Some write inside what their client marks as signature: what is none by its looks was said."""
    kept, ended = endings.split(["", *signed], name)
    first = next((line for line in kept if line.strip()), "")
    return (
        (kept, ended) if re.search(r"\b[A-Z]{5,}\b", first) or first.endswith((".", "!", "?")) else ([], list(signed))
    )


def _joined(lines: Iterable[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()


def _split(lines: Sequence[Line], sent: Sent) -> _Split:
    """One pass from the top: each line is said, signed, quoted, or part of an older message that stands unmarked."""
    split, older, attributed, number = _Split(), "", False, 0
    parsed = _parsed(lines)
    while number < len(lines):
        line = lines[number]
        header, width = _older(lines, number, begun=bool(older)) if line.mark in {"", "boundary"} else (False, 0)
        if not width and number == parsed and not older:
            header, width = True, 1
        if width:
            split.quote(*(item.text for item in lines[number : number + width]))
            number += width
            attributed = True
            older = _whose(lines[number:], sent) if header or _unmarked(lines, number) else older
            continue
        if _compares(lines, number, sent) and not attributed and not older:
            split.said[-1].append(f"> {line.text}")
        elif line.mark == "quote" or older == "theirs" or (older == "ours" and sent.part(line.text)):
            split.quote(line.text)
        elif line.mark == "signature":
            split.signed.append(line.text)
        elif older == "ours":
            split.inline.append(line.text)
        elif _wrapped(lines, number, sent):
            split.quote(line.text)
        else:
            split.said[-1].append(line.text)
        number += 1
    return split


def _compares(lines: Sequence[Line], number: int, sent: Sent) -> bool:
    """A lone "> 5 % is enough" above any quote is somebody comparing."""
    line, around = lines[number], [*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2]]
    if line.mark != "quote" or any(item.mark == "quote" for item in around):
        return False
    return bool(re.match(r"=?\s*[\d.,]+\s?(?:%|\b)", line.text)) and not sent.part(line.text)


def _unglued(lines: Sequence[Line]) -> list[Line]:
    """A client may put its attribution right behind somebody's words."""
    out: list[Line] = []
    for number, line in enumerate(lines):
        found = quotes.glued([item.text for item in lines[number : number + 4]]) if line.mark == "" else None
        found = found or (quotes.trailed(line.text) if line.mark == "" else None)
        out += [Line(part) for part in found] if found else [line]
    return out


def _parsed(lines: Sequence[Line]) -> int | None:
    """Where the parser finds an older message in what stands before anything we recognise ourselves."""
    top: list[str] = []
    for number, line in enumerate(lines[:60]):
        if line.mark in {"quote", "boundary"} or _older(lines, number, begun=False)[1]:
            break
        top.append(line.text)
    return (
        quotes.parsed_header(top)
        if any(line.rstrip().endswith((":", "：", ">")) or ":" in line for line in top)
        else None
    )


def _older(lines: Sequence[Line], number: int, *, begun: bool) -> tuple[bool, int]:
    """Whether an older message's header stands here (then all below is older), or an attribution, and over how many lines."""
    ahead = [line.text for line in lines[number : number + _AHEAD]]
    if lines[number].mark == "boundary":
        return True, 1
    if quotes.separates(ahead[0]):
        return True, 1 + _block_after(ahead[1:])
    if quotes.RULE.fullmatch(ahead[0]) and (width := _block_after(ahead[1:])):
        return True, 1 + width
    if ":" in ahead[0] or "：" in ahead[0]:
        width = quotes.header_block(ahead)
        if width:
            return True, width
    if begun or not ahead[0].strip():
        return False, 0
    same = ahead[
        : next(
            (at for at, line in enumerate(lines[number : number + _AHEAD]) if line.mark != lines[number].mark), _AHEAD
        )
    ]
    return False, quotes.attribution(same)


def _block_after(ahead: Sequence[str]) -> int:
    blank = next((at for at, line in enumerate(ahead[:3]) if line.strip()), 0)
    width = quotes.header_block(ahead[blank:])
    return blank + width if width else 0


def _unmarked(lines: Sequence[Line], number: int) -> bool:
    """Whether what follows an attribution bears no quote marks, as Yahoo and some phones write."""
    following = [line for line in lines[number : number + _AHEAD] if line.text.strip() or line.mark == "boundary"]
    return bool(following) and all(line.mark == "" for line in following[:2])


def _whose(lines: Sequence[Line], sent: Sent) -> str:
    """Ours when what follows is our letter: only there can anybody's words between the lines be told apart."""
    following = [line.text for line in lines if line.text.strip()][:_SURE]
    ours = [text for text in following if len(squeezed(text)) >= _SURE and sent.part(text)]
    return "ours" if len(ours) >= min(2, len(following)) and ours else "theirs"


def _wrapped(lines: Sequence[Line], number: int, sent: Sent) -> bool:
    """The unmarked rest of a quoted line that a client broke."""
    if not number or lines[number - 1].mark != "quote" or not lines[number].text.strip():
        return False
    before, text = lines[number - 1].text, lines[number].text
    words = text.split()
    return (
        bool(before.strip())
        and len(words) + (len(before) > _LONG_LINE) >= _WRAPPED_WORDS
        and sent.part(f"{before} {text}")
    )


def _unsent(run: Sequence[str], sent: Sent) -> list[str]:
    """Without our own lines that a client quoted bare: long ones, and short ones among others of ours."""
    kept: list[str] = []
    ours: list[str] = []
    for line in [*run, None]:
        if line is not None and (not line.strip() or sent.line(line)):
            ours.append(line)
            continue
        before, quoted, after = _in_order(ours, sent)
        spoken = [item for item in quoted if item.strip()]
        chars = sum(len(squeezed(item)) for item in spoken)
        long = len(spoken) >= _RUN or (len(spoken) > 1 and chars >= _RUN_CHARS) or chars >= _LONG_LINE
        kept += [*before, "", *after] if long else ours
        ours = []
        kept += [line] if line is not None else []
    return kept


def _in_order(run: Sequence[str], sent: Sent) -> tuple[list[str], list[str], list[str]]:
    """Our lines as the letter has them. One that stands before or behind its turn ("APPROVE" on top) was said by somebody."""
    places = [(number, sent.place(line)) for number, line in enumerate(run) if line.strip()]
    first, last = 0, len(run)
    if len(places) > 1 and places[0][1] > places[1][1]:
        first = places[0][0] + 1
    if len(places) > 1 and places[-1][1] < places[-2][1]:
        last = places[-1][0]
    return list(run[:first]), list(run[first:last]), list(run[last:])


def _agreed(text: Said, html: Said) -> Said:
    """One of two parts that say the same. A signature or a quote that only one of them could tell counts for neither."""
    one, other = _words(text.text), _words(html.text)
    if "".join(one) == "".join(other):
        return text
    short, long, rest = (text, html, one) if len(one) < len(other) else (html, text, other)
    more = other if rest is one else one
    known = set(_words(f"{short.quoted}\n{short.signature}"))
    extra = more[len(rest) :]
    if rest and more[: len(rest)] == rest and set(extra) <= known:
        return short
    return Said(long.text, long.quoted, long.signature, disagrees=True)


def _words(text: str) -> list[str]:
    bare = _NOISE.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return re.findall(r"[^\W_]+|[%+!?]|[\u2600-\u27bf\U0001f000-\U0001faff]", bare)
