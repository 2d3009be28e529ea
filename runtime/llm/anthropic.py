"""Anthropic's Messages API through the official SDK, which carries the request; the answer is validated here."""

from datetime import UTC, datetime
from typing import Any

from anthropic import APIConnectionError, APIError, APIStatusError, AsyncAnthropic
from pydantic import BaseModel, ValidationError

from runtime.llm.contracts import Answer, Call, Fault, Provider, ProviderConfig, ProviderFault, Stop
from runtime.llm.faults import from_status, redacted, washed

_STOPS: dict[str, Stop] = {
    "refusal": "refused",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
}


class _Block(BaseModel):
    type: str
    text: str = ""


class _Tokens(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    @property
    def read(self) -> int:
        return self.input_tokens + (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)


class _Message(BaseModel):
    model: str
    content: list[_Block]
    stop_reason: str | None
    usage: _Tokens


class AnthropicProvider:
    """One try a call; the SDK's own retries are off, so that the gateway's count is the true one."""

    def __init__(self, config: ProviderConfig) -> None:
        self._config = config
        self._key = config.api_key.get_secret_value()

    async def ask(self, call: Call) -> Answer:
        async with self._client() as client:
            try:
                raw = await client.messages.with_raw_response.create(**_arguments(call))
                body: bytes = await raw.read()
            except APIError as error:
                raise ProviderFault(_fault(error, self._key)) from washed(error, self._key)
        return _answer(body)

    def _client(self) -> AsyncAnthropic:
        credential = "auth_token" if self._config.auth_mode == "oauth_account" else "api_key"
        options: dict[str, Any] = {credential: self._key}
        return AsyncAnthropic(
            base_url=self._config.base_url or "https://api.anthropic.com",
            timeout=self._config.timeout_seconds,
            max_retries=0,
            **options,
        )


def open_provider(config: ProviderConfig) -> Provider:
    return AnthropicProvider(config)


def _arguments(call: Call) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "model": call.model,
        "max_tokens": call.max_tokens,
        "messages": [{"role": message.role, "content": message.content} for message in call.messages],
    }
    if call.system:
        arguments["system"] = call.system
    if call.schema:
        arguments["output_config"] = {"format": {"type": "json_schema", "schema": dict(call.schema)}}
    return arguments


def _answer(body: bytes) -> Answer:
    try:
        message = _Message.model_validate_json(body)
    except ValidationError as error:
        raise ProviderFault(Fault("the answer is not one of Anthropic's messages; is the base URL right?")) from error
    return Answer(
        content="".join(block.text for block in message.content if block.type == "text"),
        model=message.model,
        stop=_STOPS.get(message.stop_reason or "", "end"),
        input_tokens=message.usage.read,
        output_tokens=message.usage.output_tokens,
    )


def _fault(error: APIError, key: str) -> Fault:
    if isinstance(error, APIStatusError):
        detail = redacted(error.api_message or "no reason given", key)
        return from_status(
            error.status_code, error.error_code or error.type, detail, error.response.headers, now=datetime.now(UTC)
        )
    reached = "could not be reached" if isinstance(error, APIConnectionError) else "broke off"
    return Fault(f"Anthropic {reached}: {redacted(error.message, key)}")
