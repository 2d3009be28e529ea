"""From an outcome to a portfolio of proposals: by a language model, or by the playbook, judged alike."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from runtime.errors import InvalidConfiguration, InvalidRequest, LLMFailed
from runtime.hypotheses import playbook, portfolio, prompts, scoring
from runtime.hypotheses.models import ExperimentDraft, GeneratedBy, OutcomeContext, Rejection
from runtime.llm.contracts import LLMRequest, LLMResponse, Message
from runtime.llm.gateway import Gateway

Shape = TypeVar("Shape", bound=BaseModel)

_AT_ONCE = 3  # sub-problems asked about in parallel
_ROOM = 8000  # tokens an answer may take


class Score(BaseModel):
    """A chosen draft's score and the parts it is made of, each in [0, 1]."""

    model_config = ConfigDict(frozen=True)

    total: float
    impact: float
    safety: float
    speed: float
    learning: float


class Proposal(BaseModel):
    """A portfolio for gate 1: what is proposed (`scores` in the same order), what was left out and why, and who says so."""

    model_config = ConfigDict(frozen=True)

    drafts: tuple[ExperimentDraft, ...]
    scores: tuple[Score, ...]
    rejected: tuple[Rejection, ...]
    generated_by: GeneratedBy
    source_detail: str


class _Found(NamedTuple):
    drafts: list[ExperimentDraft]
    rejected: list[Rejection]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """Where a model is asked and on whose behalf, and what it has answered so far."""

    gateway: Gateway
    org_id: UUID
    provider: str | None = None
    model: str | None = None
    answers: list[LLMResponse] = field(default_factory=list)

    async def ask(self, system: str, prompt: str, shape: type[Shape], context: OutcomeContext) -> Shape:
        answer = await self.gateway.complete(
            LLMRequest(
                messages=[Message("user", prompt)],
                system=system,
                max_tokens=_ROOM,
                response_model=shape,
                validation_context={"outcome": context},
                purpose="hypothesis_generation",
                provider_override=self.provider,
                model_override=self.model,
            ),
            self.org_id,
        )
        self.answers.append(answer)
        assert isinstance(answer.parsed, shape)  # the gateway's promise
        return answer.parsed


async def propose(
    source: str,
    context: OutcomeContext,
    gateway: Gateway | None = None,
    *,
    org_id: UUID,
    provider: str | None = None,
    model: str | None = None,
) -> Proposal:
    """A portfolio of at most `max_concurrent` drafts that differ and don't conflict, none against the outcome's rules.

    `source` is "llm" or "playbook"; `provider` and `model` are those outcome.yaml names for hypotheses.
    Raises LLMFailed when the model has nothing usable; a playbook without a fitting tactic gives an empty portfolio.
    """
    if source == "playbook":
        considered = playbook.consider(context)
        return _select(context, considered.drafts, considered.rejected, "playbook", _playbook_detail(context))
    if source != "llm":
        raise InvalidRequest(f"Portfolios come from `llm` or `playbook`; there is no source {source!r}.", source=source)
    if gateway is None or not gateway.configured:
        raise InvalidConfiguration(
            "No language model is configured; set ANTHROPIC_API_KEY or OPENAI_API_KEY, or propose from the playbook.",
        )
    asker = _Asker(gateway=gateway, org_id=org_id, provider=provider, model=model)
    found = await _ask_model(context, asker)
    return _select(context, found.drafts, found.rejected, "ai", _model_detail(asker.answers))


async def _ask_model(context: OutcomeContext, asker: _Asker) -> _Found:
    """Decompose, then candidates for each sub-problem side by side; a part that fails costs only itself."""
    question = prompts.decomposition_prompt(context)
    decomposition = await asker.ask(prompts.DECOMPOSITION_SYSTEM, question, prompts.Decomposition, context)
    problems = decomposition.sub_problems
    turnstile = asyncio.Semaphore(_AT_ONCE)
    parts = await asyncio.gather(
        *(_candidates(context, asker, problem, problems, turnstile) for problem in problems),
        return_exceptions=True,
    )
    found, failures = _Found([], []), list[LLMFailed]()
    for problem, part in zip(problems, parts, strict=True):
        if isinstance(part, LLMFailed):
            failures.append(part)
            found.rejected.append(Rejection(title=problem.name, reason=part.message))
        elif isinstance(part, BaseException):
            raise part
        else:
            found.drafts.extend(part.drafts)
            found.rejected.extend(part.rejected)
    if failures and not found.drafts:
        raise failures[0]
    return found


async def _candidates(
    context: OutcomeContext,
    asker: _Asker,
    problem: prompts.SubProblem,
    problems: Sequence[prompts.SubProblem],
    turnstile: asyncio.Semaphore,
) -> _Found:
    others = [other.name for other in problems if other is not problem]
    question = prompts.candidates_prompt(context, problem, others)
    async with turnstile:
        answer = await asker.ask(prompts.CANDIDATE_SYSTEM, question, prompts.CandidateList, context)
    judged = [prompts.draft(candidate, problem.name, context) for candidate in answer.candidates]
    return _Found(
        [one for one in judged if isinstance(one, ExperimentDraft)],
        [one for one in judged if isinstance(one, Rejection)],
    )


def _select(
    context: OutcomeContext,
    drafts: Sequence[ExperimentDraft],
    rejected: Sequence[Rejection],
    generated_by: GeneratedBy,
    detail: str,
) -> Proposal:
    selected = portfolio.select(scoring.rank(drafts, context.gap), context.max_concurrent)
    return Proposal(
        drafts=tuple(one.draft for one in selected.chosen),
        scores=tuple(_score(one) for one in selected.chosen),
        rejected=(*rejected, *selected.rejected),
        generated_by=generated_by,
        source_detail=detail,
    )


def _score(one: scoring.Scored) -> Score:
    return Score(total=one.score, impact=one.impact, safety=one.safety, speed=one.speed, learning=one.learning)


def _playbook_detail(context: OutcomeContext) -> str:
    sorts = ", ".join(sorted(playbook.kinds(context)))
    return f"Playbook of {len(playbook.tactics())} known tactics, those for: {sorts}. {playbook.NOTICE}"


def _model_detail(answers: Sequence[LLMResponse]) -> str:
    models = sorted({f"{answer.provider_used} {answer.model_used}" for answer in answers})
    tokens = sum(answer.input_tokens + answer.output_tokens for answer in answers)
    return f"{', '.join(models)}: {len(answers)} questions, {sum(answer.attempts for answer in answers)} calls, {tokens} tokens."
