"""Text as Slack takes it: cleaned, escaped, cut to length, times in each reader's own zone. PURE."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_KEPT = frozenset("\n\t\u200c\u200d")  # joiners shape Persian and emoji; other format characters only deceive
_MARKS = str.maketrans("", "", "*_~`")


def clean(text: object) -> str:
    """Without control characters and those that change the direction of writing."""
    return "".join(c for c in str(text) if c in _KEPT or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})


def fit(text: object, limit: int) -> str:
    """Escaped for mrkdwn and at most `limit` characters long, an ellipsis at the cut; no entity is cut in two."""
    whole = clean(text).strip()
    shown = "".join(_ENTITIES.get(c, c) for c in whole)
    if len(shown) <= limit:
        return shown
    parts: list[str] = []
    room = limit - 1
    for c in whole:
        piece = _ENTITIES.get(c, c)
        if len(piece) > room:
            break
        parts.append(piece)
        room -= len(piece)
    return "".join(parts).rstrip() + "…"


def plain(text: object, limit: int) -> str:
    """For plain_text objects: one line, never empty, since Slack refuses that."""
    line = " ".join(clean(text).split()) or "–"  # noqa: RUF001  a dash is meant
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def bold(text: object, limit: int = 150) -> str:
    """Marks inside are dropped, since they would end the bold early; nothing stays nothing."""
    inside = fit(" ".join(clean(text).translate(_MARKS).split()), limit)
    return f"*{inside}*" if inside else ""


def code(text: object, limit: int) -> str:
    """A fenced block whose content can't close the fence."""
    fence = "```"
    inside = fit(clean(text).replace(fence, "'''"), limit - 2 * len(fence) - 2)
    return f"{fence}\n{inside}\n{fence}"


def moment(at: datetime) -> str:
    """Each reader sees their own zone; the fallback is UTC."""
    fallback = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"


def mention(slack_user_id: str) -> str:
    return f"<@{slack_user_id}>"


def lines(texts: Iterable[str], limit: int) -> str:
    """One below the other as long as they fit; none is cut, since that could open a link or a mention that never closes."""
    shown: list[str] = []
    room = limit
    for text in texts:
        room -= len(text) + 1
        if room < 0:
            break
        shown.append(text)
    return "\n".join(shown)


def hours(count: float) -> str:
    """An SLA as people say it: `45 min`, `4 h`, `3 days`."""
    if count < 1:
        return f"{round(count * 60)} min"
    return f"{count:g} h" if count <= 48 else f"{count / 24:.3g} days"  # noqa: PLR2004  two days and more read better in days
