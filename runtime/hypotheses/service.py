"""Proposing a portfolio for an outcome: ask the language model or the playbook, write the experiments, open gate 1."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments
from runtime.db.tables import outcomes as outcomes_table
from runtime.digest import digest
from runtime.errors import InvalidConfiguration, InvalidRequest, LLMFailed, NotFound, OutcomeRuntimeError
from runtime.experiments import service
from runtime.gates import briefing, opening, pictures
from runtime.hypotheses.generate import Proposal, propose
from runtime.hypotheses.models import ExperimentDraft, OutcomeContext, PastLearning, unique_flag
from runtime.identity.people import SYSTEM, By, require_member
from runtime.journal import Effect, Event, record
from runtime.learnings.service import Found, search
from runtime.lifecycle import EXPERIMENT
from runtime.llm.configured import configured_gateway
from runtime.measurement.query import is_share
from runtime.outcomes import rows as outcomes
from runtime.outcomes.service import applied_file, notice_to
from runtime.spec.models import OutcomeSpec, Provider
from runtime.statistics.plan import Plan
from runtime.statistics.power import make_plan

if TYPE_CHECKING:
    from runtime.core import Runtime


async def for_outcome(runtime: "Runtime", org_id: UUID, outcome_id: UUID, *, source: str | None = None) -> None:
    """Effect `portfolio.propose`: propose, unless a portfolio is open already or as many experiments run as may."""
    async with runtime.transaction(org_id) as tx:
        outcome = await outcomes.get(tx, outcome_id)
        room = await free_places(tx, outcome)
    if outcome["status"] != "active" or room < 1:
        return
    learned = await search(runtime, org_id, f"{outcome['title']} {outcome['primary_signal']['metric']}", limit=8)
    async with runtime.transaction(org_id) as tx:
        context = await context_of(tx, outcome, learned, room)
        provider, model = await _model(tx, outcome)
    gateway = configured_gateway(runtime)
    try:
        proposal = await propose(
            source or ("llm" if gateway else "playbook"),
            context,
            gateway,
            org_id=org_id,
            provider=provider,
            model=model,
        )
    except (LLMFailed, InvalidConfiguration) as error:
        await _hand_over(runtime, org_id, outcome, error)
        return
    await _write(runtime, org_id, outcome_id, proposal, learned)


async def _model(tx: Tx, outcome: Row) -> tuple[Provider | None, str | None]:
    """The provider and model outcome.yaml names for hypotheses; the only configured provider needs no naming."""
    file = await applied_file(tx)
    spec = OutcomeSpec.model_validate(outcome["spec"])
    if file is None or (spec.llm_provider is None and "default_provider" not in file.llm.model_fields_set):
        return spec.llm_provider, None
    return spec.llm_provider or file.llm.default_provider, file.llm.hypothesis_model


async def after_experiment(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Effect `portfolio.propose` of an iterated experiment: the next portfolio knows what this one taught."""
    async with runtime.transaction(org_id) as tx:
        row = await service.get(tx, experiment_id)
    await for_outcome(runtime, org_id, row["outcome_id"])


async def free_places(tx: Tx, outcome: Row) -> int:
    """How many experiments may be added; none while a portfolio waits at its gate."""
    rows = await service.of_outcome(tx, outcome["id"])
    if any(row["status"] in {"hypothesis", "awaiting_portfolio_gate"} for row in rows):
        return 0
    return int(outcome["max_concurrent_experiments"]) - sum(row["status"] not in EXPERIMENT.final for row in rows)


async def context_of(tx: Tx, outcome: Row, learned: Sequence[Found], room: int) -> OutcomeContext:
    signal, target, spec = outcome["primary_signal"], outcome["target"], outcome["spec"]
    scope = spec.get("scope") or {}
    earlier = await service.of_outcome(tx, outcome["id"])
    return OutcomeContext(
        title=outcome["title"], description=outcome["description"] or "", metric=signal["metric"], direction=target["direction"],
        baseline=float(target["from"]), target_value=float(target["to"]), unit=pictures.unit(signal),
        funnel_steps=tuple(signal.get("funnel_steps") or ()), segment=signal.get("segment") or {},
        constraints=tuple(pictures.guardrail(item, outcome) for item in outcome["constraints"] if item.get("signal")),
        rules=tuple(item["rule"] for item in outcome["constraints"] if item.get("rule")),
        allowed_paths=tuple(scope.get("allowed_paths") or ()), forbidden_paths=tuple(scope.get("forbidden_paths") or ()), max_concurrent=room,
        past_learnings=tuple(PastLearning(finding=item.finding, finding_type=item.finding_type, confidence=item.confidence) for item in learned),
        already_tried=tuple(row["title"] for row in earlier),
    )  # fmt: skip


async def _hand_over(runtime: "Runtime", org_id: UUID, outcome: Row, error: OutcomeRuntimeError) -> None:
    """Three tries failed: a person is told, and told both ways on; nothing is proposed in the model's name."""
    text = (
        f"No portfolio could be proposed for “{outcome['title']}”: {error.message} "
        f"Try again with `/outcome propose {outcome['slug']}`, or use the catalogue of known tactics with `/outcome propose {outcome['slug']} playbook`."
    )
    async with runtime.transaction(org_id) as tx:
        notice = notice_to(outcome, text, once=f"llm-{runtime.now().isoformat()}")
        await record(
            tx,
            Event("portfolio.failed", "outcome", outcome["id"], {"error": error.message}),
            by=SYSTEM,
            notices=[notice],
        )


async def _write(
    runtime: "Runtime", org_id: UUID, outcome_id: UUID, proposal: Proposal, learned: Sequence[Found]
) -> None:
    now = runtime.now()
    async with runtime.transaction(org_id) as tx:
        outcome = await outcomes.get(tx, outcome_id, lock=True)
        if outcome["status"] != "active" or await free_places(tx, outcome) < 1:
            return
        if not proposal.drafts:
            await _nothing_left(tx, outcome, proposal)
            return
        taken = set((await tx.run(select(experiments.c.feature_flag_key))).scalars())
        made = []
        for draft in proposal.drafts:
            row = await write(tx, outcome, draft, proposal.generated_by, taken)
            await service.advance(tx, row, "propose", by=SYSTEM, now=now)
            made.append(await service.get(tx, row["id"]))
        ask = briefing.portfolio(
            outcome, made, generated_by=proposal.generated_by, source=proposal.source_detail,
            rejected=[{"title": item.title, "reason": item.reason} for item in proposal.rejected],
            learnings=[{"finding": item.finding, "confidence": item.confidence} for item in learned[:3]],
            provenance=pictures.provenance(proposal.generated_by, snapshot_id=_mark(made), since=None, through=now),
        )  # fmt: skip
        await opening.open_gate(tx, outcome, ask, default_channel=runtime.settings.slack_default_channel, now=now)


def _mark(made: Sequence[Row]) -> str:
    """Of the predictions that are shown: nothing is measured yet, of which there could be a snapshot."""
    return digest([[row["title"], row["prediction"]] for row in made])[:12]


async def _nothing_left(tx: Tx, outcome: Row, proposal: Proposal) -> None:
    notice = notice_to(
        outcome,
        f"No experiment could be proposed for “{outcome['title']}”: {proposal.source_detail}",
        once="nothing-left",
    )
    reasons = [f"{item.title}: {item.reason}" for item in proposal.rejected][:10]
    await record(
        tx, Event("portfolio.empty", "outcome", outcome["id"], {"reasons": reasons}), by=SYSTEM, notices=[notice]
    )


async def write(tx: Tx, outcome: Row, draft: ExperimentDraft, generated_by: str, taken: set[str]) -> Row:
    spec = OutcomeSpec.model_validate(outcome["spec"])
    flag = unique_flag(draft.intervention.feature_flag, taken)
    taken.add(flag)
    plan = plan_of(spec, draft)
    data = draft.model_dump(mode="json")
    values = {
        "org_id": tx.org_id, "outcome_id": outcome["id"], "title": draft.title, "hypothesis": draft.hypothesis, "mechanism": draft.mechanism,
        "prediction": data["prediction"], "intervention": data["intervention"] | {"feature_flag": flag}, "generated_by": generated_by,
        "feature_flag_key": flag, "draft": data, "plan": plan.to_json(), "plan_digest": plan.digest(), "measurement_plan": measurement_of(plan),
        "rollout_plan": {"initial_pct": spec.measurement.initial_rollout, "scale_to_pct": 100, "scale_trigger": "analysis gate", "segments": []},
    }  # fmt: skip
    row = await tx.first(insert(experiments).values(values).returning(experiments))
    assert row is not None
    return row


def plan_of(spec: OutcomeSpec, draft: ExperimentDraft) -> Plan:
    """The plan is made before any data: its effect, horizon, error rates and allocation cannot be tuned afterwards."""
    expected = abs(draft.prediction.expected_delta)
    return make_plan(
        minimum_effect=spec.measurement.minimum_effect or expected,
        metric_kind="conversion" if is_share(spec.signal.model_dump()) else "mean",
        direction=spec.target.direction,
        alpha=round(1 - spec.target.confidence_required, 12),
        baseline=spec.target.from_,
        units_per_day=spec.measurement.units_per_day,
        horizon_days=spec.duration / timedelta(days=1),
        allocation=min(max(spec.measurement.initial_rollout / 100, 0.01), 0.99),
        expected_effect=expected,
        hold_days=spec.measurement.hold / timedelta(days=1),
    )


def measurement_of(plan: Plan) -> dict[str, Any]:
    return {
        "duration_days": plan.horizon_days, "min_sample_size": None, "success_threshold": plan.success_threshold,
        "kill_threshold": None, "segments": [], "kind": plan.kind, "alpha": plan.alpha,
    }  # fmt: skip


async def is_outcome(runtime: "Runtime", org_id: UUID, subject_id: UUID) -> bool:
    async with runtime.transaction(org_id) as tx:
        return await tx.first(select(outcomes_table.c.id).where(outcomes_table.c.id == subject_id)) is not None


async def from_playbook(runtime: "Runtime", org_id: UUID, outcome_id: UUID) -> None:
    """Effect `portfolio.playbook`: a person asked for the catalogue of known tactics instead of the language model."""
    await for_outcome(runtime, org_id, outcome_id, source="playbook")


async def request(runtime: "Runtime", org_id: UUID, slug: str, *, by: By, playbook: bool = False) -> None:
    """A person asks for another portfolio; it is proposed by a worker and comes as a gate."""
    require_member(by)
    async with runtime.transaction(org_id) as tx:
        row = await outcomes.by_slug(tx, slug, lock=True)
        if row is None:
            raise NotFound(f"There is no outcome '{slug}'; `/outcome list` shows them.", slug=slug)
        if row["status"] != "active":
            raise InvalidRequest(f"'{slug}' is {row['status']}; only an active outcome gets proposals.", slug=slug)
        if await free_places(tx, row) < 1:
            raise InvalidRequest(
                f"'{slug}' has a portfolio at its gate, or as many experiments as it may run at once.", slug=slug
            )
        name = "portfolio.playbook" if playbook else "portfolio.propose"
        effect = Effect(name, row["id"], once=runtime.now().isoformat())
        await record(
            tx, Event("portfolio.requested", "outcome", row["id"], {"playbook": playbook}), by=by, effects=[effect]
        )
