"""A finished data directory for all, so that only the tests about the first start pay for one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.local.postgres import start_postgres
from runtime.local.processes import command_line, wait_until

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory, in a path with spaces, whose server was started once and stopped."""
    directory = tmp_path_factory.mktemp("a house with rooms") / "data"
    start_postgres(directory, durable=False).stop()
    return directory


@pytest.fixture
def data_dir(finished: Path) -> Iterator[Path]:
    """The finished one. It is lent: what a test breaks it mends; what it leaves running is ended."""
    yield finished
    end_all_of(finished)
    for note in (*finished.glob("run/*.pid"), finished / "run" / "up.json"):
        note.unlink(missing_ok=True)


@pytest.fixture
def empty_dir(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "an empty house"
    yield place
    end_all_of(place)


def processes_of(place: Path) -> list[int]:
    """Servers and programs whose command line names the directory."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 1) for line in listed.splitlines() if str(place.resolve()) in line]
    return [int(pid) for pid, _ in lines if int(pid) != os.getpid()]


def end_all_of(place: Path) -> None:
    for pid in processes_of(place):
        if str(place.resolve()) in " ".join(command_line(pid)):
            os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not processes_of(place), PATIENCE)


@pytest.fixture
def left_running() -> Callable[[Path], list[int]]:
    return processes_of


@pytest.fixture
def python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a piece of Python beside us, with the product importable; ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate(timeout=PATIENCE)
