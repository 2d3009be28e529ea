"""Stored charts come back as the dataclasses that are drawn."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from math import inf

import pytest

import charts
from bot.pictures import ChartUnreadable, drawn, picture
from runtime.db.engine import to_json

ORIGIN = charts.Provenance("snap-1", None, datetime(2026, 3, 9, tzinfo=UTC), "shop", simulated=True)
ITEM = charts.PortfolioItem("Fewer fields", 0.01, 0.016, 0.03, 0.6, "low", charts.Interval(0.0, 0.02, 0.01))
PORTFOLIO = charts.PortfolioChart(
    "Checkout", "checkout", "completed", "share", "increase", 0.32, 0.45, (ITEM,), "playbook", ORIGIN
)
LAUNCH = charts.LaunchChart(
    "Fewer fields",
    "completed",
    "share",
    0.32,
    0.02,
    (1.0, 7.0),
    (0.2, 0.9),
    14,
    4000,
    50,
    ("slow at most 0.05",),
    "flag",
    "abc",
    ORIGIN,
)
POINT = charts.EffectPoint(datetime(2026, 3, 3, tzinfo=UTC), 0.01, -inf, inf, 100, 101)
EFFECT = charts.EffectChart(
    "Fewer fields", "completed", "share", "increase", (POINT,), 0.02, charts.Interval(0.01, 0.03, 0.016), None, None, (charts.PhaseMark(POINT.at, "launch"),),
    "inconclusive", "Nothing yet", (charts.GuardrailStrip("slow", None, 0.05, "max", "inconclusive"),), None, None, False, ORIGIN, 0.95,
)  # fmt: skip
SIGNAL = charts.SignalChart(
    "Checkout", "completed", "share", (charts.SignalPoint(POINT.at, 0.32, 10),), 0.45, 0.32, (), ORIGIN
)


def stored(chart, kind):
    """As the database keeps it: JSON, times as text, infinities as words."""
    plain = json.loads(
        json.dumps(asdict(chart), default=str).replace("-Infinity", '"-inf"').replace("Infinity", '"inf"')
    )
    return json.loads(to_json(plain)) | {"kind": kind}


@pytest.mark.parametrize(
    ("chart", "kind"), [(PORTFOLIO, "portfolio"), (LAUNCH, "launch"), (EFFECT, "effect"), (SIGNAL, "signal")]
)
def test_each_kind_survives_the_way_through_json(chart, kind):
    assert picture(stored(chart, kind)) == chart


def test_bounds_that_are_not_known_yet_are_unbounded_and_empty_looks_are_left_out():
    found = stored(EFFECT, "effect")
    found["points"] = [found["points"][0] | {"lower": None, "upper": None}, found["points"][0] | {"estimate": None}]
    read = picture(found)
    assert [(point.lower, point.upper) for point in read.points] == [(-inf, inf)]


@pytest.mark.parametrize("chart", [{}, {"kind": "pie"}, {"kind": "effect"}, {"kind": "portfolio", "items": "none"}])
def test_what_cannot_be_drawn_is_refused_with_its_kind(chart):
    with pytest.raises(ChartUnreadable, match="chart"):
        picture(chart)


async def test_a_stored_chart_is_drawn_in_a_thread():
    drawing = await drawn(picture(stored(LAUNCH, "launch")))
    assert drawing.png.startswith(b"\x89PNG")
    assert "Fewer fields" in drawing.alt
