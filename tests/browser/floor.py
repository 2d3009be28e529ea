"""The product's Slack door, a workspace with a gate of every kind in it, and one browser page at which people take turns."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page
from pydantic import SecretStr

from bot.slack.app import mount
from bot.slack.channel import SlackChannel
from bot.slack.sandbox.config import SandboxConfig, installed_from, parse_people
from bot.slack.sandbox.server import served
from runtime.core import Runtime, open_runtime
from runtime.gates.choices import CHOICES
from runtime.identity.members import ensure_home
from runtime.local.databases import clone_database, drop_database
from runtime.local.ports import free_port
from runtime.local.postgres import LocalPostgres
from runtime.local.valkey import LocalValkey
from runtime.settings import Settings
from tests.every_gate import EveryGate, channel_of
from tests.story import Story
from workers import outbox

MANIFEST = Path(__file__).parents[2] / "manifest.yaml"
HAND = Path(__file__).with_name("hand.js").read_text(encoding="utf-8")
SECRET = "0123456789abcdef0123456789abcdef"
KEYS = "test:" + "A" * 43 + "="
PEOPLE = {
    "Arun Owner": "arun@example.com", "Ana Diaz": "ana@example.com", "Ben Okri": "ben@example.com", "Dee Lind": "dee@example.com",
    "Mia Moe": "mia@example.com", "Vic Viewer": "vic@example.com", "Ada Admin": "ada@example.com", "Eve Stranger": "eve@elsewhere.test",
}  # fmt: skip


@dataclass
class Floor:
    """The product's Slack door, a workspace with a gate of every kind in it, and one browser page at which people take turns."""

    gates: EveryGate
    page: Page
    errors: list[str] = field(default_factory=list)

    async def hand(self, deed: str, *given: Any) -> Any:
        return await self.page.evaluate("([deed, given]) => hand[deed](...given)", [deed, list(given)])

    async def stands(self, name: str, kind: str) -> str:
        """This person in front of the gate's message, whose `ts` is answered."""
        await self.hand("become", name)
        await self.hand("go", channel_of(kind))
        return await self.gates.at(kind)

    async def until_decided(self, kind: str) -> None:
        for _ in range(400):
            if (await self.gates.gate(kind))["choice"] is not None:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"nobody decided {kind}")

    async def meanwhile(self, waiting: Any) -> Any:
        """A worker says what is to be said until the page shows it."""
        task = asyncio.ensure_future(waiting)
        while not task.done():
            await self.gates.deliver()
            await asyncio.wait({task}, timeout=0.02)
        return task.result()


@pytest.fixture(scope="module")
def told(
    postgres: LocalPostgres, valkey: LocalValkey, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """One organisation for all tests here: they leave its gates as they found them."""
    clone_database(postgres, template, "test_every_button")
    yield Settings(
        _env_file=None, data_dir=tmp_path_factory.mktemp("data"), database_url=SecretStr(postgres.url("test_every_button", "outcome_app")),
        redis_url=SecretStr(valkey.url), encryption_keys=SecretStr(KEYS), api_secret=SecretStr("s" * 40), owner_email="arun@example.com",
        owner_name="Arun Owner", slack_bot_token=SecretStr("xoxb-floor"), slack_signing_secret=SecretStr(SECRET),
        slack_base_url=f"http://127.0.0.1:{free_port()}/api/", slack_default_channel="#outcome-runtime",
    )  # fmt: skip
    drop_database(postgres, "test_every_button")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(told: Settings, browser: Browser) -> AsyncIterator[Floor]:
    async with AsyncExitStack() as stack:
        runtime = open_runtime(told)
        stack.push_async_callback(runtime.close)
        story = Story(runtime, await ensure_home(runtime))
        door = await stack.enter_async_context(slack_door(runtime, story.org_id))
        base = await stack.enter_async_context(workspace(told, door))
        channel = SlackChannel(runtime)
        stack.push_async_callback(channel.close)
        gates = EveryGate(story, channel)
        await gates.open()
        outbox._channels.clear()
        # Nobody looks at these pictures, which a machine without a graphics card paints dot by dot.
        context = await browser.new_context(
            viewport={"width": 900, "height": 700},
            device_scale_factor=0.25,
            timezone_id="Europe/Berlin",
            locale="en-GB",
        )
        stack.push_async_callback(context.close)
        floor = Floor(gates, await context.new_page())
        floor.page.on("pageerror", lambda error: floor.errors.append(str(error)))
        floor.page.on("console", lambda said: floor.errors.append(said.text) if said.type == "error" else None)
        await floor.page.goto(base)
        await floor.page.get_by_label("Acting as").wait_for(state="attached")
        await floor.page.evaluate(HAND)
        yield floor


@asynccontextmanager
async def slack_door(runtime: Runtime, org_id: UUID) -> AsyncIterator[str]:
    app = web.Application()
    mount(app, runtime, org_id)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    sock = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, sock).start()
    yield f"http://127.0.0.1:{sock.getsockname()[1]}/slack/events"
    await runner.cleanup()


def workspace(told: Settings, door: str) -> AbstractAsyncContextManager[str]:
    sock = socket.create_server(("127.0.0.1", urlsplit(told.slack_base_url).port or 0))
    people = "; ".join(f"{name} <{email}>" for name, email in PEOPLE.items())
    commands, shortcuts = installed_from(MANIFEST)
    config = SandboxConfig(
        events_url=door, signing_secret=SecretStr(SECRET), bot_token=SecretStr("xoxb-floor"), data=told.data_dir / "workspace",
        people=parse_people(people), channels=("outcome-runtime", *map(channel_of, CHOICES)), commands=commands, shortcuts=shortcuts,
        trigger_seconds=30.0, ack_seconds=10.0,
    )  # fmt: skip
    return served(config, sock)


@pytest_asyncio.fixture(loop_scope="session")
async def floor(opened: Floor) -> AsyncIterator[Floor]:
    yield opened
    found, opened.errors[:] = list(opened.errors), []
    assert found == [], "told once, not again by each test after it"
    assert await opened.hand("trouble") == ""
