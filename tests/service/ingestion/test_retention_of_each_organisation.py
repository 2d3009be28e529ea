"""Raw rows go by each organisation's own number of days, which an operator sets and sees at the command line."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, text

from runtime.core import Runtime
from runtime.db.tables import journal
from runtime.identity.members import ensure_home
from runtime.identity.people import SYSTEM
from runtime.ingestion import retention
from runtime.settings import Settings, secret
from tests.service.ingestion.conftest import Sender, row
from tests.story import Story
from workers.tidying import tidy

ROOT = Path(__file__).resolve().parents[3]


async def ended(runtime: Runtime, org_id: UUID, *, days_ago: int) -> Sender:
    """An organisation with one raw row of an experiment that ended so many days ago."""
    experiment = await Story(runtime, org_id).launched()
    sender = Sender(runtime, org_id)
    await sender.post(row("e1", "u1", signal="orders", value=1) | {"experiment": experiment["feature_flag_key"]})
    await sender.fold()
    async with runtime.transaction(org_id) as tx:
        statement = "update experiments set status = 'killed', concluded_at = now() - make_interval(days => :days)"
        await tx.run(text(f"{statement} where id = :id"), {"days": days_ago, "id": experiment["id"]})
    return sender


async def kept(sender: Sender) -> bool:
    return bool(await sender.all("select 1 as one from ingested_rows"))


async def changes(runtime: Runtime, org_id: UUID) -> list[dict[str, int | None]]:
    async with runtime.transaction(org_id) as tx:
        statement = select(journal.c.payload).where(journal.c.event == "retention.changed").order_by(journal.c.id)
        return [found["payload"] for found in await tx.all(statement)]


def typed(settings: Settings, *words: str) -> "subprocess.CompletedProcess[str]":
    """`outcome-runtime retention ...`, as a process of its own on this database."""
    found = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    named = {
        name.upper(): secret(getattr(settings, name)) or ""
        for name in ("database_url", "migration_database_url", "redis_url", "encryption_keys", "api_secret")
    }
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", "retention", *words],
        cwd=settings.data_dir.parent,
        env=found
        | named
        | {"PYTHONPATH": str(ROOT), "DATA_DIR": str(settings.data_dir), "OWNER_EMAIL": settings.owner_email},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_daily_tidying_keeps_each_organisation_s_rows_for_its_own_number_of_days(runtime: Runtime) -> None:
    home = await ensure_home(runtime)
    runtime.settings = runtime.settings.model_copy(update={"org": "elsewhere"})
    elsewhere = await ensure_home(runtime)
    mine, theirs = [await ended(runtime, org_id, days_ago=100) for org_id in (home, elsewhere)]
    async with runtime.transaction(elsewhere) as tx:
        await retention.choose(tx, 400, by=SYSTEM)
    await tidy(runtime)
    assert (await kept(mine), await kept(theirs)) == (False, True)

    async with runtime.transaction(elsewhere) as tx:
        await retention.choose(tx, None, by=SYSTEM)
        await retention.choose(tx, None, by=SYSTEM)
    await tidy(runtime)
    assert not await kept(theirs)
    assert await changes(runtime, elsewhere) == [{"was": None, "is": 400}, {"was": 400, "is": None}]
    assert await changes(runtime, home) == []


async def test_an_operator_sees_and_sets_the_number_and_the_journal_says_who(
    runtime: Runtime, org_id: UUID, settings: Settings
) -> None:
    async with runtime.transaction(org_id) as tx:
        await tx.run(text("update orgs set settings = '{\"other\": 1}'"))
    assert "kept for 90 days (RAW_ROWS_DAYS)" in typed(settings).stdout
    done = typed(settings, "--days", "400")
    assert done.returncode == 0, done.stderr
    assert "kept for 400 days (this organisation's own number; RAW_ROWS_DAYS is 90)" in done.stdout
    refused = typed(settings, "--days", "4", "--default")
    assert (refused.returncode, "either --days or --default" in refused.stderr) == (2, True)
    async with runtime.transaction(org_id) as tx:
        assert await tx.value(text("select settings from orgs")) == {"other": 1, "raw_rows_days": 400}
    assert "kept for 90 days (RAW_ROWS_DAYS)" in typed(settings, "--default").stdout
    assert await changes(runtime, org_id) == [{"was": None, "is": 400}, {"was": 400, "is": None}]
