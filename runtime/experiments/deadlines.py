"""When a condition's deadline passes: the flag goes off and a person is asked; nothing is approved and nothing ships."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import update

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments
from runtime.experiments import service
from runtime.gates import binding, terms
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.lifecycle.experiment import LIVE
from runtime.measurement import conclusion

if TYPE_CHECKING:
    from runtime.core import Runtime

KIND = binding.TIMER


async def fire(runtime: "Runtime", tx: Tx, timer: Row, now: datetime) -> None:
    """Pause a live experiment whose deadline is over. One that isn't live keeps its condition: its launch is refused then."""
    row = await service.get(tx, timer["subject_id"], lock=True)
    due, found = binding.due_at(row["terms"]), terms.deadline(row["terms"])
    if row["status"] not in LIVE or due is None or found is None or due > now:
        return
    why = f"its deadline has passed: {terms.set_by(found)}"
    stored = terms.over(row["terms"], "deadline", by=SYSTEM.name, at=now, why="passed")
    await tx.run(update(experiments).where(experiments.c.id == row["id"]).values(terms=stored))
    await record(tx, Event("terms.deadline_passed", "experiment", row["id"], {"was": terms.set_by(found)}), by=SYSTEM)
    await conclusion.pause(runtime, tx, row, await service.outcome_of(tx, row), why, now)
