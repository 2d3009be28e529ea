"""Recorded stories replayed: who would have called them when, and what the calls add up to."""

import json
from dataclasses import replace as changed
from math import sqrt

import numpy as np
import pytest

from runtime.analysis.backtest.guardrails import watch
from runtime.analysis.backtest.nulls import advised, alarms, false_alarms, noise, schedule_of
from runtime.analysis.backtest.replay import engine, replay
from runtime.analysis.backtest.rows import Recording
from runtime.analysis.backtest.rules import RULES, Options, plan_of
from runtime.analysis.backtest.run import backtest
from runtime.analysis.backtest.streams import Arm, Key, Reading, Stream
from runtime.analysis.backtest.summary import headline, tally, to_json
from runtime.errors import InvalidRequest

PLAIN = Options({})


def story(effects, *, key=("e", "1", "m"), n=1000, variance=1.0, share=0.5, before=()):
    """One look a day; `effects` are the cumulative differences."""
    readings = tuple(
        Reading(
            float(day),
            Arm(round(2 * n * day * (1 - share)), 5.0, variance),
            Arm(round(2 * n * day * share), 5.0 + d, variance),
            day,
        )
        for day, d in enumerate(effects, 1)
    )
    early = tuple(changed_variance(reading) for reading in readings if reading.day in before)
    return Stream(Key(*key), readings[len(before) :], early, len(early))


def changed_variance(reading):
    return reading._replace(control=reading.control._replace(variance=float("nan")))


def recorded(*streams):
    return Recording("past.csv", "wide", sum(len(s.readings) for s in streams), tuple(streams), ())


def test_a_lasting_effect_is_called_by_everybody_and_early_by_most():
    found = replay(story([0.1] * 28), PLAIN)
    days = {rule: stop.time for rule, stop in found.stops.items()}
    assert found.final.significant
    assert days["peeking"] <= days["hybrid"] <= days["advised"] < days["fixed"] == 28.0
    assert days["advised"] - days["hybrid"] >= 1.0
    assert days["advised"] >= 7.0
    assert {stop.verdict for stop in found.stops.values()} == {"success"}
    assert found.stops["advised"].n == 2000 * days["advised"]


def test_a_spike_of_one_day_is_detected_and_not_advised():
    spike = [0.0] * 9 + [0.12] + [0.0] * 18
    found = replay(story(spike), PLAIN)
    assert found.stops["hybrid"].time == 10.0
    assert found.stops["advised"] is None
    assert not found.final.significant


def test_without_a_direction_a_fall_is_held_and_with_one_it_is_killed_at_once():
    falling = story([-0.1] * 28)
    held, killed = replay(falling, PLAIN), replay(falling, Options({"m": "increase"}))
    assert held.stops["advised"].verdict == "harm"
    assert held.stops["advised"].gate == "ship"
    assert killed.stops["advised"].time == killed.stops["hybrid"].time < held.stops["advised"].time
    assert killed.stops["advised"].gate == "kill"
    wanted = replay(falling, Options({"m": "decrease"}))
    assert (wanted.stops["advised"].verdict, wanted.stops["advised"].gate) == ("success", "ship")


def test_a_given_share_makes_a_broken_split_invalid_and_a_guessed_one_warns():
    given = replay(story([0.1] * 14, share=0.45), Options({}, share=0.5))
    guessed = replay(story([0.1] * 14, share=0.485), PLAIN)
    assert given.invalid.startswith("srm")
    assert given.stops["advised"] is None
    assert guessed.invalid is None
    assert (guessed.balance.basis, guessed.balance.test.flagged) == ("assumed", True)
    uneven = replay(story([0.1] * 14, share=0.1), PLAIN)
    assert (uneven.balance.basis, uneven.balance.test) == ("unknown", None)


def test_too_few_looks_are_left_out_with_their_reason():
    found = replay(story([0.1] * 4), PLAIN)
    assert found.invalid == "too few usable looks: 4 of at least 5"
    assert set(found.stops.values()) == {None}


def test_days_whose_spread_was_not_recorded_count_for_the_hold_once_it_is_known():
    whole = story([0.1] * 28)
    late = story([0.1] * 28, before=range(1, 20))
    first = late.readings[0].day
    assert replay(late, PLAIN).stops["advised"].time == first
    assert replay(changed(late, before=()), PLAIN).stops["advised"].time == first + 1.0
    unlike = story([0.0] * 19 + [0.1] * 9, before=range(1, 20))
    assert replay(unlike, PLAIN).stops["advised"].time == first + 1.0
    assert replay(whole, PLAIN).stops["advised"].time < first


def test_a_call_that_fades_is_contradicted_and_a_turned_one_reversed():
    fading = story([0.12] * 10 + [1.2 / day for day in range(11, 200)])
    turning = story([0.12] * 10 + [(1.2 - 0.02 * (day - 10)) / day for day in range(11, 160)], key=("f", "1", "m"))
    replays = [replay(fading, PLAIN), replay(turning, PLAIN)]
    found = tally(replays, "advised")
    assert (found.calls, found.contradicted, found.reversed_sign) == (2, 1, 1)
    assert found.time_saved > 0.8
    assert tally(replays, "fixed").calls == 1


def test_the_whole_answer_is_json_with_the_promised_names():
    streams = [story([0.1] * 14), story([0.0] * 14, key=("g", "1", "m")), story([0.1] * 3, key=("h", "1", "m"))]
    found = backtest(recorded(*streams), PLAIN, margins={}, replicates=20, seed=1)
    answer = json.loads(json.dumps(to_json(found), allow_nan=False))
    first = answer["streams"][0]
    assert {"streams", "rules", "a_a"} <= answer.keys()
    assert {"experiment_id", "variant_id", "metric_id", "looks", "final", "stops", "srm", "invalid"} <= first.keys()
    assert first["final"].keys() == {"estimate", "ci_lower", "ci_upper", "verdict"}
    assert {"look", "time", "n", "verdict"} <= first["stops"]["advised"].keys()
    assert answer["streams"][1]["stops"] == dict.fromkeys(RULES)
    assert set(answer["rules"]) == set(answer["a_a"]["rules"]) == set(RULES)
    assert headline(found).startswith("On your 2 experiments (2 measured effects)")
    nothing = backtest(recorded(streams[1]), PLAIN, margins={}, replicates=0, seed=1)
    assert "called nothing" in headline(nothing)
    assert to_json(nothing)["a_a"]["rules"] == {}


def test_progress_is_told_for_every_stream():
    heard = []
    backtest(recorded(story([0.1] * 14), story([0.0] * 14, key=("g", "1", "m"))), PLAIN, margins={}, replicates=2, seed=1, told=lambda *step: heard.append(step))  # fmt: skip
    assert heard == [("replayed", 1, 2), ("replayed", 2, 2), ("A/A", 1, 2), ("A/A", 2, 2)]


def test_noise_over_the_recorded_looks_alarms_daily_readers_and_not_the_plan():
    found = [replay(story([0.01] * 40, key=(str(i), "1", "m")), PLAIN) for i in range(4)]
    rates = false_alarms(found, 1000, seed=7)
    assert rates["peeking"].rate > 0.2
    for rule in ("fixed", "growthbook", "msprt", "hybrid", "advised"):
        assert rates[rule].rate <= 0.05 + 3 * max(rates[rule].se, 0.002)
    assert rates["advised"].rate <= rates["hybrid"].rate
    assert false_alarms(found, 1000, seed=7) == rates


def test_advice_for_many_is_the_advice_of_the_engine_for_each():
    recorded_looks = story([0.02] * 12 + [0.05] * 12, n=400)
    found = replay(recorded_looks, PLAIN)
    schedule = schedule_of(found)
    z = noise(found, 60, np.random.default_rng(3)) + 3.2 * np.sqrt(np.arange(1, 25) / 24)[:, None]
    error = np.sqrt(recorded_looks.variances())
    many = advised(schedule, z)
    for column in range(z.shape[1]):
        readings = tuple(
            reading._replace(treatment=reading.treatment._replace(mean=5.0 + z[k, column] * error[k]))
            for k, reading in enumerate(recorded_looks.readings)
        )
        looks = engine(
            changed(recorded_looks, readings=readings), plan_of(recorded_looks, PLAIN, "increase"), counted=False
        )
        assert many[column] == any(look.advice == "ship" for look in looks)
    assert 0.2 < many.mean() < 1.0
    assert set(alarms(found, z)) == set(RULES)


def test_a_guardrail_that_breaks_would_have_been_killed_and_a_healthy_one_not():
    bad, good = story([-0.8] * 14, key=("e", "1", "speed")), story([0.0] * 14, key=("f", "1", "speed"))
    options = Options({"speed": "increase"})
    killed, kept = watch([bad, good], {"speed": 0.02}, options)
    assert killed.pause.time <= killed.kill.time < 14
    assert (kept.pause, kept.kill) == (None, None)
    found = backtest(recorded(bad, good), options, margins={"speed": 0.02}, replicates=0, seed=1)
    told = to_json(found)["guardrails"]
    assert (told[0]["kill"]["time"], told[1]["kill"]) == (killed.kill.time, None)
    slower = watch([story([0.8] * 14, key=("e", "1", "speed"))], {"speed": 0.02}, Options({"speed": "decrease"}))
    assert slower[0].kill is not None


def test_names_the_file_does_not_know_are_refused():
    stream = story([0.1] * 14)
    with pytest.raises(InvalidRequest, match="needs to know what is worse"):
        watch([stream], {"m": 0.0}, PLAIN)
    with pytest.raises(InvalidRequest, match="does not measure"):
        watch([stream], {"other": 0.0}, PLAIN)
    with pytest.raises(InvalidRequest, match="the file measures m"):
        backtest(recorded(stream), Options({"x": "increase"}), margins={}, replicates=0, seed=1)


def test_a_stream_s_variance_is_that_of_the_difference():
    stream = story([0.1] * 5, variance=4.0)
    assert sqrt(stream.variances()[0]) == pytest.approx(sqrt(4.0 / 1000 + 4.0 / 1000))
    assert stream.effective_n()[0] == 500.0
