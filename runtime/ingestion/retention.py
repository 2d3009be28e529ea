"""Retention: raw rows of finished experiments go after a while, those of running ones never; rollups stay for good."""

from datetime import datetime, timedelta

from sqlalchemy import cast, delete, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from runtime.db.engine import Tx
from runtime.db.tables import experiments, ingested_rows, orgs
from runtime.identity.people import By
from runtime.journal import Event, record
from runtime.lifecycle import EXPERIMENT

SETTING = "raw_rows_days"
MOST_DAYS = 36_500
"""A hundred years; more days than that reach back before the calendar."""


async def forget(tx: Tx, now: datetime, default_days: int) -> int:
    """Drop what is older than the organisation's own number of days (`settings.raw_rows_days` of its row), or else the default."""
    days = await own(tx)
    before = now - timedelta(days=default_days if days is None else days)
    finished = select(experiments.c.feature_flag_key).where(
        experiments.c.status.in_(EXPERIMENT.final),
        experiments.c.concluded_at < before,
        experiments.c.feature_flag_key.is_not(None),
    )
    r = ingested_rows.c
    old = delete(ingested_rows).where(
        r.org_id == tx.org_id, r.month <= before.date(), r.at < before, r.experiment_key.in_(finished)
    )
    return (await tx.run(old)).rowcount


async def own(tx: Tx) -> int | None:
    """The organisation's own number of days; None where it follows the default."""
    found = await tx.value(select(orgs.c.settings[SETTING].as_integer()).where(orgs.c.id == tx.org_id))
    return None if found is None else int(found)


async def choose(tx: Tx, days: int | None, *, by: By) -> None:
    """Set the organisation's own number, or forget it. It counts from the next daily tidying on; written to the journal."""
    await tx.run(select(orgs.c.id).where(orgs.c.id == tx.org_id).with_for_update())
    before = await own(tx)
    if before == days:
        return
    kept = orgs.c.settings.op("-")(SETTING) if days is None else orgs.c.settings.op("||")(cast({SETTING: days}, JSONB))
    await tx.run(update(orgs).where(orgs.c.id == tx.org_id).values(settings=kept))
    await record(tx, Event("retention.changed", "org", tx.org_id, {"was": before, "is": days}), by=by)


async def prepare(tx: Tx, now: datetime) -> None:
    """Have next month's partition ready before its first row."""
    await tx.run(
        text("select ensure_ingested_partitions(:now, :later)"), {"now": now, "later": now + timedelta(days=40)}
    )
