"""`backtest`: recorded experiments replayed through the engine; a table, JSON, or a report with pictures."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime.errors import InvalidRequest

if TYPE_CHECKING:
    from runtime.analysis.backtest.rules import Options
    from runtime.analysis.backtest.summary import Backtest
    from runtime.statistics.plan import Direction

_HEADING = ("rule", "calls", "early", "contradicted", "reversed", "missed", "time saved", "days saved", "A/A alarms")
_TELL_EVERY = 1.0  # seconds


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--report", type=click.Path(path_type=Path), help="Write a page with pictures: FILE.html, or into DIR.")
@click.option("--direction", multiple=True, metavar="METRIC=increase|decrease", help="Which way a metric improves.")
@click.option(
    "--guardrail",
    multiple=True,
    metavar="METRIC[:MARGIN]",
    help="A metric that must not worsen by MARGIN (share of control; default 0).",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Planned share of treatment; unset: 50/50 if near it, else not tested.",
)
@click.option(
    "--hold", "hold_days", default=3.0, show_default=True, type=click.FloatRange(0), help="Days evidence must stand."
)
@click.option("--minimum-days", default=7.0, show_default=True, type=click.FloatRange(0), help="First day of advice.")
@click.option("--min-looks", default=5, show_default=True, type=click.IntRange(2), help="Usable looks a stream needs.")
@click.option(
    "--aa",
    "replicates",
    default=200,
    show_default=True,
    type=click.IntRange(0),
    help="A/A replicates of each stream; 0: none.",
)
@click.option("--seed", default=1, show_default=True, help="Of the A/A replicates.")
@click.option("--control", default="control", show_default=True, help="Name of the control arm in the long form.")
@click.option("--increments", is_flag=True, help="Long form: rows hold what is new since the row before.")
def backtest(
    file: Path,
    as_json: bool,  # noqa: FBT001  click hands flags over so
    report: Path | None,
    direction: Sequence[str],
    guardrail: Sequence[str],
    share: float | None,
    hold_days: float,
    minimum_days: float,
    min_looks: int,
    replicates: int,
    seed: int,
    control: str,
    increments: bool,  # noqa: FBT001  as above
) -> None:
    """Replay the recorded experiments in FILE (CSV, CSV.gz, Parquet) through the engine that runs here.

    Says when each rule would have stopped, which calls were contradicted later, what was saved, and how often each rule
    would have called pure noise over the same looks. The columns are described in docs/backtest.md.
    """
    from runtime.analysis.backtest import rows, run  # noqa: PLC0415  numpy only when it is used
    from runtime.analysis.backtest.rules import Options  # noqa: PLC0415  as above

    options = Options(_directions(direction), share, hold_days, minimum_days, min_looks)
    recording = rows.load(file, control=control, increments=increments)
    found = run.backtest(
        recording,
        options,
        margins=_margins(guardrail),
        replicates=replicates,
        seed=seed,
        told=Progress(sys.stderr.isatty()),
    )
    click.echo(_json(found) if as_json else _text(found, options))
    if report is not None:
        from bot.cli.backtest_report import write  # noqa: PLC0415  matplotlib only when it is used

        click.echo(f"Report: {write(found, options, report)}", err=True)


class Progress:
    """Tells standard error once a second how far it is; on a terminal in one line."""

    def __init__(self, in_place: bool) -> None:  # noqa: FBT001  one caller, one question
        self._in_place = in_place
        self._due = time.monotonic() + _TELL_EVERY

    def __call__(self, what: str, done: int, of: int) -> None:
        if time.monotonic() < self._due and not (done == of and self._in_place):
            return
        self._due = time.monotonic() + _TELL_EVERY
        end = "\n" if done == of or not self._in_place else ""
        click.echo(f"{chr(13) if self._in_place else ''}{what}: {done} of {of} streams{end}", err=True, nl=False)


def _directions(given: Sequence[str]) -> "dict[str, Direction]":
    found: dict[str, Direction] = {}
    for text in given:
        metric, _, way = text.rpartition("=")
        if not metric or way not in ("increase", "decrease"):
            raise InvalidRequest(f"--direction {text!r} must read METRIC=increase or METRIC=decrease.")
        found[metric] = "increase" if way == "increase" else "decrease"
    return found


def _margins(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        metric, colon, margin = text.rpartition(":")
        try:
            found[metric if colon else text] = float(margin) if colon else 0.0
        except ValueError as error:
            raise InvalidRequest(
                f"--guardrail {text!r} must read METRIC or METRIC:0.02 (a share of control)."
            ) from error
    if any(not 0.0 <= margin < 1.0 for margin in found.values()):
        raise InvalidRequest("The margin of a guardrail is a share of control between 0 and 1, such as 0.02.")
    return found


def _json(found: "Backtest") -> str:
    from runtime.analysis.backtest.summary import to_json  # noqa: PLC0415  as above

    return json.dumps(to_json(found), allow_nan=False)


def _text(found: "Backtest", options: "Options") -> str:
    from runtime.analysis.backtest.summary import headline  # noqa: PLC0415  as above

    parts = [headline(found), "", *_table(found), "", *_footnotes(found, options)]
    return "\n".join(parts)


def _table(found: "Backtest") -> list[str]:
    lines = [_HEADING]
    for rule, tally in found.tallies.items():
        rate = found.rates.get(rule)
        lines.append((
            rule, str(tally.calls), str(tally.early), f"{tally.contradicted} ({tally.contradicted_share:.0%})",
            str(tally.reversed_sign), f"{tally.missed} of {tally.significant_at_end}", f"{tally.time_saved:.2f}",
            f"{tally.days_saved:.1f}", f"{rate.rate:.1%} ± {rate.se:.1%}" if rate else "-",
        ))  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADING))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _footnotes(found: "Backtest", options: "Options") -> list[str]:
    left_out = [replay for replay in found.replays if replay.invalid is not None]
    flagged = sum(
        1 for replay in found.replays if replay.balance and replay.balance.test and replay.balance.test.flagged
    )
    untested = sum(1 for replay in found.valid if replay.balance and replay.balance.test is None)
    kills = [watched for watched in found.watched if watched.kill]
    return [
        "contradicted: called, but not significant at 95 % at the last look. missed: significant there, never called.",
        "time saved: median share of the time between first look and horizon left at the call; days saved: median.",
        f"A/A alarms: share of streams of pure noise ever called, ± standard error ({found.replicates} replicates)."
        if found.rates
        else "A/A: not asked for.",
        f"left out: {len(left_out)} streams (e.g. {left_out[0].invalid})" if left_out else "left out: nothing",
        f"SRM: {flagged} streams flagged{_basis(options)}, {untested} not tested (share unknown; give --share)",
        "directions: "
        + (
            ", ".join(f"{m}={d}" for m, d in options.directions.items())
            or "none; both ways count as success, and no harm is killed early (--direction)"
        ),
        f"guardrails: {len(kills)} of {len(found.watched)} would have been killed"
        if found.watched
        else "guardrails: none (--guardrail)",
        *(f"  {'/'.join(w.key)}: killed on day {w.kill.time:g}" for w in kills[:20] if w.kill),
        *(f"note: {note}" for note in found.recording.notes),
    ]


def _basis(options: "Options") -> str:
    return "" if options.share is not None else " against an assumed 50/50 (a warning only)"
