"""Every picture that can be asked for is drawn from what the loop stored."""

import pytest

import charts
from bot.pictures import picture
from runtime.errors import NotFound
from runtime.outcomes.pictures import OF_EXPERIMENT, OF_OUTCOME, chart_of
from tests.story import Story


async def drawn(story: Story, name: str, kind: str | None = None) -> charts.Chart:
    async with story.runtime.transaction(story.org_id) as tx:
        return picture(await chart_of(tx, name, kind))


async def test_a_measured_experiment_and_its_outcome_are_shown_from_every_side(story: Story) -> None:
    row = await story.launched()
    for day in range(1, 9):
        await story.tell("checkout_completed", day, (1000, 320), (1010, 365))
        await story.tell("slow_share", day, (1000, 20), (1010, 22))
    await story.measure()

    for kind in OF_EXPERIMENT:
        assert charts.alt_text(await drawn(story, row["feature_flag_key"], kind))
    for kind in OF_OUTCOME:
        assert charts.alt_text(await drawn(story, "checkout", kind))

    split = await drawn(story, str(row["id"]), "split")
    assert isinstance(split, charts.SplitChart)
    assert [arm.count for arm in split.arms] == [8000, 8080]
    progress = await drawn(story, "checkout")
    assert isinstance(progress, charts.SignalChart)
    assert [round(point.value, 4) for point in progress.points if point.n] == [round(685 / 2010, 4)] * 8
    timeline = await drawn(story, "checkout", "timeline")
    assert isinstance(timeline, charts.GanttChart)
    shown = next(run for run in timeline.rows if run.name == row["title"])
    assert [span.state for span in shown.spans][-1] == (await story.experiment())["status"]
    assert [gate.answered is not None for gate in shown.gates[:2]] == [True, True]


async def test_what_is_not_there_yet_is_said_with_what_there_is(story: Story) -> None:
    row = await story.launched()
    with pytest.raises(NotFound, match="has not been measured yet"):
        await drawn(story, row["feature_flag_key"], "split")
    with pytest.raises(NotFound, match="there are progress, portfolio, timeline, calibration"):
        await drawn(story, "checkout", "split")
    with pytest.raises(NotFound, match="No running outcome has a reading yet"):
        await drawn(story, "all")
    with pytest.raises(NotFound, match="outcome-runtime status"):
        await drawn(story, "nothing-of-that-name")
