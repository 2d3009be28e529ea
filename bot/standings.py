"""How an outcome stands, in words: the same on Home, in the digest and in its letter. PURE."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from charts import amounts
from charts.words import share_of_way, way
from runtime.db.engine import Row
from runtime.gates import pictures

_FLAT = 0.01
"""A change smaller than this share of the way to the target is no trend."""
_LOOK_BACK = 8


def number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def share(outcome: Row, levels: Sequence[float]) -> float | None:
    """How far the newest level has come: 0 is the start, 1 the target."""
    target = outcome["target"]
    return share_of_way(number(target.get("from")), newest(outcome, levels), number(target.get("to")))


def newest(outcome: Row, levels: Sequence[float]) -> float | None:
    return levels[-1] if levels else number(outcome["primary_signal"].get("current_value"))


def on_the_way(outcome: Row, levels: Sequence[float]) -> str:
    """`31 % of the way ↗ towards the target`; nothing while there is no reading."""
    come = share(outcome, levels)
    return "" if come is None else f"{way(come)} {_trend(outcome, levels)}".rstrip()


def level(outcome: Row, value: float | None) -> str:
    """Written as on the picture beside it: equal numbers look equal."""
    ends = [number(outcome["target"].get(name)) for name in ("from", "to")]
    return amounts.level(value, pictures.unit(outcome["primary_signal"]), beside=ends)


def told(outcome: Row, levels: Sequence[float]) -> str:
    """One line: the metric's level, how far that is, and from where to where; not escaped."""
    signal, target, now = outcome["primary_signal"], outcome["target"], newest(outcome, levels)
    ends = " to ".join(level(outcome, number(target.get(name))) for name in ("from", "to"))
    if now is None:
        return f"{signal['metric']} has no reading yet; from {ends}"
    come = on_the_way(outcome, levels)
    return f"{signal['metric']} {level(outcome, now)}, {f'{come}, ' if come else ''}from {ends}"


def origin(chart: Mapping[str, Any], write: Callable[[str], str], when: Callable[[datetime], str]) -> str:
    """Where the levels come from, for whoever reads them without the picture; the door writes names and moments in its way."""
    found = chart["provenance"]
    simulated = " SIMULATED DATA, not real users." if found["simulated"] else ""
    cutoff = when(datetime.fromisoformat(found["data_through"]))
    return (
        f"Levels for everybody: movement, not its cause. Source: {write(found['source'])}, data to {cutoff}.{simulated}"
    )


def _trend(outcome: Row, levels: Sequence[float]) -> str:
    """How the metric moved over its last few readings: a level is not an effect, so only its direction is said."""
    before = share(outcome, levels[: max(1, len(levels) - _LOOK_BACK + 1)])
    now = share(outcome, levels)
    if len(levels) < 2 or before is None or now is None:  # noqa: PLR2004  a trend needs two
        return ""
    if abs(now - before) < _FLAT:
        return "→ steady"
    if now >= 1:
        return "↗ still moving on" if now > before else "↘ falling back"
    return "↗ towards the target" if now > before else "↘ away from the target"
