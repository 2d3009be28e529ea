"""A Postgres data directory: made in one step, with its roles and passwords, or not at all."""

import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import LocalServerFailed
from runtime.local import processes
from runtime.local.binaries import clean_environment, postgres_programs
from runtime.local.files import read_private, write_private
from runtime.local.processes import Account, account_for
from runtime.local.server import complaint

OWNER = "outcome"
APPLICATION = "outcome_app"
DATABASE = "outcome_runtime"
_WORKSHOP = ".postgres-new-"
# Only loopback, only with a password: there is no socket and no other line.
_HBA = "host all all 127.0.0.1/32 scram-sha-256\n"


def _password() -> str:
    return secrets.token_urlsafe(24)


class PostgresState(BaseModel):
    """What DATA_DIR/postgres.json (0600) remembers; passwords are URL-safe text."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    port: int | None = Field(None, ge=1, le=65535)
    owner_password: str = Field(default_factory=_password, pattern=r"^[A-Za-z0-9_-]{16,}$")
    app_password: str = Field(default_factory=_password, pattern=r"^[A-Za-z0-9_-]{16,}$")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory with the account and the programs that serve it."""

    data_dir: Path
    account: Account
    programs: Path

    @property
    def directory(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def state_file(self) -> Path:
        return self.data_dir / "postgres.json"

    def named(self, directory: Path) -> str:
        """How the programs name their directory.

        As root we step down to an account that often may not walk to DATA_DIR (think of /root), so the program is
        started inside the directory and told to find it there.
        """
        return "/proc/self/cwd" if self.account.switch and sys.platform.startswith("linux") else str(directory)

    def run(self, directory: Path, program: str, *arguments: str, sql: str = "") -> str:
        """Run one of the programs inside `directory` to its end; returns what it wrote."""
        with processes.undisturbed():
            process = subprocess.Popen(
                [str(self.programs / program), *arguments],
                cwd=directory,
                env=clean_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **self.account.popen,
            )
        with process:
            try:
                said: str = process.communicate(sql, timeout=120)[0]
            except BaseException:
                process.kill()
                raise
        if process.returncode or " ERROR: " in said or " FATAL: " in said:
            raise LocalServerFailed(complaint("postgres", self.directory, said), program=program, tail=said[-2000:])
        return said

    def single_user(self, directory: Path, *statements: str) -> None:
        """Run SQL, one line a statement, while no server uses the directory; needs no password."""
        self.run(
            directory, "postgres", "--single", "-D", self.named(directory), DEFAULT, sql="\n".join((*statements, ""))
        )


DEFAULT = "postgres"


def open_cluster(data_dir: Path) -> Cluster:
    account = account_for(data_dir / "postgres")
    return Cluster(data_dir, account, postgres_programs(data_dir, account))


def prepare(cluster: Cluster) -> PostgresState:
    """Make the data directory where there is none; no server may be running on it."""
    known = read_state(cluster)
    state = known or PostgresState()
    write_state(cluster, state)
    if _holds_a_cluster(cluster):
        _check_version(cluster)
        _keep_ownership(cluster)
        if known is None:
            cluster.single_user(cluster.directory, *_set_passwords(state))
    else:
        _make(cluster, state)
    return state


def read_state(cluster: Cluster) -> PostgresState | None:
    text = read_private(cluster.state_file)
    if text is None:
        return None
    try:
        return PostgresState.model_validate_json(text)
    except ValidationError as error:
        raise LocalServerFailed(
            f"{cluster.state_file} is damaged; delete it, and the next start writes new passwords into the database.",
            file=str(cluster.state_file),
        ) from error


def write_state(cluster: Cluster, state: PostgresState) -> None:
    text = state.model_dump_json(indent=2) + "\n"
    if text != read_private(cluster.state_file):
        write_private(cluster.state_file, text)


def _holds_a_cluster(cluster: Cluster) -> bool:
    if not cluster.directory.exists() or not any(cluster.directory.iterdir()):
        return False
    if not (cluster.directory / "PG_VERSION").is_file():
        raise LocalServerFailed(
            f"{cluster.directory} holds files but no database; put a backup back, or name another directory in DATA_DIR.",
            directory=str(cluster.directory),
        )
    return True


def _check_version(cluster: Cluster) -> None:
    made_by = (cluster.directory / "PG_VERSION").read_text().strip()
    ours = cluster.run(cluster.directory, "postgres", "--version").split()[2].partition(".")[0]
    if made_by != ours:
        raise LocalServerFailed(
            f"{cluster.directory} was made by Postgres {made_by}, and this is Postgres {ours}; "
            "dump it with the old version and restore it here (docs/operations.md), or name another directory in DATA_DIR.",
            directory=str(cluster.directory),
        )


def _keep_ownership(cluster: Cluster) -> None:
    # Restored by root, the files belong to root, and Postgres refuses them.
    if cluster.account.switch and cluster.directory.stat().st_uid != cluster.account.uid:
        cluster.account.own(cluster.directory)


def _make(cluster: Cluster, state: PostgresState) -> None:
    _clear_workshops(cluster)
    workshop = Path(tempfile.mkdtemp(prefix=_WORKSHOP, dir=cluster.data_dir))
    try:
        _fill(cluster, workshop, state)
        if cluster.directory.exists():
            cluster.directory.rmdir()
        workshop.rename(cluster.directory)
    finally:
        _clear_workshops(cluster)


def _clear_workshops(cluster: Cluster) -> None:
    """A start that was killed half-way leaves one, and for a moment a program that still writes into it."""
    for left_over in cluster.data_dir.glob(f"{_WORKSHOP}*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _fill(cluster: Cluster, workshop: Path, state: PostgresState) -> None:
    cluster.account.own(workshop)
    cluster.run(
        workshop,
        "initdb",
        *("-D", cluster.named(workshop), "-U", OWNER, "-A", "trust", "-E", "utf8", "--no-sync", "--no-instructions"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    )
    (workshop / "pg_hba.conf").write_text(_HBA)
    cluster.single_user(
        workshop,
        f"create role {APPLICATION} login nosuperuser nocreatedb nocreaterole noinherit nobypassrls",
        *_set_passwords(state),
        f"create database {DATABASE} owner {OWNER}",
    )


def _set_passwords(state: PostgresState) -> tuple[str, str]:
    return (
        f"alter role {OWNER} password '{state.owner_password}'",
        f"alter role {APPLICATION} password '{state.app_password}'",
    )
