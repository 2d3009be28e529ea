"""Text as Slack takes it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.words import bold, clean, code, fit, hours, lines, moment, plain, timed
from runtime.gates.wording import sure


@given(st.text(max_size=300), st.integers(5, 80))
def test_escaped_text_fits_and_no_entity_is_cut(text, limit):
    shown = fit(text, limit)
    assert len(shown) <= limit
    bare = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(bare) & set("&<>")


@given(st.text(max_size=300), st.integers(1, 80))
def test_plain_text_is_one_line_never_empty_and_fits(text, limit):
    shown = plain(text, limit)
    assert 1 <= len(shown) <= limit
    assert "\n" not in shown


@given(st.text(alphabet="`ab<&\n", max_size=200))
def test_what_is_in_a_fence_stays_in_it(text):
    assert code(text, 100).count("```") == 2


def test_characters_that_deceive_are_dropped_and_those_that_shape_words_stay():
    assert clean("pay\u202edlog\u0000 me\u200d") == "paydlog me\u200d"
    assert bold("a *b* _c_ `d`") == "*a b c d*"
    assert bold("**") == ""


def test_lines_are_left_out_whole():
    assert lines(["<@U1>", "<https://x|y>", "z"], 20) == "<@U1>\n<https://x|y>"
    assert lines(["<https://x|y>"], 5) == ""


def test_times_are_the_readers_own_and_have_a_fallback():
    assert (
        moment(datetime(2026, 11, 23, 5, 22, tzinfo=UTC))
        == "<!date^1795411320^{date_short_pretty} at {time}|2026-11-23 05:22 UTC>"
    )
    assert [hours(count) for count in (0.5, 4, 24, 48, 72)] == ["30 min", "4 h", "24 h", "48 h", "3 days"]


@pytest.mark.parametrize(
    ("confidence", "said"), [(None, ""), (0, ""), (0.873, " (87.3 % sure)"), (1.0, " (more than 99 % sure)")]
)
def test_nothing_is_certain_and_of_what_was_not_tested_nothing_is_said(confidence, said):
    assert sure(confidence) == said


def test_moments_in_utc_are_shown_in_each_readers_zone():
    shown = timed("Ana decided this gate already, at 2026-11-30 20:18 UTC.", 3000)
    assert (
        shown == "Ana decided this gate already, <!date^1796069880^{date_short_pretty} at {time}|2026-11-30 20:18 UTC>."
    )
    for kept in ("until 2026-02-30 20:18 UTC", "until 2026-11-30 20:18", "x" * 90 + " 2026-11-30 20:18 UTC"):
        assert timed(kept, 120) == kept
