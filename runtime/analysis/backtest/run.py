"""The whole backtest of one recording, with its progress told as it goes."""

from collections.abc import Callable, Mapping

from runtime.analysis.backtest.guardrails import watch
from runtime.analysis.backtest.nulls import false_alarms
from runtime.analysis.backtest.replay import replay
from runtime.analysis.backtest.rows import Recording
from runtime.analysis.backtest.rules import RULES, Options
from runtime.analysis.backtest.summary import Backtest, tally
from runtime.errors import InvalidRequest


def backtest(
    recording: Recording,
    options: Options,
    *,
    margins: Mapping[str, float],
    replicates: int,
    seed: int,
    told: Callable[[str, int, int], None] | None = None,
) -> Backtest:
    """`told` hears what is being done, how much of it is, and of how much."""
    _known(recording, options)
    told = told or _silence
    replays = []
    for index, stream in enumerate(recording.streams, 1):
        replays.append(replay(stream, options))
        told("replayed", index, len(recording.streams))
    valid = [found for found in replays if found.invalid is None]
    finished = iter(range(1, len(valid) + 1))
    rates = false_alarms(valid, replicates, seed, lambda: told("A/A", next(finished), len(valid))) if replicates else {}
    return Backtest(
        recording=recording,
        replays=tuple(replays),
        tallies={rule: tally(replays, rule) for rule in RULES},
        rates=rates,
        replicates=replicates,
        seed=seed,
        watched=tuple(watch(recording.streams, margins, options)) if margins else (),
    )


def _silence(what: str, done: int, of: int) -> None:
    """Nobody listens."""


def _known(recording: Recording, options: Options) -> None:
    measured = {stream.key.metric_id for stream in recording.streams}
    unknown = sorted(options.directions.keys() - measured)
    if unknown:
        raise InvalidRequest(
            f"--direction names {', '.join(unknown)}; the file measures {', '.join(sorted(measured))}."
        )
