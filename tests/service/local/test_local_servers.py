"""Which stores the settings lead to, who may use them at once, and what Ctrl-C in the middle of a start leaves behind."""

import json
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from bot.cli.supervise import interruptible
from runtime.errors import InvalidConfiguration
from runtime.local.files import DirectoryBusy, locked
from runtime.local.processes import wait_until
from runtime.local.secrets import load_or_create_secrets
from runtime.local.servers import AlreadyRunning, ensure_servers, only_one
from runtime.settings import Settings

ENSURES = """
import sys
from bot.cli.supervise import interruptible
from runtime.local.servers import ensure_servers
from runtime.settings import Settings
settings = Settings(data_dir=sys.argv[1], database_url=None, redis_url=None, _env_file=None)
with interruptible(), ensure_servers(settings) as servers:
    print(*(f"{s.name}:{s.port}:{s.pid}" for s in servers.embedded), flush=True)
    sys.stdin.readline() if len(sys.argv) > 2 else None
"""


def settings_of(place: Path, **given: str) -> Settings:
    """As if neither the environment nor a .env file said anything."""
    silent = {
        "database_url": None,
        "migration_database_url": None,
        "redis_url": None,
        "postgres_port": 0,
        "redis_embedded_port": 0,
    }
    return Settings(data_dir=place, _env_file=None, **(silent | given))


def test_addresses_in_the_settings_win_and_nothing_is_started(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data", database_url="postgresql://app@db/x", redis_url="redis://queue:6379/0")
    with ensure_servers(settings) as servers:
        assert servers.environment() == {
            "DATABASE_URL": "postgresql://app@db/x",
            "MIGRATION_DATABASE_URL": "postgresql://app@db/x",
            "REDIS_URL": "redis://queue:6379/0",
        }
        assert (servers.embedded, servers.started) == ([], [])
    assert not (tmp_path / "data" / "postgres").exists()


def test_one_store_of_ones_own_is_enough(data_dir: Path) -> None:
    with ensure_servers(settings_of(data_dir, redis_url="redis://queue:6379/0")) as servers:
        assert [server.name for server in servers.started] == ["postgres"]
        assert servers.database_url.startswith("postgresql://outcome_app:")
        assert servers.migration_database_url.startswith("postgresql://outcome:")


def test_a_second_command_shares_the_servers_and_the_last_one_stops_them(data_dir: Path, left_running) -> None:
    first = ensure_servers(settings_of(data_dir))
    second = ensure_servers(settings_of(data_dir))
    assert (second.started, second.environment()) == ([], first.environment())
    first.close()
    assert all(server.healthy() for server in second.embedded)
    second.close()
    assert wait_until(lambda: not left_running(data_dir), 10)
    first.close()


def test_two_first_starts_at_the_same_time_make_one_pair_of_servers(empty_dir: Path, python) -> None:
    both = [python(ENSURES, empty_dir, "wait") for _ in range(2)]
    seen = {process.stdout.readline().strip() for process in both}
    assert len(seen) == 1
    assert "postgres:" in seen.pop()


def test_a_second_up_is_told_which_process_the_first_one_is(tmp_path: Path) -> None:
    taken = pytest.raises(AlreadyRunning, match=rf"already running .*pid {os.getpid()}")
    with only_one(tmp_path), taken, only_one(tmp_path):
        pytest.fail("two of them at once")
    with only_one(tmp_path):
        assert (tmp_path / "run" / "up.lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_file_left_by_a_killed_process_blocks_nobody(tmp_path: Path, python) -> None:
    holds = "import sys,pathlib\nfrom runtime.local.servers import only_one\nwith only_one(pathlib.Path(sys.argv[1])):\n print('held', flush=True); sys.stdin.readline()"
    holder = python(holds, tmp_path)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning, match=f"pid {holder.pid}"), only_one(tmp_path):
        pytest.fail("two of them at once")
    holder.kill()
    holder.wait(10)
    with only_one(tmp_path):
        assert (tmp_path / "run" / "up.lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (".postgres-new-*/PG_VERSION", signal.SIGINT),
        ("logs/postgres.log", signal.SIGTERM),
        ("postgres/postmaster.pid", signal.SIGINT),
        ("valkey.json", signal.SIGTERM),
    ],
)
def test_ctrl_c_in_the_middle_of_the_first_start_leaves_nothing_running_and_the_next_start_goes_on(
    empty_dir: Path, python, left_running, moment: str, number: signal.Signals
) -> None:
    starter = python(ENSURES, empty_dir, "wait")
    assert wait_until(lambda: any(empty_dir.glob(moment)), 20)
    starter.send_signal(number)
    said, _ = starter.communicate(timeout=20)
    assert starter.returncode == 130, said
    assert "Traceback" not in said
    assert wait_until(lambda: not left_running(empty_dir), 10)


def test_after_an_interrupted_first_start_the_next_one_is_whole(empty_dir: Path, python) -> None:
    starter = python(ENSURES, empty_dir, "wait")
    assert wait_until(lambda: any(empty_dir.glob(".postgres-new-*/PG_VERSION")), 20)
    starter.send_signal(signal.SIGINT)
    starter.communicate(timeout=20)
    with ensure_servers(settings_of(empty_dir)) as servers:
        assert [server.healthy() for server in servers.embedded] == [True, True]


def test_interrupted_work_ends_as_shells_expect_it() -> None:
    with pytest.raises(SystemExit) as ended, interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 130


def test_secrets_are_made_once_kept_private_and_never_shown(tmp_path: Path) -> None:
    first = load_or_create_secrets(tmp_path)
    assert load_or_create_secrets(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert first.agent_secret.startswith("whsec_")
    assert first.slack_bot_token.startswith("xoxb-sandbox-")
    assert first.api_secret not in f"{first} {first!r}"


def test_a_secret_a_newer_version_needs_is_added_and_the_old_ones_stay(tmp_path: Path) -> None:
    first = load_or_create_secrets(tmp_path)
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"api_secret": first.api_secret, "of_the_future": "kept"}))
    path.chmod(0o644)
    second = load_or_create_secrets(tmp_path)
    assert second.api_secret == first.api_secret
    assert second.agent_secret != first.agent_secret
    assert json.loads(path.read_text())["of_the_future"] == "kept"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_secrets_file_is_neither_replaced_nor_quoted(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"api_secret": "tiny-but-secret"}')
    with pytest.raises(InvalidConfiguration, match="api_secret") as told:
        load_or_create_secrets(tmp_path)
    assert "tiny-but-secret" not in f"{told.value} {told.value.__cause__}"
    assert "tiny-but-secret" in (tmp_path / "secrets.json").read_text()


def test_a_held_lock_is_waited_for_and_then_the_directory_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "x.lock"
    told = pytest.raises(DirectoryBusy, match=str(tmp_path))
    with locked(lock, wait_seconds=0), told, locked(lock, wait_seconds=0.05):
        pytest.fail("the lock was free")


AS_NOBODY = """
import encodings.idna, os, pwd, stringprep, sys, json
import runtime.settings
from pathlib import Path
from runtime.local.servers import ensure_servers
from runtime.local.databases import execute
from runtime.local.secrets import load_or_create_secrets
entry = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(entry.pw_gid); os.setuid(entry.pw_uid)
os.environ["HOME"] = "/nonexistent"
place = Path(sys.argv[1])
load_or_create_secrets(place)
for _ in range(2):
    with ensure_servers(runtime.settings.Settings(data_dir=place, database_url=None, redis_url=None, _env_file=None)) as servers:
        owner = {Path(f"/proc/{s.pid}").stat().st_uid if sys.platform == "linux" else entry.pw_uid for s in servers.embedded}
        print(json.dumps({"owner": list(owner), "rows": execute(servers.postgres, "create table if not exists t as select 1 as n; select count(*) from t"),
                          "healthy": [s.healthy() for s in servers.embedded]}), flush=True)
"""


def test_everything_works_for_an_ordinary_user_too(python) -> None:
    """As root we step down to `nobody` first; otherwise all the other tests ran as an ordinary user already."""
    nobody = pwd.getpwnam("nobody")
    if os.geteuid() != 0:
        assert os.geteuid() != nobody.pw_uid or os.access("/tmp", os.W_OK)
        return
    house = Path(tempfile.mkdtemp(prefix="a house of nobody "))
    os.chown(house, nobody.pw_uid, nobody.pw_gid)
    try:
        process = python(AS_NOBODY, house / "data")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        seen = [json.loads(line) for line in said.splitlines()]
        assert seen == [{"owner": [nobody.pw_uid], "rows": "1", "healthy": [True, True]}] * 2
    finally:
        shutil.rmtree(house)
