"""Recorded experiments in every form they come in, and what is said of files that cannot be right."""

import gzip
from importlib import import_module
from importlib.util import find_spec
from math import nan

import pytest

from runtime.analysis.backtest.rows import load
from runtime.analysis.backtest.table import WIDE
from runtime.errors import InvalidRequest

HEADING = ",".join(WIDE)


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def wide(day, control=(100, 0.5, 0.25), treatment=(110, 0.6, 0.24), key="e,1,m"):
    (n_c, m_c, v_c), (n_t, m_t, v_t) = control, treatment
    return f"{key},{day},{n_c},{n_t},{m_c},{m_t},{v_c},{v_t}"


def test_the_wide_form_is_read_plain_and_packed(tmp_path):
    lines = (HEADING, wide(1), wide(2.5, (200, 0.5, 0.25)))
    packed = tmp_path / "all.csv.gz"
    packed.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    for path in (written(tmp_path / "all.csv", *lines), packed):
        (stream,) = load(path).streams
        assert stream.key == ("e", "1", "m")
        assert list(stream.days()) == [1.0, 2.5]
        assert stream.estimates()[0] == pytest.approx(0.1)
        assert stream.variances()[0] == pytest.approx(0.25 / 100 + 0.24 / 110)


def test_looks_without_a_variance_are_counted_and_do_no_harm(tmp_path):
    path = written(tmp_path / "f.csv", HEADING, wide(1, (100, 0.5, "")), wide(2, (100, 0.5, 0.0)), wide(3), wide(4))
    recording = load(path)
    (stream,) = recording.streams
    assert (len(stream.readings), stream.unusable, len(stream.before)) == (2, 2, 2)
    assert recording.notes[0].startswith("2 looks are unusable")


def test_disorder_repetitions_and_shrinking_counts_are_told(tmp_path):
    path = written(tmp_path / "f.csv", HEADING, wide(3, (90, 0.5, 0.25)), wide(1), wide(2), wide(2, (120, 0.4, 0.25)))
    recording = load(path)
    assert list(recording.streams[0].days()) == [1.0, 2.0, 3.0]
    assert recording.streams[0].readings[1].control.mean == 0.4
    told = " ".join(recording.notes)
    assert "not in order of time" in told
    assert "repeat a moment" in told
    assert "fewer units" in told


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (wide(1, ("many", 0.5, 0.25)), "line 3: `count_c` is 'many', not a number"),
        (wide(1, (10.5, 0.5, 0.25)), "line 3: `count_c` is '10.5', not a whole number"),
        (wide(1, (-5, 0.5, 0.25)), "line 3: `count_c` is '-5', less than 0"),
        (wide(1, (10, 0.5, -0.25)), "line 3: `variance_c` is '-0.25', less than 0"),
        (wide(1, (10, "inf", 0.25)), "line 3: `mean_c` is 'inf', infinite"),
        (wide("", (10, 0.5, 0.25)), "line 3: `time_since_start` is ''"),
        (wide(1, key=",1,m"), "line 3: `experiment_id` is ''"),
        (wide(1) + ",7", "line 3 has more fields than the heading"),
    ],
)
def test_a_row_that_cannot_be_right_is_named_by_its_line(tmp_path, row, named):
    path = written(tmp_path / "f.csv", HEADING, wide(1), row)
    with pytest.raises(InvalidRequest) as refused:
        load(path)
    assert named in refused.value.message


def test_all_faults_are_told_at_once_up_to_ten(tmp_path):
    path = written(tmp_path / "f.csv", HEADING, *(wide(day, ("x", 0.5, 0.25)) for day in range(1, 14)))
    with pytest.raises(InvalidRequest) as refused:
        load(path)
    assert refused.value.message.count("line ") == 10
    assert "and 3 more" in refused.value.message


def test_a_file_of_neither_form_says_what_is_missing(tmp_path):
    with pytest.raises(InvalidRequest, match="Missing for the wide form: metric_id"):
        load(written(tmp_path / "f.csv", "experiment_id,variant_id", "a,b"))
    with pytest.raises(InvalidRequest, match="no rows"):
        load(written(tmp_path / "g.csv", HEADING))
    with pytest.raises(InvalidRequest, match="There is no file"):
        load(tmp_path / "nowhere.csv")
    (tmp_path / "b.csv.gz").write_bytes(b"\x1f\x8bbroken")
    with pytest.raises(InvalidRequest, match="cannot be read as text"):
        load(tmp_path / "b.csv.gz")


def test_the_long_form_pairs_each_treatment_with_control(tmp_path):
    path = written(
        tmp_path / "f.csv",
        "experiment_id;variant_id;metric_id;time;n;mean;variance",
        "e;control;m;1;100;0.5;0.25",
        "e;blue;m;1;110;0.6;0.24",
        "e;red;m;1;90;0.4;0.24",
        "e;red;m;2;95;0.4;0.24",
    )
    recording = load(path)
    assert [stream.key.variant_id for stream in recording.streams] == ["blue", "red"]
    assert len(recording.streams[1].readings) == 1
    assert "no look of control" in recording.notes[0]
    with pytest.raises(InvalidRequest, match="name the control arm with --control"):
        load(path, control="base")


def test_increments_add_up_to_what_the_cumulative_form_says(tmp_path):
    heading = "experiment_id,variant_id,metric_id,time,n,sum,sumsq"
    steps = (
        "e,control,m,2026-03-01,100,50,50",
        "e,b,m,2026-03-01,100,60,60",
        "e,control,m,2026-03-02,40,10,10",
        "e,b,m,2026-03-02,60,30,30",
    )
    totals = (*steps[:2], "e,control,m,2026-03-02,140,60,60", "e,b,m,2026-03-02,160,90,90")
    summed = load(written(tmp_path / "i.csv", heading, *steps), increments=True).streams[0]
    whole = load(written(tmp_path / "c.csv", heading, *totals)).streams[0]
    assert list(summed.days()) == [1.0, 2.0]
    for a, b in zip(summed.readings, whole.readings, strict=True):
        assert a.control == pytest.approx(b.control)
        assert a.treatment == pytest.approx(b.treatment)


def test_moments_count_from_the_first_day_and_are_not_mixed_with_numbers(tmp_path):
    heading = "experiment_id,variant_id,metric_id,time,n,mean,variance"
    rows = [
        f"e,{arm},m,{time},10,1,1"
        for time in ("2026-03-01T06:00:00", "2026-03-02T12:00:00+00:00")
        for arm in ("control", "b")
    ]
    assert list(load(written(tmp_path / "f.csv", heading, *rows)).streams[0].days()) == [0.25, 1.5]
    with pytest.raises(InvalidRequest, match="mixes days and dates"):
        load(written(tmp_path / "g.csv", heading, *rows, "e,b,m,3,10,1,1"))
    with pytest.raises(InvalidRequest, match="neither a number of days nor a date"):
        load(written(tmp_path / "h.csv", heading, "e,b,m,soon,10,1,1"))


def test_impossible_sums_are_refused_and_missing_ones_are_unusable(tmp_path):
    heading = "experiment_id,variant_id,metric_id,time,n,sum,sumsq"
    with pytest.raises(InvalidRequest, match="sum of squares is smaller"):
        load(written(tmp_path / "f.csv", heading, "e,control,m,1,10,100,1"))
    rows = ("e,control,m,1,10,5,", "e,b,m,1,10,5,5")
    assert load(written(tmp_path / "g.csv", heading, *rows)).streams[0].unusable == 1


def test_increments_are_refused_where_rows_are_cumulative(tmp_path):
    with pytest.raises(InvalidRequest, match="belongs to the long form"):
        load(written(tmp_path / "f.csv", HEADING, wide(1)), increments=True)


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="pyarrow is installed; the next test reads with it")
def test_parquet_without_its_package_says_how_to_get_it(tmp_path):
    (tmp_path / "f.parquet").write_bytes(b"PAR1....PAR1")
    with pytest.raises(InvalidRequest, match="uv pip install pyarrow"):
        load(tmp_path / "f.parquet")


@pytest.mark.skipif(
    find_spec("pyarrow") is None, reason="pyarrow is an extra; the test before says what happens without"
)
def test_parquet_is_read_like_csv(tmp_path):
    values = ["e", "1", "m", 1.0, 100, 110, 0.5, 0.6, nan, 0.24]
    columns = {name: [value, value] for name, value in zip(WIDE, values, strict=True)}
    columns |= {"time_since_start": [1.0, 2.0], "variance_c": [nan, 0.25]}
    table = import_module("pyarrow").table(columns)
    import_module("pyarrow.parquet").write_table(table, tmp_path / "f.parquet")
    (stream,) = load(tmp_path / "f.parquet").streams
    assert (len(stream.readings), stream.unusable) == (1, 1)
    (tmp_path / "g.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InvalidRequest, match="not a readable Parquet file"):
        load(tmp_path / "g.parquet")
