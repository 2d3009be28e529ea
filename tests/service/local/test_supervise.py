"""The supervisor and real processes: killed children, killed servers, Ctrl-C, and its own violent end."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.supervise import LARGEST_LOG, trim
from runtime.local.children import Child, end_left_over
from runtime.local.ports import is_free
from runtime.local.postgres import start_postgres
from runtime.local.processes import command_line, wait_until

UP = """
import json, sys
from contextlib import ExitStack
from pathlib import Path
from bot.cli.supervise import Supervisor, interruptible
from runtime.local.children import Child
place, children, with_servers = Path(sys.argv[1]), [Child(**child) for child in json.loads(sys.argv[2])], sys.argv[3]
with interruptible(), ExitStack() as opened:
    servers = []
    if with_servers == "True":
        from runtime.local.servers import ensure_servers, only_one
        from runtime.settings import Settings
        opened.enter_context(only_one(place))
        settings = Settings(data_dir=place, redis_url=None, database_url=None, _env_file=None)
        servers = opened.enter_context(ensure_servers(settings)).embedded
    raise SystemExit(Supervisor(place, children, servers=servers, announce={"url": "http://here"}).run())
"""
SLEEPER = "import time; print('awake', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('awake', flush=True); time.sleep(600)"
)
BROKEN = "import sys; sys.exit('No key is set; set THE_KEY.')"
PARENT = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '599']); print('awake', p.pid, flush=True); time.sleep(600)"
SLOW = "import time; time.sleep(600)"


def child(name: str, code: str = SLEEPER, **more: object) -> dict[str, object]:
    # The directory of the test stands in no argument, so the name must tell the tests' processes apart.
    return {
        "name": name,
        "argv": [sys.executable, "-S", "-E", "-c", code, f"child-of-{os.getpid()}"],
        "ready_line": "awake",
        **more,
    }


def pid_of(place: Path, name: str) -> int:
    try:
        return int((place / "run" / f"{name}.pid").read_text())
    except FileNotFoundError:
        return 0


def alive(pid: int) -> bool:
    return bool(command_line(pid))


def children_left() -> list[str]:
    shown = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [
        line for line in shown.splitlines() if line.endswith(f"child-of-{os.getpid()}") and "Supervisor" not in line
    ]


@pytest.fixture
def up(python, tmp_path: Path):
    """Start a supervisor; by default wait until everything under it is ready."""

    def run(*children: dict[str, object], place: Path = tmp_path, servers: bool = False, ready: bool = True):
        process = python(UP, place, json.dumps(children), servers)
        if ready:
            assert wait_until(lambda: (place / "run" / "up.json").exists() or process.poll() is not None, 30)
            assert process.poll() is None, process.stdout.read()
        return process

    yield run
    assert wait_until(lambda: not children_left(), 10)


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    return said


def test_a_killed_worker_comes_back_and_the_others_do_not_notice(up, tmp_path: Path) -> None:
    process = up(child("bot"), child("worker-1"))
    bot, worker = pid_of(tmp_path, "bot"), pid_of(tmp_path, "worker-1")
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: (tmp_path / "logs" / "worker-1.log").read_text() == "awake\nawake\n", 10)
    assert pid_of(tmp_path, "worker-1") not in (0, worker)
    assert pid_of(tmp_path, "bot") == bot
    assert alive(bot)
    said = stopped(process)
    assert "(signal 9); again in 0.2 s" in said
    assert "\x1b" not in said
    entries = [json.loads(line) for line in (tmp_path / "logs" / "supervisor.log").read_text().splitlines()]
    assert ("ended", "worker-1") in {(entry["event"], entry["child"]) for entry in entries}


def test_killed_servers_come_back_on_their_ports_under_living_children(up, data_dir: Path) -> None:
    process = up(child("bot"), place=data_dir, servers=True)
    names = ("postgres", "valkey")
    before = {name: pid_of(data_dir, name) for name in names}
    bot = pid_of(data_dir, "bot")
    ports = {name: json.loads((data_dir / f"{name}.json").read_text())["port"] for name in names}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    for name in names:
        assert wait_until(lambda name=name: pid_of(data_dir, name) not in (0, before[name]), 20), name
        assert wait_until(lambda name=name: not is_free(ports[name]), 20), name
    assert pid_of(data_dir, "bot") == bot
    assert alive(bot)
    stopped(process)
    assert process.returncode == 0
    assert not list((data_dir / "run").glob("*.pid"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_everything_and_clears_the_notes(up, tmp_path: Path, number: signal.Signals) -> None:
    process = up(child("bot"), child("worker-1"))
    announced = json.loads((tmp_path / "run" / "up.json").read_text())
    assert (announced["pid"], announced["url"]) == (process.pid, "http://here")
    stopped(process, number)
    assert process.returncode == 0
    assert not children_left()
    assert not list((tmp_path / "run").glob("*.pid"))
    assert not (tmp_path / "run" / "up.json").exists()


def test_ctrl_c_before_anything_is_ready_stops_what_was_started(up, tmp_path: Path) -> None:
    process = up(child("bot", SLOW), ready=False)
    assert wait_until(lambda: pid_of(tmp_path, "bot") != 0, 20)
    stopped(process, signal.SIGINT)
    assert process.returncode == 0
    assert not children_left()


def test_a_child_that_will_not_stop_is_ended_by_force_and_a_second_ctrl_c_does_not_wait(up) -> None:
    said = stopped(up(child("bot", STUBBORN, stop_seconds=0.3)))
    assert "by force" in said
    patient = up(child("bot", STUBBORN, stop_seconds=600))
    patient.send_signal(signal.SIGINT)
    assert "stopping" in iter_until(patient, "stopping")
    assert "by force" in stopped(patient, signal.SIGINT)
    assert patient.returncode == 0


def iter_until(process: subprocess.Popen[str], word: str) -> str:
    return next(line for line in process.stdout if word in line)


def test_kill_9_of_the_supervisor_leaves_no_child_and_the_next_start_goes_on_with_the_same_database(
    up, data_dir: Path
) -> None:
    killed = up(child("bot"), child("worker-1", STUBBORN), place=data_dir, servers=True)
    database = pid_of(data_dir, "postgres")
    killed.kill()
    killed.wait(10)
    assert wait_until(lambda: not children_left(), 10)
    (data_dir / "run" / "up.json").unlink()
    again = up(child("bot"), place=data_dir, servers=True)
    assert pid_of(data_dir, "postgres") == database
    stopped(again)
    postgres = start_postgres(data_dir, durable=False)
    assert not postgres.adopted
    postgres.stop()


def test_what_a_dead_child_had_started_goes_with_it(up, tmp_path: Path) -> None:
    process = up(child("bot", PARENT))
    grandchild = int((tmp_path / "logs" / "bot.log").read_text().split()[1])
    assert alive(grandchild)
    os.kill(pid_of(tmp_path, "bot"), signal.SIGKILL)
    assert wait_until(lambda: not alive(grandchild), 10)
    stopped(process)


def test_a_child_that_cannot_start_ends_the_start_with_its_own_last_sentence(up, tmp_path: Path) -> None:
    process = up(child("bot", BROKEN), child("worker-1"), ready=False)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"bot does not start: No key is set; set THE_KEY. (its log: {tmp_path / 'logs' / 'bot.log'})" in said
    assert not children_left()
    assert not (tmp_path / "run" / "up.json").exists()


def test_a_taken_port_is_told_before_anything_is_started(up, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        process = up(child("sandbox", port=port, port_setting="SANDBOX_PORT"), ready=False)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken by another program" in said
    assert "SANDBOX_PORT" in said
    assert not (tmp_path / "logs" / "sandbox.log").exists()


def test_a_child_is_ready_when_its_address_answers_well(up, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    serve = f"import http.server; http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()"
    process = up(child("bot", serve, ready_line=None, ready_url=f"http://127.0.0.1:{port}/", port=port))
    assert '"GET / HTTP/1.1" 200' in (tmp_path / "logs" / "bot.log").read_text()
    stopped(process)


def test_a_process_left_over_by_a_killed_supervisor_is_ended_but_a_stranger_with_its_number_is_not(
    tmp_path: Path,
) -> None:
    spec = child("bot")
    left_over = subprocess.Popen(spec["argv"], stdout=subprocess.DEVNULL)
    pid_file = tmp_path / "bot.pid"
    try:
        pid_file.write_text(str(left_over.pid))
        assert not end_left_over(Child("bot", ["another", "program"]), pid_file)
        os.utime(pid_file, (1, 1))  # written long before that process was born
        assert not end_left_over(Child("bot", spec["argv"]), pid_file)
        assert left_over.poll() is None
        pid_file.write_text(str(left_over.pid))
        assert end_left_over(Child("bot", spec["argv"]), pid_file)
        assert left_over.wait(10) == -signal.SIGTERM
        assert not end_left_over(Child("bot", spec["argv"]), pid_file)
    finally:
        left_over.kill()
        left_over.wait(10)


def test_a_log_that_grew_too_long_is_moved_aside_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n")
        trim(log)
        writer.write(b"new\n")
    assert (log.read_text(), log.with_name("bot.log.1").read_text()) == ("new\n", "old\n")
    assert LARGEST_LOG < 100 * 1024 * 1024
