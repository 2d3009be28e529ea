"""The product's doors as an outsider uses them: REST with a read key, the sandbox page's API, the flag service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from demo.errors import DemoFailed

FINAL = frozenset({"shipped", "killed", "failed_build"})


class Reply(BaseModel):
    """What a door says; fields the demo does not need are left alone."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Prediction(Reply):
    expected_delta: float | None = None


class Result(Reply):
    """A look at the evidence; bounds may be infinite."""

    delta: float | None = Field(None, validation_alias=AliasChoices("delta", "estimate"))
    ci_lower: float | None = None
    ci_upper: float | None = None
    p_value: float | None = None

    @field_validator("delta", "ci_lower", "ci_upper", "p_value", mode="before")
    @classmethod
    def _a_word_is_no_number(cls, value: Any) -> Any:
        """A number that could not be worked out may come as a word."""
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError):
            return None


class Experiment(Reply):
    id: str
    title: str = ""
    status: str = ""
    feature_flag_key: str | None = None
    prediction: Prediction = Field(default_factory=Prediction)
    final_result: Result | None = None
    current_result: Result | None = None
    launched_at: datetime | None = None
    data_from: datetime | None = None
    rollout_percent: int = 0

    @property
    def result(self) -> Result:
        return self.final_result or self.current_result or Result()


class Gate(Reply):
    id: str
    gate_type: str
    status: str
    question: str = ""
    choice: str | None = None
    experiment_id: str | None = None
    assigned_to: str = ""
    decided_by: str | None = None
    evidence_hash: str | None = None
    created_at: datetime | None = None
    responded_at: datetime | None = None
    context_package: dict[str, Any] = Field(
        default_factory=dict, validation_alias=AliasChoices("context_package", "context")
    )
    signal_snapshot: Result | None = None

    @field_validator("context_package", mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return value or {}

    @property
    def experiments(self) -> list[str]:
        """The experiments the gate asks about: one, or all of a portfolio."""
        several = self.context_package.get("experiment_ids") or []
        return [self.experiment_id] if self.experiment_id else [str(item) for item in several]


class Learning(Reply):
    id: str
    finding: str = ""
    experiment_id: str | None = None


def listed(answer: Any) -> list[Any]:
    """The list in an answer, alone or under whatever name."""
    if isinstance(answer, Mapping):
        return next((value for value in answer.values() if isinstance(value, list)), [])
    return answer if isinstance(answer, list) else []


class Rest:
    """The product's REST API, read only."""

    def __init__(self, session: aiohttp.ClientSession, base: str, key: str) -> None:
        self.session, self.base = session, f"{base}/api/v1"
        self.headers = {"Authorization": f"Bearer {key}"}

    async def get(self, path: str, **query: str) -> Any:
        async with self.session.get(f"{self.base}{path}", params=query, headers=self.headers) as answer:
            body = await _json(answer)
            if answer.status >= 400:  # noqa: PLR2004  an HTTP error
                raise DemoFailed(f"GET {path} answered {answer.status}: {_words(body)}")
            return body

    async def gates(self) -> list[Gate]:
        return [Gate.model_validate(item) for item in listed(await self.get("/gates", status="all"))]

    async def experiment(self, experiment_id: str) -> Experiment:
        body = await self.get(f"/experiments/{experiment_id}")
        return Experiment.model_validate(body.get("experiment", body))

    async def result(self, experiment_id: str) -> Result:
        body = await self.get(f"/experiments/{experiment_id}/result")
        return Result.model_validate(body.get("final") or body.get("result") or body)

    async def learnings(self, question: str) -> list[Learning]:
        return [Learning.model_validate(item) for item in listed(await self.get("/learnings", q=question))]


class FlagState(Reply):
    enabled: bool
    percentage: int


class Flags:
    """The flag service, read as a third party would to check where a flag really is."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        self.session, self.base, self.headers = session, base, {"Authorization": f"Bearer {token}"}

    async def read(self, key: str) -> FlagState | None:
        async with self.session.get(f"{self.base}/flags/{key}", headers=self.headers) as answer:
            return FlagState.model_validate(await answer.json()) if answer.status == 200 else None  # noqa: PLR2004  found


class Sandbox:
    """The sandbox workspace's page, used as the page itself uses it."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session, self.base = session, f"{base}/sandbox/api"

    async def people(self) -> list[str]:
        """Ids of the people one can act as."""
        async with self.session.get(f"{self.base}/people") as answer:
            body = await _json(answer)
        return [str(person["id"]) for person in listed(body)]

    async def state(self, person: str) -> dict[str, Any]:
        async with self.session.get(f"{self.base}/state", params={"as": person}) as answer:
            body = await _json(answer)
            return body if isinstance(body, dict) and answer.status == 200 else {}  # noqa: PLR2004  found

    async def act(self, what: str, person: str, **body: Any) -> str:
        """Does it; the answer is empty when it went through, else what the page would show in red."""
        headers = {"X-Sandbox": "1"}
        async with self.session.post(f"{self.base}/{what}", json={"as": person, **body}, headers=headers) as answer:
            told = await _json(answer)
        if answer.status >= 400 or (isinstance(told, Mapping) and told.get("errors")):  # noqa: PLR2004  an HTTP error
            return _words(told) or f"status {answer.status}"
        return ""


async def _json(answer: aiohttp.ClientResponse) -> Any:
    try:
        return await answer.json(content_type=None)
    except ValueError:
        return await answer.text()


def _words(body: Any) -> str:
    if isinstance(body, Mapping):
        return str(body.get("message") or body.get("errors") or body.get("error") or body)
    return str(body)[:500]
