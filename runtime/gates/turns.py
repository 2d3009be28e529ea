"""Where words turn: somebody corrects themselves, ends what they began, or has not decided for good. PURE."""
# ruff: noqa: RUF001  words of other languages

import re


def corrected(said: str) -> tuple[str, bool]:
    """What stands behind the last correction, and whether it says what was meant; empty without one, or if it is about something else."""
    turns = list(_CORRECTS.finditer(said))
    last = said[turns[-1].end() :].strip(" ,.:;!–—-\n\t") if turns else ""
    if not last or _ELSEWHERE.search(last):
        return "", False
    return last, turns[-1]["meant"] is not None


def ends_it(later: str) -> str:
    """A sentence that begins as an order to end the experiment, behind words that would start it; empty without one."""
    found = _OTHER_VERDICT.search(later)
    return found[0].strip(" .!;,\n") if found else ""


def still_open(reason: str) -> str:
    """Who cannot approve now, or not themselves, has not said no for good; the words that say so."""
    found = _OPEN_STILL.search(reason)
    return found[0] if found else ""


_CORRECTS = re.compile(
    r"(?:^|(?<=[\s.,;:!?…–—-]))(?:(?P<meant>(?:(?:oops|sorry|no|wait|argh|pardon)[,.!:]?\s+)*(?:i (?:meant|mean)(?: to (?:say|write))?|correction|wrong (?:button|word|answer)|make that|typo)\b)"
    r"|(?:(?:oh|no|hm+|sorry)[,.!]?\s+)*(?:wait|scratch that|strike that|actually|on second thoughts?|i(?:'ve| have)? changed my mind|i take (?:it|that) back|never ?mind|forget that|ignore that|moment|doch nicht|quatsch|korrektur|en fait|finalement|mejor no|perdón|anzi|ripensandoci|bij nader inzien|toch niet)\b"
    r"(?:[,.!:–—-]*\s*(?:no|nein|non|nee|nej)\b(?=\W+\w))?)",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:other|another|different|wrong) (?:one|thread|gate|experiment|mail|letter|email)\b", re.IGNORECASE
)

_OTHER_VERDICT = re.compile(
    r"(?:^|[.!;,:\n–—])\W*(?:(?:actually|no|nein|but|then|so|please|let's|just|rather|better|or|and|now|oh|wait|hm+)\W+)*"
    r"(?:(?:kill|stop|abort|cancel|reject|halt|pause|abandon|drop|scrap|revert|undo)(?:\s+(?:it|this|that|the \w+))?\s*(?:$|[.!;,\n])|turn it off|shut it down|roll it back\s*(?:$|[.!;,\n]))",
    re.IGNORECASE,
)

_OPEN_STILL = re.compile(
    r"^\W*(?:until|till|unless|before|yet|bis|jusqu'\w+|hasta|até|finché|tot)\b[^\n.]*"
    r"|\bnot (?:the|an?|my) (?:\w+ ){0,2}(?:owner|approver|person|decision|call|responsibility|job)\b|\bnot (?:mine|authori[sz]ed|entitled|allowed)\b|\bno authority\b|\b(?:on|am on|i'm on) (?:vacation|leave|holiday)\b",
    re.IGNORECASE,
)
