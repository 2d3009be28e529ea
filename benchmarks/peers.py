"""gbstats and confseq beside us, on the same inputs: each in a throw-away environment, each as a process of its own."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.errors import for_peers
from benchmarks.lines import Bench
from benchmarks.precision import UNITS, borderline, far_arm

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".tools" / "peers"
INSTALLING, RUNNING = 240.0, 300.0  # seconds at most, for each peer


@dataclass(frozen=True, slots=True)
class Peer:
    """`pythons` in the order they are tried; `alone` installs the package without the old versions it pins."""

    name: str
    package: str
    pythons: tuple[str, ...]
    needs: tuple[str, ...]
    alone: bool = False


PEERS = (
    # Its pins (pandas < 2, numpy < 2) have no wheels for newer Pythons; the code itself runs with today's.
    Peer(
        "gbstats",
        "gbstats==0.8.0",
        ("3.12", "3.11", "3.13"),
        ("numpy", "scipy", "pandas", "pydantic", "packaging"),
        alone=True,
    ),
    # No wheel, and its bundled pybind11 compiles up to Python 3.10 only.
    Peer("confseq", "confseq==0.0.11", ("3.10", "3.9"), ("numpy",)),
)


def run_peers(bench: Bench) -> tuple[Mapping[str, Mapping[str, str]], list[str]]:
    """Figures by name and peer, and one sentence for each peer that could not be asked."""
    figures: dict[str, dict[str, str]] = {}
    excuses = []
    with tempfile.TemporaryDirectory(prefix="outcome-peers-") as folder:
        inputs = Path(folder) / "inputs.npz"
        np.savez(inputs, **for_peers(bench))  # type: ignore[arg-type]  # numpy's stub mistakes the arrays for its flag
        far = [far_arm(high) for high in (UNITS // 2, UNITS // 2 + 3_000_001)]
        inputs.with_suffix(".json").write_text(json.dumps({"borderline": borderline(), "far": far}))
        for peer in PEERS:
            try:
                found = _asked(peer, inputs)
            except (subprocess.SubprocessError, OSError, ValueError) as error:
                excuses.append(f"{peer.name} could not be run: {sentence(error)}")
                continue
            for key, figure in found.items():
                figures.setdefault(key, {})[peer.name] = figure
    return figures, excuses


def _asked(peer: Peer, inputs: Path) -> dict[str, str]:
    python = installed(peer)
    script = Path(__file__).with_name("peer_script.py")
    answer = subprocess.run(
        [str(python), str(script), peer.name, str(inputs)],
        check=True,
        capture_output=True,
        text=True,
        timeout=RUNNING,
        env={"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1"},
    )
    figures: dict[str, str] = json.loads(answer.stdout)
    return figures


def installed(peer: Peer) -> Path:
    """The peer's Python; made on first use, kept until `make clean`."""
    home = HOME / peer.name
    python = home / "bin" / "python"
    if (home / "ready").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    interpreter = _interpreter(peer)
    _uv("venv", "--quiet", "--python", interpreter, str(home))
    if peer.needs:
        _uv("pip", "install", "--quiet", "--python", str(python), *peer.needs)
    alone = ["--no-deps"] if peer.alone else []
    _uv("pip", "install", "--quiet", "--python", str(python), *alone, peer.package)
    (home / "ready").touch()
    return python


def _interpreter(peer: Peer) -> str:
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in peer.pythons:
        named = shutil.which(f"python{version}")
        for found in ([named] if named else []) + sorted(map(str, homes.glob(f"{version}.*/bin/python"))):
            if _runs(found):
                return found
    raise FileNotFoundError(f"it needs Python {' or '.join(peer.pythons)}, which this machine does not have")


def _runs(python: str) -> bool:
    """A shim may stand for a version that is not there."""
    return subprocess.run([python, "-c", "pass"], check=False, capture_output=True, timeout=INSTALLING).returncode == 0


def _uv(*arguments: str) -> str:
    """Never downloads a Python; a peer is worth a package, not an interpreter."""
    known = ROOT / ".tools" / "bin" / "uv"
    uv = str(known) if known.exists() else "uv"
    return subprocess.run(
        [uv, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALLING,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
    ).stdout


def sentence(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took more than {error.timeout:.0f} s"
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or "").strip().splitlines()
        return said[-1].strip() if said else f"its process ended with {error.returncode}"
    return str(error)
