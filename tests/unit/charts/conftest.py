from datetime import UTC, datetime, timedelta
from math import exp, sqrt

import pytest

from charts import (
    EffectChart,
    EffectPoint,
    GuardrailStrip,
    Interval,
    LaunchChart,
    PhaseMark,
    PortfolioChart,
    PortfolioItem,
    Provenance,
    SignalChart,
    SignalPoint,
)

START = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture
def provenance():
    return Provenance(
        snapshot_id="0190f3a2-7c41-7d2e-9a55-3b1c2f0e8d77",
        data_from=START,
        data_through=START + timedelta(days=21, hours=14),
        source="mixpanel",
    )


@pytest.fixture
def effect(provenance):
    points = tuple(
        EffectPoint(
            START + timedelta(hours=6 * i), 0.031, 0.031 - 0.15 / sqrt(i), 0.031 + 0.15 / sqrt(i), 60 * i, 59 * i
        )
        for i in range(1, 86)
    )
    return EffectChart(
        title="One-page checkout on mobile",
        metric="checkout_completed",
        unit="share",
        direction="increase",
        points=points,
        success_threshold=0.02,
        predicted=Interval(0.01, 0.05, 0.03),
        horizon=START + timedelta(days=28),
        crossed_at=START + timedelta(days=12),
        phases=(PhaseMark(START + timedelta(days=7), "rollout 10 % to 50 %"),),
        status="success",
        headline="Completion rises by 3.1 points.",
        guardrails=(
            GuardrailStrip("payment_success_rate", 0.9812, 0.97, "min", "safe", "share"),
            GuardrailStrip("checkout_p95_latency", 842.0, 800.0, "max", "violated", "ms"),
        ),
        control_mean=0.321,
        treatment_mean=0.352,
        srm_flagged=False,
        provenance=provenance,
        confidence=0.95,
    )


@pytest.fixture
def portfolio(provenance):
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
        provenance=provenance,
    )


@pytest.fixture
def launch(provenance):
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
        provenance=provenance,
    )


@pytest.fixture
def signal(provenance):
    return SignalChart(
        title="Mobile checkout completion",
        metric="checkout_completed",
        unit="share",
        points=tuple(SignalPoint(START + timedelta(days=i), 0.32 + 0.004 * i, 1200) for i in range(22)),
        target=0.45,
        baseline=0.32,
        marks=(PhaseMark(START + timedelta(days=7), "one-page 50 %"),),
        provenance=provenance,
    )


@pytest.fixture
def every_chart(effect, portfolio, launch, signal):
    return (effect, portfolio, launch, signal)
