"""`simulate`: what a plan would do, before anybody is asked to launch it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

SHARE = click.FloatRange(0.0, 1.0, min_open=True, max_open=True)
POSITIVE = click.FloatRange(0.0, min_open=True)


@click.command()
@click.option(
    "--mde",
    required=True,
    help="Smallest effect worth detecting: 0.01 or 2% of the baseline; negative if it should fall.",
)
@click.option("--rate", type=SHARE, help="Baseline conversion rate.")
@click.option("--baseline", default=0.0, show_default=True, type=float, help="Baseline mean of any other metric.")
@click.option("--sd", type=POSITIVE, help="Standard deviation between users of any other metric.")
@click.option(
    "--effect",
    "effects",
    multiple=True,
    help="True effect to try: 0.01, 0.5x (of --mde) or 2% (of the baseline); repeatable.  [default: 0x, 0.5x, 1x, 2x]",
)
@click.option("--alpha", default=0.05, show_default=True, type=SHARE, help="False calls allowed over a lifetime.")
@click.option("--power", default=0.8, show_default=True, type=SHARE, help="Chance wanted of finding --mde.")
@click.option("--traffic-per-day", type=POSITIVE, help="Users a day, both arms together.")
@click.option("--days", type=POSITIVE, help="Horizon; without it as long as --power needs.")
@click.option("--allocation", default=0.5, show_default=True, type=SHARE, help="Share of users in treatment.")
@click.option(
    "--plan", "kind", default="hybrid", show_default=True, type=click.Choice(["hybrid", "anytime", "horizon_only"])
)
@click.option(
    "--looks", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Looks up to the horizon."
)
@click.option(
    "--runs", default=4000, show_default=True, type=click.IntRange(1, 1_000_000), help="Experiments per effect."
)
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed gives the same figures."
)
@click.option(
    "--world",
    type=click.Choice(["normal", "conversion", "revenue", "ramp", "fading"]),
    help="How data come about.  [default: conversion with --rate, else normal]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def simulate(effects: tuple[str, ...], as_json: bool, **options: Any) -> None:  # noqa: FBT001  click hands flags over so
    """Error rates, power and duration of a plan before it is launched."""
    from runtime.analysis.simulate import Study, checked, table  # noqa: PLC0415  numpy and scipy only when the command runs
    from runtime.analysis.simulate import simulate as run  # noqa: PLC0415  as above

    chosen: dict[str, Any] = {**options, "effects": effects} if effects else options
    study = checked(Study(**chosen))
    with told(sys.stderr, f"Simulating {study.runs:,} experiments of {study.looks} looks for each effect") as progress:
        report = run(study, progress)
    click.echo(json.dumps(report.to_json(), allow_nan=False) if as_json else "\n".join(table(report)))


@contextmanager
def told(where: TextIO, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a person at a terminal, one line for a log."""
    if not where.isatty():
        click.echo(f"{what} ...", file=where)
        yield _silent
        return
    with click.progressbar(length=1000, label=what, file=where, show_pos=False) as bar:
        yield lambda done, total: bar.update(max(0, done * 1000 // total - bar.pos))


def _silent(done: int, total: int) -> None:
    """Nobody watches a bar in a log."""
