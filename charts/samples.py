"""One sample of each chart kind: the gallery in the documentation, and what the tests draw."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp

from charts.kinds import Chart
from charts.models import (
    CalibrationChart,
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

_START = datetime(2026, 3, 3, tzinfo=UTC)
_ORIGIN = Provenance(
    snapshot_id="0190f3a2-7c41-7d2e-9a55-3b1c2f0e8d77",
    data_from=_START,
    data_through=_START + timedelta(days=21, hours=14),
    source="mixpanel",
)


_LOOKS = (
    (810, 90, 0.0568, -0.1945, 0.3081), (1620, 180, 0.0235, -0.1400, 0.1869), (2430, 270, 0.0272, -0.1021, 0.1564),
    (3240, 360, 0.0373, -0.0724, 0.1471), (4050, 450, 0.0301, -0.0652, 0.1254), (4860, 540, 0.0272, -0.0579, 0.1123),
    (5670, 630, 0.0346, -0.0434, 0.1125), (6120, 1080, 0.0331, -0.0281, 0.0943), (6570, 1530, 0.0280, -0.0238, 0.0799),
    (7020, 1980, 0.0316, -0.0140, 0.0772), (7470, 2430, 0.0332, -0.0076, 0.0740), (7920, 2880, 0.0295, -0.0075, 0.0664),
    (8370, 3330, 0.0299, -0.0040, 0.0639), (8820, 3780, 0.0332, 0.0018, 0.0647), (9270, 4230, 0.0304, 0.0012, 0.0596),
)  # fmt: skip
"""A look a day: units of control and treatment, then the effect and its interval as the product's statistics give them."""


def effect() -> EffectChart:
    """Ends where the product advises to ship: the evidence has stood for a day, and every guardrail is kept."""
    return EffectChart(
        title="One-page checkout on mobile",
        metric="checkout_completed",
        unit="share",
        direction="increase",
        points=_points(15),
        success_threshold=0.02,
        predicted=Interval(0.01, 0.05, 0.03),
        horizon=_START + timedelta(days=28),
        crossed_at=_START + timedelta(days=14),
        phases=(PhaseMark(_START + timedelta(days=7), "rollout 10 % to 50 %"),),
        status="success",
        headline="Better than control: +3.04 pp (+0.12 pp to +5.96 pp)",
        guardrails=(
            GuardrailStrip("payment_success_rate", 0.9851, 0.97, "min", "safe", "share"),
            GuardrailStrip("checkout_p95_latency", 0.0350, 0.05, "max", "safe", "share"),
        ),
        control_mean=0.3211,
        treatment_mean=0.3515,
        srm_flagged=False,
        provenance=replace(_ORIGIN, data_through=_START + timedelta(days=15)),
        confidence=0.95,
    )


def effect_violated() -> EffectChart:
    """The same on its fifth day, had it been slow: a guardrail ends it, whatever the effect might have become."""
    return replace(
        effect(),
        points=_points(5),
        crossed_at=None,
        phases=(),
        status="inconclusive",
        headline="No difference shown yet: +3.01 pp (-6.52 pp to +12.54 pp)",
        guardrails=(
            GuardrailStrip("payment_success_rate", 0.9822, 0.97, "min", "inconclusive", "share"),
            GuardrailStrip("checkout_p95_latency", 0.1, 0.05, "max", "violated", "share"),
        ),
        control_mean=0.3210,
        treatment_mean=0.3511,
        provenance=replace(_ORIGIN, data_through=_START + timedelta(days=5)),
    )


def _points(days: int) -> tuple[EffectPoint, ...]:
    return tuple(
        EffectPoint(_START + timedelta(days=day), estimate, lower, upper, control, treated)
        for day, (control, treated, estimate, lower, upper) in enumerate(_LOOKS[:days], 1)
    )


def portfolio() -> PortfolioChart:
    return PortfolioChart(
        title="Three bets to lift mobile checkout",
        outcome="Reduce mobile checkout abandonment",
        metric="checkout_completed",
        unit="share",
        direction="increase",
        baseline=0.32,
        target=0.45,
        items=(
            PortfolioItem("One-page checkout", 0.01, 0.03, 0.05, 0.6, "low", Interval(0.012, 0.05, 0.031)),
            PortfolioItem("Guest checkout by default", 0.015, 0.05, 0.14, 0.5, "high"),
            PortfolioItem("Explain shipping cost early", -0.005, 0.012, 0.03, 0.4, "low"),
        ),
        generated_by="playbook",
        provenance=_ORIGIN,
    )


def launch() -> LaunchChart:
    days = tuple(float(day) for day in range(0, 57, 2))
    return LaunchChart(
        title="One-page checkout on mobile",
        metric="checkout_completed",
        unit="share",
        baseline=0.32,
        minimum_effect=0.02,
        days=days,
        power=tuple(1 - exp(-((day / 22) ** 1.6)) for day in days),
        horizon_days=42,
        units_per_day=1234,
        rollout_percent=10,
        guardrails=("payment_success_rate", "checkout_p95_latency"),
        flag_key="or-one-page-checkout",
        plan_digest="sha256:9f2c11ab54",
        provenance=_ORIGIN,
    )


def signal() -> SignalChart:
    return SignalChart(
        title="Mobile checkout completion",
        metric="checkout_completed",
        unit="share",
        points=tuple(SignalPoint(_START + timedelta(days=i), 0.32 + 0.004 * i, 1200) for i in range(22)),
        target=0.45,
        baseline=0.32,
        marks=(PhaseMark(_START + timedelta(days=7), "one-page 50 %"),),
        provenance=_ORIGIN,
    )


def segments() -> SegmentsChart:
    return SegmentsChart(
        title="One-page checkout by device",
        metric="checkout_completed",
        unit="share",
        direction="increase",
        overall=Interval(0.012, 0.05, 0.031),
        rows=(
            SegmentRow("iOS", Interval(0.021, 0.083, 0.052), 4120, called=True),
            SegmentRow("Android", Interval(-0.012, 0.049, 0.018), 3980),
            SegmentRow("Desktop, returning customers of the loyalty programme", Interval(-0.03, 0.05, 0.009), 2210),
            SegmentRow("Tablet", Interval(float("-inf"), float("inf"), 0.02), 31),
        ),
        rule="mean of e-values, 5 %",
        provenance=_ORIGIN,
        confidence=0.95,
    )


def funnel() -> FunnelChart:
    return FunnelChart(
        title="Checkout, step by step",
        steps=("Cart", "Address", "Payment", "Order placed"),
        arms=(FunnelArm("control", (6010, 4120, 2930, 1931)), FunnelArm("treatment", (5990, 4410, 3240, 2108))),
        provenance=_ORIGIN,
    )


def split() -> SplitChart:
    return SplitChart(
        title="Randomisation of one-page checkout",
        arms=(SplitArm("control", 0.5, 6010), SplitArm("treatment", 0.5, 5405)),
        p_value=2.1e-7,
        flagged=True,
        provenance=_ORIGIN,
    )


def calibration() -> CalibrationChart:
    seen = (
        (0.01, 0.03, 0.05, 0.012, 0.05, 0.031),
        (0.015, 0.05, 0.14, -0.01, 0.02, 0.004),
        (0.0, 0.012, 0.03, 0.0, 0.02, 0.011),
    )
    return CalibrationChart(
        title="Can the proposals' numbers be believed?",
        metric="checkout_completed",
        unit="share",
        forecasts=tuple(
            Forecast(f"experiment {i}", Interval(a, c, b), Interval(d, e, f))
            for i, (a, b, c, d, e, f) in enumerate(seen, 1)
        ),
        promised=0.8,
        provenance=_ORIGIN,
    )


def gantt() -> GanttChart:
    day = timedelta(days=1)
    return GanttChart(
        title="Mobile checkout, experiment by experiment",
        rows=(
            GanttRow(
                "One-page checkout",
                (
                    Span("building", _START, _START + 2 * day),
                    Span("measuring", _START + 3 * day, _START + 14 * day),
                    Span("shipped", _START + 15 * day, _START + 15 * day),
                ),
                (
                    GateMark("gate 1", _START - day, _START, "approved"),
                    GateMark("gate 2", _START + 2 * day, _START + 3 * day, "approved_with_conditions"),
                    GateMark("gate 3", _START + 14 * day, _START + 15 * day, "approved"),
                ),
            ),
            GanttRow(
                "Guest checkout by default",
                (
                    Span("building", _START + 4 * day, _START + 9 * day),
                    Span("awaiting_launch_gate", _START + 9 * day, None),
                ),
                (GateMark("gate 2", _START + 9 * day, None, "pending"),),
            ),
        ),
        now=_START + 17 * day,
        horizon=_START + 42 * day,
        provenance=_ORIGIN,
    )


def guardrails() -> GuardrailsChart:
    return GuardrailsChart(
        title="Guardrails of one-page checkout",
        rows=(
            GuardrailRow("payment_success_rate", Interval(0.976, 0.986, 0.981), 0.97, "min", "safe", "share"),
            GuardrailRow("checkout_p95_latency", Interval(818.0, 866.0, 842.0), 800.0, "max", "violated", "ms"),
            GuardrailRow("refund_rate", Interval(0.004, 0.019, 0.011), 0.015, "max", "inconclusive", "share"),
        ),
        provenance=_ORIGIN,
    )


def _levels(start: float, step: float, last: int = 22) -> tuple[SignalPoint, ...]:
    wobble = (0.0, 0.9, -0.6, 0.4, -1.1, 0.7, -0.2)
    values = (start + step * (i + wobble[i % 7]) for i in range(last))
    return tuple(SignalPoint(_START + timedelta(days=i), value, 1200) for i, value in enumerate(values))


def progress() -> ProgressChart:
    return ProgressChart(
        title="How the outcomes stand",
        rows=(
            ProgressRow("Finish the checkout", "checkout_completed", "share", 0.32, 0.45, _levels(0.32, 0.004)),
            ProgressRow("Pages that open at once", "page_p95", "ms", 1240.0, 900.0, _levels(1240.0, -17.0)),
            ProgressRow(
                "Fewer customers who ask for their money back within a month", "refund_rate", "share", 0.031, 0.02,
                _levels(0.031, 0.00012),
            ),
            ProgressRow("Orders a day", "orders_per_day", "orders", 5200.0, 8000.0),
        ),
        provenance=_ORIGIN,
    )  # fmt: skip


SAMPLES: Mapping[str, Callable[[], Chart]] = {
    "effect": effect,
    "effect-violated": effect_violated,
    "portfolio": portfolio,
    "launch": launch,
    "signal": signal,
    "segments": segments,
    "funnel": funnel,
    "split": split,
    "calibration": calibration,
    "gantt": gantt,
    "guardrails": guardrails,
    "progress": progress,
}
