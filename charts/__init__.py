"""Pictures people decide by (no relation to Helm): a frozen dataclass in; PNG bytes, alt text and a sparkline out."""

from threading import Lock

from charts.amounts import set_digits
from charts.kinds import Chart, kind_of
from charts.models import (
    CalibrationChart,
    Drawing,
    EffectChart,
    EffectPoint,
    Forecast,
    FunnelArm,
    FunnelChart,
    GanttChart,
    GanttRow,
    GateMark,
    GuardrailRow,
    GuardrailsChart,
    GuardrailStrip,
    Interval,
    LaunchChart,
    PhaseMark,
    PortfolioChart,
    PortfolioItem,
    ProgressChart,
    ProgressRow,
    Provenance,
    SegmentRow,
    SegmentsChart,
    SignalChart,
    SignalPoint,
    Span,
    SplitArm,
    SplitChart,
)
from charts.style import DENSITY, WIDTH, ThemeName, theme_named

__all__ = [
    "CalibrationChart",
    "Chart",
    "Drawing",
    "EffectChart",
    "EffectPoint",
    "Forecast",
    "FunnelArm",
    "FunnelChart",
    "GanttChart",
    "GanttRow",
    "GateMark",
    "GuardrailRow",
    "GuardrailStrip",
    "GuardrailsChart",
    "Interval",
    "LaunchChart",
    "PhaseMark",
    "PortfolioChart",
    "PortfolioItem",
    "ProgressChart",
    "ProgressRow",
    "Provenance",
    "SegmentRow",
    "SegmentsChart",
    "SignalChart",
    "SignalPoint",
    "Span",
    "SplitArm",
    "SplitChart",
    "ThemeName",
    "alt_text",
    "draw",
    "set_digits",
    "sparkline",
    "svg",
]

_PRESS = Lock()  # matplotlib's font and text caches are not made for several threads


def draw(chart: Chart, *, theme: ThemeName = "light") -> Drawing:
    """The picture at 2x density; safe from any thread, one at a time. The first call imports matplotlib (about a second)."""
    kind, colours = kind_of(chart), theme_named(theme)
    alt, spark, tall = kind.alt_text(chart), kind.sparkline(chart), kind.height(chart)
    with _PRESS:
        from charts.sheet import Sheet  # noqa: PLC0415 - importing the dataclasses must not import matplotlib

        sheet = Sheet(colours, tall)
        kind.paint(sheet, chart)
        png = sheet.png(_metadata(chart, alt))
    return Drawing(png=png, alt=alt, sparkline=spark, width=WIDTH * DENSITY, height=tall * DENSITY)


def svg(chart: Chart, *, theme: ThemeName = "light") -> bytes:
    """The same picture as SVG, with the same title, description and provenance inside."""
    kind, colours = kind_of(chart), theme_named(theme)
    with _PRESS:
        from charts.sheet import Sheet  # noqa: PLC0415 - importing the dataclasses must not import matplotlib

        sheet = Sheet(colours, kind.height(chart), vector=True)
        kind.paint(sheet, chart)
        return sheet.svg(_metadata(chart, kind.alt_text(chart)))


def alt_text(chart: Chart) -> str:
    """At most 1,900 characters: direction, size, uncertainty, what matters for the decision, provenance."""
    return kind_of(chart).alt_text(chart)


def sparkline(chart: Chart) -> str:
    """One line of block characters between the first and the last value."""
    return kind_of(chart).sparkline(chart)


def _metadata(chart: Chart, alt: str) -> dict[str, str]:
    origin = chart.provenance
    return {
        "Title": chart.title.encode("utf-8", "replace").decode()[:200],
        "Description": alt,
        "Snapshot": origin.snapshot_id.encode("utf-8", "replace").decode(),
        "Data-From": origin.data_from.isoformat() if origin.data_from else "unknown",
        "Data-Through": origin.data_through.isoformat() if origin.data_through else "unknown",
        "Source": origin.source.encode("utf-8", "replace").decode(),
        "Simulated": "yes" if origin.simulated else "no",
    }
