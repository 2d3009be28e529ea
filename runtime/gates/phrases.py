"""How a sentence begins, read phrase by phrase against the table of plain words. PURE."""
# ruff: noqa: RUF001  marks that phones type

import re
import unicodedata
from dataclasses import dataclass

from runtime.gates.hedges import MARKS
from runtime.gates.variants import BESIDE, CHOSEN, DENIED, NO, READ_IT, REGRET, STRONG_YES, THANKS, WEAK_YES, phrases

_TAGS: dict[str, str] = {
    word.translate(MARKS): tag
    for tag, table in (("beside", BESIDE), ("weak", WEAK_YES), ("strong", STRONG_YES), ("no", NO), ("no", DENIED))
    for word in phrases(table)
} | dict.fromkeys(REGRET, "regret")
_KINDNESS = frozenset({"beside", "regret"})
_KNOWN = frozenset({*_TAGS, *phrases(CHOSEN)})
_LONGEST = max(map(len, _KNOWN))
_BETWEEN = re.compile(r"[\s,;:.!*_~\"'()\[\]&，、。！؛،–—\-👍✅🎉🚢🚀🙏🙂😀😊✔👌💯]*")
_APART = re.compile(r"[,;:.!–—\-，、。！(]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\u0e00-\u0e7f]")


@dataclass(frozen=True, slots=True)
class Opening:
    """What a sentence begins with, phrase by phrase, and the words behind it."""

    tags: frozenset[str]
    """Of `strong`, `weak`, `no`, `beside` and `regret`."""
    chosen: frozenset[str]
    """Answers of a gate that were named by a word of their own."""
    rest: str
    apart: bool
    """Whether punctuation sets the rest off."""
    acknowledges: bool = False
    """"Ok, thanks": the letter was read, and perhaps no more."""
    repeats: bool = False
    """"Ja, ja": said twice, a mild yes is worn."""

    @property
    def decides(self) -> bool:
        return bool(self.chosen or self.tags - _KINDNESS)


def opening(sentence: str) -> Opening:
    plain = _LET_US.sub("let's", _THANKED.sub("thanks", unicodedata.normalize("NFC", sentence).translate(MARKS)))
    folded = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in plain)
    found: list[str] = []
    at = decided = 0
    while (start := _skip(folded, at)) < len(folded) and (phrase := _phrase_at(folded, start)):
        found.append(phrase)
        at = start + len(phrase)
        decided = decided if _TAGS.get(phrase) in _KINDNESS else at
    weak = [phrase for phrase in found if _TAGS.get(phrase) == "weak"]
    return Opening(
        frozenset(_TAGS[phrase] for phrase in found if phrase in _TAGS),
        frozenset(choice for choice, names in CHOSEN.items() for phrase in found if phrase in names),
        plain[_skip(plain, at) :],
        _APART.search(plain[decided : _skip(plain, at)]) is not None,
        bool(found)
        and set(found) <= READ_IT | THANKS
        and not THANKS.isdisjoint(found)
        and not READ_IT.isdisjoint(found),
        len(weak) > len(set(weak)),
    )


_THANKED = re.compile(
    r"\b(?:many thanks|thanks|thank you|danke|vielen dank|merci|gracias|obrigad[oa]|grazie|bedankt|tack|takk) (?:so much |a lot |very much )?(?:for|für|pour|por|per|voor|för) (?!nothing)[^.!?,;:\n\d]{1,80}",
    re.IGNORECASE,
)
"""Thanks for something are thanks."""
_LET_US = re.compile(r"\blet us\b", re.IGNORECASE)


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    end = found.end() if found else at
    # The sign of -1 is no punctuation.
    return end - 1 if end > at and text[end - 1] == "-" and text[end : end + 1] == "1" else end


def _phrase_at(text: str, start: int) -> str:
    """The longest known phrase that ends where a word does; in scripts without spaces, anywhere."""
    for end in range(min(len(text), start + _LONGEST), start, -1):
        phrase = text[start:end]
        if phrase in _KNOWN and (end == len(text) or not text[end].isalnum() or _UNSPACED.search(phrase)):
            return phrase
    return ""
