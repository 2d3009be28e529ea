"""OpenAI's Responses API through the official SDK, which carries the request; the answer is validated here."""

from datetime import UTC, datetime
from typing import Any, Literal

from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI
from pydantic import BaseModel, ValidationError

from runtime.llm.contracts import Answer, Call, Fault, Provider, ProviderConfig, ProviderFault, Stop
from runtime.llm.faults import from_status, redacted, washed

_TRANSIENT_FAILURES = frozenset({"server_error", "rate_limit_exceeded"})


class _Part(BaseModel):
    type: str
    text: str = ""


class _Item(BaseModel):
    type: str
    content: list[_Part] | None = None


class _Reason(BaseModel):
    reason: str | None = None


class _Failure(BaseModel):
    code: str | None = None
    message: str = ""


class _Tokens(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0


class _Response(BaseModel):
    model: str
    status: Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
    output: list[_Item]
    incomplete_details: _Reason | None = None
    error: _Failure | None = None
    usage: _Tokens | None = None

    def parts(self, kind: str) -> list[_Part]:
        return [part for item in self.output for part in item.content or [] if part.type == kind]

    @property
    def stop(self) -> Stop:
        filtered = self.incomplete_details is not None and self.incomplete_details.reason == "content_filter"
        if filtered or self.parts("refusal"):
            return "refused"
        return "end" if self.status == "completed" else "truncated"


class OpenAIProvider:
    """One try a call; the SDK's own retries are off, so that the gateway's count is the true one.

    Answers are not stored at the vendor (`store=false`).
    """

    def __init__(self, config: ProviderConfig) -> None:
        self._config = config
        self._key = config.api_key.get_secret_value()

    async def ask(self, call: Call) -> Answer:
        async with self._client() as client:
            try:
                body = await _create(client, _arguments(call))
            except APIError as error:
                raise ProviderFault(_fault(error, self._key)) from washed(error, self._key)
        return _answer(body, self._key)

    def _client(self) -> AsyncOpenAI:
        return AsyncOpenAI(
            api_key=self._key,
            base_url=self._config.base_url or "https://api.openai.com/v1",
            timeout=self._config.timeout_seconds,
            max_retries=0,
        )


def open_provider(config: ProviderConfig) -> Provider:
    return OpenAIProvider(config)


async def _create(client: AsyncOpenAI, arguments: dict[str, Any]) -> bytes:
    """Reasoning models refuse a temperature; such a refusal is answered at once by the same question without it."""
    try:
        raw = await client.responses.with_raw_response.create(**arguments)
    except APIStatusError as error:
        if error.param != "temperature" or arguments.pop("temperature", None) is None:
            raise
        raw = await client.responses.with_raw_response.create(**arguments)
    body: bytes = raw.content
    return body


def _arguments(call: Call) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "model": call.model,
        "max_output_tokens": call.max_tokens,
        "input": [{"role": message.role, "content": message.content} for message in call.messages],
        "store": False,
    }
    if call.system:
        arguments["instructions"] = call.system
    if call.temperature is not None:
        arguments["temperature"] = call.temperature
    if call.schema:
        form = {"type": "json_schema", "name": "answer", "schema": dict(call.schema), "strict": True}
        arguments["text"] = {"format": form}
    return arguments


def _answer(body: bytes, key: str) -> Answer:
    try:
        response = _Response.model_validate_json(body)
    except ValidationError as error:
        raise ProviderFault(Fault("the answer is not one of OpenAI's responses; is the base URL right?")) from error
    if response.status in ("failed", "cancelled"):
        raise ProviderFault(_failure(response, key))
    tokens = response.usage or _Tokens()
    return Answer(
        content="".join(part.text for part in response.parts("output_text")),
        model=response.model,
        stop=response.stop,
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
    )


def _failure(response: _Response, key: str) -> Fault:
    told = response.error or _Failure(code="server_error", message=response.status)
    return Fault(redacted(told.message, key), code=told.code, retryable=told.code in _TRANSIENT_FAILURES)


def _fault(error: APIError, key: str) -> Fault:
    if isinstance(error, APIStatusError):
        detail = redacted(error.message, key)
        return from_status(
            error.status_code, error.code or error.type, detail, error.response.headers, now=datetime.now(UTC)
        )
    reached = "could not be reached" if isinstance(error, APIConnectionError) else "broke off"
    return Fault(f"OpenAI {reached}: {redacted(error.message, key)}")
