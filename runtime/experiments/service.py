"""The one way an experiment changes its state."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments, outcomes
from runtime.errors import IllegalTransition, NotFound
from runtime.identity.people import By
from runtime.journal import Effect, Event, Message, record
from runtime.lifecycle import EXPERIMENT, Approval, Step

_IN_TRANSACTION = frozenset({"gate.open"})
"""Effects the caller performs before the commit; all others go through the outbox."""


async def get(tx: Tx, experiment_id: UUID, *, lock: bool = False) -> Row:
    """The experiment's row, locked for change if asked."""
    statement = select(experiments).where(experiments.c.id == experiment_id)
    row = await tx.first(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(
            f"There is no experiment {experiment_id}; `outcome-runtime status` lists them.", experiment_id=experiment_id
        )
    return row


async def by_flag(tx: Tx, flag_key: str) -> Row | None:
    return await tx.first(select(experiments).where(experiments.c.feature_flag_key == flag_key))


async def of_outcome(tx: Tx, outcome_id: UUID) -> Sequence[Row]:
    return await tx.all(
        select(experiments)
        .where(experiments.c.outcome_id == outcome_id)
        .order_by(experiments.c.created_at, experiments.c.id)
    )


async def advance(
    tx: Tx,
    row: Row,
    event: str,
    *,
    by: By,
    now: datetime,
    approval: Approval | None = None,
    changes: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    notices: Sequence[Message] = (),
) -> Step:
    """Take one lifecycle step: state, further `changes` of the row, journal entry and outbox together.

    Raises IllegalTransition, ApprovalMissing or NotAllowed from the table, and IllegalTransition when the row moved on meanwhile.
    """
    step = EXPERIMENT.step(row["status"], event, by=by.kind, approval=approval)
    version = row["version"] + 1
    values = {"status": step.to, "version": version, "updated_at": now, **(changes or {})}
    if step.to in EXPERIMENT.final:
        values.setdefault("concluded_at", now)
    guarded = (experiments.c.id == row["id"]) & (experiments.c.version == row["version"])
    if (await tx.run(update(experiments).where(guarded).values(values))).rowcount != 1:
        raise IllegalTransition("The experiment moved on meanwhile; look at it again.", experiment_id=row["id"])
    effects = [Effect(name, row["id"], once=f"v{version}") for name in step.effects if name not in _IN_TRANSACTION]
    payload = {"from": row["status"], "to": step.to, **(facts or {})}
    await record(
        tx, Event(f"experiment.{event}", "experiment", row["id"], payload), by=by, effects=effects, notices=notices
    )
    return step


async def outcome_of(tx: Tx, row: Row) -> Row:
    found = await tx.first(select(outcomes).where(outcomes.c.id == row["outcome_id"]))
    if found is None:
        raise NotFound("The experiment's outcome is gone.", outcome_id=row["outcome_id"])
    return found
