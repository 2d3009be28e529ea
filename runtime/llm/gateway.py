"""The one interface to language models: choose, ask, check, try again (three times in all), account, or hand over to a person."""

import asyncio
import importlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError

from runtime.errors import InvalidConfiguration, LLMFailed
from runtime.llm import models
from runtime.llm.contracts import (
    Answer,
    Call,
    Fault,
    LLMRequest,
    LLMResponse,
    Message,
    Outcome,
    Provider,
    ProviderConfig,
    ProviderFault,
    ProviderSlug,
    Usage,
    UsageSink,
)
from runtime.llm.faults import TRIES, advice, pause_before
from runtime.llm.schema import complaints, read, strict_schema

_ADAPTERS: dict[ProviderSlug, str] = {"anthropic": "runtime.llm.anthropic", "openai": "runtime.llm.openai"}
_MOST_TOKENS = 32_000
_LONGEST_QUOTE = 8_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    """A question on its way: what stays the same from try to try."""

    request: LLMRequest
    config: ProviderConfig
    provider: Provider
    org_id: UUID
    started: float


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of one try."""

    outcome: Outcome
    answer: Answer | None = None
    parsed: BaseModel | None = None
    fault: Fault | None = None
    error: Exception | None = None


class Gateway:
    """All calls to language models go through here.

    A request goes to one provider only: nothing said to one vendor is sent to another because the first one failed.
    """

    def __init__(self, providers: Sequence[ProviderConfig], usage: UsageSink, retry_seconds: float = 2.0) -> None:
        self._providers = tuple(providers)
        self._usage = usage
        self._retry_seconds = retry_seconds

    @property
    def configured(self) -> tuple[ProviderSlug, ...]:
        """Providers that can be asked, the default one first."""
        return tuple(config.provider for config in self._providers)

    async def complete(self, request: LLMRequest, org_id: UUID) -> LLMResponse:
        """Ask until there is a usable answer, three times at most; LLMFailed says why there is none."""
        config = self._choose(request.provider_override)
        provider = await asyncio.to_thread(_open, config)
        job = _Job(request, config, provider, org_id, time.monotonic())
        call, tries = _first_call(job), list[_Tried]()
        while True:
            tried = await self._try(job, call, attempt=len(tries) + 1)
            tries.append(tried)
            if tried.fault is None:
                return _response(job, call, tries)
            if not _may_try_again(job, call, tries):
                raise _failed(job, call, tries) from tried.error
            await asyncio.sleep(self._pause(tried, attempt=len(tries) + 1))
            call = _next_call(job, call, tries)

    def _choose(self, name: str | None) -> ProviderConfig:
        for config in self._providers:
            if name in (None, config.provider):
                return config
        raise InvalidConfiguration(
            f"No language model is configured{f' under the name {name}' if name else ''}; set ANTHROPIC_API_KEY or "
            "OPENAI_API_KEY, or use the playbook source, which needs no key.",
            provider=name,
            configured=list(self.configured),
        )

    async def _try(self, job: _Job, call: Call, attempt: int) -> _Tried:
        started = time.monotonic()
        tried = await _ask(job, call)
        usage = _usage(job, call, tried, attempt, _since(started))
        if tried.fault:
            log.warning(
                "llm.try_failed",
                provider=usage.provider,
                model=usage.model,
                attempt=attempt,
                outcome=usage.outcome,
                reason=usage.error,
            )
        await self._usage.record(usage)
        return tried

    def _pause(self, tried: _Tried, attempt: int) -> float:
        """An answer to be mended is asked for at once; a provider in trouble is given time."""
        if tried.fault is None or tried.answer is not None:
            return 0.0
        return pause_before(attempt, self._retry_seconds, tried.fault.retry_after, secrets.randbelow(1000) / 1000)


def _open(config: ProviderConfig) -> Provider:
    # The vendors' packages take seconds to import, so they are imported when first needed.
    return cast("Provider", importlib.import_module(_ADAPTERS[config.provider]).open_provider(config))


async def _ask(job: _Job, call: Call) -> _Tried:
    try:
        async with asyncio.timeout(job.config.timeout_seconds):
            answer = await job.provider.ask(call)
    except ProviderFault as error:
        return _Tried("failed", fault=error.fault, error=error)
    except TimeoutError as error:
        return _Tried("failed", fault=Fault(f"no answer within {job.config.timeout_seconds:g} s"), error=error)
    return _check(job.request, answer)


def _check(request: LLMRequest, answer: Answer) -> _Tried:
    """A refusal, a cut-off answer, or one of the wrong shape is no answer."""
    if answer.stop == "refused":
        return _Tried("refused", answer, fault=Fault("the model declined to answer"))
    if answer.stop == "truncated":
        return _Tried("truncated", answer, fault=Fault("the answer was cut off at the token limit"))
    if request.response_model is None:
        return _Tried("answered", answer)
    try:
        parsed = read(request.response_model, answer.content, request.validation_context)
    except ValidationError as error:
        fault = Fault("the answer does not have the shape asked for: " + "; ".join(complaints(error)[:3]))
        return _Tried("invalid", answer, fault=fault, error=error)
    return _Tried("answered", answer, parsed)


def _first_call(job: _Job) -> Call:
    request = job.request
    return Call(
        model=models.choose(job.config, request.purpose, request.model_override),
        messages=tuple(request.messages),
        max_tokens=request.max_tokens,
        system=request.system,
        temperature=request.temperature,
        schema=strict_schema(request.response_model) if request.response_model else None,
    )


def _may_try_again(job: _Job, call: Call, tries: Sequence[_Tried]) -> bool:
    fault = tries[-1].fault
    if fault is None or len(tries) >= TRIES:
        return False
    elsewhere = fault.wrong_model and _fallback(job, call) != call.model
    return elsewhere or (fault.retryable and not fault.wrong_model)


def _next_call(job: _Job, call: Call, tries: Sequence[_Tried]) -> Call:
    """The same question, told what was wrong, with more room after a cut, to the fallback model at the last try."""
    tried = tries[-1]
    if tried.outcome == "truncated":
        call = replace(call, max_tokens=max(call.max_tokens, min(call.max_tokens * 2, _MOST_TOKENS)))
    if tried.outcome == "invalid":
        call = replace(call, messages=(*job.request.messages, *_correction(tried)))
    last_chance = len(tries) + 1 == TRIES and tried.answer is None
    if last_chance or (tried.fault and tried.fault.wrong_model):
        call = replace(call, model=_fallback(job, call))
    return call


def _fallback(job: _Job, call: Call) -> str:
    return models.resolve(job.config.fallback_model or call.model)


def _correction(tried: _Tried) -> list[Message]:
    """The wrong answer and what is wrong with it; only the latest one, so that the conversation doesn't grow."""
    wrong = complaints(tried.error) if isinstance(tried.error, ValidationError) else []
    plea = "That answer cannot be used:\n" + "\n".join(f"- {line}" for line in wrong)
    plea += "\nAnswer the question again, complete, as JSON of the required shape and nothing else."
    said = (tried.answer.content if tried.answer else "").strip()[:_LONGEST_QUOTE]
    return [Message("assistant", said or "(no text)"), Message("user", plea)]


def _response(job: _Job, call: Call, tries: Sequence[_Tried]) -> LLMResponse:
    answers = [tried.answer for tried in tries if tried.answer]
    return LLMResponse(
        content=answers[-1].content,
        parsed=tries[-1].parsed,
        provider_used=job.config.provider,
        model_used=answers[-1].model or call.model,
        auth_mode_used=job.config.auth_mode,
        input_tokens=sum(answer.input_tokens for answer in answers),
        output_tokens=sum(answer.output_tokens for answer in answers),
        latency_ms=_since(job.started),
        attempts=len(tries),
    )


def _usage(job: _Job, call: Call, tried: _Tried, attempt: int, latency_ms: int) -> Usage:
    return Usage(
        org_id=job.org_id,
        purpose=job.request.purpose,
        provider=job.config.provider,
        model=(tried.answer.model if tried.answer else "") or call.model,
        auth_mode=job.config.auth_mode,
        attempt=attempt,
        outcome=tried.outcome,
        input_tokens=tried.answer.input_tokens if tried.answer else 0,
        output_tokens=tried.answer.output_tokens if tried.answer else 0,
        latency_ms=latency_ms,
        error=tried.fault.reason if tried.fault else None,
    )


def _failed(job: _Job, call: Call, tries: Sequence[_Tried]) -> LLMFailed:
    fault = tries[-1].fault or Fault("no reason known")
    count = f"{len(tries)} {'try' if len(tries) == 1 else 'tries'}"
    return LLMFailed(
        f"{job.config.provider} ({call.model}) gave no usable answer after {count}: {fault.reason}. "
        f"{advice(fault, job.config.provider)}",
        provider=job.config.provider,
        model=call.model,
        attempts=len(tries),
        purpose=job.request.purpose,
        status=fault.status,
        code=fault.code,
        retry_after=fault.retry_after,
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
