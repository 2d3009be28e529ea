"""Any coding agent with an address: the build order goes there as a signed POST (Standard Webhooks), once per run id."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from runtime.errors import DispatchFailed
from runtime.integrations.config import IntegrationConfig, read_config
from runtime.integrations.contracts import BuildOrder, Dispatched, Probe
from runtime.integrations.http import Answer, Call, Http, json_bytes
from runtime.integrations.webhooks import signed_headers

EVENT = "experiment.build.requested"
ANSWERS_POST_ONLY = frozenset({400, 401, 403, 405})


class GenericConfig(IntegrationConfig):
    url: HttpUrl
    secret: SecretStr

    @field_validator("secret")
    @classmethod
    def _signs(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value().startswith("whsec_"):
            raise ValueError("write whsec_ and base64, as AGENT_SECRET holds it")
        return secret


class Accepted(BaseModel):
    """What an agent may add to its 2xx: data, shown escaped, never followed by us. What is unusable is left out."""

    model_config = ConfigDict(extra="ignore")

    external_id: str | None = Field(None, max_length=200)
    url: HttpUrl | None = None

    @field_validator("external_id", "url", mode="wrap")
    @classmethod
    def _or_nothing(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(value)
        except ValidationError:
            return None


class GenericTarget:
    """`webhook-id` is made of the run id, so an agent recognises a repeat; only its 2xx counts as accepted."""

    slug: str = "generic"
    Config: ClassVar[type[GenericConfig]] = GenericConfig

    def __init__(
        self, config: Mapping[str, Any], http: Http, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._config, self._http, self._clock = read_config(GenericConfig, config, self.slug), http, clock
        self._secret = self._config.secret.get_secret_value()
        signed_headers(self._secret, "check", b"", clock())

    async def test_connection(self) -> Probe:
        """Asks with GET, which starts nothing: an agent that only takes POST refuses it, and thereby is there."""
        call = self._call("GET", {}, None, ANSWERS_POST_ONLY)
        try:
            answer = await self._http.ask(call)
        except DispatchFailed as error:
            return Probe(ok=False, detail=error.message)
        return Probe(ok=True, detail=f"the coding agent at {call.place} answers (status {answer.status} to a GET)")

    async def dispatch(self, order: BuildOrder) -> Dispatched:
        now = self._clock()
        body = json_bytes({"type": EVENT, "timestamp": now, "data": _data(order)})
        headers = signed_headers(self._secret, f"build_{order.run_id.hex}", body, now)
        call = self._call("POST", {**headers, "Content-Type": "application/json"}, body, secrets=(order.token,))
        accepted = _accepted(await self._http.ask(call))
        url = str(accepted.url) if accepted.url else None
        return Dispatched(accepted.external_id, url, f"the coding agent at {call.place} accepted the build")

    async def close(self) -> None:
        """The HTTP session is its owner's."""

    def _call(
        self,
        method: str,
        headers: Mapping[str, str],
        content: bytes | None,
        accept: frozenset[int] = frozenset(),
        secrets: tuple[str, ...] = (),
    ) -> Call:
        return Call(
            method,
            str(self._config.url),
            DispatchFailed,
            "the coding agent",
            headers,
            content,
            accept,
            repeatable=True,
            secrets=(self._secret, *secrets),
        )


def _data(order: BuildOrder) -> dict[str, Any]:
    """The brief itself is not sent but fetched, so that a late delivery cannot bring an old one."""
    return {
        "run_id": order.run_id,
        "experiment_id": order.experiment_id,
        "brief_url": order.brief_url,
        "mcp_url": order.mcp_url,
        "built_url": order.built_url,
        "token": order.token,
        "deadline": order.deadline,
    }


def _accepted(answer: Answer) -> Accepted:
    """The status is the acceptance; a body that cannot be read must not send the same build a second time."""
    try:
        return Accepted.model_validate_json(answer.body or b"{}")
    except ValidationError:
        return Accepted()
