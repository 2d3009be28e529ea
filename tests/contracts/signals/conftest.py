"""A real Postgres with a small shop in it, and a role that may only read."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest

from runtime.local.databases import create_database
from runtime.local.postgres import LocalPostgres

SHOP = """
CREATE ROLE reader LOGIN PASSWORD 'r/e@d:er-pass';
CREATE TABLE exposures (experiment text, unit int, variant text, first_at timestamptz, platform text);
CREATE TABLE orders (unit int, amount numeric, at timestamptz);
CREATE TABLE private_notes (note text);
CREATE TABLE calendar (now timestamptz);
INSERT INTO calendar VALUES ('2026-03-05T00:00:00Z');
INSERT INTO exposures
  SELECT 'flag-1', i, CASE WHEN i % 2 = 0 THEN 'treatment' ELSE 'control' END,
         timestamptz '2026-03-01T00:00:00Z' + (i % 4) * interval '1 day' + interval '1 hour',
         CASE WHEN i % 3 = 0 THEN 'desktop' ELSE 'mobile' END
  FROM generate_series(0, 399) i;
INSERT INTO orders
  SELECT i, (i % 7) + 0.25, timestamptz '2026-03-01T02:00:00Z' + (i % 4) * interval '1 day'
  FROM generate_series(0, 399) i WHERE i % 5 <> 0;
GRANT SELECT ON exposures, orders, calendar TO reader;
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where the shop's database is, for its owner and for the reader."""

    owner: str
    reader: str
    port: int


@pytest.fixture(scope="session")
def shop(postgres: LocalPostgres) -> Shop:
    owner = create_database(postgres, "signals_shop")
    asyncio.run(_build(owner))
    reader = f"postgresql://reader:r%2Fe%40d%3Aer-pass@127.0.0.1:{postgres.port}/signals_shop"
    return Shop(owner, reader, postgres.port)


async def _build(owner_url: str) -> None:
    connection = await asyncpg.connect(owner_url)
    await connection.execute(SHOP)
    await connection.close()
