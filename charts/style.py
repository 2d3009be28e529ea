"""The one place for colours and sizes: colour-blind-safe in both themes, every text at least 4.5:1 on its ground."""

from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark", "print"]

WIDTH = 800  # css pixels; device pixels are twice that
HEIGHT = 450
DENSITY = 2
MARGIN = 20

TITLE = 25.0
HEADLINE = 19.0
LABEL = 17.0
SMALL = 15.0

DASHED = (5.0, 3.0)
DOTTED = (1.2, 2.2)
DASH_DOT = (6.0, 2.5, 1.2, 2.5)


@dataclass(frozen=True, slots=True)
class Theme:
    ground: str
    ink: str
    soft: str
    grid: str
    effect: str
    forecast: str
    good: str
    bad: str
    warn: str


THEMES: dict[str, Theme] = {
    "light": Theme(
        ground="#FFFFFF",
        ink="#161B22",
        soft="#4A5361",
        grid="#D9DEE5",
        effect="#005EA8",
        forecast="#8A3A6B",
        good="#006B54",
        bad="#B23A0A",
        warn="#855500",
    ),
    "dark": Theme(
        ground="#14181F",
        ink="#F2F4F7",
        soft="#B4BDC9",
        grid="#363F4C",
        effect="#6CB4F5",
        forecast="#E6A3CB",
        good="#3CCB9F",
        bad="#FF9166",
        warn="#F2B73C",
    ),
    # Colours of clearly different greys, for paper and for a reader who sees no colour.
    "print": Theme(
        ground="#FFFFFF",
        ink="#000000",
        soft="#4A4A4A",
        grid="#D0D0D0",
        effect="#00366B",
        forecast="#7A4A66",
        good="#00432F",
        bad="#8F2300",
        warn="#6B4A00",
    ),
}


@dataclass(frozen=True, slots=True)
class Tone:
    """How a state looks: a colour for those who see it, a sign for everybody."""

    colour: str
    sign: str


_GOOD = frozenset({"success", "safe", "ok", "shipped", "achieved", "confirmed"})
_BAD = frozenset({"harm", "violated", "guardrail violated", "kill", "pause", "killed", "failed", "invalid", "refuted"})
_WARN = frozenset({"warn", "warning", "paused", "no_data", "stale", "unknown"})


def tone(state: str, theme: Theme) -> Tone:
    """Known states have a colour and a sign; any other word is shown in plain ink with an open question."""
    word = state.strip().lower()
    if word in _GOOD:
        return Tone(theme.good, "✓")
    if word in _BAD:
        return Tone(theme.bad, "✕")
    return Tone(theme.warn, "!") if word in _WARN else Tone(theme.soft, "?")


def theme_named(name: str) -> Theme:
    if name not in THEMES:
        raise ValueError(f"There is no chart theme {name!r}; choose one of {', '.join(sorted(THEMES))}.")
    return THEMES[name]
