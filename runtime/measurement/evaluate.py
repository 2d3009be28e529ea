"""From stored sums to one look: the primary signal judged, every constraint watched, one result of it all. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from runtime.db.engine import Row
from runtime.gates import bounds, pictures
from runtime.measurement.cases import Case
from runtime.measurement.guardrails import Watched, limits, resumed_in, watch
from runtime.measurement.result import result_of
from runtime.measurement.store import NOTHING, ByPhase, Key
from runtime.statistics.look import Look, Memory
from runtime.statistics.moments import from_sums
from runtime.statistics.outlook import outlook
from runtime.statistics.phases import PhaseArms
from runtime.statistics.plan import Plan
from runtime.statistics.verdict import judge

RECENT = 5
"""Newest buckets that the hard-limit breaker is shown."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """One look with everything that was decided from it."""

    through: datetime
    look: Look
    watched: Sequence[Watched]
    result: dict[str, Any]
    memory: dict[str, Any]


def evaluate(
    case: Case,
    row: Row,
    through: datetime,
    sums: Mapping[Key, ByPhase],
    recent: Mapping[Key, Sequence[tuple[int, float]]],
) -> Judged:
    """`row` is the experiment as it is locked now; the case may be older by the time its sources took to answer."""
    plan, memory = Plan.from_json(row["plan"]), Memory.from_json(row["memory"])
    elapsed = max(0.0, (through - row["data_from"]) / _DAY)
    at_horizon = elapsed >= plan.horizon_days + row["extended_days"]
    look = judge(plan, memory, _arms(case, sums.get((case.id, case.primary), {})), elapsed, at_horizon=at_horizon)
    watched = _watch(case, sums, recent)
    unit = pictures.unit(case.outcome["primary_signal"])
    result = result_of(plan, look, watched, unit=unit, data_through=through, elapsed_days=round(elapsed, 3))
    result["outlook"] = outlook(plan, look, elapsed, case.phases[-1]["share_treatment"]).to_json()
    return Judged(through, look, watched, result, look.memory.to_json() | _kept(row["memory"]))


def _kept(memory: Mapping[str, Any] | None) -> dict[str, Any]:
    """What people were told last is no part of the evidence, and outlives each look."""
    return {"told": memory["told"]} if memory and "told" in memory else {}


def _arms(case: Case, sums: ByPhase) -> list[PhaseArms]:
    shares = {phase["position"]: phase["share_treatment"] for phase in case.phases}
    found = []
    for position, arms in sorted(sums.items()):
        control, treatment = arms.get("control", NOTHING), arms.get("treatment", NOTHING)
        found.append(
            PhaseArms(
                from_sums(control.n, control.total, control.total_sq),
                from_sums(treatment.n, treatment.total, treatment.total_sq),
                shares[position],
            )
        )
    return found


def _watch(case: Case, sums: Mapping[Key, ByPhase], recent: Mapping[Key, Sequence[tuple[int, float]]]) -> list[Watched]:
    constraints, resumed = list(limits(case.outcome["constraints"])), resumed_in(case.phases)
    found = [
        (
            constraint,
            watch(constraint, side, limit, sums.get(key, {}), recent.get(key, ()), len(constraints), resumed),
        )
        for constraint, side, limit in constraints
        for key in ((case.id, constraint["signal"]),)
    ]
    return [replace(one, unit=one.unit or bounds.unit(constraint, case.outcome)) for constraint, one in found]
