"""Holds the measured coverage against each area's bar and prints a table: `python .ci/coverage.py coverage.json`."""  # noqa: INP001  a script, no package

import json
import sys
from pathlib import Path
from typing import Any

BARS = {
    "runtime/lifecycle": 95,
    "runtime/measurement": 90,
    "runtime/statistics": 90,
    "runtime/integrations/signals": 90,
    "runtime/hypotheses": 80,
    "runtime": 70,
    "bot": 70,
    "charts": 70,
    "workers": 70,
}
"""Least share of lines and branches, in percent; a file counts for the most exact area it lies in."""


def area(path: str) -> str | None:
    inside = [name for name in BARS if Path(path).is_relative_to(name)]
    return max(inside, key=len, default=None)


def measured(report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Lines and branches reached, and those there are, of each area."""
    found = dict.fromkeys(BARS, (0, 0))
    for path, file in report["files"].items():
        place, sums = area(path), file["summary"]
        if place is not None:
            reached, there = found[place]
            reached += sums["covered_lines"] + sums.get("covered_branches", 0)
            there += sums["num_statements"] + sums.get("num_branches", 0)
            found[place] = reached, there
    return found


def main(path: str) -> int:
    """1 when an area is below its bar, or was not measured at all."""
    if not Path(path).exists():
        sys.stderr.write(f"There is no {path}; `make test` writes it.\n")
        return 1
    low = []
    sys.stdout.write(f"{'area':30} {'bar':>6} {'reached':>8}\n")
    for name, (reached, there) in measured(json.loads(Path(path).read_text(encoding="utf-8"))).items():
        percent = 100 * reached / there if there else 0.0
        good = percent >= BARS[name]
        sys.stdout.write(f"{name:30} {BARS[name]:4} % {percent:6.1f} %{'' if good else '  below the bar'}\n")
        low += [] if good else [name]
    if low:
        sys.stderr.write(f"Coverage is below the bar in: {', '.join(low)}.\n")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["coverage.json"]))
