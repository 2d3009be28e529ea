"""Pictures of a backtest: what each rule saved and got wrong, one effect over time, false alarms on noise."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from charts.models import Drawing
from charts.style import DENSITY, WIDTH, ThemeName, theme_named


@dataclass(frozen=True, slots=True)
class RuleBar:
    """One rule: share of the time saved, and share of its calls contradicted later, both 0..1."""

    name: str
    saved: float
    contradicted: float
    calls: int
    ours: bool = False


@dataclass(frozen=True, slots=True)
class RulesChart:
    title: str
    rules: tuple[RuleBar, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Called:
    """The day on which a rule would have called."""

    name: str
    day: float
    ours: bool = False


@dataclass(frozen=True, slots=True)
class CallsChart:
    """Treatment minus control over the days of one experiment, with its always-valid interval; bounds may be infinite."""

    title: str
    subtitle: str
    days: tuple[float, ...]
    estimates: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    calls: tuple[Called, ...]
    source: str


@dataclass(frozen=True, slots=True)
class AlarmBar:
    """One rule's share of null streams ever called, with its standard error."""

    name: str
    rate: float
    error: float
    ours: bool = False


@dataclass(frozen=True, slots=True)
class AlarmsChart:
    title: str
    alarms: tuple[AlarmBar, ...]
    allowed: float
    source: str


BacktestChart = RulesChart | CallsChart | AlarmsChart

MODULES: dict[type[Any], str] = {
    RulesChart: "charts.backtest_rules",
    CallsChart: "charts.backtest_calls",
    AlarmsChart: "charts.backtest_alarms",
}


def draw(chart: BacktestChart, *, theme: ThemeName = "light") -> Drawing:
    """The picture at 2x density, one at a time; the first call imports matplotlib (about a second)."""
    from charts.sheet import Sheet  # noqa: PLC0415 - importing the dataclasses must not import matplotlib

    kind = cast("Any", import_module(MODULES[type(chart)]))
    tall: int = kind.height(chart)
    paint: Callable[[Sheet, BacktestChart], None] = kind.paint
    alt = alt_text(chart)
    sheet = Sheet(theme_named(theme), tall)
    paint(sheet, chart)
    png = sheet.png({"Title": chart.title[:200], "Description": alt, "Source": chart.source[:200]})
    return Drawing(png=png, alt=alt, sparkline="", width=WIDTH * DENSITY, height=tall * DENSITY)


def alt_text(chart: BacktestChart) -> str:
    """The numbers of the picture in sentences, at most 1,900 characters."""
    told: str = cast("Any", import_module(MODULES[type(chart)])).alt_text(chart)
    return told[:1900]
