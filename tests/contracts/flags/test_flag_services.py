"""What every flag service of the catalogue promises: the same suite for each, `custom` against the demo shop's service."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from demo.flag_api import bearer_only, mount, plain_refusals
from demo.flags import FlagBook
from runtime.errors import FlagServiceFailed
from runtime.integrations import catalogue
from runtime.integrations.contracts import FlagService, FlagState
from runtime.integrations.flags.bucketing import variant_of
from runtime.integrations.http import Http

TOKEN = "a-token-of-the-flag-service"
KEY = "exp-guest.checkout_1"


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(["127.0.0.1"], pause_seconds=0.01)
    yield client
    await client.close()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[TestServer]:
    app = web.Application(middlewares=[plain_refusals, bearer_only])
    mount(app, FlagBook(tmp_path / "flags.json"), TOKEN)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture(params=sorted(catalogue.CATALOGUE["flags"]))
async def flags(request: pytest.FixtureRequest, http: Http, shop: TestServer) -> AsyncIterator[FlagService]:
    configs: dict[str, dict[str, Any]] = {
        "custom": {"base_url": str(shop.make_url("/")), "token": TOKEN},
        "memory": {"book": uuid4().hex},
    }
    service = catalogue.flag_service(request.param, configs[request.param], http)
    yield service
    await service.close()


async def test_the_connection_can_be_tested(flags: FlagService) -> None:
    probe = await flags.test_connection()
    assert probe.ok, probe.detail
    assert probe.detail


async def test_a_new_flag_is_off_for_everybody(flags: FlagService) -> None:
    created = await flags.create_flag(KEY, "guests may pay")
    assert (created.key, created.enabled, created.percentage) == (KEY, False, 0)
    assert await flags.read_flag(KEY) == created
    assert await flags.get_variant_for_user(KEY, "u1") == "control"


async def test_creating_a_flag_again_never_touches_a_running_experiment(flags: FlagService) -> None:
    await flags.create_flag(KEY, "guests may pay")
    running = await flags.set_rollout_percentage(KEY, 50)
    assert await flags.create_flag(KEY, "another text") == running


async def test_a_rollout_is_what_is_read_back(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    for percentage in (10, 50, 100, 5):
        state = await flags.set_rollout_percentage(KEY, percentage, {"platform": "mobile"})
        assert (state.enabled, state.percentage) == (True, percentage)
        assert await flags.read_flag(KEY) == state


async def test_asking_twice_for_the_same_changes_nothing(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    first = await flags.set_rollout_percentage(KEY, 50)
    assert await flags.set_rollout_percentage(KEY, 50) == first
    killed = await flags.kill_flag(KEY)
    assert await flags.kill_flag(KEY) == killed


async def test_each_real_change_has_a_version_of_its_own(flags: FlagService) -> None:
    states = [
        await flags.create_flag(KEY, ""),
        await flags.set_rollout_percentage(KEY, 10),
        await flags.set_rollout_percentage(KEY, 20),
        await flags.kill_flag(KEY),
    ]
    assert len({state.version for state in states}) == 4


async def test_a_rollout_of_zero_is_off(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    await flags.set_rollout_percentage(KEY, 50)
    assert (await flags.set_rollout_percentage(KEY, 0)).enabled is False
    assert await flags.get_variant_for_user(KEY, "u1") == "control"


async def test_a_killed_flag_is_off_for_everybody_even_at_a_hundred(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    await flags.set_rollout_percentage(KEY, 100)
    assert await flags.get_variant_for_user(KEY, "u1") == "treatment"
    assert (await flags.kill_flag(KEY)).enabled is False
    assert await flags.get_variant_for_user(KEY, "u1") == "control"


async def test_a_killed_flag_can_be_switched_on_again_by_a_new_decision(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    await flags.set_rollout_percentage(KEY, 30)
    await flags.kill_flag(KEY)
    assert (await flags.set_rollout_percentage(KEY, 40)).enabled is True


async def test_killing_what_is_not_there_is_no_error_since_it_is_off(flags: FlagService) -> None:
    assert await flags.kill_flag(KEY) == FlagState(KEY, enabled=False, percentage=0)
    assert await flags.read_flag(KEY) is None


async def test_a_flag_nobody_created_reads_as_none_and_shows_control(flags: FlagService) -> None:
    assert await flags.read_flag(KEY) is None
    assert await flags.get_variant_for_user(KEY, "u1") == "control"


async def test_a_rollout_of_an_unknown_flag_is_refused(flags: FlagService) -> None:
    with pytest.raises(FlagServiceFailed, match="create it first"):
        await flags.set_rollout_percentage(KEY, 50)


@pytest.mark.parametrize("percentage", [-1, 101])
async def test_an_impossible_percentage_is_refused_and_changes_nothing(flags: FlagService, percentage: int) -> None:
    created = await flags.create_flag(KEY, "")
    with pytest.raises(FlagServiceFailed, match="no rollout"):
        await flags.set_rollout_percentage(KEY, percentage)
    assert await flags.read_flag(KEY) == created


async def test_the_service_splits_people_exactly_as_our_own_rule_does(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    await flags.set_rollout_percentage(KEY, 30)
    for user in map(str, range(60)):
        assert await flags.get_variant_for_user(KEY, user) == variant_of(KEY, user, 30)


async def test_a_flag_for_a_segment_shows_control_to_those_of_whom_nothing_is_known(flags: FlagService) -> None:
    await flags.create_flag(KEY, "")
    await flags.set_rollout_percentage(KEY, 100, {"platform": "mobile"})
    assert await flags.get_variant_for_user(KEY, "u1") == "control"
    await flags.set_rollout_percentage(KEY, 100)
    assert await flags.get_variant_for_user(KEY, "u1") == "treatment"


async def test_two_flags_do_not_disturb_each_other(flags: FlagService) -> None:
    await flags.create_flag("one", "")
    await flags.create_flag("two", "")
    await flags.set_rollout_percentage("one", 100)
    await flags.kill_flag("two")
    assert await flags.get_variant_for_user("one", "u1") == "treatment"
