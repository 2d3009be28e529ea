"""The plan registry: what an experiment is measured by, written down and hashed before its first unit.

A version is never edited. A person's decision after launch (scale, run on, a changed constraint) adds the next one, and the
experiment is measured by the newest; its metric and thresholds never change, since those would make it another experiment.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import sqrt
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiment_phases, experiments, plan_registrations
from runtime.digest import digest
from runtime.gates import bounds, terms
from runtime.gates.wording import amount, percent
from runtime.identity.people import By
from runtime.journal import Effect, Event, record
from runtime.statistics.plan import Plan

SCHEMA = "outcome-runtime/registration@1"


def document(experiment: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What gate 2 registers if it is approved as it stands, under the conditions the experiment carries already."""
    conditions = experiment["terms"]
    planned, cap, segment = (
        int(experiment["rollout_plan"]["initial_pct"]),
        terms.cap(conditions),
        terms.segment(conditions),
    )
    bound = cap.term.percent if cap is not None and isinstance(cap.term, terms.Cap) else None
    # The level is read again every hour: it is no part of the plan, and a gate that was shown before the last reading is not out of date.
    metric = {name: value for name, value in outcome["primary_signal"].items() if name != "current_value"}
    return {
        "schema": SCHEMA,
        "plan": experiment["plan"],
        "metric": {**metric, "segment": {**(metric.get("segment") or {}), **segment}} if segment else metric,
        "direction": outcome["target"]["direction"],
        "constraints": terms.tightened(outcome["constraints"], conditions),
        "allocation": {"treatment_percent": min(planned, bound or planned), "cap_percent": bound},
        "extended_days": 0.0,
    }


def in_words(registered: Mapping[str, Any], unit: str) -> str:
    """Everything the verdict will depend on, a line each."""
    plan, metric, allocation = Plan.from_json(registered["plan"]), registered["metric"], registered["allocation"]
    steps = " → ".join(metric.get("funnel_steps") or [])
    cap = f", at most {allocation['cap_percent']} %" if allocation["cap_percent"] else ""
    lines = [
        f"Metric: {metric['metric']} from {metric['source']}, {metric['method']}{f' ({steps})' if steps else ''}; it should {plan.direction}",
        f"Test: {plan.kind}; {percent(plan.alpha_spend)} risk of a false call spent up to day {plan.horizon_days:g}, {percent(plan.alpha_any)} kept for ever",
        f"Effects thought likely: around {amount(sqrt(plan.tau2), unit, signed=True)}; success is {_success(plan, unit)}",
        f"Ship is advised after the evidence has stood for up to {plan.hold_days:g} days",
        f"Users: {allocation['treatment_percent']} % see the change{cap}",
        *(f"Limit: {_limit(item, metric)}" for item in registered["constraints"] if item.get("signal")),
    ]
    return "\n".join(f"• {line}" for line in lines)


def _success(plan: Plan, unit: str) -> str:
    if plan.success_threshold == 0.0:
        return "any improvement"
    return f"an improvement of {amount(plan.success_threshold, unit, signed=True)} or more"


def _limit(constraint: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    said, late = bounds.in_words(constraint, {"primary_signal": metric}), constraint.get("since_phase")
    return f"{constraint['signal']} {said}{f', from phase {late + 1} on' if late else ''}"


def allocated(registered: Mapping[str, Any], percent: int, cap: int | None) -> dict[str, Any]:
    """The same plan with another share of users; the change starts a new phase of measurement."""
    return {**registered, "allocation": {"treatment_percent": percent, "cap_percent": cap}}


def extended(registered: Mapping[str, Any], by_days: float) -> dict[str, Any]:
    """The same plan run on past its horizon, where only the anytime part of the test still speaks."""
    return {**registered, "extended_days": registered["extended_days"] + by_days}


def constrained(
    registered: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]], next_phase: int
) -> dict[str, Any] | None:
    """The same plan under other constraints, or None if nothing differs.

    A new or changed limit was chosen after data had been seen, so it is judged only by phases from `next_phase` on.
    """
    known = {digest(_bare(item)): item for item in registered["constraints"]}
    items = [dict(known.get(digest(_bare(item)), {**item, "since_phase": next_phase})) for item in wanted]
    if [digest(item) for item in items] == [digest(item) for item in registered["constraints"]]:
        return None
    return {**registered, "constraints": items}


def bare(constraints: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Registered constraints as they were written, without the phase from which they count."""
    return [_bare(item) for item in constraints]


def latest_phase(registered: Mapping[str, Any] | None) -> int:
    """The phase from which its newest limits count; the rollout opens it if it is not there yet."""
    return max((item.get("since_phase", 0) for item in (registered or {}).get("constraints", ())), default=0)


def _bare(constraint: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in constraint.items() if name != "since_phase"}


def measured_by(experiment: Mapping[str, Any], outcome: Row) -> Row:
    """The outcome as this experiment registered it: later edits of its metric or constraints do not reach back."""
    registered = experiment["registration"]
    if not registered:
        return outcome
    kept = {"primary_signal": registered["metric"], "constraints": registered["constraints"]}
    return {**outcome, **kept}


async def register(
    tx: Tx, experiment: Row, content: Mapping[str, Any], *, reason: str, by: By, now: datetime, gate_id: UUID | None
) -> None:
    """Add the next version and make it the one that is measured by; in the transaction of the decision that caused it."""
    table = plan_registrations
    mine = table.c.experiment_id == experiment["id"]
    version = int(await tx.value(select(func.coalesce(func.max(table.c.version), 0)).where(mine)) or 0) + 1
    values = {
        "org_id": tx.org_id, "experiment_id": experiment["id"], "version": version, "reason": reason, "document": dict(content),
        "digest": digest(content), "gate_id": gate_id, "registered_at": now,
    }  # fmt: skip
    await tx.run(insert(table).values(values))
    await tx.run(update(experiments).where(experiments.c.id == experiment["id"]).values(registration=dict(content)))
    facts = {"version": version, "digest": values["digest"], "reason": reason}
    await record(tx, Event("plan.registered", "experiment", experiment["id"], facts), by=by)


async def follow_constraints(tx: Tx, running: Sequence[Row], outcome: Row, *, by: By, gate: Row, now: datetime) -> None:
    """An approved change of an outcome's limits reaches its running experiments as a new version and a new phase."""
    for experiment in running:
        if not experiment["registration"]:
            continue
        following = await next_phase(tx, experiment["id"])
        wanted = terms.tightened(outcome["constraints"], experiment["terms"])
        content = constrained(experiment["registration"], wanted, following)
        if content is None:
            continue
        await register(tx, experiment, content, reason="constraints changed", by=by, now=now, gate_id=gate["id"])
        effect = Effect("flag.rollout", experiment["id"], once=f"phase-{following}")
        facts = {"phase": following, "gate": str(gate["id"])}
        await record(tx, Event("experiment.phase", "experiment", experiment["id"], facts), by=by, effects=[effect])


async def history(tx: Tx, experiment_id: UUID) -> Sequence[Row]:
    """All versions, oldest first."""
    mine = plan_registrations.c.experiment_id == experiment_id
    return await tx.all(select(plan_registrations).where(mine).order_by(plan_registrations.c.version))


async def next_phase(tx: Tx, experiment_id: UUID) -> int:
    """The position a new phase of measurement would take."""
    mine = experiment_phases.c.experiment_id == experiment_id
    return int(await tx.value(select(func.coalesce(func.max(experiment_phases.c.position), -1)).where(mine)) or 0) + 1
