"""What the engine must reach, one line a figure, beside gbstats and confseq on the same inputs.

    .venv/bin/python -m benchmarks.statistics [--quick] [--peers] [--data asos_experiments.csv.gz]

Prints figures, bars and peers; always exits 0. Simulations are seeded. `--peers` installs the peers into .tools/peers
with uv on first use, and says so where one cannot be had; the peers see the first 300 experiments of each case.
"""

import argparse
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.errors import balance, false_calls, power
from benchmarks.lines import Bench, Line, Section
from benchmarks.peers import run_peers
from benchmarks.precision import precision
from benchmarks.speed import speed


def recorded(path: Path, _: Bench) -> Iterator[Line]:
    """Advised ships on recorded experiments."""
    from runtime.analysis.backtest.rows import load  # noqa: PLC0415  only with --data
    from runtime.analysis.backtest.rules import Options  # noqa: PLC0415  as above
    from runtime.analysis.backtest.run import backtest  # noqa: PLC0415  as above

    found = backtest(load(path), Options(directions={}), margins={}, replicates=0, seed=1)
    ours, growthbook = found.tallies["advised"], found.tallies["growthbook"]
    yield Line(
        "advised ships contradicted later",
        ours.contradicted_share,
        0.20,
        form=".3f",
        peer=f"GrowthBook's rule {growthbook.contradicted_share:.3f}",
    )
    yield Line(
        "advised ships of reversed sign",
        float(ours.reversed_sign),
        0.0,
        form=".0f",
        peer=f"GrowthBook's rule {growthbook.reversed_sign}",
    )
    yield Line(
        "share of the time saved, median",
        ours.time_saved,
        0.60,
        ">=",
        form=".3f",
        peer=f"GrowthBook's rule {growthbook.time_saved:.3f}",
    )
    yield Line(
        f"missed, of {ours.significant_at_end}",
        float(ours.missed),
        12.0,
        form=".0f",
        peer=f"GrowthBook's rule {growthbook.missed}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a fifth of the simulated experiments")
    parser.add_argument("--peers", action="store_true", help="run gbstats and confseq beside us; installs them first")
    parser.add_argument("--data", type=Path, help="recorded experiments to replay")
    arguments = parser.parse_args()
    began, bench = time.perf_counter(), Bench(quick=arguments.quick)
    if arguments.peers:
        figures, excuses = run_peers(bench)
        bench = Bench(quick=arguments.quick, peers=figures)
        print("\n".join(excuses))
    sections: dict[str, Section] = {
        "Under continuous peeking (bars: 5 % and three standard errors)": false_calls,
        "Power and stopping over 100 looks": power,
        "Sample ratio": balance,
        "Precision": precision,
        "Speed": speed,
    }
    if arguments.data:
        sections[f"Recorded experiments, {arguments.data.name}"] = partial(recorded, arguments.data)
    missed = sum(printed(title, section, bench) for title, section in sections.items())
    print(f"\n{missed} bars missed; {time.perf_counter() - began:.0f} s")


def printed(title: str, section: Section, bench: Bench) -> int:
    print(f"\n{title}")
    missed = 0
    for line in section(bench):
        print(f"  {line}", flush=True)
        missed += not line.reached
    return missed


if __name__ == "__main__":
    main()
