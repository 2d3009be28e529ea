"""How outcomes stand, said and drawn from one set of readings: on Home, in the digest and in its letter."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import charts
from bot import standings
from bot.pictures import picture
from bot.slack import digest, listings
from bot.slack import sample_rows as rows
from bot.slack.dashboard import Desk, home_blocks
from bot.slack.sample_standings import several
from bot.slack.sandbox.blocks import problems, view_problems
from bot.slack.sandbox.visitor import text_of
from bot.slack.view import Picture
from runtime.digests import Digest
from runtime.outcomes import standing
from runtime.outcomes.standing import Standings

FILE = Picture("F0CHART002", "2 of 3", "")
QUIET = Digest(rows.AT, rows.AT, (), (), (), (), moved=True)


def readings(*values, n=100):
    start = datetime(2026, 3, 2, tzinfo=UTC)
    return [{"time": start + timedelta(days=day), "value": value, "sample_size": n} for day, value in enumerate(values)]


def desk(stand, drawn):
    return Desk(
        rows.member(str), [], {}, stand.outcomes, [], [], [], levels=stand.levels, chart=stand.chart, picture=drawn
    )


@pytest.mark.parametrize("count", [0, 1, 3, 10])
@pytest.mark.parametrize("drawn", [None, FILE, Picture(None, "words", "")])
def test_however_many_there_are_slack_takes_home_and_digest(count, drawn):
    stand = several(str, count)
    file = drawn if drawn and drawn.file_id else None
    home = home_blocks(desk(stand, file if count else None))
    shown = digest.blocks(QUIET, {}, stand, drawn if count else None)
    assert not view_problems({"type": "home", "blocks": home}, "home")
    assert problems(shown, "message") == []
    for blocks in (home, shown):
        pictures = [block for block in blocks if block["type"] == "image"]
        assert len(pictures) == (1 if count and file else 0)
        assert ("▂" in text_of({"blocks": blocks})) is (count > 0 and not pictures), (
            "a sparkline only without a picture"
        )


def test_one_outcome_is_a_level_over_time_and_several_stand_beside_each_other():
    assert [several(str, count).chart["kind"] for count in (1, 2, 10)] == ["signal", "progress", "progress"]
    for count in (1, 2, 10):
        assert charts.alt_text(picture(several(str, count).chart))


def test_words_and_picture_say_the_same():
    stand = several(str, 4)
    said = charts.alt_text(picture(stand.chart))
    for row in stand.outcomes:
        way = standings.on_the_way(row, stand.levels.get(row["id"], ())).split(" ↗")[0].split(" ↘")[0]
        assert (way or "no reading yet") in said
        assert row["title"] in said


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([0.32, 0.44999], "99 % of the way ↗ towards the target"), ([0.32, 0.3201], "< 1 % of the way → steady"),
        ([0.4, 0.46], "at the target ↗ still moving on"), ([0.5, 0.46], "at the target ↘ falling back"),
        ([0.31], "behind its start"), ([0.32], "at its start"), ([], ""),
    ],
)  # fmt: skip
def test_neither_the_target_nor_standing_still_is_claimed_by_rounding(levels, said):
    assert standings.on_the_way(rows.outcome(str), levels) == said


def test_an_outcome_without_a_reading_says_so_and_without_any_there_is_no_picture():
    row = rows.outcome(str)
    assert standings.told(row, []) == "checkout_completed has no reading yet; from 32 % to 45 %"
    bare = digest.text(QUIET, {}, Standings([row], {}, None))
    assert "has no reading yet" in bare
    assert "data to" not in bare


def test_of_a_long_series_no_extreme_is_lost():
    values = [0.3] * 300
    values[137], values[200] = 0.9, 0.01
    row = rows.outcome(str)
    chart = standing.chart([row], {row["id"]: readings(*values)})
    drawn = [point["value"] for point in chart["points"]]
    assert {0.9, 0.01} <= set(drawn)
    assert len(drawn) <= 82
    assert chart["points"][0]["at"] == "2026-03-02T00:00:00+00:00"
    assert chart["provenance"]["data_through"] == chart["points"][-1]["at"]


def test_the_snapshot_is_named_by_the_numbers_and_only_by_them():
    row, other = rows.outcome(str), rows.outcome(str, id=UUID(int=9), title="Another")
    levels = {row["id"]: readings(0.3, 0.4)}
    first = standing.chart([row, other], levels)
    assert first == standing.chart([row, other], levels)
    more = standing.chart([row, other], {row["id"]: readings(0.3, 0.4, 0.41)})
    assert first["provenance"]["snapshot_id"] != more["provenance"]["snapshot_id"]


def test_a_simulated_outcome_among_real_ones_is_named():
    row, other = rows.outcome(str), rows.outcome(str, id=UUID(int=9), title="Another")
    levels = {one["id"]: readings(0.3, 0.4) for one in (row, other)}
    mixed = charts.alt_text(picture(standing.chart([row, other], levels, {other["id"]})))
    every = charts.alt_text(picture(standing.chart([row, other], levels, {row["id"], other["id"]})))
    assert "2. Another (simulated)" in mixed
    assert "Finish the checkout (simulated)" not in mixed
    assert "SIMULATED DATA" in mixed
    assert "SIMULATED DATA" in every
    assert "(simulated)" not in every


def test_no_title_becomes_a_mention():
    stand = several(lambda text: f"<!channel> {text}", 3)
    shown = text_of({"blocks": digest.blocks(QUIET, {}, stand, None)})
    assert "<!channel>" not in shown
    assert "<!channel>" not in digest.text(QUIET, {}, stand)


def test_more_outcomes_than_fit_are_counted():
    said = digest.text(QUIET, {}, several(str, 14))
    assert "and 2 more; `/outcome list` shows them all" in said
    assert listings.outcome_line(several(str, 14).outcomes[13], []) not in said
