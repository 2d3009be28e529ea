"""The kinds beyond effect, level, portfolio and launch: they tell the truth in words, and no number breaks them."""

import io
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta

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


def _points(*values):
    start = SAMPLES["progress"]().rows[0].points[0]
    return tuple(replace(start, at=start.at + timedelta(days=i), value=value) for i, value in enumerate(values))


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
        "no outcome": replace(s["progress"], rows=()),
        "outcomes nobody has read": replace(s["progress"], rows=s["progress"].rows[3:]),
        "forty outcomes": replace(s["progress"], rows=s["progress"].rows * 10),
        "no start and no target": replace(
            s["progress"], rows=(replace(s["progress"].rows[0], baseline=None, target=NAN),)
        ),
        "start and target are one": replace(s["progress"], rows=(replace(s["progress"].rows[0], target=0.32),)),
        "an outcome beyond all numbers": replace(
            s["progress"], rows=(replace(s["progress"].rows[0], name="w" * 300, points=_points(1e308, -1e308)),)
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


@STEADY
@given(ends=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).filter(lambda e: e[0] != e[2]))
def test_an_outcome_is_on_the_side_of_its_start_and_its_target_that_its_words_say(progress, ends):
    start, now, target = ends
    row = replace(progress.rows[0], unit="", baseline=start, target=target, points=_points(now))
    said = charts.alt_text(replace(progress, rows=(row,)))
    forward = 1 if target > start else -1
    assert ("at the target, from" in said) is (forward * (now - target) >= 0)
    assert ("behind its start" in said) is (forward * (now - start) < 0)


@STEADY
@given(low=ANY, now=ANY, high=ANY)
def test_no_number_breaks_the_words_about_an_outcome(progress, low, now, high):
    row = replace(progress.rows[0], baseline=low, target=high, points=_points(now))
    assert charts.alt_text(replace(progress, rows=(row,))).endswith("8d77.")
    assert charts.sparkline(replace(progress, rows=(row,)))


def test_outcomes_are_told_one_by_one_with_where_they_came_from(progress):
    said = charts.alt_text(progress)
    assert "1 of 4 outcomes at the target, 1 on the way, 1 behind the start, 1 not known yet." in said
    assert "40.4 %, 64 % of the way, from 32 % to the target of 45 %, up 8.4 pp since 3 Mar 2026" in said
    assert "page_p95 883 ms, at the target, from 1,240 ms to the target of 900 ms, down 357 ms" in said
    assert "orders_per_day has no reading yet" in said
    assert "they show movement, not its cause" in said


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
