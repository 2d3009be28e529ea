"""Further databases on the embedded Postgres: the demo shop's, and a fresh copy of a template for each test."""

import os
import subprocess

from runtime.errors import LocalServerFailed
from runtime.local.cluster import OWNER
from runtime.local.ports import LOOPBACK
from runtime.local.postgres import LocalPostgres


def execute(postgres: LocalPostgres, sql: str, *, database: str = "postgres") -> str:
    """Run SQL as the owner; returns the rows, one a line, columns separated by `|`."""
    address = ("-h", LOOPBACK, "-p", str(postgres.port), "-U", OWNER, "-d", database)
    done = subprocess.run(
        [str(postgres.cluster.programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *address],
        input=sql,
        env={"PATH": os.defpath, "PGPASSWORD": postgres.owner_password, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise LocalServerFailed(f"Postgres refused a statement: {done.stderr.strip()}", database=database)
    return done.stdout.strip()


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def exists(postgres: LocalPostgres, name: str) -> bool:
    literal = name.replace("'", "''")
    return execute(postgres, f"select 1 from pg_database where datname = '{literal}'") == "1"  # noqa: S608 - the name is quoted


def create_database(postgres: LocalPostgres, name: str) -> str:
    """Make the database unless it is there; returns the owner's address of it."""
    if not exists(postgres, name):
        execute(postgres, f"create database {quoted(name)} owner {OWNER} strategy file_copy")
    return postgres.url(name)


def clone_database(postgres: LocalPostgres, template: str, name: str) -> str:
    """A copy of `template`, which nobody may be connected to; returns the owner's address of the copy."""
    execute(postgres, f"create database {quoted(name)} template {quoted(template)} owner {OWNER} strategy file_copy")
    return postgres.url(name)


def drop_database(postgres: LocalPostgres, name: str) -> None:
    """Drop the database, and whoever is connected to it."""
    execute(postgres, f"drop database if exists {quoted(name)} with (force)")
