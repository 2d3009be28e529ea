"""A flag service that lies, lags or breaks: no change counts as made unless it can be read back."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from runtime.errors import FlagServiceFailed
from runtime.integrations.contracts import FlagState
from runtime.integrations.flags.custom import CustomFlags
from runtime.integrations.http import Http

TOKEN = "tok-77c1d0aa"
RUNNING: Mapping[str, Any] = {"key": "exp", "enabled": True, "percentage": 50, "segment": None, "version": 7}


class Service:
    """One flag named `exp`, and a fault of choice."""

    def __init__(self) -> None:
        self.flag: dict[str, Any] | None = dict(RUNNING)
        self.ignores: set[str] = set()
        self.statuses: list[int] = []
        self.wrong_key = False
        self.somebody_else: dict[str, Any] = {}
        self.calls: list[str] = []
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.server = TestServer(app, host="127.0.0.1")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.raw_path}")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": f"not {request.headers.get('Authorization')}"}, status=401)
        if self.statuses:
            return web.json_response({}, status=self.statuses.pop(0))
        if request.method == "GET":
            return self._read(request)
        return await self._write(request)

    def _read(self, request: web.Request) -> web.StreamResponse:
        if self.flag is None:
            return web.json_response({}, status=404)
        shown = {**self.flag, "key": "another"} if self.wrong_key else dict(self.flag)
        self.flag.update(self.somebody_else)
        return web.json_response(shown)

    async def _write(self, request: web.Request) -> web.StreamResponse:
        version = self.flag["version"] if self.flag else 0
        match = request.headers.get("If-Match")
        if match is not None and match != f'"{version}"':
            return web.json_response({}, status=412)
        change = {"enabled": False} if request.method == "POST" else await request.json()
        if request.method not in self.ignores:
            self.flag = {"key": "exp", **(self.flag or {}), **change, "version": version + 1}
        return web.json_response(self.flag or {})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    await service.server.close()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(["127.0.0.1"], pause_seconds=0.01)
    yield client
    await client.close()


@pytest.fixture
def flags(service: Service, http: Http) -> CustomFlags:
    return CustomFlags({"base_url": str(service.server.make_url("/")), "token": TOKEN}, http)


async def test_a_kill_the_service_ignored_is_an_error_that_asks_for_a_hand(
    service: Service, flags: CustomFlags
) -> None:
    service.ignores = {"POST"}
    with pytest.raises(FlagServiceFailed, match="still shows it on; switch it off by hand"):
        await flags.kill_flag("exp")


async def test_a_rollout_the_service_ignored_is_an_error(service: Service, flags: CustomFlags) -> None:
    service.ignores = {"PUT"}
    with pytest.raises(FlagServiceFailed, match="20 % was set, but the service shows on at 50 %"):
        await flags.set_rollout_percentage("exp", 20)


async def test_a_creation_the_service_ignored_is_an_error(service: Service, flags: CustomFlags) -> None:
    service.flag, service.ignores = None, {"PUT"}
    with pytest.raises(FlagServiceFailed, match="does not know it"):
        await flags.create_flag("exp", "")


async def test_a_segment_the_service_forgot_is_an_error(service: Service, flags: CustomFlags) -> None:
    service.flag, service.ignores = {**RUNNING, "percentage": 20}, {"PUT"}
    with pytest.raises(FlagServiceFailed, match="not confirmed"):
        await flags.set_rollout_percentage("exp", 20, {"platform": "mobile"})


async def test_a_rollout_that_crosses_a_kill_does_not_switch_the_flag_on_again(
    service: Service, flags: CustomFlags
) -> None:
    service.somebody_else = {"enabled": False, "version": 8}
    with pytest.raises(FlagServiceFailed, match="changed by somebody else meanwhile"):
        await flags.set_rollout_percentage("exp", 80)
    assert service.flag is not None
    assert (service.flag["enabled"], service.flag["percentage"]) == (False, 50)


async def test_a_creation_that_crosses_another_one_takes_what_is_there(service: Service, flags: CustomFlags) -> None:
    service.flag = None
    await flags.create_flag("exp", "first")
    service.statuses = [404]
    assert await flags.create_flag("exp", "second") == FlagState("exp", enabled=False, percentage=0, version="1")


async def test_a_kill_asks_for_no_version_and_goes_first(service: Service, flags: CustomFlags) -> None:
    assert (await flags.kill_flag("exp")).enabled is False
    assert service.calls == ["POST /flags/exp/kill", "GET /flags/exp"]


@pytest.mark.parametrize("status", [500, 503])
async def test_a_kill_is_tried_again_when_the_service_stumbles(
    service: Service, flags: CustomFlags, status: int
) -> None:
    service.statuses = [status, status]
    assert (await flags.kill_flag("exp")).enabled is False


async def test_a_service_that_answers_for_another_flag_is_not_believed(service: Service, flags: CustomFlags) -> None:
    service.wrong_key = True
    with pytest.raises(FlagServiceFailed, match="answered for 'another'"):
        await flags.read_flag("exp")


async def test_an_impossible_answer_is_named(service: Service, flags: CustomFlags) -> None:
    service.flag = {**RUNNING, "percentage": 250}
    with pytest.raises(FlagServiceFailed, match="percentage: Input should be less than or equal to 100"):
        await flags.read_flag("exp")


async def test_a_key_cannot_climb_out_of_its_path(service: Service, flags: CustomFlags) -> None:
    service.flag = None
    assert await flags.read_flag("../admin?x#y") is None
    assert service.calls == ["GET /flags/..%2Fadmin%3Fx%23y"]
    with pytest.raises(FlagServiceFailed, match="no flag key"):
        await flags.kill_flag("..")


async def test_a_wrong_token_is_said_without_showing_it(service: Service, http: Http) -> None:
    wrong = "tok-wrong-5566"
    stranger = CustomFlags({"base_url": str(service.server.make_url("/")), "token": wrong}, http)
    probe = await stranger.test_connection()
    assert not probe.ok
    assert "check the token" in probe.detail
    with pytest.raises(FlagServiceFailed) as refused:
        await stranger.kill_flag("exp")
    assert wrong not in probe.detail + refused.value.message + str(refused.value.context)


async def test_a_service_that_is_not_there_is_said(http: Http) -> None:
    nobody = CustomFlags({"base_url": f"http://127.0.0.1:{unused_port()}", "token": TOKEN}, http)
    probe = await nobody.test_connection()
    assert not probe.ok
    assert "is it running?" in probe.detail
    with pytest.raises(FlagServiceFailed, match="is it running"):
        await nobody.get_variant_for_user("exp", "u1")
