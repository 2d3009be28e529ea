"""Retention: raw rows of finished experiments go after a while, those of running ones never; rollups stay for good."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, text

from runtime.db.engine import Tx
from runtime.db.tables import experiments, ingested_rows, orgs
from runtime.lifecycle import EXPERIMENT

SETTING = "raw_rows_days"


async def forget(tx: Tx, now: datetime, default_days: int) -> int:
    """Drop what is older than the organisation's own number of days (`settings.raw_rows_days` of its row), or else the default."""
    own = await tx.value(select(orgs.c.settings[SETTING].as_integer()).where(orgs.c.id == tx.org_id))
    before = now - timedelta(days=default_days if own is None else own)
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


async def prepare(tx: Tx, now: datetime) -> None:
    """Have next month's partition ready before its first row."""
    await tx.run(
        text("select ensure_ingested_partitions(:now, :later)"), {"now": now, "later": now + timedelta(days=40)}
    )
