"""`outcome-runtime backtest` as it is typed: the table, JSON and the page with pictures."""

import json
import os
import re
from base64 import b64decode
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.backtest import Progress, backtest
from runtime.analysis.backtest.table import WIDE
from runtime.errors import InvalidRequest

DATA = os.environ.get("OUTCOME_RUNTIME_DATA", "")
LASTING = [0.1] * 28
SPIKE = [0.0] * 9 + [0.12] + [0.0] * 18
FADING = [0.12] * 10 + [(1.2 - 0.006 * (day - 10)) / day for day in range(11, 120)]
PEEKED = [0.0] * 4 + [0.045] + [0.0] * 23


@pytest.fixture
def past(tmp_path):
    """Four recorded experiments, one for each story of the report; one has a name that is no name."""
    lines = [",".join(WIDE)]
    for name, effects in (("lasting", LASTING), ("<b>spike</b>", SPIKE), ("fading", FADING), ("peeked", PEEKED)):
        lines += [f"{name},1,sales,{day},{1000 * day},{1000 * day},5,{5 + d},1,1" for day, d in enumerate(effects, 1)]
    path = tmp_path / "past.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def typed(*arguments):
    done = CliRunner().invoke(backtest, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done


def test_the_table_opens_with_a_sentence_and_explains_its_columns(past):
    said = typed(past, "--aa", 20).stdout
    assert said.startswith("On your 4 experiments (4 measured effects), our advice would have called 2")
    assert re.search(r"^advised +2 +2 +1 \(50%\)", said, re.MULTILINE)
    assert "guardrails: none" in said
    assert "directions: none" in said


def test_json_goes_to_standard_output_alone(past, tmp_path):
    done = typed(past, "--json", "--aa", 0, "--report", tmp_path / "page.html")
    answer = json.loads(done.stdout)
    assert [stream["experiment_id"] for stream in answer["streams"]] == ["lasting", "<b>spike</b>", "fading", "peeked"]
    assert answer["a_a"]["rules"] == {}
    assert "Report: " in done.stderr


def test_the_report_is_one_page_with_its_pictures_inside(past, tmp_path):
    typed(past, "--aa", 20, "--report", tmp_path / "out")
    page = (tmp_path / "out" / "backtest.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 6
    assert all(b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert "http" not in page.replace("http-equiv", "")
    assert "<b>spike</b>" not in page
    assert page.count('alt="') == 6
    assert "Called early, and right" in page
    assert "On your 4 experiments" in page


def test_directions_and_guardrails_are_taken_by_name(past):
    said = typed(past, "--aa", 0, "--direction", "sales=decrease", "--guardrail", "sales:0.001", "--share", 0.5).stdout
    assert "directions: sales=decrease" in said
    assert "would have been killed" in said
    assert "lasting/1/sales: killed on day" in said


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--direction", "sales=up"), "must read METRIC=increase"),
        (("--guardrail", "sales:much"), "must read METRIC or METRIC:0.02"),
        (("--guardrail", "sales:1.5"), "between 0 and 1"),
    ],
)
def test_options_that_make_no_sense_say_how_they_should_read(past, options, named):
    with pytest.raises(InvalidRequest, match=named):
        typed(past, *options)


def test_progress_is_silent_while_it_is_quick(capsys):
    quick = Progress(in_place=False)
    for done in range(1, 4):
        quick("replayed", done, 3)
    assert capsys.readouterr().err == ""
    terminal = Progress(in_place=True)
    terminal("replayed", 3, 3)
    assert capsys.readouterr().err == "\rreplayed: 3 of 3 streams\n"


@pytest.mark.skipif(not DATA or not Path(DATA).is_file(), reason="set OUTCOME_RUNTIME_DATA to asos_experiments.csv.gz")
def test_on_real_experiments_advice_beats_every_line_of_the_table_it_is_compared_with():
    rules = json.loads(typed(DATA, "--json", "--aa", 0).stdout)["rules"]
    advised, peeking = rules["advised"], rules["peeking"]
    assert (peeking["calls"], peeking["contradicted"], peeking["reversed_sign"]) == (128, 69, 20)
    assert advised["contradicted_share"] <= 0.2
    assert advised["reversed_sign"] == 0
    assert advised["time_saved"] >= 0.6
    assert advised["duration_saved"] >= 0.6
    assert advised["missed"] <= 12
