"""The embedded Postgres, killed, misplaced, damaged and adopted."""

import socket
import subprocess
from pathlib import Path

import asyncpg
import pytest

from runtime.errors import LocalServerFailed
from runtime.local.databases import clone_database, create_database, drop_database, execute, exists
from runtime.local.ports import PortTaken, free_port
from runtime.local.postgres import start_postgres
from runtime.local.processes import account_for, wait_until

STARTS = """
import sys
from pathlib import Path
from runtime.local.postgres import start_postgres
print(start_postgres(Path(sys.argv[1]), durable=False).pid, flush=True)
sys.stdin.read()
"""


async def test_the_first_start_makes_the_database_and_a_role_that_cannot_step_around_row_security(
    empty_dir: Path,
) -> None:
    postgres = start_postgres(empty_dir)
    try:
        connection = await asyncpg.connect(postgres.app_url)
        row = await connection.fetchrow(
            "select current_user, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user"
        )
        assert tuple(row) == ("outcome_app", False, False, False, False)
        assert (
            await connection.fetchval(
                "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
            )
            == "outcome"
        )
        assert await connection.fetchval("show fsync") == "on"
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.app_url.replace("outcome_app:", "outcome_app:x"))
        execute(postgres, "create extension vector", database="outcome_runtime")
        assert (empty_dir / "postgres.json").stat().st_mode & 0o777 == 0o600
    finally:
        postgres.stop()
    assert postgres.ended()


def test_rows_survive_kill_9_and_the_next_start_is_on_the_same_port(data_dir: Path) -> None:
    first = start_postgres(data_dir)
    execute(first, "create table survivors as select generate_series(1, 20000) as n")
    first.kill()
    assert wait_until(lambda: first.ended() == "signal 9", 20)
    second = start_postgres(data_dir)
    assert (second.port, second.adopted) == (first.port, False)
    assert execute(second, "select count(*) from survivors") == "20000"
    second.stop()


def test_a_server_that_outlived_the_process_that_started_it_is_adopted(data_dir: Path, python) -> None:
    starter = python(STARTS, data_dir)
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait(10)
    postgres = start_postgres(data_dir)
    assert (postgres.pid, postgres.adopted) == (pid, True)
    assert execute(postgres, "select 1") == "1"
    postgres.stop()
    assert postgres.ended()


def test_a_remembered_port_that_a_stranger_took_is_given_up_and_a_new_one_remembered(data_dir: Path) -> None:
    first = start_postgres(data_dir, durable=False)
    first.stop()
    with socket.create_server(("127.0.0.1", first.port)):
        second = start_postgres(data_dir, durable=False)
        assert second.port != first.port
        second.stop()
        third = start_postgres(data_dir, durable=False)
        assert third.port == second.port
        third.stop()


def test_a_port_the_settings_demand_is_taken_or_the_setting_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger, pytest.raises(PortTaken, match="POSTGRES_PORT"):
        start_postgres(data_dir, port=stranger.getsockname()[1])
    port = free_port()
    running = start_postgres(data_dir, durable=False)
    moved = start_postgres(data_dir, port=port, durable=False)
    assert (moved.port, moved.adopted) == (port, False)
    assert running.ended()
    moved.stop()


def test_a_stale_pid_file_whose_number_belongs_to_another_program_stops_nobody(data_dir: Path) -> None:
    first = start_postgres(data_dir, durable=False)
    first.kill()
    assert wait_until(lambda: first.ended() is not None, 20)
    stranger = subprocess.Popen(["sleep", "60"], **account_for(data_dir / "postgres").popen)
    try:
        pid_file = data_dir / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        second = start_postgres(data_dir, durable=False)
        assert execute(second, "select 1") == "1"
        second.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait(10)


def test_a_first_start_killed_half_way_is_begun_again(empty_dir: Path, python) -> None:
    starter = python(STARTS, empty_dir)
    assert wait_until(lambda: any(empty_dir.glob(".postgres-new-*/PG_VERSION")), 20)
    starter.kill()
    starter.wait(10)
    assert not (empty_dir / "postgres").exists()
    postgres = start_postgres(empty_dir, durable=False)
    assert execute(postgres, "select 1", database="outcome_runtime") == "1"
    assert not list(empty_dir.glob(".postgres-new-*"))
    postgres.stop()


def test_lost_passwords_are_made_anew_and_the_rows_stay(data_dir: Path) -> None:
    first = start_postgres(data_dir, durable=False)
    execute(first, "create table kept as select 1 as n")
    (data_dir / "postgres.json").unlink()
    second = start_postgres(data_dir, durable=False)  # the living server cannot be opened any more, so it is replaced
    assert second.owner_password != first.owner_password
    assert execute(second, "select n from kept") == "1"
    second.stop()
    assert first.ended()


def test_a_data_directory_moved_elsewhere_still_opens(data_dir: Path, tmp_path: Path) -> None:
    first = start_postgres(data_dir, durable=False)
    execute(first, "create table carried as select 1 as n")
    first.stop()
    moved = tmp_path / "moved"
    data_dir.rename(moved)
    try:
        second = start_postgres(moved, durable=False)
        assert execute(second, "select n from carried") == "1"
        second.stop()
    finally:
        moved.rename(data_dir)


def test_files_that_are_no_database_are_left_alone_and_named(empty_dir: Path) -> None:
    (empty_dir / "postgres").mkdir(parents=True)
    (empty_dir / "postgres" / "holiday.jpg").write_text("a beach")
    with pytest.raises(LocalServerFailed, match="holds files but no database"):
        start_postgres(empty_dir)
    assert (empty_dir / "postgres" / "holiday.jpg").exists()


@pytest.fixture
def broken(data_dir: Path):
    """Write something else into a file of the database, or nothing at all; mended afterwards."""
    mended: list[tuple[Path, bytes]] = []

    def spoil(name: str, content: bytes) -> None:
        path = data_dir / "postgres" / name
        mended.append((path, path.read_bytes()))
        path.write_bytes(content)

    yield spoil
    for path, content in mended:
        path.write_bytes(content)


def test_a_database_of_another_version_is_not_touched(data_dir: Path, broken) -> None:
    broken("PG_VERSION", b"17\n")
    with pytest.raises(LocalServerFailed, match=r"made by Postgres 17, and this is Postgres 18"):
        start_postgres(data_dir)


def test_a_damaged_database_is_told_in_a_sentence_with_its_log(data_dir: Path, broken) -> None:
    broken("global/pg_control", b"")
    with pytest.raises(LocalServerFailed, match="put a backup back") as told:
        start_postgres(data_dir)
    assert "pg_control" in told.value.context["tail"]
    assert Path(told.value.context["log"]).is_file()


def test_a_template_is_copied_for_each_test_and_dropped_from_under_its_connections(data_dir: Path) -> None:
    postgres = start_postgres(data_dir, durable=False)
    assert create_database(postgres, "template") == create_database(postgres, "template")
    execute(postgres, "create table rows as select generate_series(1, 3) as n", database="template")
    assert clone_database(postgres, "template", 'a "copy"').endswith('/a "copy"')
    assert execute(postgres, "select count(*) from rows", database='a "copy"') == "3"
    drop_database(postgres, 'a "copy"')
    assert not exists(postgres, 'a "copy"')
    with pytest.raises(LocalServerFailed, match="does not exist"):
        clone_database(postgres, "no such template", "copy")
    postgres.stop()
