"""A headless Chromium looking at a sandbox with a real Bolt app behind it."""

import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.sandbox.config import SandboxConfig, Shortcut, SlashCommand, parse_people
from bot.slack.sandbox.server import served
from tests.browser.floor import floor, opened, told  # noqa: F401  fixtures

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "xoxb-sandbox-test"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find_chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for this folder, so that one Chromium serves all its tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(
            "NO CHROMIUM: the browser tests did not run; `apt-get install chromium` or set CHROMIUM to its path"
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@dataclass
class Scene:
    """The sandbox's address, the bot behind it, and a browser to look through."""

    url: str
    app: AsyncApp
    client: AsyncWebClient
    browser: Browser

    async def look_as(self, name: str, *, width: int = 1280, place: str = "") -> Page:
        """A page of its own for this person; any error on it fails the test."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": 860}, timezone_id="Europe/Berlin", locale="en-GB"
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(f"{self.url}/?as={name}@shop.test{place}")
        await page.get_by_label("Acting as").wait_for(state="attached")
        return page

    def __post_init__(self) -> None:
        self.errors: list[str] = []


def loopback_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    return sock


@pytest_asyncio.fixture(loop_scope="session")
async def scene(tmp_path: Path, browser: Browser) -> AsyncIterator[Scene]:
    sock = loopback_socket()
    config = SandboxConfig(
        events_url=f"http://127.0.0.1:{sock.getsockname()[1]}/slack/events",
        signing_secret=SecretStr(SECRET),
        bot_token=SecretStr(TOKEN),
        data=tmp_path / "workspace",
        people=parse_people("Dana Diaz <dana@shop.test> Europe/Berlin; Ben Okri <ben@shop.test>"),
        channels=("outcome-runtime", "general", "!plans"),
        commands=(SlashCommand(command="/outcome", description="Ask the bot", usage_hint="[status]"),),
        shortcuts=(Shortcut(name="Ask about this", type="message", callback_id="ask_about"),),
        trigger_seconds=30.0,
    )
    async with served(config, loopback_socket()) as url:
        client = AsyncWebClient(token=TOKEN, base_url=f"{url}/api/")
        bolt = AsyncApp(client=client, signing_secret=SECRET)
        runner = web.AppRunner(bolt.server(path="/slack/events").web_app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, sock).start()
        scene = Scene(url, bolt, client, browser)
        yield scene
        for context in browser.contexts:
            await context.close()
        await runner.cleanup()
        assert scene.errors == []
