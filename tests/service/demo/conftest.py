"""A real Postgres for the simulated shop, a fresh database for each test that asks for one."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from runtime.local.databases import create_database, drop_database
from runtime.local.postgres import LocalPostgres, start_postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def shop_server() -> Iterator[LocalPostgres]:
    place = Path(tempfile.mkdtemp(prefix="shop-pg-"))
    server = start_postgres(place, durable=False)
    yield server
    server.stop()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def shop_dsn(shop_server: LocalPostgres) -> Iterator[str]:
    name = f"shop_{next(_numbers)}"
    yield create_database(shop_server, name)
    drop_database(shop_server, name)
