"""The table of chart kinds: a dataclass and the module that draws and tells it; a new kind is one line and one file."""

from importlib import import_module
from typing import Any, Protocol, cast

from charts.models import (
    CalibrationChart,
    EffectChart,
    FunnelChart,
    GanttChart,
    GuardrailsChart,
    LaunchChart,
    PortfolioChart,
    ProgressChart,
    SegmentsChart,
    SignalChart,
    SplitChart,
)

Chart = (
    PortfolioChart
    | LaunchChart
    | EffectChart
    | SignalChart
    | SegmentsChart
    | FunnelChart
    | SplitChart
    | CalibrationChart
    | GanttChart
    | GuardrailsChart
    | ProgressChart
)

MODULES: dict[type[Any], str] = {
    PortfolioChart: "charts.portfolio",
    LaunchChart: "charts.launch",
    EffectChart: "charts.effect",
    SignalChart: "charts.level",
    SegmentsChart: "charts.segments",
    FunnelChart: "charts.funnel",
    SplitChart: "charts.split",
    CalibrationChart: "charts.calibration",
    GanttChart: "charts.gantt",
    GuardrailsChart: "charts.guardrails",
    ProgressChart: "charts.progress",
}


class Kind(Protocol):
    """What such a module offers; only `paint` may touch matplotlib, through the sheet it is handed."""

    def alt_text(self, chart: Any) -> str: ...
    def sparkline(self, chart: Any) -> str: ...
    def height(self, chart: Any) -> int:
        """In css pixels."""
        ...

    def paint(self, sheet: Any, chart: Any) -> None: ...


def kind_of(chart: Chart) -> Kind:
    if type(chart) not in MODULES:
        raise TypeError(f"No chart kind is registered for {type(chart).__name__}; add it to charts.kinds.MODULES.")
    return cast("Kind", import_module(MODULES[type(chart)]))
