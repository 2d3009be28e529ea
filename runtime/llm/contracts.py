"""What passes between whoever asks a language model, the gateway, and the providers behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from runtime.errors import LLMFailed

ProviderSlug = Literal["anthropic", "openai"]
AuthMode = Literal["api_key", "oauth_account"]
Purpose = Literal[
    "hypothesis_generation",
    "hypothesis_scoring",
    "analysis",
    "vibe_check",
    "context_summarization",
    "decision_synthesis",
    "gate_reading",
    "question_answering",
]
Stop = Literal["end", "refused", "truncated"]
Outcome = Literal["answered", "invalid", "refused", "truncated", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMRequest:
    """One question. With `response_model` the answer is JSON of that shape, validated before anybody sees it.

    `temperature` reaches OpenAI only: Anthropic's API no longer has it, and there it is left out.
    """

    messages: Sequence[Message]
    purpose: Purpose
    system: str | None = None
    max_tokens: int = 8000
    temperature: float | None = None
    response_model: type[BaseModel] | None = None
    validation_context: Mapping[str, Any] | None = None  # handed to the response model's validators
    provider_override: str | None = None
    model_override: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMResponse:
    """The answer. Tokens are those of all tries together, latency is the whole wait, pauses included."""

    content: str
    parsed: BaseModel | None
    provider_used: ProviderSlug
    model_used: str
    auth_mode_used: AuthMode
    input_tokens: int
    output_tokens: int
    latency_ms: int
    attempts: int


class ProviderConfig(BaseModel):
    """One configured provider; the key is passed to the vendor's SDK explicitly, never read from the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ProviderSlug
    api_key: SecretStr = Field(min_length=1)
    auth_mode: AuthMode = "api_key"
    base_url: str | None = None
    preferred_model: str | None = None
    fallback_model: str | None = None
    timeout_seconds: float = Field(default=120, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One call that reached for a provider, whatever came of it: what the bill and the table llm_calls are made of."""

    org_id: UUID
    purpose: Purpose
    provider: ProviderSlug
    model: str
    auth_mode: AuthMode
    attempt: int
    outcome: Outcome
    input_tokens: int
    output_tokens: int
    latency_ms: int
    error: str | None = None


class UsageSink(Protocol):
    """Where usage is kept; an error here stops the request, because unaccounted spending is worse than a late answer."""

    async def record(self, usage: Usage) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One try, in the words every provider understands; `schema` is strict JSON Schema."""

    model: str
    messages: Sequence[Message]
    max_tokens: int
    system: str | None = None
    temperature: float | None = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a provider answered, before anybody checked it."""

    content: str
    model: str
    stop: Stop
    input_tokens: int
    output_tokens: int


class Provider(Protocol):
    """A vendor's wire format. One try a call: no retries inside. Failures raise ProviderFault."""

    async def ask(self, call: Call) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a try failed, and whether another one could fare better."""

    reason: str
    status: int | None = None
    code: str | None = None
    retryable: bool = True
    retry_after: float | None = None
    wrong_model: bool = False


class ProviderFault(LLMFailed):
    """The provider refused or did not answer; look at the reason in the context."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason, status=fault.status, code=fault.code)
        self.fault = fault
