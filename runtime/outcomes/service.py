"""Outcomes: applying outcome.yaml, starting, ending, and changing one that runs only through a gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select, update

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import outcomes, workspaces
from runtime.errors import InvalidRequest, NotFound
from runtime.experiments import registration
from runtime.experiments import service as experiments
from runtime.gates import briefing, opening
from runtime.gates import rows as gates
from runtime.gates.service import withdraw, withdraw_all
from runtime.identity import members
from runtime.identity.people import SYSTEM, By, require_member
from runtime.integrations import catalogue
from runtime.journal import Effect, Event, Message, record
from runtime.lifecycle import EXPERIMENT, OUTCOME, Actor
from runtime.lifecycle.experiment import LIVE
from runtime.outcomes import rows
from runtime.outcomes.connections import seal
from runtime.spec.models import GateSpec, OutcomeFile, OutcomeSpec
from runtime.spec.plan import Plan, diff, render
from runtime.spec.references import has_reference, texts

if TYPE_CHECKING:
    from runtime.core import Runtime


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did: outcomes made, changed at once, and those whose change waits at a gate."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    gated: tuple[str, ...]
    activated: tuple[str, ...]


async def applied_file(tx: Tx) -> OutcomeFile | None:
    """The outcome.yaml that runs now."""
    stored = await tx.value(select(workspaces.c.outcome_file).order_by(workspaces.c.created_at).limit(1))
    return OutcomeFile.model_validate(stored) if stored else None


async def plan(runtime: "Runtime", org_id: UUID, wanted: OutcomeFile) -> Plan:
    """The field diff between what runs and what is wanted."""
    async with runtime.transaction(org_id) as tx:
        return diff(await applied_file(tx), wanted)


async def apply(
    runtime: "Runtime",
    org_id: UUID,
    wanted: OutcomeFile,
    *,
    by: By,
    now: datetime,
    env: Mapping[str, str],
    activate: bool = True,
) -> Applied:
    """Bring the organisation to a file, all or nothing. A running outcome's guarded fields change only through a gate."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        current = await applied_file(tx)
        changes = diff(current, wanted)
        await refuse_removals(tx, changes)
        _refuse_unknown(wanted)
        await members.ensure(tx, _people(wanted))
        await seal(runtime, tx, {name: env[name] for name in _references(wanted) if name in env})
        created, changed, gated = await _write_outcomes(runtime, tx, wanted, changes, by, now)
        stored = _with_running(current, wanted, gated)
        await tx.run(update(workspaces).values(outcome_file=stored.model_dump(mode="json", by_alias=True)))
        event = Event("file.applied", "workspace", None, {"created": created, "changed": changed, "gated": gated})
        await record(tx, event, by=by)
        started = await _activate_drafts(tx, created, by, now) if activate else []
        return Applied(tuple(created), tuple(changed), tuple(gated), tuple(started))


async def refuse_removals(tx: Tx, changes: Plan) -> None:
    """Leaving an outcome out of the file ends nothing that still goes on; one that has ended may be left out."""
    going_on = [slug for slug in changes.whole("remove") if not await _ended(tx, slug)]
    if going_on:
        raise InvalidRequest(
            f"The file does not name {', '.join(going_on)}, and leaving an outcome out does not end it. Put it into the file, or end it first: `/outcome abandon {going_on[0]} <why>`.",
            outcomes=going_on,
        )


async def _ended(tx: Tx, slug: str) -> bool:
    row = await rows.by_slug(tx, slug)
    return row is None or row["status"] in OUTCOME.final


def _refuse_unknown(wanted: OutcomeFile) -> None:
    """Better now, with a sentence, than when the first experiment is to be measured."""
    declared = {item.type for item in wanted.signal_connectors}
    lacking = [f"signal connector {name}" for name in sorted(declared - set(catalogue.names("signals")))]
    if wanted.feature_flags.provider not in catalogue.names("flags"):
        lacking.append(f"feature-flag provider {wanted.feature_flags.provider}")
    channels = {gate.channel.partition(":")[0] for spec in wanted.outcomes for gate in _written(spec) if gate.channel}
    lacking += [f"channel {name}" for name in sorted(channels - set(catalogue.names("channels")))]
    if lacking:
        known = f"signals: {', '.join(catalogue.names('signals'))}; flags: {', '.join(catalogue.names('flags'))}; channels: {', '.join(catalogue.names('channels'))}"
        raise InvalidRequest(f"This version has no {', no '.join(lacking)}. It has {known}.", lacking=lacking)


async def _write_outcomes(
    runtime: "Runtime", tx: Tx, wanted: OutcomeFile, changes: Plan, by: By, now: datetime
) -> tuple[list[str], list[str], list[str]]:
    created: list[str] = []
    changed: list[str] = []
    gated: list[str] = []
    touched = {change.outcome_id for change in changes.changes if change.outcome_id}
    for spec in wanted.outcomes:
        row = await rows.by_slug(tx, spec.id, lock=True)
        if row is None:
            await _create(tx, spec, by, now)
            created.append(spec.id)
        elif spec.id in touched and row["status"] == "active" and spec.id in changes.guarded:
            await _ask(runtime, tx, row, spec, changes, by, now)
            gated.append(spec.id)
        elif spec.id in touched:
            await _update(tx, row, spec, now)
            changed.append(spec.id)
    return created, changed, gated


def _values(spec: OutcomeSpec) -> dict[str, Any]:
    data = spec.model_dump(mode="json", by_alias=True)
    return {
        "slug": spec.id, "title": spec.title, "description": spec.description, "primary_signal": data["signal"],
        "secondary_signals": data["secondary_signals"], "target": data["target"], "constraints": data["constraints"],
        "max_concurrent_experiments": spec.portfolio.max_concurrent, "horizon": spec.horizon, "owner": spec.responsible, "spec": data,
        "team_members": sorted({gate.assigned_to for gate in _written(spec)}),
    }  # fmt: skip


async def _create(tx: Tx, spec: OutcomeSpec, by: By, now: datetime) -> None:
    workspace = await tx.value(select(workspaces.c.id).order_by(workspaces.c.created_at).limit(1))
    values = _values(spec) | {"org_id": tx.org_id, "workspace_id": workspace, "created_at": now, "updated_at": now}
    made = await tx.value(insert(outcomes).values(values).returning(outcomes.c.id))
    await record(tx, Event("outcome.created", "outcome", made, {"slug": spec.id}), by=by)


async def _update(tx: Tx, row: Row, spec: OutcomeSpec, now: datetime) -> None:
    values = _values(spec) | {"version": row["version"] + 1, "updated_at": now}
    if row["activated_at"]:
        values["deadline"] = row["activated_at"] + spec.horizon
    await tx.run(update(outcomes).where(outcomes.c.id == row["id"]).values(values))


async def _ask(runtime: "Runtime", tx: Tx, row: Row, spec: OutcomeSpec, changes: Plan, by: By, now: datetime) -> None:
    for gate in await gates.listed(tx, outcome_id=row["id"]):
        if gate["gate_type"] == "change_review":
            await withdraw(tx, gate, "a newer change took its place", by=by, now=now)
    mine = Plan(tuple(change for change in changes.changes if change.outcome_id == spec.id))
    running = [experiment["title"] for experiment in await _running(tx, row["id"])]
    ask = briefing.change(row, spec.model_dump(mode="json", by_alias=True), render(mine), running)
    await opening.open_gate(tx, row, ask, default_channel=runtime.settings.slack_default_channel, now=now, by=by)


async def apply_change(tx: Tx, gate: Row, *, by: By, now: datetime) -> None:
    """An approved change of a running outcome: the row and the stored file take it on together."""
    row = await rows.get(tx, gate["outcome_id"], lock=True)
    spec = OutcomeSpec.model_validate(gate["context_package"]["wanted"])
    await _update(tx, row, spec, now)
    current = await applied_file(tx)
    if current is not None:
        merged = tuple(spec if item.id == spec.id else item for item in current.outcomes)
        stored = current.model_copy(update={"outcomes": merged}).model_dump(mode="json", by_alias=True)
        await tx.run(update(workspaces).values(outcome_file=stored))
    await record(tx, Event("outcome.changed", "outcome", row["id"], {"gate": str(gate["id"])}), by=by)
    changed = await rows.get(tx, row["id"])
    running = await _running(tx, row["id"])
    await registration.follow_constraints(tx, running, changed, by=by, gate=gate, now=now)
    for experiment in await experiments.of_outcome(tx, row["id"]):
        if experiment["status"] == "awaiting_launch_gate":
            await briefing.renew_launch(tx, experiment, changed, by=by)


async def _running(tx: Tx, outcome_id: UUID) -> list[Row]:
    """Experiments that have been launched and are not over."""
    return [row for row in await experiments.of_outcome(tx, outcome_id) if row["status"] in {*LIVE, "paused"}]


def _with_running(current: OutcomeFile | None, wanted: OutcomeFile, gated: list[str]) -> OutcomeFile:
    """The wanted file, in which outcomes whose change still waits at a gate stay as they run."""
    if current is None or not gated:
        return wanted
    kept = tuple((current.outcome(spec.id) or spec) if spec.id in gated else spec for spec in wanted.outcomes)
    return wanted.model_copy(update={"outcomes": kept})


def _written(spec: OutcomeSpec) -> list[GateSpec]:
    return [gate for kind in spec.gates.model_fields_set if (gate := getattr(spec.gates, kind))]


def _people(file: OutcomeFile) -> set[str]:
    named: set[str] = set()
    for spec in file.outcomes:
        written = _written(spec)
        named |= {
            spec.responsible,
            *(gate.assigned_to for gate in written),
            *(person for gate in written for person in gate.escalation_chain),
        }
    return named


def _references(file: OutcomeFile) -> set[str]:
    from runtime.spec.references import REFERENCE  # noqa: PLC0415  a detail of the reference syntax, used only here

    data = file.model_dump(mode="json", by_alias=True)
    found = (
        match.group("name") for _, text in texts(data) if has_reference(text) for match in REFERENCE.finditer(text)
    )
    return {name for name in found if name}


async def _activate_drafts(tx: Tx, created: list[str], by: By, now: datetime) -> list[str]:
    started = []
    for slug in created:
        row = await rows.by_slug(tx, slug, lock=True)
        if row is not None and by.kind is Actor.HUMAN:
            await _activate(tx, row, by, now)
            started.append(slug)
    return started


async def _activate(tx: Tx, row: Row, by: By, now: datetime) -> None:
    step = OUTCOME.step(row["status"], "activate", by=by.kind)
    deadline = now + row["horizon"]
    values = {
        "status": step.to,
        "activated_at": now,
        "deadline": deadline,
        "version": row["version"] + 1,
        "updated_at": now,
    }
    await tx.run(update(outcomes).where(outcomes.c.id == row["id"]).values(values))
    await timers.arm(tx, "outcome_expire", row["id"], version=1, due_at=deadline)
    await timers.arm(tx, "outcome_level", row["id"], version=1, due_at=now)
    effects = [Effect(name, row["id"], once=f"v{row['version'] + 1}") for name in step.effects]
    await record(
        tx, Event("outcome.activated", "outcome", row["id"], {"deadline": deadline.isoformat()}), by=by, effects=effects
    )


async def activate(runtime: "Runtime", org_id: UUID, slug: str, *, by: By, now: datetime) -> None:
    """Start an outcome: its first portfolio is proposed, and its horizon runs."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        await _activate(tx, await _named(tx, slug), by, now)


async def abandon(runtime: "Runtime", org_id: UUID, slug: str, *, by: By, now: datetime, reason: str = "") -> None:
    """End an outcome without success; everything that still runs for it is killed, flags first."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        await _end(tx, await _named(tx, slug), "abandon", by, now, reason or "abandoned")


async def expire(tx: Tx, timer: Row, now: datetime) -> None:
    """The horizon is over: no new portfolio; experiments at a gate or in front of users are left to their people."""
    row = await rows.get(tx, timer["subject_id"], lock=True)
    if row["status"] == "active" and row["deadline"] and row["deadline"] <= now:
        step = OUTCOME.step(row["status"], "expire", by=Actor.SYSTEM)
        await tx.run(
            update(outcomes)
            .where(outcomes.c.id == row["id"])
            .values(status=step.to, ended_at=now, version=row["version"] + 1)
        )
        notice = notice_to(
            row,
            f"The horizon of “{row['title']}” is over; it has expired. Running experiments keep their gates.",
            once="expired",
        )
        await record(tx, Event("outcome.expire", "outcome", row["id"]), by=SYSTEM, notices=[notice])


async def _end(tx: Tx, row: Row, event: str, by: By, now: datetime, reason: str) -> None:
    step = OUTCOME.step(row["status"], event, by=by.kind)
    await tx.run(
        update(outcomes)
        .where(outcomes.c.id == row["id"])
        .values(status=step.to, ended_at=now, version=row["version"] + 1)
    )
    await record(tx, Event(f"outcome.{event}", "outcome", row["id"], {"reason": reason}), by=by)
    for experiment in await experiments.of_outcome(tx, row["id"]):
        if experiment["status"] not in EXPERIMENT.final:
            await experiments.advance(tx, experiment, "kill", by=by, now=now, facts={"reason": reason})
            await withdraw_all(tx, experiment["id"], reason, by=by, now=now)
    for gate in await gates.listed(tx, outcome_id=row["id"]):
        await withdraw(tx, gate, reason, by=by, now=now)


def notice_to(row: Row, text: str, *, once: str) -> Message:
    """A plain message about an outcome to the channel of its first gate."""
    settings = opening.terms(row, "portfolio_review", default_channel="#outcome-runtime")
    channel, _, place = settings.channel.partition(":")
    return Message("outcome", row["id"], channel, place or settings.assigned_to, once=once, payload={"text": text})


async def _named(tx: Tx, slug: str) -> Row:
    row = await rows.by_slug(tx, slug, lock=True)
    if row is None:
        raise NotFound(f"There is no outcome '{slug}'; `/outcome list` shows them.", slug=slug)
    return row
