"""Socket Mode: the same buttons, commands and forms over a connection the bot opens, with no signing secret at all."""

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.sandbox.server import served
from bot.slack.sandbox.visitor import text_of
from bot.slack.socket import Line, listening
from bot.slack.teams import Teams

APP_TOKEN = "xapp-1-product-test"


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"slack_app_token": SecretStr(APP_TOKEN), "slack_signing_secret": None})


@pytest.fixture
def sandbox_config(sandbox_config):
    return sandbox_config.model_copy(update={"app_token": SecretStr(APP_TOKEN)})


@pytest.fixture
async def lone_sandbox(sandbox_config, sandbox_socket):
    """A workspace whose app is this test, and which has little patience."""
    async with (
        served(sandbox_config.model_copy(update={"ack_seconds": 0.2}), sandbox_socket) as url,
        aiohttp.ClientSession() as http,
    ):
        yield url, http


async def until(check, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.03)
    return found


async def lines(office):
    async with office.http.get(f"{office.url}/sandbox/api/socket") as reply:
        return await reply.json()


async def connected(office, opened=1):
    async def there():
        seen = await lines(office)
        return seen["connected"] >= 1 and seen["opened"] >= opened

    await until(there)


async def end(office, **how):
    async with office.http.post(
        f"{office.url}/sandbox/api/socket/disconnect", json=how, headers={"X-Sandbox": "1"}
    ) as reply:
        assert (await reply.json())["told"] == 1


async def asked(visitor, words):
    before = {one["ts"] for one in await visitor.messages("checkout")}
    await visitor.command("checkout", f"/outcome {words}".strip())
    return text_of(await visitor.wait_for("checkout", lambda one: one["ts"] not in before))


async def closed(office, gate_id):
    async def found():
        row = await office.gate(gate_id)
        return row if row["status"] not in {"pending", "delegated"} else None

    return await until(found)


async def test_a_gate_is_pressed_and_decided_over_the_socket(office):
    await connected(office)
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    message = await ana.wait_for("checkout", lambda one: "Which experiments may be built" in text_of(one))
    row = await office.story.gate("portfolio_review")

    await ana.press("Approve", message)
    assert (await closed(office, row["id"]))["status"] == "approved"
    await office.work()
    after = await ana.wait_for("checkout", lambda one: "decided via Slack" in text_of(one))
    assert after["ts"] == message["ts"]


async def test_a_form_opens_and_its_errors_come_back_in_the_acknowledgement(office):
    await connected(office)
    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    message = await ana.wait_for("checkout", lambda one: "Which experiments may be built" in text_of(one))
    row = await office.story.gate("portfolio_review")
    await ana.press("Reject", message)
    modal = await ana.wait_for_modal()
    [said] = [block for block in modal["blocks"] if block["type"] == "input"][:1]
    assert await ana.submit(modal, {said["block_id"]: {said["element"]["action_id"]: "  "}})
    assert not await ana.submit(modal, {said["block_id"]: {said["element"]["action_id"]: "not now"}})
    assert (await closed(office, row["id"]))["status"] == "rejected"


async def test_commands_are_answered_after_every_way_a_connection_ends(office):
    await connected(office)
    await office.applied()
    ana = await office.come_in("ana")
    assert "checkout" in await asked(ana, "list")
    for opened, how in enumerate(({"reason": "refresh_requested"}, {"reason": "warning", "seconds": 0.2}), start=2):
        await end(office, **how)
        await connected(office, opened)
        assert "checkout" in await asked(ana, "list")


async def test_it_connects_when_slack_comes_back(sandbox_config, sandbox_socket, runtime, org_id):
    listening_then = asynccontextmanager(listening)
    async with listening_then(runtime, Teams(runtime, org_id), ping_seconds=0.1):
        for _ in range(2):
            again = socket.fromfd(sandbox_socket.fileno(), socket.AF_INET, socket.SOCK_STREAM)
            async with served(sandbox_config, again) as url, aiohttp.ClientSession() as http:

                async def connected(url=url, http=http):
                    async with http.get(f"{url}/sandbox/api/socket") as reply:
                        return (await reply.json())["connected"]

                assert await until(connected) == 1


async def test_an_address_that_opens_nothing_is_given_up_for_a_new_one():
    given, opened = [], asyncio.Event()

    async def give(request):
        given.append(f"ws://{request.host}/{len(given)}")
        return web.json_response({"ok": True, "url": given[-1]})

    async def link(request):
        if request.path == "/0":
            return web.Response(status=503)
        line = web.WebSocketResponse()
        await line.prepare(request)
        opened.set()
        async for _ in line:
            pass
        return line

    app = web.Application()
    app.add_routes([web.post("/api/apps.connections.open", give), web.get("/{number}", link)])
    async with TestServer(app) as slack:
        client = Line(
            APP_TOKEN, web_client=AsyncWebClient(base_url=f"http://127.0.0.1:{slack.port}/api/"), ping_interval=0.1
        )
        client.attempt_seconds = 0.3
        await asyncio.wait_for(client.connect(), 10)
        await asyncio.wait_for(opened.wait(), 5)
        await client.close()
    assert len(given) == 2


async def test_without_a_signing_secret_nothing_is_taken_over_http(office):
    async with office.http.post(office.bot_url, json={"type": "event_callback", "team_id": "T1"}) as reply:
        assert reply.status == 503


async def test_an_address_opens_one_connection_and_only_for_the_apps_own_token(lone_sandbox):
    url, http = lone_sandbox

    async def opened(token):
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post(f"{url}/api/apps.connections.open", headers=headers) as reply:
            return await reply.json()

    assert (await opened("xapp-1-other"))["error"] == "invalid_auth"
    assert (await opened("xoxb-product-test"))["error"] == "not_allowed_token_type"
    assert (await opened(""))["error"] == "not_authed"
    address = (await opened(APP_TOKEN))["url"]
    async with http.ws_connect(address) as line:
        hello = await line.receive_json(timeout=5)
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(address)


async def test_what_is_not_acknowledged_in_time_comes_again_and_says_so(lone_sandbox):
    url, http = lone_sandbox
    headers = {"Authorization": f"Bearer {APP_TOKEN}"}
    async with http.post(f"{url}/api/apps.connections.open", headers=headers) as reply:
        address = (await reply.json())["url"]
    async with http.ws_connect(address) as line, http.get(f"{url}/sandbox/api/people") as reply:
        someone = (await reply.json())["people"][0]["id"]
        assert (await line.receive_json(timeout=5))["type"] == "hello"
        async with http.post(
            f"{url}/sandbox/api/home", params={"as": someone}, json={"as": someone}, headers={"X-Sandbox": "1"}
        ) as done:
            assert done.status == 200, await done.text()
        first = await line.receive_json(timeout=5)
        again = await line.receive_json(timeout=5)
        assert first["type"] == "events_api"
        assert first["accepts_response_payload"] is False
        assert (first["retry_attempt"], again["retry_attempt"], again["retry_reason"]) == (0, 1, "timeout")
        assert first["payload"]["event_id"] == again["payload"]["event_id"]
        await line.send_str(json.dumps({"envelope_id": again["envelope_id"]}))
        with pytest.raises(TimeoutError):
            await line.receive_json(timeout=1.0)
