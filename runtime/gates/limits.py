"""Conditions as people word them, brought to the conditions a gate knows. PURE."""
# ruff: noqa: RUF001  marks that phones type

import re
from collections.abc import Iterator

from runtime.gates.terms import Limit, Misread, Note, Term, checked, parse_clause

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio janeiro januari", "february feb februar février febrero febbraio fevereiro februari",
            "march mar märz mars marzo março maart", "april apr avril abril aprile", "may mai mayo maggio maio mei maj", "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho", "august aug août agosto augusti augustus", "september sep sept septembre septiembre settembre setembro",
            "october oct okt oktober octobre octubre ottobre outubro", "november nov novembre noviembre novembro", "december dec dez dezember décembre diciembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_SHARE = r"(?P<n>\d{1,3})\s*(?:%|percent|per cent|prozent|pour cent|por ciento|por cento|per cento|procent)(?:\s+(?:of\s+(?:the\s+|our\s+|all\s+)?)?(?:users?|traffic|people|customers|visitors|audience|rollout|exposure|nutzer|der nutzer|des utilisateurs|de los usuarios|dos usuários|degli utenti))?"
_LEAD = r"(?:please\s+|bitte\s+|only\s+|just\s+|and\s+|that\s+|with\s+|we\s+|you\s+|it(?:'s| is)?\s+|is\s+|are\s+|be\s+|stay(?:s)?\s+|keep\s+(?:it\s+|this\s+)?|start\s+(?:it\s+)?|run\s+(?:it\s+)?|launch\s+(?:it\s+)?|a\s+|the\s+|nur\s+|mit\s+|avec\s+|con\s+|com\s+|met\s+)*"
_CAPS = re.compile(
    rf"{_LEAD}(?:(?:hard\s+)?(?:cap(?:ped|ping)?|limit(?:ed)?|restrict(?:ed)?|max(?:imum)?|at\s+most|up\s+to|(?:no|not)\s+more\s+than|under|below|höchstens|maximal|begrenzt\s+auf|au\s+plus|au\s+maximum|maximum|limité\s+à|como\s+máximo|máximo|al\s+massimo|massimo|no\s+máximo|hoogstens|maximaal|högst|for|at|to|on|within)\s*)(?:(?:it|this|the\s+\w+|rollout|exposure|traffic|users)\s+)?(?:is\s+|of\s+|at\s+|to\s+|auf\s+|à\s+|de\s+|a\s+|bei\s+|von\s+|[:=]\s*)*{_SHARE}(?:\s+(?:max(?:imum)?|cap|please|only|tops))?",
    re.IGNORECASE,
)
_CAP_BEHIND = re.compile(rf"{_LEAD}{_SHARE}\s*(?:cap|max(?:imum)?|limit|tops|only|at most)?", re.IGNORECASE)
_UNTIL = re.compile(
    rf"{_LEAD}(?:run\s+)?(?:until|till|deadline|through|no later than|bis(?:\s+zum)?|jusqu'au|jusqu'à|hasta(?:\s+el)?|fino\s+al|até|tot|t/m|to)\s*:?\s*(?:the\s+|le\s+|den\s+)?(?P<day>.+)",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"(?:please\s+)?(?:only|just|nur|seulement|solo|sólo|alleen|limit(?:ed)?\s+to|restrict(?:ed)?\s+to|for)\s+(?:for\s+|on\s+|in\s+|to\s+|auf\s+|für\s+|sur\s+|pour\s+|en\s+|para\s+|su\s+|op\s+)?(?:the\s+)?(?P<what>ios|android|iphone|web|desktop|mobile)(?:\s+(?:users?|app|devices?|only|nutzer))?(?:\s+only)?",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"(?:(?:as long as|while|provided|that|if|the|our)\s+)*(?P<name>[a-z][a-z0-9_.\-]*(?:\s+[a-z0-9_.\-]+){0,3}?)\s+(?:(?:stays?|remains?|is|are|keeps?|must be|must stay|should stay|does not go|doesn't go|does not exceed|never)\s+)?(?P<op>below|under|less than|at most|no more than|not above|not over|above|over|at least|more than|<=|>=|<|>|≤|≥|exceeds?)\s*(?P<value>-?\d+(?:\.\d+)?)\s*(?P<share>%|percent)?",
    re.IGNORECASE,
)
_LOWER = frozenset({"above", "over", "at least", "more than", ">=", ">", "≥"})
_TURNED = re.compile(
    r"(?:not|never)\s+(?:go\s+)?(?:above|over|exceeds?)|n't (?:go\s+)?(?:above|over|exceed)|not exceed", re.IGNORECASE
)
_VAGUE = re.compile(
    r"(?<!\w)(?:you think|you (?:are|feel|believe|want|like|agree)|seems?|possible|feels?|makes? sense|(?:all|everything|it|that|this)(?:'s| is| looks?| are)? (?:ok|okay|fine|good|well|right|safe)|(?:no ?body|no one|others?|everyone|everybody|anyone) (?:else )?(?:objects?|agrees?|minds?|complains?)|needed|necessary|appropriate|reasonable|some(?:thing|how|what)?|maybe|perhaps|probably|whatever|etc|tbd|i (?:have|get|find) time|things? (?:go|look))(?!\w)|^\W*(?:ok|okay|fine|good|so|not|possible|yes|true|condition)\W*$|\?",
    re.IGNORECASE,
)


def term(clause: str) -> Term | None:
    """One condition, in the documented words or in those people use for the same; None when it is neither."""
    said = " ".join(clause.replace("’", "'").split()).strip(" .!*_-•")
    return parse_clause(said) or next((found for form in _FORMS if (found := form(said)) is not None), None)


def terms_of(text: str) -> tuple[Term, ...] | None:
    """All conditions of a text in which every clause is one; None when any is not, or two clash."""
    for cut in (r"[;\n]", r"[;,\n]", r"[;,\n]|\s+(?:and|und|et|y|e|en|&)\s+"):
        found = [term(clause) for clause in _clauses(text, cut)]
        if found and all(one is not None for one in found):
            kept = checked([one for one in found if one is not None])
            return None if isinstance(kept, Misread) else kept
    return None


def conditions_of(text: str) -> tuple[Term, ...] | None:
    """As `terms_of`, for the documented form: what is no known condition is kept in words, if it is clear what it asks for."""
    if (known := terms_of(text)) is not None:
        return known
    found: list[Term] = []
    words: list[str] = []
    for clause in _clauses(text, r"[;\n]"):
        one = terms_of(clause)
        if one is not None:
            found += [item for item in one if not isinstance(item, Note)]
            words += [item.text for item in one if isinstance(item, Note)]
        elif _VAGUE.search(clause) or _MEANT.match(clause):
            return None
        else:
            words.append(clause.strip(" .*_"))
    notes = [Note(text="; ".join(words)[:1000])] if words else []
    kept = checked([*found, *notes])
    return None if isinstance(kept, Misread) else kept


def later_terms(text: str) -> tuple[tuple[Term, ...], str]:
    """Conditions that are sentences of their own, and all other sentences.

    "The refund rate is below 2 %" reports something there; only a bound in signs sets one.
    """
    found: list[Term] = []
    others: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
        known = (
            terms_of(
                re.sub(
                    r"^\W*(?:but|and|please|with|bitte|aber|mais|pero|ma|mas|maar)\s+",
                    "",
                    sentence,
                    flags=re.IGNORECASE,
                )
            )
            or ()
        )
        meant = [item for item in known if not isinstance(item, Note)]
        if meant and not (any(isinstance(item, Limit) for item in meant) and not re.search(r"[<>≤≥]", sentence)):
            found += meant
        else:
            others.append(sentence)
    return tuple(found), "\n".join(others)


_MEANT = re.compile(r"\W*(?:cap(?:ped)?\b[^a-z]*\d|until\b|deadline\b|segment\b|\d+\s*%)", re.IGNORECASE)
"""A condition of a known kind that names no possible value: kept as mere words it would bind nobody."""


def measurable(text: str) -> bool:
    """Whether a condition in free words can at least be checked: it names a number."""
    return re.search(r"\d", text) is not None and _VAGUE.search(text) is None


def _clauses(text: str, cut: str) -> Iterator[str]:
    for clause in re.split(cut, text):
        said = re.sub(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+", "", clause).strip(" \t:")
        said = re.sub(r"^(?:and|und|et|y|also)\s+", "", said, flags=re.IGNORECASE)
        if said.strip(" .!"):
            yield said


def _cap(said: str) -> Term | None:
    found = _CAPS.fullmatch(said) or _CAP_BEHIND.fullmatch(said)
    return parse_clause(f"cap {found['n']}%") if found else None


def _deadline(said: str) -> Term | None:
    found = _UNTIL.fullmatch(said)
    day = _day(found["day"].strip(" .")) if found else None
    return parse_clause(f"until {day}") if day else None


def _day(said: str) -> str | None:
    """A day whose month and year are beyond doubt; 03/04/2026 is two days, and nobody could say which."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", said):
        return said
    if found := re.fullmatch(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", said):
        return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    named = re.fullmatch(
        r"(\d{1,2})(?:st|nd|rd|th|\.|er)?\s+(?:of\s+|de\s+)?([^\W\d_]+)\.?,?\s+(?:de\s+|of\s+)?(\d{4})", said
    )
    turned = re.fullmatch(r"([^\W\d_]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})", said)
    day, month, year = named.groups() if named else (turned[2], turned[1], turned[3]) if turned else ("", "", "")
    number = _MONTHS.get(month.casefold())
    return f"{year}-{number:02}-{int(day):02}" if number else None


def _segment(said: str) -> Term | None:
    found = _ONLY.fullmatch(said)
    what = found["what"].casefold() if found else ""
    return parse_clause(f"segment platform={'ios' if what == 'iphone' else what}") if what else None


def _limit(said: str) -> Term | None:
    found = _BOUND.fullmatch(said)
    if found is None:
        return None
    name = "_".join(found["name"].split()).casefold()
    lower = found["op"].casefold() in _LOWER and _TURNED.search(said) is None
    if found["op"].casefold().startswith("exceed") and _TURNED.search(said) is None:
        return None
    return parse_clause(f"{name} {'>=' if lower else '<='} {found['value']}{'%' if found['share'] else ''}")


_FORMS = (_cap, _deadline, _segment, _limit)
