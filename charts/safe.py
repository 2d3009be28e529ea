"""Outside text made safe to show: titles, names and units come from people and models."""

import unicodedata

_JOINERS = frozenset("\u200c\u200d")  # they shape Persian and emoji; other format characters only deceive


def plain(text: str, limit: int = 120) -> str:
    """One line without control or direction-changing characters, cut to `limit` characters with an ellipsis."""
    shown = "".join(c if c in _JOINERS or unicodedata.category(c)[0] != "C" else " " for c in text[: 8 * limit])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
