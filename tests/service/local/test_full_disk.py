"""A start that finds no room says so in one sentence and ends; the next one, with room, carries on."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ONE_SENTENCE = 1
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def product() -> Command:
    """The product's command line on a data directory; `largest_file` is what the system lets a file grow to, in bytes."""

    def run(data_dir: Path, command: str, *, largest_file: int | None = None) -> "subprocess.CompletedProcess[str]":
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
        limit = largest_file if largest_file is not None else resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        return subprocess.run(
            [sys.executable, "-m", "bot.cli", command],
            cwd=data_dir.parent,
            env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
            ),
        )

    return run


def told(done: "subprocess.CompletedProcess[str]") -> str:
    """The one sentence that a start which failed leaves on the terminal."""
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 1, said
    assert len(said.splitlines()) == ONE_SENTENCE, said
    return said


@pytest.mark.parametrize("largest_file", [0, 300_000], ids=["not even a lock", "half a database"])
def test_a_start_whose_files_may_not_grow_says_so_and_the_next_one_begins_anew(
    empty_dir: Path, product: Command, left_running: Callable[[Path], list[int]], largest_file: int
) -> None:
    sentence = told(product(empty_dir, "up", largest_file=largest_file))
    assert "raise `ulimit -f` and start again" in sentence
    assert not (empty_dir / "postgres").exists()
    assert not list(empty_dir.glob(".postgres-new-*"))
    if largest_file:
        done = product(empty_dir, "migrate")
        assert done.returncode == 0, done.stderr
    assert not left_running(empty_dir)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, large enough for a start."""
    place = Path(tempfile.mkdtemp(prefix="a small disk "))
    place.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0755", "tmpfs", str(place)]
    may = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = subprocess.run(mounting, capture_output=True, text=True, check=False) if may else None
    if mounted is None or mounted.returncode:
        place.rmdir()
        pytest.skip("only root may mount a small file system, and not in every container")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def fill(place: Path, *, leave: int) -> Path:
    """Something else takes all the room but `leave` bytes."""
    filler = place / "something else"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(place).free - leave)
    return filler


STOPS_BEFORE_MIGRATING = """
import sys
from runtime.local.servers import ensure_servers
from runtime.settings import Settings
with ensure_servers(Settings(data_dir=sys.argv[1], database_url=None, redis_url=None, _env_file=None)):
    pass
"""


def test_a_full_disk_stops_the_first_start_and_the_migration_and_loses_nothing(
    small_disk: Path, product: Command, python: Callable[..., "subprocess.Popen[str]"], left_running
) -> None:
    data_dir = small_disk / "data"
    filler = fill(small_disk, leave=12_000_000)
    assert f"the disk that holds {data_dir}/postgres is full; free some space" in told(product(data_dir, "up"))
    filler.unlink()
    starting = python(STOPS_BEFORE_MIGRATING, data_dir)
    said, _ = starting.communicate(timeout=60)
    assert starting.returncode == 0, said
    filler = fill(small_disk, leave=600_000)
    assert "No space left on device. The step was taken back whole" in told(product(data_dir, "migrate"))
    filler.unlink()
    done = product(data_dir, "migrate")
    assert "The database is at revision" in done.stdout, done.stderr
    assert not left_running(data_dir)
