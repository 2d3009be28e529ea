"""What letters are made of: a page of plain blocks, from which the text and the HTML part are both drawn. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.slack.words import clean

Tone = Literal["plain", "good", "bad", "wait"]
Option: TypeAlias = Mapping[str, Any]
_MOST = 4000


@dataclass(frozen=True, slots=True)
class Say:
    """A paragraph; `strong` is said first in bold."""

    text: str
    strong: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one below the other."""

    rows: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """The inline picture's words: what it shows to whom sees none, and a line of block characters."""

    alt: str
    sparkline: str = ""
    drawn: bool = True
    told: bool = False
    """Whether what it shows stands above it in words, so that nothing is missing without the picture."""


@dataclass(frozen=True, slots=True)
class Part:
    """A titled text; `more` lines of it were folded away."""

    title: str
    lines: tuple[str, ...]
    code: bool = False
    more: int = 0


@dataclass(frozen=True, slots=True)
class Ways:
    """How to answer: the form to write, and what it does."""

    lead: str
    forms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's words, as they came."""

    lines: tuple[str, ...]
    who: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """The only thing in a letter that can be pressed; `url` is always our own."""

    label: str
    url: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Small:
    """Where all this comes from."""

    text: str


Block: TypeAlias = Say | Facts | Chart | Part | Ways | Quote | Link | Small


@dataclass(frozen=True, slots=True)
class Page:
    """One letter's content. `preheader` is what an inbox shows beside the subject."""

    kicker: str
    headline: str
    preheader: str
    blocks: tuple[Block, ...]
    footer: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a letter is for: their address, name and zone, and where they can answer in a browser."""

    email: str
    name: str = ""
    zone: str = "UTC"
    link: str = ""
    people: Mapping[str, str] = field(default_factory=dict)
    """Names of those the letter speaks of, by address."""

    def called(self, address: str) -> str:
        """A name with its address, so that nobody is mistaken for somebody of the same name."""
        name = self.people.get(address.casefold(), "")
        return f"{line(name, 80)} ({line(address, 120)})" if name and name != address else line(address, 120)


def line(text: object, limit: int = 300) -> str:
    """One line, without what deceives."""
    found = " ".join(clean(str(text)[: limit * 8]).split())
    return found if len(found) <= limit else found[: limit - 1].rstrip() + "…"


def lines(text: object, most: int, width: int = 400) -> tuple[tuple[str, ...], int]:
    """The first lines of a text, and how many were left out."""
    every = [line(one, width) for one in clean(str(text)[: _MOST * 8]).strip().splitlines()]
    kept = [one for position, one in enumerate(every) if one or (position and every[position - 1])]
    return tuple(kept[:most]), max(0, len(kept) - most)


def code_lines(text: object, most: int, width: int = 160) -> tuple[tuple[str, ...], int]:
    """As `lines`, with the blanks that stand before and inside them."""
    every = [one.expandtabs(4)[:width].rstrip() for one in clean(str(text)[: _MOST * 8]).strip("\n").splitlines()]
    return tuple(every[:most]), max(0, len(every) - most)


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def moment(at: datetime, zone: str) -> str:
    """Absolute, in the reader's zone, and the zone named."""
    here = at.astimezone(zone_of(zone))
    offset = here.strftime("%z")
    named = here.strftime("%Z") if here.strftime("%Z").isalpha() else f"UTC{offset[:3]}:{offset[3:]}"
    place = here.tzinfo.key if isinstance(here.tzinfo, ZoneInfo) else zone
    return f"{here:%a} {here.day} {here:%b %Y, %H:%M} {named}" + ("" if place in {"UTC", named} else f" ({place})")


def left(until: datetime, now: datetime) -> str:
    """How long that is from now, as people say it."""
    minutes = int((until - now).total_seconds() // 60)
    if minutes <= 0:
        return "no time"
    if minutes < 120:  # noqa: PLR2004  two hours
        return f"{minutes} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.3g} days"  # noqa: PLR2004  two days and more


def listing(names: Sequence[str]) -> str:
    """`Ana`, `Ana and Ben`, `Ana, Ben and Cyra`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""
