"""The kinds of value outcome.yaml is made of: texts, slugs, numbers, durations, addresses, paths, maps."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BeforeValidator,
    JsonValue,
    PlainSerializer,
    Strict,
    WithJsonSchema,
    WrapValidator,
)

from runtime.spec.durations import (
    BusinessTime,
    InvalidDuration,
    format_duration,
    format_sla,
    parse_duration,
    parse_sla,
    whole_seconds,
)
from runtime.spec.faults import At, Fault, refuse, shown
from runtime.spec.references import has_reference, malformed

SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+")
SLACK_PLACE = re.compile(r"#[^\s#@,:.A-Z]{1,80}|[CGD][A-Z0-9]{5,20}")
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
DEEPEST_CONFIG = 12
LONGEST_KEY = 100
LARGEST_WHOLE = 2**63


def _text(limit: int, allowed: str = "") -> Callable[[str], str]:
    def check(text: str) -> str:
        refuse(_text_faults(text, limit, allowed))
        return text

    return check


def _text_faults(text: str, limit: int, allowed: str) -> Iterator[Fault]:
    if not text.strip():
        yield Fault((), "is blank", "write something, or remove the line")
    if len(text) > limit:
        yield Fault((), f"is {len(text)} characters long, the limit is {limit}", "shorten it")
    hidden = next((c for c in text if c not in allowed and _hidden(c)), None)
    if hidden is not None:
        yield Fault((), f"contains the invisible character U+{ord(hidden):04X}", "delete it")


def _hidden(character: str) -> bool:
    """Control characters, half surrogates, and marks that make text read other than it is."""
    return unicodedata.category(character) in {"Cc", "Cs"} or character in DIRECTION_MARKS


def _version(number: int) -> int:
    if number != 1:
        refuse([Fault((), "is a version this release cannot read", "write version: 1")])
    return number


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text) or len(text) > 64:  # noqa: PLR2004 - the limit is named in the message below
        refuse(
            [
                Fault(
                    (),
                    f"{shown(text)} is not a slug",
                    "use up to 64 of a-z, 0-9 and single - or _ between: checkout-mobile",
                )
            ]
        )
    return text


def _email(text: str) -> str:
    if not EMAIL.fullmatch(text) or len(text) > 254:  # noqa: PLR2004 - RFC 5321's longest address
        refuse([Fault((), f"{shown(text)} is not an e-mail address", "write one address: ana@example.com")])
    return text


def _channel(text: str) -> str:
    kind, _, address = text.partition(":")
    slack = kind == "slack" and SLACK_PLACE.fullmatch(address)
    mail = text == "email" or (kind == "email" and EMAIL.fullmatch(address))
    if not slack and not mail:
        refuse([Fault((), f"{shown(text)} is not a channel", "write slack:#name, email, or email:ana@example.com")])
    return text


def _default_channel(text: str) -> str:
    refuse(malformed(text))
    if not has_reference(text) and not SLACK_PLACE.fullmatch(text):
        refuse([Fault((), f"{shown(text)} is not a Slack channel", 'write "#name" in quotes, or a channel id')])
    return text


def _reference(text: str) -> str:
    refuse(malformed(text))
    return text


def _path(text: str) -> str:
    refuse(_path_faults(text))
    return text


def _path_faults(text: str) -> Iterator[Fault]:
    if text.startswith(("/", "~")) or "\\" in text or re.match(r"[A-Za-z]:", text):
        yield Fault(
            (), f"{shown(text)} is not relative to the repository", "write it with / from the root: frontend/checkout/"
        )
    if ".." in text.split("/"):
        yield Fault((), f"{shown(text)} climbs out with `..`", "write the path without it")


def _span(value: object) -> timedelta:
    return _read(value, parse_duration, "30m, 24h, 3d, 6w")


def _sla(value: object) -> timedelta:
    return _read(value, parse_sla, "30m, 24h, 3d, or business hours: 8bh")


def _read(value: object, parse: Callable[[str], timedelta], examples: str) -> timedelta:
    if not isinstance(value, str | timedelta):
        refuse([Fault((), f"{shown(value)} is not a duration", f"give it a unit: {examples}")])
    try:
        span = value if isinstance(value, timedelta) else parse(str(value))
        whole_seconds(span)
    except InvalidDuration as error:
        reason, _, mend = error.message.partition("; ")
        refuse([Fault((), reason, mend.rstrip("."))])
    return span


def between(shortest: str, longest: str) -> AfterValidator:
    """Both ends are allowed."""
    low, high = parse_duration(shortest), parse_duration(longest)

    def check(span: timedelta) -> timedelta:
        if not low <= span <= high:
            refuse([Fault((), f"{format_duration(span)} is out of range", f"write between {shortest} and {longest}")])
        return span

    return AfterValidator(check)


def _sla_in_range(span: timedelta) -> timedelta:
    """Ninety days of either kind, and at least a minute; both ends are allowed."""
    business = isinstance(span, BusinessTime)
    longest = timedelta(hours=8 * 90) if business else timedelta(days=90)
    if not timedelta(minutes=1) <= span <= longest:
        ends = "between 1bm and 720bh" if business else "between 1m and 90d"
        refuse([Fault((), f"{format_sla(span)} is out of range", f"write {ends}")])
    return span


def _brief(number: float) -> float:
    """Whole numbers without `.0`, so that 800 stays 800 in files and JSON."""
    return int(number) if number.is_integer() and abs(number) < LARGEST_WHOLE else number


def _segment(segment: dict[str, str]) -> dict[str, str]:
    faults = (fault.under(key) for key, text in segment.items() for fault in _text_faults(text, 200, ""))
    refuse([*_key_faults(segment, ()), *faults])
    return segment


def _config(config: dict[str, JsonValue]) -> dict[str, JsonValue]:
    refuse([*_storable(config, ()), *malformed(config)])
    return config


def _storable(value: Any, at: At) -> Iterator[Fault]:
    """What JSON in Postgres cannot keep, or nobody could have meant."""
    if len(at) > DEEPEST_CONFIG:
        yield Fault(at, f"is nested more than {DEEPEST_CONFIG} levels deep", "flatten it")
    elif isinstance(value, dict):
        yield from _key_faults(value, at)
        yield from (fault for key, inner in value.items() for fault in _storable(inner, (*at, key)))
    elif isinstance(value, list):
        yield from (fault for index, inner in enumerate(value) for fault in _storable(inner, (*at, index)))
    elif isinstance(value, str) and any(c == "\0" or unicodedata.category(c) == "Cs" for c in value):
        yield Fault(at, "contains a character that cannot be stored", "delete it")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(at, "is not a finite number", "write a number, or put it in quotes")
    elif isinstance(value, int) and abs(value) >= LARGEST_WHOLE:
        yield Fault(at, "is too large a number", "put it in quotes")


def _key_faults(mapping: dict[str, Any], at: At) -> Iterator[Fault]:
    for key in mapping:
        yield from (
            Fault((*at, key), f"its key {fault.reason}", fault.mend) for fault in _text_faults(key, LONGEST_KEY, "")
        )


Line = Annotated[str, AfterValidator(_text(200))]
Prose = Annotated[str, AfterValidator(_text(4000, "\n\t"))]
Rule = Annotated[str, AfterValidator(_text(500))]
Slug = Annotated[str, AfterValidator(_slug)]
Email = Annotated[str, AfterValidator(_email)]
ChannelAddress = Annotated[str, AfterValidator(_channel)]
SlackChannel = Annotated[str, AfterValidator(_default_channel)]
Secret = Annotated[str, AfterValidator(_text(1000)), AfterValidator(_reference)]
ScopePath = Annotated[str, AfterValidator(_text(300)), AfterValidator(_path)]
Version = Annotated[int, Strict(), AfterValidator(_version)]
Whole = Annotated[int, Strict()]
Whether = Annotated[bool, Strict()]
Number = Annotated[
    float,
    Strict(),
    AllowInfNan(allow_inf_nan=False),
    PlainSerializer(_brief, return_type=int | float, when_used="json"),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_span),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["6w", "24h", "30m", "P6W"]}),
]
Sla = Annotated[
    timedelta,
    WrapValidator(lambda value, _: _sla(value)),
    AfterValidator(_sla_in_range),
    PlainSerializer(format_sla, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["24h", "30m", "8bh"]}),
]
Segment = Annotated[dict[str, str], AfterValidator(_segment)]
Config = Annotated[dict[str, JsonValue], AfterValidator(_config)]
