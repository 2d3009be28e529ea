"""Which stored numbers a question asks for: one table of queries, their words, and the parameters read from a question. PURE."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

LONGEST = 500
MOST_DAYS = 3650
_DEFAULT_DAYS = 14
_DAYS = {"day": 1, "week": 7, "month": 30, "fortnight": 14}
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "fourteen": 14}
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINAL = re.compile(
    rf"\b(?:the|experiment|idea)\s+({'|'.join(_PLACES)})\b(?!\s+(?:\d|days?|weeks?|months?|looks?|quarter))|(?:(?<!\S)#|\b(?:number|no\.|experiment|idea)\s*)([1-9])(?!\d)",
    re.IGNORECASE,
)
_SEGMENTS = (
    "ios", "android", "iphone", "ipad", "mobile", "desktop", "tablet", "web", "safari", "chrome", "firefox", "new users", "new visitors",
    "returning users", "returning visitors", "germany", "france", "the us", "the uk", "europe", "paid", "free users", "logged-in users",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """One question the stored data answer: the words that ask for it outright, and ways in which people put it."""

    name: str
    words: re.Pattern[str]
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and what it is narrowed to; `days` counts data time."""

    query: str
    days: int | None = None
    segment: str = ""


def _query(name: str, words: str, *samples: str) -> Query:
    return Query(name, re.compile(words, re.IGNORECASE), samples)


_BY_SEGMENT = r"\b(?:by|per|each|which|for (?:the )?)\s*(?:segments?|platforms?|countr(?:y|ies)|browsers?|devices?|cohorts?)\b|\bsegments?\b"

QUERIES: tuple[Query, ...] = (
    _query(
        "turning",
        r"\b(?:change|flip|turn)\b.{0,20}\b(?:your|its|the)\b.{0,12}\b(?:mind|advice|recommendation|verdict)\b|what would it take",
        "what would change your mind?",
        "what would it take to flip the recommendation?",
        "which result would make you advise something else?",
        "what evidence would make you advise killing it?",
    ),
    _query(
        "silence",
        r"\b(?:say|do|decide) nothing\b|\b(?:nobody|no one|no-one|don'?t|do not|doesn'?t)\b.{0,12}\b(?:answers?|decides?|reply|replies|responds?|say anything)\b",
        "what happens if I say nothing?",
        "what if nobody answers in time?",
        "what if I ignore this?",
        "what happens when the time runs out?",
    ),
    _query(
        "deciders",
        r"\bwho\b.{0,20}\b(?:decides?|approves?|may|can|signs?|is asked|has to|must|owns?)\b|\bwhose (?:call|decision)\b",
        "who decides?",
        "who has to approve this?",
        "whose call is this?",
        "who is next in the chain?",
    ),
    _query(
        "balance",
        r"randomi[sz]|\bsrm\b|sample[- ]ratio|\b(?:split|assignment|allocation)\b.{0,20}\b(?:right|ok(?:ay)?|fine|even|broken|fair|planned|balanced)\b",
        "is the randomisation all right?",
        "is the split between control and treatment as planned?",
        "does the assignment look broken?",
        "is there a sample ratio mismatch?",
    ),
    _query(
        "guardrails",
        r"guard-?rails?|\bconstraints?\b|\bclosest to (?:its|the) limit\b|\bhow (?:near|close)\b.{0,30}\blimit",
        "which guardrail is closest?",
        "how near are we to violating a constraint?",
        "which metric is about to break its limit?",
        "are the guardrails fine?",
    ),
    _query(
        "prediction",
        r"\b(?:predict\w*|prediction|forecast)\b|\bdid (?:we|the hypothesis) expect",
        "what did we predict?",
        "did it turn out as the hypothesis said?",
        "how does the result compare with what we expected?",
    ),
    _query(
        "horizon",
        r"\bwhen (?:will|do|can|shall) (?:we|i|you)\b.{0,20}\b(?:know|see|be (?:sure|done)|have (?:a|the) (?:result|answer))|\bhow (?:long|many (?:more )?days)\b|"
        r"\bwhen (?:does|will) (?:it|this|the experiment) (?:end|finish|be (?:over|done))",
        "when will we know?",
        "how long until there is a result?",
        "how many more days do we need?",
        "when does the experiment end?",
    ),
    _query(
        "segments",
        rf"{_BY_SEGMENT}|\b(?:on|in|for|among|is|does)\s+(?:{'|'.join(_SEGMENTS)})\b",
        "why is treatment worse on iOS?",
        "how does it do on mobile compared with desktop?",
        "is android doing any better?",
        "show the effect by country",
    ),
    _query(
        "looks",
        r"\b(?:last|past|previous)\s+(?:\w+\s+)?(?:days?|weeks?|months?|fortnight)\b|\b(?:chart|plot|graph|trend|curve)\b|\bover time\b|\bhistory\b",
        "show the last 14 days",
        "show me the chart of the past week",
        "how has the effect developed over time?",
        "plot the trend",
    ),
    _query(
        "certainty",
        r"\bhow (?:sure|certain|confident)\b|\b(?:significant|significance|p-?value|confidence interval)\b|\bis (?:it|this|that) (?:real|luck|noise|chance)\b",
        "how sure are we?",
        "how confident are you in this result?",
        "could this just be noise or luck?",
        "are the results trustworthy?",
    ),
    _query(
        "waiting",
        r"\b(?:waits?|waiting|pending|open)\b.{0,20}\b(?:for me|on me|gates?|decisions?)\b|\bwhat (?:is|'s) (?:waiting|pending)\b|\bmy (?:gates|inbox)\b",
        "what is waiting for me?",
        "which decisions are open?",
        "do I have to approve anything?",
    ),
    _query(
        "learned",
        r"\b(?:learn(?:ed|t|ings?)?|lessons?)\b|\btried (?:before|already)\b",
        "what did we learn about checkout?",
        "have we tried this before?",
        "what do earlier experiments say?",
    ),
    _query(
        "standing",
        r"\bhow (?:is|are|'s) (?:it|this|things|that|the experiment|treatment|we)\b.{0,20}\b(?:going|doing|performing)\b|\bstatus\b|\bresults? so far\b|\bwhat (?:is|'s|are) the results?\b|\bhow does it stand\b",
        "how is it going?",
        "what is the result so far?",
        "is treatment better than control?",
        "why is treatment worse?",
    ),
    _query(
        "target",
        r"\b(?:target|goal)\b|\bhow far\b",
        "how far are we from the target?",
        "will the outcome be reached?",
        "what is the level of the metric now?",
    ),
)
NAMES = tuple(query.name for query in QUERIES)
_OPENERS = re.compile(
    r"\s*(?:what|why|how|when|who|whose|which|where|is|are|am|do|does|did|can|could|will|would|has|have|was|were|show|tell|explain|plot|draw|chart|give)\b",
    re.IGNORECASE,
)


def asks(text: str) -> bool:
    """Whether words are put as a question or a wish to see something, rather than said to colleagues."""
    return text.rstrip().endswith("?") or _OPENERS.match(text) is not None


def by_words(text: str) -> Asked | None:
    """The first query whose own words stand in the question."""
    short = " ".join(text.split())[:LONGEST]
    found = next((query for query in QUERIES if query.words.search(short)), None)
    return narrowed(Asked(found.name), short) if found else None


def narrowed(asked: Asked, text: str) -> Asked:
    """With the days and the segment that the question names."""
    if asked.query == "looks":
        return replace(asked, days=asked.days or days_of(text))
    if asked.query == "segments":
        return replace(asked, segment=asked.segment or segment_of(text))
    return asked


def days_of(text: str) -> int:
    """`last 14 days`, `past two weeks`, `last month`; a fortnight where nothing is said."""
    found = re.search(r"(?:last|past|previous)\s+(?:(\w+)\s+)?(day|week|month|fortnight)s?\b", text, re.IGNORECASE)
    if found is None:
        return _DEFAULT_DAYS
    word = (found[1] or "1").casefold()
    number = (
        int(word) if word.isascii() and word.isdigit() and len(word) <= len(str(MOST_DAYS)) else _NUMBERS.get(word, 1)
    )
    return min(max(number, 1) * _DAYS[found[2].casefold()], MOST_DAYS)


def ordinal_of(text: str) -> int | None:
    """`the first one`, `number 2`, `#3`: a place in the list that was shown, from 0; none where no place is named."""
    found = _ORDINAL.search(text)
    if found is None:
        return None
    return int(found[2]) - 1 if found[2] else _PLACES.index(found[1].casefold())


def segment_of(text: str) -> str:
    """The part of the users a question names, in its own words; empty if it names none."""
    known = re.search(rf"\b({'|'.join(_SEGMENTS)})\b", text, re.IGNORECASE)
    return known[1] if known else ""


def samples() -> Iterator[tuple[str, str]]:
    """(query, a way to put it): what a question is held against by meaning."""
    return ((query.name, sample) for query in QUERIES for sample in query.samples)


def examples() -> tuple[str, ...]:
    return tuple(query.samples[0] for query in QUERIES)
