"""How fast and how heavy the loop is: first gate, second start, memory, `--help`, beside limits measured in the same run.

    .venv/bin/python -m benchmarks.loop [--fresh-clone]

Prints figures and ratios; asserts nothing. Needs the ports 8700 to 8703 or takes the next free ones.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0


def seconds(argv: list[str], *, repeat: int = 5) -> float:
    """Median wall seconds of a command."""
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def memory_mib(pids: list[int]) -> tuple[float, float]:
    """(RSS, PSS) of processes together; PSS counts a page shared by n processes as 1/n, RSS counts it n times."""
    rss = pss = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
            rss += next(int(line.split()[1]) for line in rolled.splitlines() if line.startswith("Rss:"))
            pss += next(int(line.split()[1]) for line in rolled.splitlines() if line.startswith("Pss:"))
    return rss / 1024, pss / 1024


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{current}/task").iterdir():
                queue += [int(child) for child in (task / "children").read_text().split()]
    return found


@contextmanager
def demo(folder: Path, python: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo as a person starts it, without the pressing of buttons; it ends with the block."""
    argv = [python, "-u", "-m", "demo", "--dir", str(folder)]
    process = subprocess.Popen(
        argv, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)


def until_first_gate(process: subprocess.Popen[str], began: float) -> float:
    """Seconds until a gate with a picture stands on the sandbox page; the page's address is read from the demo's own words."""
    assert process.stdout is not None
    address = None
    for line in process.stdout:
        if "Open http" in line:
            address = line.split("Open ")[1].split()[0]
            break
    while address and time.perf_counter() - began < PATIENCE:
        with contextlib.suppress(OSError, IndexError):
            somebody = json.loads(fetched(f"{address}/sandbox/api/people"))["people"][0]["id"]
            if b'"actions"' in fetched(f"{address}/sandbox/api/state?as={somebody}"):
                return time.perf_counter() - began
        time.sleep(0.05)
    raise SystemExit("No gate appeared; see the demo's logs.")


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        found: bytes = answer.read()
        return found


def product_pids(folder: Path) -> list[int]:
    """Bot, workers, Postgres and its children, queue: what the figure for memory is about."""
    files = {path.stem: path for path in folder.glob("demo/product/run/*.pid")}
    wanted = [name for name in files if name in {"bot", "postgres", "valkey"} or name.startswith("worker")]
    return [pid for name in wanted for pid in family(int(files[name].read_text()))]


def measured_demo(folder: Path, python: str, root: Path, label: str) -> None:
    began = time.perf_counter()
    with demo(folder, python, root) as process:
        print(f"{label}: {until_first_gate(process, began):.1f} s to the first gate on screen")
        time.sleep(5)
        rss, pss = memory_mib(product_pids(folder))
        print(
            f"{label}: bot, workers, Postgres, queue hold {pss:.0f} MiB (PSS), {rss:.0f} MiB (sum of RSS); limit 900, ratio {rss / 900:.2f}"
        )


def fresh_clone(folder: Path) -> None:
    """`git clone` and the README's bootstrap, with whatever package cache this machine has."""
    began = time.perf_counter()
    clone = folder / "a fresh clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    subprocess.run(["./bootstrap.sh"], cwd=clone, check=True)
    print(f"fresh clone: {time.perf_counter() - began:.1f} s for clone and set-up")
    with demo(folder / "cloned", str(clone / ".venv/bin/python"), clone) as process:
        print(
            f"fresh clone: {until_first_gate(process, began):.1f} s from `git clone` to the first gate on screen; limit 90"
        )


def main() -> None:
    # Ended from outside, the benchmark must still end the demo it started, which has a session of its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--fresh-clone", action="store_true", help="also time a fresh clone with its own set-up")
    arguments = parser.parse_args()
    python = sys.executable
    bare, helped = seconds([python, "-c", "pass"]), seconds([python, "-m", "bot.cli", "--help"])
    print(
        f"--help: {helped * 1000:.0f} ms, an empty Python {bare * 1000:.0f} ms, ratio {helped / bare:.1f}; limit 400 ms"
    )
    folder = Path(tempfile.mkdtemp(prefix="outcome-bench-"))
    try:
        measured_demo(folder, python, ROOT, "first start")
        measured_demo(folder, python, ROOT, "second start")
        if arguments.fresh_clone:
            fresh_clone(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.sync()


if __name__ == "__main__":
    main()
