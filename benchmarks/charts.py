"""How fast the pictures are drawn, beside plain matplotlib and vl-convert with the same content, and whether memory stays flat.

    .venv/bin/python -m benchmarks.charts [--renders 5000] [--quick]

1600 x 900 PNGs on one core after warm-up; vl-convert runs in a throw-away environment with a process of its own. Prints figures and bars.
"""

import argparse
import gc
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import charts
from benchmarks.lines import Line
from benchmarks.peers import Peer, installed, sentence
from charts.models import EffectChart
from charts.samples import SAMPLES, effect

VL_CONVERT = Peer("vl-convert", "vl-convert-python==1.9.0", ("3.13", "3.12", "3.11"), ())
MEBIBYTE = 1024 * 1024
FEWEST_INK = 0.005
LOOKED_AT = 1000


def taken(work: Callable[[], object], repeat: int) -> list[float]:
    """Milliseconds of each call, after five to warm up."""
    for _ in range(5):
        work()
    found = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return found


def plain_matplotlib(chart: EffectChart, *, reused: Any = None) -> bytes:
    """What one would write first: a figure, axes, `fill_between`, and the same words around them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  what is timed is the drawing
    from matplotlib.dates import date2num  # noqa: PLC0415  as above
    from matplotlib.figure import Figure  # noqa: PLC0415  as above

    figure = reused or Figure(figsize=(8, 4.5), dpi=200)
    figure.clear()
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.3, 0.72, 0.48))
    at = [point.at for point in chart.points]
    axes.fill_between(at, [p.lower for p in chart.points], [p.upper for p in chart.points], alpha=0.2)
    axes.plot(at, [point.estimate for point in chart.points], linewidth=2)
    axes.axhline(0, color="black")
    axes.axhline(chart.success_threshold or 0.0, linestyle="--", color="green")
    axes.axhspan(
        chart.predicted.low if chart.predicted else 0.0,
        chart.predicted.high if chart.predicted else 0.0,
        hatch="//",
        alpha=0.1,
    )
    for phase in chart.phases:
        axes.axvline(date2num(phase.at), linestyle=":")  # type: ignore[no-untyped-call]
        axes.annotate(phase.label, (phase.at, 0.1))
    for moment in (chart.crossed_at, chart.horizon):
        if moment:
            axes.axvline(date2num(moment), linestyle="-.")  # type: ignore[no-untyped-call]
    axes.set_ylim(-0.05, 0.12)
    axes.grid(visible=True, axis="y")
    figure.text(0.02, 0.93, chart.title, fontsize=18, weight="bold")
    figure.text(0.02, 0.87, chart.headline, fontsize=13)
    for row, rail in enumerate(chart.guardrails):
        figure.text(0.02 + 0.5 * row, 0.16, f"{rail.name} {rail.value} (limit {rail.limit})", fontsize=11)
    figure.text(0.02, 0.08, "always-valid 95 % interval, n = 10,115, 3 to 24 Mar 2026", fontsize=10)
    figure.text(0.02, 0.03, f"{chart.provenance.source}, snapshot {chart.provenance.snapshot_id}", fontsize=10)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def vega_lite(chart: EffectChart) -> dict[str, Any]:
    """The same picture as a Vega-Lite specification."""
    rows = [
        {"at": p.at.isoformat(), "e": p.estimate, "lo": max(-0.05, p.lower), "hi": min(0.12, p.upper)}
        for p in chart.points
    ]
    x = {"field": "at", "type": "temporal", "title": None}
    y = {"type": "quantitative", "scale": {"domain": [-0.05, 0.12]}, "title": "difference"}
    lines = [("zero", 0.0), ("goal", chart.success_threshold or 0.0)]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "width": 640, "height": 220, "data": {"values": rows},
        "title": {"text": chart.title, "subtitle": chart.headline},
        "layer": [
            {"mark": {"type": "area", "opacity": 0.2}, "encoding": {"x": x, "y": y | {"field": "lo"}, "y2": {"field": "hi"}}},
            {"mark": {"type": "line", "strokeWidth": 3}, "encoding": {"x": x, "y": y | {"field": "e"}}},
            *({"mark": {"type": "rule", "strokeDash": [4, 2]}, "encoding": {"y": {"datum": value}}} for _, value in lines),
            *({"mark": "text", "encoding": {"text": {"datum": rail.name}, "y": {"datum": 0.1 - 0.02 * i}}} for i, rail in enumerate(chart.guardrails)),
        ],
    }  # fmt: skip


_PEER_SCRIPT = """
import json, sys, time
import vl_convert
spec = json.load(sys.stdin)
found = []
for _ in range(35):
    began = time.perf_counter()
    vl_convert.vegalite_to_png(spec, scale=2)
    found.append((time.perf_counter() - began) * 1000)
print(sorted(found[5:])[15])
"""


def vl_convert(chart: EffectChart) -> float:
    """Its median milliseconds for one picture."""
    python = installed(VL_CONVERT)
    answer = subprocess.run(
        [str(python), "-c", _PEER_SCRIPT],
        input=json.dumps(vega_lite(chart)), check=True, capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return float(answer.stdout)


def speed(chart: EffectChart, repeat: int) -> list[Line]:
    from matplotlib.figure import Figure  # noqa: PLC0415  warm-up is not timed

    ours = taken(lambda: charts.draw(chart), repeat)
    fresh = statistics.median(taken(lambda: plain_matplotlib(chart), repeat // 2))
    figure = Figure(figsize=(8, 4.5), dpi=200)
    reused = statistics.median(taken(lambda: plain_matplotlib(chart, reused=figure), repeat // 2))
    p50, p95 = statistics.median(ours), statistics.quantiles(ours, n=20)[-1]
    lines = [
        Line(
            "effect chart, p50",
            p50,
            0.75 * fresh,
            form=".1f",
            unit="ms",
            peer=f"matplotlib fresh {fresh:.1f}, reused {reused:.1f} ms",
        ),
        Line("as a share of plain matplotlib", p50 / fresh, 0.75, form=".2f"),
        Line("p95 over p50", p95 / p50, 2.0, form=".2f"),
    ]
    try:
        peer = vl_convert(chart)
        lines.append(Line("as a share of vl-convert", p50 / peer, 1.0, form=".2f", peer=f"vl-convert {peer:.1f} ms"))
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        sys.stdout.write(f"vl-convert could not be run: {sentence(error)}\n")
    for name, sample in SAMPLES.items():
        lines.append(
            Line(
                f"{name}, p50",
                statistics.median(taken(partial(charts.draw, sample()), repeat // 5)),
                None,
                form=".1f",
                unit="ms",
            )
        )
    return lines


def blank(png: bytes) -> bool:
    with Image.open(io.BytesIO(png)) as image:
        seen = np.asarray(image.convert("RGB").reduce(4)).astype(np.int16)
    middle = seen[len(seen) // 5 : -len(seen) // 5]
    return float((np.abs(middle - seen[1, 1]).sum(axis=2) > 30).mean()) < FEWEST_INK  # noqa: PLR2004  three channels


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / MEBIBYTE


def endurance(renders: int) -> list[Line]:
    """All kinds in turn, each time with other data; the first fifth is for caches to fill."""
    kinds: Sequence[charts.Chart] = [sample() for sample in SAMPLES.values()]
    blanks, early = 0, 0.0
    for number in range(renders):
        chart = replace(kinds[number % len(kinds)], title=f"Picture {number}")
        png = charts.draw(chart, theme="dark" if number % 3 == 0 else "light").png
        if number < LOOKED_AT:
            blanks += blank(png)
        if number == renders // 5:
            gc.collect()
            early = resident()
    gc.collect()
    return [
        Line(f"blank pictures in the first {LOOKED_AT:,}", blanks, 0, form=".0f"),
        Line(f"memory grown over the last four fifths of {renders:,}", resident() - early, 8.0, form=".1f", unit="MiB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the pictures.")
    parser.add_argument("--renders", type=int, default=5000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    chosen = parser.parse_args()
    part = 10 if chosen.quick else 1
    found = [*speed(effect(), 300 // part), *endurance(chosen.renders // part)]
    sys.stdout.write("\n".join(map(str, found)) + "\n")


if __name__ == "__main__":
    main()
