"""A database in which an experiment was built and its launch gate is open: made once, and copied for each test."""

import asyncio
from itertools import count
from pathlib import Path

from pydantic import SecretStr

from runtime.core import open_runtime
from runtime.identity.members import ensure_home
from runtime.local.databases import clone_database
from runtime.local.postgres import LocalPostgres
from runtime.settings import Settings
from tests.story import Story

KEYS = "test:" + "A" * 43 + "="
"""As in conftest.py, so that what is sealed here can be opened there."""
_numbers = count(1)


def at_launch(postgres: LocalPostgres, template: str, data: Path) -> str:
    """The name of the database to copy; nobody is connected to it."""
    name = f"template_at_launch_{next(_numbers)}"
    clone_database(postgres, template, name)
    settings = Settings(
        _env_file=None, data_dir=data, database_url=SecretStr(postgres.url(name, "outcome_app")), encryption_keys=SecretStr(KEYS),
        api_secret=SecretStr("s" * 40), owner_email="arun@example.com", owner_name="Arun",
    )  # fmt: skip
    asyncio.run(_prepared(settings))
    return name


async def _prepared(settings: Settings) -> None:
    runtime = open_runtime(settings)
    story = Story(runtime, await ensure_home(runtime))
    await story.apply()
    await story.work()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    await story.built()
    await story.tell("checkout_completed", 0, (0, 0), (0, 0))
    await runtime.close()
