"""MCP: a real client over HTTP, with an agent's key; its tools report and ask, and none decides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bot.api.auth import RUNTIME
from bot.web import _mcp_door, mcp
from runtime.gates import holding
from runtime.gates.service import Decision
from runtime.identity import keys
from runtime.identity.people import SYSTEM
from runtime.local.ports import free_port
from tests.story import Story

TOOLS = {
    "get_active_outcomes", "get_experiment_brief", "report_experiment_built", "query_learnings", "request_human_gate", "get_gate_status",
}  # fmt: skip


@pytest.fixture
async def address(story: Story) -> AsyncIterator[str]:
    port = free_port()
    story.runtime.settings = story.runtime.settings.model_copy(update={"port": port})
    app = web.Application()
    app[RUNTIME] = story.runtime
    app.router.add_route("*", "/mcp", mcp)
    app.router.add_route("*", "/.well-known/{tail:.*}", mcp)
    app.cleanup_ctx.append(_mcp_door)
    async with TestServer(app, port=port):
        yield f"http://127.0.0.1:{port}/mcp"


async def token(story: Story, kind: str = "agent") -> str:
    async with story.runtime.transaction(story.org_id) as tx:
        return (await keys.create(story.runtime, tx, kind=kind, name="builder", by=SYSTEM)).token


@asynccontextmanager
async def client(address: str, key: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(address, http_client=http)) as connected,
    ):
        yield connected


async def test_an_agent_fetches_a_brief_reports_and_asks_and_a_person_decides(address: str, story: Story) -> None:
    await story.proposed()
    await story.decide("portfolio_review", "approve", "ana@example.com")
    await story.work()
    row = await story.experiment()
    async with client(address, await token(story)) as agent:
        assert {tool.name for tool in (await agent.list_tools()).tools} == TOOLS
        brief = await agent.call_tool("get_experiment_brief", {"experiment_id": str(row["id"])})
        assert row["feature_flag_key"] in str(brief.content)
        outside = {
            "experiment_id": str(row["id"]),
            "implementation_summary": "x",
            "files_changed": ["services/payments/pay.py"],
        }
        refused = await agent.call_tool("report_experiment_built", outside)
        assert refused.is_error
        assert "outside the brief's scope" in str(refused.content)
        await agent.call_tool("report_experiment_built", outside | {"files_changed": ["frontend/checkout/a.js"]})
        assert (await story.gate("launch_approval"))["experiment_id"] == row["id"]
        question = {
            "experiment_id": str(row["id"]),
            "gate_type": "launch_approval",
            "question": "May I skip the tests?",
        }
        asked = await agent.call_tool("request_human_gate", question)
        gate = await story.gate("agent_question")
        assert str(gate["id"]) in str(asked.content)
        given = Decision("approve", "yes", gate["evidence_hash"])
        ben = await story.person("ben@example.com")
        await holding.hold(story.runtime, story.org_id, gate["id"], given, by=ben, now=story.runtime.now())
        told = await agent.call_tool("get_gate_status", {"gate_id": str(gate["id"])})
        assert "pending" in str(told.content)
        assert "takes_effect_at" in str(told.content), "the agent learns that an answer waits, and for whom to wait"
        await holding.undo(story.runtime, story.org_id, gate["id"], by=ben, now=story.runtime.now())
        await story.decide("agent_question", "reject", "ben@example.com", note="no")
        told = await agent.call_tool("get_gate_status", {"gate_id": str(gate["id"])})
        assert "rejected" in str(told.content)
    assert (await story.gate("launch_approval"))["status"] == "pending", "an agent's question must not touch the launch"


@pytest.mark.parametrize("kind", ["read", "ingest", "nonsense"])
async def test_other_keys_are_shown_where_to_get_the_right_one(address: str, story: Story, kind: str) -> None:
    key = await token(story, kind) if kind != "nonsense" else "or_nonsense"
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            address, headers={"Authorization": f"Bearer {key}"}, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}
        )
    assert answer.status_code == 401
    assert "resource_metadata" in answer.headers["www-authenticate"]
