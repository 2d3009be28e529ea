"""Text as Slack takes it: cleaned, escaped, cut to length, times in each reader's own zone. PURE."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from bot.slack import graphemes

_CONTROLS = re.compile(r"[^\n\t -~]")
_LINES = re.compile(r"[\n\t]")
_DOUBTFUL = re.compile("[^\\w\x00-\x7f]{9}|[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""What may be a tower of marks, or is a blank; printable text without either is as it should be."""
_HALF = re.compile(r"(&[a-z]{0,3}|<[^<>]*)$")
_KEPT = frozenset("\n\t\u200c\u200d")  # joiners shape Persian and emoji; other format characters only deceive
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters to Unicode, nothing to the eye
_MARKS = str.maketrans("", "", "*_~`")
_LONGEST_ENTITY = 5
_MOST_MARKS = 8
"""No language puts more signs on one letter; more of them paint over the lines around."""


_MOMENT = re.compile(r"(?:\bat )?\b(2\d{3}-\d\d-\d\d \d\d:\d\d) UTC\b")
_SLACK = 8
"""How much longer than its place a text is looked at: what is dropped on the way must not make room for nothing."""


_left: ContextVar[list[str] | None] = ContextVar("left", default=None)


@contextmanager
def keeping() -> Iterator[list[str]]:
    """Collects, in full, each text that is cut or left out meanwhile; `bot.slack.leftovers` makes a file of them."""
    left: list[str] = []
    token = _left.set(left)
    try:
        yield left
    finally:
        _left.reset(token)


def leave(text: object) -> None:
    """This text has no room, or not all of it."""
    found = _left.get()
    if found is not None:
        found.append(str(text))


def clean(text: object) -> str:
    """Without what deceives: control characters, those that turn the direction of writing, blanks that pass for letters, towers of marks."""
    given = str(text)
    if given.isascii():
        return _CONTROLS.sub("", given)
    if _LINES.sub("", given).isprintable() and _DOUBTFUL.search(given) is None:
        return given
    parts: list[str] = []
    marks = 0
    for c in given:
        kind = unicodedata.category(c)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if kind in {"Zl", "Zp"}:
            parts.append("\n")
        elif marks <= _MOST_MARKS and c not in _BLANKS and (c in _KEPT or kind not in {"Cc", "Cf", "Cs"}):
            parts.append(c)
    return "".join(parts)


def fit(text: object, limit: int, *, whole: object = None) -> str:
    """Escaped for mrkdwn and at most `limit` characters long, an ellipsis at the cut; no entity and no grapheme is cut in two.

    Of what is cut, `whole` is kept in full, or the text itself.
    """
    raw = str(text)
    bare = _fenceless(clean(raw[: limit * _SLACK]).strip())
    shown = _escaped(bare)
    if len(shown) <= limit and len(raw) <= limit * _SLACK:
        return shown
    leave(raw if whole is None else whole)
    return _escaped(_begun(bare, limit - 1)).rstrip() + "…"


def pieces(text: object, limit: int, *, most: int = 1000) -> list[str]:
    """All of it, escaped, in as many pieces of at most `limit` characters as it takes; beyond `most` pieces it is cut like any text."""
    rest = _fenceless(clean(text).strip())
    found: list[str] = []
    while len(found) < most - 1 and len(_escaped(rest[:limit])) + len(rest[limit:]) > limit:
        begun = _begun(rest[:limit], limit) or rest[: limit // _LONGEST_ENTITY]
        at = begun.rfind("\n", len(begun) // 2) + 1 or len(begun)
        found.append(_escaped(rest[:at]).strip())
        rest = rest[at:]
    return [*found, fit(rest, limit, whole=text)]


def _begun(text: str, room: int) -> str:
    most = _fitting(text, room)
    return text[:most] if text.isascii() else graphemes.whole(text, most)


def _fitting(text: str, room: int) -> int:
    """How many of its characters are at most `room` long once they are escaped."""
    begun = text[:room]
    over, most = len(_escaped(begun)) - room, len(begun)
    while over > 0:
        most -= 1
        over -= len(_escaped(begun[most]))
    return most


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fenceless(text: str) -> str:
    """A fence opened in one text would swallow what stands after it, names and times among it; so would a lone backtick."""
    if "`" not in text:
        return text
    return "\n".join(_balanced(line) for line in text.replace("```", "'''").split("\n"))


def _balanced(line: str) -> str:
    if line.count("`") % 2 == 0:
        return line
    before, _, after = line.rpartition("`")
    return f"{before}'{after}"


def plain(text: object, limit: int) -> str:
    """For plain_text objects: one line, never empty, since Slack refuses that."""
    line = " ".join(clean(str(text)[: limit * _SLACK]).split()) or "–"  # noqa: RUF001  a dash is meant
    return line if len(line) <= limit else graphemes.cut(line, limit - 1).rstrip() + "…"


def bold(text: object, limit: int = 200) -> str:
    """Marks inside are dropped, since they would end the bold early; nothing stays nothing."""
    inside = fit(" ".join(clean(text).translate(_MARKS).split()), limit, whole=text)
    return f"*{inside}*" if inside else ""


def code(text: object, limit: int, *, whole: object = None) -> str:
    """A fenced block whose content can't close the fence."""
    fence = "```"
    inside = fit(clean(text).replace(fence, "'''"), limit - 2 * len(fence) - 2, whole=text if whole is None else whole)
    return f"{fence}\n{inside}\n{fence}"


def moment(at: datetime) -> str:
    """Each reader sees their own zone; the fallback is UTC."""
    fallback = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"


def timed(shown: str, limit: int) -> str:
    """Moments that a sentence of ours gives in UTC, each in its reader's zone; of escaped text, which may not grow beyond `limit`."""
    grown = _MOMENT.sub(_zoned, shown)
    return grown if len(grown) <= limit else shown


def _zoned(found: re.Match[str]) -> str:
    try:
        return moment(datetime.fromisoformat(f"{found[1]}+00:00"))
    except ValueError:
        return found[0]


def mention(slack_user_id: str) -> str:
    return f"<@{slack_user_id}>"


def shortened(shown: str, limit: int) -> str:
    """Of text that is escaped already: no entity, mention or link is cut in two."""
    if len(shown) <= limit:
        return shown
    return _HALF.sub("", graphemes.cut(shown, limit - 1)).rstrip() + "…"


def lines(texts: Iterable[str], limit: int) -> str:
    """One below the other as long as they fit; none is cut, since that could open a link or a mention that never closes."""
    shown: list[str] = []
    room = limit
    for number, text in enumerate(given := list(texts)):
        room -= len(text) + 1
        if room < 0:
            leave("\n".join(_spelled(line) for line in given[number:]))
            break
        shown.append(text)
    return "\n".join(shown)


def _spelled(shown: str) -> str:
    """Escaped text as it reads: links and dates by their words."""
    return html.unescape(re.sub(r"<(?:[^<>|]*\|)?([^<>|]*)>", r"\1", shown))


def hours(count: float) -> str:
    """An SLA as people say it: `45 min`, `4 h`, `3 days`."""
    if count < 1:
        return f"{round(count * 60)} min"
    return f"{count:g} h" if count <= 48 else f"{count / 24:.3g} days"  # noqa: PLR2004  two days and more read better in days
