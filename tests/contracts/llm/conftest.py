"""Two vendors on loopback: they speak the documented wire formats, check every request, and answer from a script."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from aiohttp import web
from pydantic import SecretStr

from runtime.llm.contracts import ProviderConfig, Usage
from runtime.llm.gateway import Gateway

KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True)
class Reply:
    """One scripted answer; `text` is what the model says, `status` and `error` what the vendor says instead."""

    text: str = ""
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    stop: Literal["end", "refused", "truncated"] = "end"
    raw: str | None = None
    delay: float = 0


@dataclass
class Vendor:
    """A fake provider; `seen` keeps the bodies that passed the check, `complaints` what was wrong with the others."""

    slug: Literal["anthropic", "openai"]
    script: list[Reply] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    url: str = ""
    respond: Callable[[dict[str, Any]], Reply] | None = None  # in place of a script, when questions run side by side
    busy: int = 0
    busiest: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        wrong = CHECKS[self.slug](request, body)
        if wrong:
            self.complaints += wrong
            return web.json_response(_error(self.slug, "invalid_request_error", "; ".join(wrong)), status=400)
        self.seen.append(body)
        self.times.append(time.monotonic())
        reply = self.respond(body) if self.respond else self._next()
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(reply.delay)
        self.busy -= 1
        if reply.raw is not None:
            return web.Response(text=reply.raw, content_type="application/json", headers=dict(reply.headers))
        if reply.status != 200:
            return web.json_response(_error(self.slug, **reply.error), status=reply.status, headers=dict(reply.headers))
        return web.json_response(ANSWERS[self.slug](body["model"], reply))

    def _next(self) -> Reply:
        """The next line of the script; the last one is repeated."""
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@dataclass
class Ledger:
    """A usage sink that remembers."""

    rows: list[Usage] = field(default_factory=list)

    async def record(self, usage: Usage) -> None:
        self.rows.append(usage)


def _error(slug: str, type: str, message: str, **details: Any) -> dict[str, Any]:  # noqa: A002 - the wire's own word
    if slug == "anthropic":
        return {"type": "error", "error": {"type": type, "message": message, **details}, "request_id": "req_1"}
    return {"error": {"type": type, "message": message, "param": None, "code": None, **details}}


def _authorised(request: web.Request) -> list[str]:
    bearer = request.headers.get("Authorization") == f"Bearer {KEY}"
    ours = bearer or request.headers.get("x-api-key") == KEY
    typed = request.content_type == "application/json"
    return [*([] if ours else ["no valid key"]), *([] if typed else ["content type is not JSON"])]


def _turns(turns: Any) -> list[str]:
    if not turns or turns[0]["role"] != "user" or turns[-1]["role"] != "user":
        return ["a conversation begins and ends with the user"]
    return [f"turn without text: {turn}" for turn in turns if not turn["content"].strip()]


def _strict(schema: Any) -> list[str]:
    """Both vendors' rules for strict schemas: closed objects, every field required, no limits on values."""
    if isinstance(schema, list):
        return [fault for node in schema for fault in _strict(node)]
    if not isinstance(schema, dict):
        return []
    limits = {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default", "title"}
    faults = [f"unsupported keyword {key}" for key in limits & schema.keys() if not isinstance(schema[key], dict)]
    if schema.get("type") == "object":
        faults += [] if schema.get("additionalProperties") is False else ["object is open"]
        faults += [] if set(schema["required"]) == set(schema["properties"]) else ["a field is not required"]
    return faults + [fault for node in schema.values() for fault in _strict(node)]


def _check_anthropic(request: web.Request, body: dict[str, Any]) -> list[str]:
    faults = [*_authorised(request), *_turns(body.get("messages"))]
    faults += [] if request.headers.get("anthropic-version") else ["no anthropic-version"]
    faults += [f"{name} is missing" for name in ("model", "max_tokens") if not body.get(name)]
    faults += [f"unknown field {name}" for name in ("temperature", "top_p") if name in body]
    return faults + _strict(body.get("output_config", {}).get("format", {}).get("schema"))


def _check_openai(request: web.Request, body: dict[str, Any]) -> list[str]:
    faults = [*_authorised(request), *_turns(body.get("input"))]
    faults += [] if body.get("store") is False else ["the answer would be stored"]
    faults += [f"{name} is missing" for name in ("model", "max_output_tokens") if not body.get(name)]
    form = body.get("text", {}).get("format", {})
    faults += [f"text.format.{name} is missing" for name in ("name", "schema", "strict") if form and not form.get(name)]
    return faults + _strict(form.get("schema"))


def _anthropic_message(model: str, reply: Reply) -> dict[str, Any]:
    reasons = {"end": "end_turn", "refused": "refusal", "truncated": "max_tokens"}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{model}-20261101",
        "content": [{"type": "thinking", "thinking": "...", "signature": "s"}, {"type": "text", "text": reply.text}],
        "stop_reason": reasons[reply.stop],
        "stop_sequence": None,
        "usage": {"input_tokens": 90, "output_tokens": 7, "cache_read_input_tokens": 10},
    }


def _openai_response(model: str, reply: Reply) -> dict[str, Any]:
    part = {"type": "output_text", "text": reply.text, "annotations": []}
    if reply.stop == "refused":
        part = {"type": "refusal", "refusal": "I will not."}
    cut = reply.stop == "truncated"
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": f"{model}-2026-11-01",
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]},
        ],
        "usage": {"input_tokens": 100, "output_tokens": 7, "total_tokens": 107},
    }


CHECKS = {"anthropic": _check_anthropic, "openai": _check_openai}
ANSWERS = {"anthropic": _anthropic_message, "openai": _openai_response}
PATHS = {"anthropic": "/v1/messages", "openai": "/v1/responses"}
BASES = {"anthropic": "", "openai": "/v1"}


@pytest.fixture(params=["anthropic", "openai"])
async def vendor(request: pytest.FixtureRequest) -> AsyncIterator[Vendor]:
    fake = Vendor(request.param)
    app = web.Application()
    app.router.add_post(PATHS[fake.slug], fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    fake.url = f"http://{host}:{port}{BASES[fake.slug]}"
    yield fake
    await runner.cleanup()


@pytest.fixture
def config(vendor: Vendor) -> ProviderConfig:
    return ProviderConfig(provider=vendor.slug, api_key=SecretStr(KEY), base_url=vendor.url, timeout_seconds=10)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def gateway(config: ProviderConfig, ledger: Ledger) -> Gateway:
    return Gateway([config], ledger, retry_seconds=0.05)


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
