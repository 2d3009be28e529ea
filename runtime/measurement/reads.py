"""What was read of each signal, kept from look to look: where to go on, how fresh it is, and which changes were seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from runtime.db.engine import Row, Tx
from runtime.measurement.cases import Case
from runtime.measurement.read import Heard
from runtime.measurement.store import Key


@dataclass(frozen=True, slots=True)
class Fresh:
    """How a signal stands after a look: `advanced_at` is wall time, `changed` says that data came in while it was read."""

    data_through: datetime
    advanced_at: datetime
    changed: bool


async def remember(tx: Tx, heard: Sequence[tuple[Case, str, Heard]], now: datetime) -> dict[Key, Fresh]:
    """A mark set meanwhile stays; a new phase counts as an advance, so that whatever is resumed gets its time again."""
    known = {(case.id, signal): case.reads.get(signal) for case, signal, _ in heard}
    values = {
        "org": tx.org_id,
        "now": now,
        "experiments": [case.id for case, _, _ in heard],
        "signals": [signal for _, signal, _ in heard],
        "phases": [len(case.phases) for case, _, _ in heard],
        "resume": [item.resume_from for _, _, item in heard],
        "through": [item.through for _, _, item in heard],
        "whole": [now if item.whole else None for _, _, item in heard],
        "marks": [_marks(known[case.id, signal]) for case, signal, _ in heard],
    }
    found = {}
    for row in await tx.run(_REMEMBER, values):
        key = (row.experiment_id, row.signal_name)
        found[key] = Fresh(row.data_through, row.advanced_at, row.dirty_marks != _marks(known[key]))
    return found


def _marks(read: Row | None) -> int:
    return 0 if read is None else int(read["dirty_marks"])


_REMEMBER = text("""
insert into measurement_reads as r (org_id, experiment_id, signal_name, phases, resume_from, data_through, whole_at, dirty_marks, advanced_at)
select cast(:org as uuid), h.*, cast(:now as timestamptz)
from unnest(cast(:experiments as uuid[]), cast(:signals as text[]), cast(:phases as integer[]), cast(:resume as timestamptz[]),
  cast(:through as timestamptz[]), cast(:whole as timestamptz[]), cast(:marks as bigint[])) as h
order by 2, 3
on conflict (org_id, experiment_id, signal_name) do update
set phases = excluded.phases, resume_from = excluded.resume_from, data_through = excluded.data_through,
  whole_at = coalesce(excluded.whole_at, r.whole_at),
  advanced_at = case when r.data_through is null or excluded.data_through > r.data_through or excluded.phases > r.phases
    then excluded.advanced_at else r.advanced_at end,
  dirty_from = case when r.dirty_marks = excluded.dirty_marks then null else r.dirty_from end
returning experiment_id, signal_name, data_through, advanced_at, dirty_marks
""")
