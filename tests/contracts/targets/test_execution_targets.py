"""What every way to a coding agent promises, and what the signed POST looks like from the agent's side."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from demo.signing import BadSignature
from demo.signing import verify as verify_as_the_agent_does
from runtime.errors import DispatchFailed, InvalidConfiguration
from runtime.integrations import catalogue
from runtime.integrations.contracts import BuildOrder, ExecutionTarget
from runtime.integrations.http import Http
from runtime.integrations.targets.generic import GenericTarget
from runtime.integrations.webhooks import new_secret, verify

SECRET = new_secret()
TOKEN = "or_agent_5f0c2b7a1d"


def order() -> BuildOrder:
    return BuildOrder(
        run_id=uuid4(),
        experiment_id=uuid4(),
        brief={"title": "let guests pay"},
        mcp_url="http://127.0.0.1:8700/mcp",
        brief_url="http://127.0.0.1:8700/api/v1/experiments/x/brief",
        built_url="http://127.0.0.1:8700/api/v1/experiments/x/built",
        token=TOKEN,
        deadline=datetime.now(UTC) + timedelta(hours=24),
    )


class Agent:
    """Takes orders by POST only, as agents do; its answers are scripted, the last one stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = [(202, '{"external_id": "build-7", "url": "https://agent.example/7"}')]
        self.orders: list[tuple[dict[str, str], bytes]] = []
        app = web.Application()
        app.router.add_post("/orders", self.take)
        self.server = TestServer(app, host="127.0.0.1")

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.orders.append((dict(request.headers), await request.read()))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text=body)


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    await agent.server.start_server()
    yield agent
    await agent.server.close()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(["127.0.0.1"], pause_seconds=0.01)
    yield client
    await client.close()


@pytest.fixture(params=sorted(catalogue.CATALOGUE["targets"]))
async def target(request: pytest.FixtureRequest, http: Http, agent: Agent) -> AsyncIterator[ExecutionTarget]:
    configs: dict[str, dict[str, Any]] = {
        "generic": {"url": str(agent.server.make_url("/orders")), "secret": SECRET},
        "mcp": {},
    }
    made = catalogue.target(request.param, configs[request.param], http)
    yield made
    await made.close()


@pytest.fixture
def generic(agent: Agent, http: Http) -> GenericTarget:
    return GenericTarget({"url": str(agent.server.make_url("/orders")), "secret": SECRET}, http)


async def test_the_connection_can_be_tested_without_starting_a_build(target: ExecutionTarget, agent: Agent) -> None:
    probe = await target.test_connection()
    assert probe.ok, probe.detail
    assert agent.orders == []


async def test_a_dispatch_says_where_the_order_is_and_keeps_its_token_to_itself(target: ExecutionTarget) -> None:
    dispatched = await target.dispatch(order())
    assert dispatched.detail
    assert TOKEN not in repr(dispatched)


async def test_the_same_order_may_be_dispatched_twice(target: ExecutionTarget) -> None:
    one = order()
    assert await target.dispatch(one) == await target.dispatch(one)


async def test_over_mcp_the_order_waits_to_be_fetched(http: Http, agent: Agent) -> None:
    dispatched = await catalogue.target("mcp", {}, http).dispatch(order())
    assert (dispatched.external_id, dispatched.url) == (None, None)
    assert "get_experiment_brief" in dispatched.detail
    assert agent.orders == []


async def test_the_agent_gets_what_the_protocol_says_and_can_check_who_sent_it(
    generic: GenericTarget, agent: Agent
) -> None:
    sent = order()
    dispatched = await generic.dispatch(sent)
    headers, body = agent.orders[0]
    plain = {name.lower(): value for name, value in headers.items()}
    assert verify_as_the_agent_does(SECRET, plain, body, datetime.now(UTC)) == f"build_{sent.run_id.hex}"
    message = json.loads(body)
    assert message["type"] == "experiment.build.requested"
    assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    assert set(message["data"]) == {
        "run_id",
        "experiment_id",
        "brief_url",
        "mcp_url",
        "built_url",
        "token",
        "deadline",
    }
    assert message["data"]["run_id"] == str(sent.run_id)
    assert datetime.fromisoformat(message["data"]["deadline"]) == sent.deadline
    assert (dispatched.external_id, dispatched.url) == ("build-7", "https://agent.example/7")


async def test_nobody_else_can_have_signed_it(generic: GenericTarget, agent: Agent) -> None:
    await generic.dispatch(order())
    headers, body = agent.orders[0]
    plain = {name.lower(): value for name, value in headers.items()}
    with pytest.raises(BadSignature):
        verify_as_the_agent_does(new_secret(), plain, body, datetime.now(UTC))
    with pytest.raises(BadSignature):
        verify_as_the_agent_does(SECRET, plain, body.replace(b"mcp", b"MCP"), datetime.now(UTC))


async def test_a_repeat_carries_the_same_id_so_that_the_agent_builds_once(generic: GenericTarget, agent: Agent) -> None:
    agent.answers = [(503, ""), (202, "{}")]
    await generic.dispatch(order())
    now = datetime.now(UTC)
    assert len(agent.orders) == 2
    assert len({verify(SECRET, headers, body, now) for headers, body in agent.orders}) == 1


@pytest.mark.parametrize(
    "answer",
    ["", "accepted, thanks", "[]", '{"external_id": 7}', '{"url": "javascript:alert(1)", "external_id": "build-7"}'],
)
async def test_an_odd_answer_to_an_accepted_order_does_not_send_it_again(
    generic: GenericTarget, agent: Agent, answer: str
) -> None:
    agent.answers = [(202, answer)]
    dispatched = await generic.dispatch(order())
    assert len(agent.orders) == 1
    assert dispatched.url is None
    assert dispatched.external_id == ("build-7" if "build-7" in answer else None)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410])
async def test_a_refusal_is_an_error_without_the_orders_token(
    generic: GenericTarget, agent: Agent, status: int
) -> None:
    agent.answers = [(status, f"I will not take {TOKEN} nor {SECRET}")]
    with pytest.raises(DispatchFailed, match=f"status {status}") as refused:
        await generic.dispatch(order())
    assert TOKEN not in refused.value.message
    assert SECRET not in refused.value.message
    assert len(agent.orders) == 1


async def test_an_agent_that_is_not_there_is_said(http: Http) -> None:
    nobody = GenericTarget({"url": f"http://127.0.0.1:{unused_port()}/orders", "secret": SECRET}, http)
    assert not (await nobody.test_connection()).ok
    with pytest.raises(DispatchFailed, match="is it running"):
        await nobody.dispatch(order())


async def test_a_wrong_address_is_found_by_the_test(agent: Agent, http: Http) -> None:
    lost = GenericTarget({"url": str(agent.server.make_url("/elsewhere")), "secret": SECRET}, http)
    probe = await lost.test_connection()
    assert not probe.ok
    assert "check the address" in probe.detail


@pytest.mark.parametrize("secret", ["", "plain", "whsec_", "whsec_!!!"])
def test_a_secret_that_signs_nothing_is_refused_at_once(secret: str) -> None:
    with pytest.raises(InvalidConfiguration):
        GenericTarget({"url": "https://agent.example", "secret": secret}, Http())
