"""What a reader sees as one character (Unicode's UAX #29, extended clusters), so that no cut goes through one. PURE."""

import unicodedata
from collections.abc import Iterator

JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)
_TONES = range(0x1F3FB, 0x1F400)
_LEADING = (range(0x1100, 0x1160), range(0xA960, 0xA97D))
_VOWELS = (range(0x1160, 0x11A8), range(0xD7B0, 0xD7C7))
_TRAILING = (range(0x11A8, 0x1200), range(0xD7CB, 0xD7FC))
_SYLLABLES = range(0xAC00, 0xD7A4)
_KOREAN = range(0x1100, 0xD7FC)
_FINALS = 28
"""Every 28th Hangul syllable has no final consonant yet."""
_VIRAMA = 9
"""The combining class of signs that bind two consonants of an Indic script."""


def clusters(text: str) -> Iterator[str]:
    """The text in pieces that must stay whole."""
    start = 0
    for at in range(1, len(text)):
        if not _joined(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def cut(text: str, limit: int) -> str:
    """As `whole`, but never nothing: a first cluster that is longer is cut itself."""
    return whole(text, limit) or text[:limit]


def whole(text: str, limit: int) -> str:
    """The longest beginning of at most `limit` characters that ends between two clusters."""
    if len(text) <= limit:
        return text
    start = _begins(text, limit)
    kept = start
    for cluster in clusters(text[start : limit + 64]):
        if kept + len(cluster) > limit:
            break
        kept += len(cluster)
    return text[:kept]


def _begins(text: str, at: int) -> int:
    """The last place up to `at` where a cluster begins, whatever stands before it; flags in a row are counted from the first."""
    return next((place for place in range(at, 0, -1) if not _joined(text, place - 1, place)), 0)


def extends(c: str) -> bool:
    """Whether it only changes the character before it."""
    return unicodedata.category(c) in {"Mn", "Me", "Mc"} or ord(c) in _TONES or c in {JOINER, "\u200c"}


def _joined(text: str, start: int, at: int) -> bool:
    before, c = text[at - 1], text[at]
    if c in "\r\n\t" or before in "\r\n\t":
        return before + c == "\r\n"
    if c.isascii() and before.isascii():
        return False
    return extends(c) or _pair(text, start, at) or _after_joiner(before, c) or _hangul(ord(before), ord(c))


def _pair(text: str, start: int, at: int) -> bool:
    """Two regional indicators are one flag; a third begins the next."""
    return at - start == 1 and ord(text[start]) in _REGIONAL and ord(text[at]) in _REGIONAL


def _after_joiner(before: str, c: str) -> bool:
    if before == JOINER:
        return unicodedata.category(c) == "So"
    return unicodedata.combining(before) == _VIRAMA and unicodedata.category(c) == "Lo"


def _hangul(before: int, c: int) -> bool:
    if c not in _KOREAN or before not in _KOREAN:
        return False
    opened = any(before in known for known in _VOWELS) or (before in _SYLLABLES and (before - 0xAC00) % _FINALS == 0)
    closed = before in _SYLLABLES or any(before in known for known in _TRAILING)
    if any(before in known for known in _LEADING):
        return c in _SYLLABLES or any(c in known for part in (_LEADING, _VOWELS) for known in part)
    if opened and any(c in known for known in _VOWELS):
        return True
    return (opened or closed) and any(c in known for known in _TRAILING)
