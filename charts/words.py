"""Sentences about charts: outside text made safe to show, provenance spelled out, alt text kept within 1,900 characters."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from charts import amounts, dates
from charts.models import Provenance
from charts.safe import plain

ALT_LIMIT = 1900


def sentence(text: str) -> str:
    return text if not text or text.endswith((".", ":", "!", "?", "…")) else f"{text}."


def fitted(sentences: Iterable[str], tail: Sequence[str], limit: int = ALT_LIMIT) -> str:
    """As many sentences as fit, most important first; the tail (provenance) is always kept."""
    ending = " ".join(t for t in map(sentence, tail) if t)
    room = limit - len(ending) - 1
    kept: list[str] = []
    for text in filter(None, map(sentence, sentences)):
        if len(text) + 1 > room:
            break
        kept.append(text)
        room -= len(text) + 1
    return " ".join([*kept, ending]).strip()[:limit]


def provenance(origin: Provenance) -> list[str]:
    """The closing sentences of every alt text."""
    spoken = [f"Data {period(origin)} from {plain(origin.source) or 'an unnamed source'}"]
    spoken.append(f"Cut-off {cutoff(origin)}, snapshot {plain(origin.snapshot_id, 80) or 'without id'}")
    if origin.simulated:
        spoken.append("SIMULATED DATA, not real users")
    return spoken


def period(origin: Provenance) -> str:
    return dates.span(origin.data_from, origin.data_through, origin.timezone)


def cutoff(origin: Provenance) -> str:
    return dates.moment(origin.data_through, origin.timezone)


def data_to(origin: Provenance) -> str:
    """The data cut-off as it stands in a foot line; a plan made before any data says so."""
    return f"data to {cutoff(origin)}" if origin.data_through else "no data yet"


def goodness(value: float | None, direction: str, *, certain: bool) -> str:
    """What a difference means under the outcome's direction; "improvement" is only said when the interval excludes zero."""
    exact = amounts.finite(value)
    if not exact or not wanted(direction):
        return ""
    good = (exact > 0) == (direction == "increase")
    if certain:
        return f"{'an improvement' if good else 'a deterioration'} ({wanted(direction)})"
    return f"{'in' if good else 'against'} the wanted direction ({wanted(direction)})"


def wanted(direction: str) -> str:
    return {"increase": "higher is better", "decrease": "lower is better"}.get(direction, "")


def plural(number: int, noun: str) -> str:
    return f"{amounts.count(number)} {noun}{'' if number == 1 else 's'}"


def share_of_way(start: float | None, now: float | None, target: float | None) -> float | None:
    """How far a level has come from its start (0) to its target (1); None where one of them is unknown or they are one."""
    low, here, high = (amounts.finite(value) for value in (start, now, target))
    if low is None or here is None or high is None or low == high:
        return None
    return amounts.finite((here / 2 - low / 2) / (high / 2 - low / 2))


def way(share: float) -> str:
    """A share of the way in words; neither the target nor standing still is claimed by rounding."""
    if share >= 1:
        return "at the target"
    if share <= 0:
        return "behind its start" if share < 0 else "at its start"
    return "< 1 % of the way" if share < 0.01 else f"{int(share * 100 + 1e-9)} % of the way"


BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 24


def spark(values: Sequence[float | None], first: str, last: str) -> str:
    """`first ▁▃▆█ last`: at most 24 blocks, each the most unusual value of its stretch; NaN and infinity are left out."""
    numbers = amounts.known(values)
    if not numbers:
        return "no data yet"
    if len(numbers) == 1:
        return f"{last} (one reading)"
    return f"{first} {_blocks(_thinned(numbers))} {last}"


def _thinned(numbers: list[float]) -> list[float]:
    if len(numbers) <= _SPARK_WIDTH:
        return numbers
    middle = sorted(numbers)[len(numbers) // 2]
    edges = [round(i * len(numbers) / _SPARK_WIDTH) for i in range(_SPARK_WIDTH + 1)]
    stretches = (numbers[a:b] for a, b in pairwise(edges))
    inner = [max(s, key=lambda n: abs(n / 2 - middle / 2)) for s in stretches]
    return [numbers[0], *inner[1:-1], numbers[-1]]


def _blocks(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    half = high / 2 - low / 2
    if half == 0.0:
        return BLOCKS[3] * len(numbers)
    return "".join(BLOCKS[min(7, int(8 * ((n / 2 - low / 2) / half)))] for n in numbers)
