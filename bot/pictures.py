"""From a stored chart (plain JSON) to the picture's dataclass, and to a drawing made in a thread."""

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

import charts
from runtime import numerals
from runtime.errors import OutcomeRuntimeError

charts.set_digits(numerals.digits)  # the picture and the words beside it write numbers alike

KINDS: dict[str, type[Any]] = {
    "portfolio": charts.PortfolioChart,
    "launch": charts.LaunchChart,
    "effect": charts.EffectChart,
    "signal": charts.SignalChart,
    "segments": charts.SegmentsChart,
    "funnel": charts.FunnelChart,
    "split": charts.SplitChart,
    "calibration": charts.CalibrationChart,
    "gantt": charts.GanttChart,
    "guardrails": charts.GuardrailsChart,
    "progress": charts.ProgressChart,
}
_UNBOUNDED = {"low": "-inf", "lower": "-inf", "high": "inf", "upper": "inf"}


class ChartUnreadable(OutcomeRuntimeError):
    """A stored chart cannot be drawn; its message goes out with words instead. Report the chart's snapshot id."""

    code = "CHART_UNREADABLE"


def picture(chart: Mapping[str, Any]) -> charts.Chart:
    """Bounds that are not known yet (`null`) are drawn as unbounded; points without an estimate are left out."""
    kind = str(chart.get("kind"))
    if kind not in KINDS:
        raise ChartUnreadable(f"There is no chart of kind '{kind}'; known are {', '.join(KINDS)}.", kind=kind)
    try:
        return _reader(kind).validate_python(_bounded(chart))  # type: ignore[no-any-return]
    except ValidationError as error:
        raise ChartUnreadable(
            f"The stored {kind} chart cannot be drawn: {error.errors()[0]['msg']} at {error.errors()[0]['loc']}.",
            kind=kind,
        ) from error


async def drawn(chart: charts.Chart) -> charts.Drawing:
    """Drawn in a thread, since it takes a tenth of a second of CPU (and the first one imports matplotlib)."""
    return await asyncio.to_thread(charts.draw, chart)


@cache
def _reader(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def _bounded(node: Any) -> Any:
    if isinstance(node, Mapping):
        found = {key: _bounded(value) for key, value in node.items()}
        return {
            key: _UNBOUNDED.get(key) if value is None and key in _UNBOUNDED else value for key, value in found.items()
        }
    if isinstance(node, list | tuple):
        return [_bounded(item) for item in node if not _empty(item)]
    return node


def _empty(item: Any) -> bool:
    """A look before both arms had users."""
    return isinstance(item, Mapping) and "estimate" in item and item["estimate"] is None
