"""The kinds beyond effect, level, portfolio and launch: they tell the truth in words, and no number breaks them."""

import io
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import charts
from charts import FunnelArm, GanttRow, Interval, SegmentRow, SplitArm
from charts.samples import SAMPLES

STEADY = settings(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ANY = st.floats()
NAN, INF = math.nan, math.inf


def ink(chart: charts.Chart) -> float:
    with Image.open(io.BytesIO(charts.draw(chart).png)) as image:
        seen = np.asarray(image)[::2, ::2, :3].astype(np.int16)
    return float((np.abs(seen[60:-60] - seen[1, 1]).sum(axis=2) > 30).mean())


@STEADY
@given(low=ANY, point=ANY, high=ANY)
def test_no_number_breaks_a_text(segments, calibration, guardrails, low, point, high):
    odd = Interval(low, high, point)
    said = [
        charts.alt_text(replace(segments, rows=(SegmentRow("odd", odd, 5, called=True),), overall=odd)),
        charts.alt_text(
            replace(calibration, forecasts=(replace(calibration.forecasts[0], predicted=odd, observed=odd),))
        ),
        charts.alt_text(replace(guardrails, rows=(replace(guardrails.rows[0], level=odd, limit=point),))),
    ]
    assert all(text.endswith("snapshot 0190f3a2-7c41-7d2e-9a55-3b1c2f0e8d77.") for text in said)


@STEADY
@given(point=st.floats(-1e6, 1e6).filter(bool))
def test_the_sign_of_a_segment_in_words_is_the_sign_in_the_data(segments, point):
    row = SegmentRow("iOS", Interval(point - 1, point + 1, point), 10)
    said = charts.alt_text(replace(segments, rows=(row,)))
    assert f"iOS: {'+' if point > 0 else chr(0x2212)}" in said


@STEADY
@given(counts=st.lists(st.integers(0, 10**12), min_size=2, max_size=2))
def test_the_split_in_words_adds_up(split, counts):
    arms = tuple(SplitArm(name, 0.5, n) for name, n in zip(("control", "treatment"), counts, strict=True))
    said = charts.sparkline(replace(split, arms=arms))
    if sum(counts):
        assert sum(float(part.split()[-2]) for part in said.split(" : ")) == pytest.approx(100, abs=0.02)
    else:
        assert said == "no data yet"


def degenerate():
    s = {name: sample() for name, sample in SAMPLES.items()}
    wide = Interval(-INF, INF, NAN)
    return {
        "segments without rows": replace(s["segments"], rows=()),
        "segments without bounds": replace(s["segments"], overall=wide, rows=(SegmentRow("x", wide, 0),)),
        "segments all equal": replace(
            s["segments"], overall=Interval(0, 0, 0), rows=(SegmentRow("x", Interval(0, 0, 0), 1),)
        ),
        "40 segments": replace(s["segments"], rows=s["segments"].rows * 10),
        "huge segments": replace(s["segments"], rows=(SegmentRow("x", Interval(-1e308, 1e308, 1e308), 1),)),
        "nobody in the funnel": replace(s["funnel"], arms=(FunnelArm("a", (0, 0)),)),
        "funnel without arms": replace(s["funnel"], arms=()),
        "funnel with too few counts": replace(s["funnel"], arms=(FunnelArm("a", (5,)), FunnelArm("b", ()))),
        "funnel that grows": replace(s["funnel"], arms=(FunnelArm("a", (1, 10**12)),)),
        "no units": replace(s["split"], arms=(SplitArm("a", 0.5, 0), SplitArm("b", 0.5, 0))),
        "unknown plan": replace(s["split"], arms=(SplitArm("a", NAN, 3), SplitArm("b", INF, 3)), p_value=None),
        "twelve arms": replace(s["split"], arms=tuple(SplitArm(f"arm {i}", 1 / 12, i) for i in range(12))),
        "nothing predicted": replace(s["calibration"], forecasts=()),
        "predicted nothing": replace(
            s["calibration"], forecasts=(replace(s["calibration"].forecasts[0], observed=wide),)
        ),
        "no experiment": replace(s["gantt"], rows=()),
        "empty rows": replace(s["gantt"], rows=(GanttRow("x", ()), GanttRow("y", ()))),
        "forty experiments": replace(s["gantt"], rows=s["gantt"].rows * 20),
        "no guardrail": replace(s["guardrails"], rows=()),
        "silent guardrail": replace(
            s["guardrails"], rows=(replace(s["guardrails"].rows[0], level=wide, state="no_data"),)
        ),
        "limit nobody knows": replace(s["guardrails"], rows=(replace(s["guardrails"].rows[0], limit=NAN),)),
    }


@pytest.mark.parametrize("case", degenerate())
def test_degenerate_data_draw_something_true_with_a_sentence(case):
    chart = degenerate()[case]
    assert ink(chart) > 0.003
    assert charts.alt_text(chart).count(".") > 2
    assert charts.sparkline(chart)


def test_a_mismatch_is_the_first_thing_that_is_said(split):
    assert "MISMATCH" in charts.alt_text(split)
    fine = replace(
        split, flagged=False, arms=(SplitArm("control", 0.5, 5000), SplitArm("treatment", 0.5, 5010)), p_value=1.0
    )
    assert "split as planned" in charts.alt_text(fine)
    assert ink(fine) != ink(split)


def test_segments_say_that_standing_out_is_a_reason_to_test(segments):
    said = charts.alt_text(segments)
    assert "1 of 4 stand out under mean of e-values" in said
    assert "a reason to test it, not a result" in said


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_picture_as_svg_carries_its_words_and_is_the_same_each_time(name):
    chart = SAMPLES[name]()
    first, again = charts.svg(chart, theme="print"), charts.svg(chart, theme="print")
    assert first == again
    told = " ".join(ET.fromstring(first).itertext())  # noqa: S314  our own file
    assert chart.provenance.snapshot_id in told
    assert charts.alt_text(chart) in told
    # The next bitmap is not disturbed by it.
    assert charts.draw(chart).png == charts.draw(chart).png
