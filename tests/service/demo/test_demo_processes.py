"""The launcher's plumbing: ports, children, and nothing left behind."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import processes
from demo.errors import DemoFailed
from demo.world import Wish, World, alone, outcome_text, wipe
from runtime.spec.load import load

REPOSITORY = Path(__file__).parents[3]
ENVIRONMENT = {"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY)}
SLEEP = ("-c", "import time; time.sleep(60)")


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def child(place: Path, *arguments: str) -> processes.Child:
    return processes.start("sleeper", arguments, env=ENVIRONMENT, log=place / "logs/sleeper.log", cwd=place)


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        chosen: set[int] = set()

        port = processes.free_port(taken, chosen)

        assert port > taken
        assert processes.free_port(port, chosen) != port


def test_a_port_that_is_let_go_in_time_is_waited_for() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        threading.Timer(0.2, lambda: (holder.shutdown(socket.SHUT_RDWR), holder.close())).start()

        processes.wait_for_port(port, 5)

        assert processes.free_port(port, set()) == port


def test_children_end_when_told(tmp_path: Path) -> None:
    sleeper = child(tmp_path, *SLEEP)

    sleeper.stop()

    assert not sleeper.alive


def test_a_child_that_will_not_end_is_ended(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    sleeper = child(tmp_path, "-c", script)
    until(lambda: "deaf" in sleeper.tail())

    sleeper.stop(seconds=0.2)

    assert not sleeper.alive


def test_waiting_for_a_child_that_died_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broken = child(tmp_path, "-c", "raise SystemExit('no database here')")

    with pytest.raises(DemoFailed, match="no database here"):
        processes.wait_until(lambda: False, broken, seconds=15, what="the start")


def test_waiting_has_an_end(tmp_path: Path) -> None:
    sleeper = child(tmp_path, *SLEEP)

    with pytest.raises(DemoFailed, match="did not happen within"):
        processes.wait_until(lambda: False, sleeper, seconds=0.2, what="the start")
    sleeper.stop()


def test_a_failing_command_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="port taken"):
        processes.run([sys.executable, "-c", "raise SystemExit('port taken')"], env=ENVIRONMENT, cwd=tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is the Linux kernel's")
def test_children_do_not_outlive_a_killed_launcher(tmp_path: Path) -> None:
    script = (
        "import os, sys, time\nfrom pathlib import Path\nfrom demo import processes\n"
        f"child = processes.start('c', {SLEEP!r}, env=dict(os.environ), log=Path('c.log'), cwd=Path('.'))\n"
        "time.sleep(1)\nprint(child.process.pid, flush=True)\ntime.sleep(60)"
    )
    launcher = processes.start("launcher", ("-c", script), env=ENVIRONMENT, log=tmp_path / "launcher.log", cwd=tmp_path)
    until(lambda: launcher.tail().strip().isdigit())
    pid = int(launcher.tail().strip())
    assert is_alive(pid)

    launcher.process.send_signal(signal.SIGKILL)
    launcher.process.wait(5)

    until(lambda: not is_alive(pid))


def test_a_second_demo_in_the_same_place_is_told_of_the_first(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(DemoFailed, match=str(os.getpid())), alone(tmp_path):
        pass


def test_wiping_keeps_only_the_lock(tmp_path: Path) -> None:
    with alone(tmp_path):
        (tmp_path / "shop/code").mkdir(parents=True)
        (tmp_path / "shop/flags.json").write_text("{}")
        (tmp_path / "ports.json").write_text("{}")

        wipe(tmp_path)

        assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"]


def test_secrets_and_ports_are_made_once_and_kept(tmp_path: Path) -> None:
    def environment() -> dict[str, str]:
        here = World(Wish(root=tmp_path, say=lambda _: None))
        here.choose_ports()
        return here.environment()

    first, second = environment(), environment()

    for name in ("AGENT_SECRET", "SHOP_FLAGS_TOKEN", "PORT", "SANDBOX_PORT", "AGENT_URL"):
        assert first[name] == second[name]
    assert first["AGENT_SECRET"].startswith("whsec_")
    assert (tmp_path / "secrets/agent.secret").stat().st_mode & 0o077 == 0


def test_the_demos_outcome_file_is_one_the_product_takes() -> None:
    file = load(outcome_text())

    assert [outcome.id for outcome in file.outcomes] == ["mobile-checkout"]
    assert file.outcomes[0].measurement is not None
