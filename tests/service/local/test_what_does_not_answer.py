"""A store or a setting that is wrong is told in one sentence, without a traceback and without its password."""

import os
import socket
import subprocess
import sys

import pytest

from bot.cli.reach import queue_silent


@pytest.fixture
def closed() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def run(tmp_path, command, **settings):
    env = {key: value for key, value in os.environ.items() if not key.endswith("_URL")}
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", command],
        env=env | {"DATA_DIR": str(tmp_path / "data")} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["up", "doctor", "migrate"])
def test_a_database_that_does_not_answer_is_told_with_the_mend(tmp_path, closed, command):
    stores = {
        "DATABASE_URL": f"postgresql://ana:hush-hush@127.0.0.1:{closed}/x",
        "REDIS_URL": f"redis://127.0.0.1:{closed}/0",
    }
    ended = run(tmp_path, command, **stores)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "DATABASE_URL leads to no database that answers" in said
    assert "Start it, or correct the address." in said
    assert "Traceback" not in said
    assert "hush-hush" not in said
    if command == "doctor":
        assert "!!  queue" in said


def test_a_setting_of_the_wrong_kind_is_told_by_its_name(tmp_path):
    ended = run(tmp_path, "doctor", PORT="eighty", WORKERS="-3")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "PORT: Input should be a valid integer" in ended.stderr
    assert "WORKERS: Input should be greater" in ended.stderr
    assert "docs/settings.md" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_queue_that_listens_is_not_complained_about_and_one_that_does_not_is(closed):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert queue_silent(f"redis://127.0.0.1:{server.getsockname()[1]}/0") == ""
    said = queue_silent(f"redis://:hush-hush@127.0.0.1:{closed}/0")
    assert said.startswith("REDIS_URL leads to no queue that answers")
    assert "hush-hush" not in said
    assert "REDIS_URL" in queue_silent("redis://127.0.0.1:no-port/0")
