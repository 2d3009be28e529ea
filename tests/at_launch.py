"""A database in which an experiment was built and its launch gate is open: made once, and copied for each test."""

import asyncio
from itertools import count
from pathlib import Path

from runtime.core import open_runtime
from runtime.identity.members import ensure_home
from runtime.local.databases import clone_database
from runtime.local.postgres import LocalPostgres
from runtime.settings import Settings
from tests.snapshots import owner_settings
from tests.story import Story

_numbers = count(1)


def at_launch(postgres: LocalPostgres, template: str, data: Path) -> str:
    """The name of the database to copy; nobody is connected to it."""
    name = f"template_at_launch_{next(_numbers)}"
    clone_database(postgres, template, name)
    settings = owner_settings(postgres.url(name, "outcome_app"), data)
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
