"""A gate's page in a real browser that runs no scripts: look, decide with a condition, ask, take back; and what a stranger's browser can do."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from bot.mail import links
from bot.mail.page import page_routes
from runtime.core import open_runtime
from runtime.db.mail import gate_holds
from runtime.db.tables import inbound_events, journal
from runtime.identity import codes
from runtime.identity.members import ensure_home
from runtime.local.postgres import LocalPostgres
from runtime.settings import Settings, secret
from tests.at_launch import at_launch
from tests.story import Story


@dataclass
class Room:
    """A launch gate, its page served on loopback, and browsers without scripts."""

    story: Story
    url: str
    browser: Browser
    gate_id: UUID

    async def come(self, *, width: int = 320, scheme: str = "light") -> Page:
        context = await self.browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=False, color_scheme=scheme
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        await page.goto(self.url)
        return page

    async def digits(self) -> str:
        """As the letter brings them."""
        found = await self.rows(select(inbound_events).where(inbound_events.c.source == "page-code"))
        newest = max(found, key=lambda row: row["received_at"])
        return codes.digits(self.story.runtime.settings, UUID(newest["external_id"]))

    async def rows(self, statement):
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            return list(await tx.all(statement))

    async def holds(self) -> list[str | None]:
        return [row["ended"] for row in await self.rows(select(gate_holds).order_by(gate_holds.c.created_at))]


@pytest.fixture(scope="module")
def template(postgres: LocalPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Each test begins with an open launch gate."""
    return at_launch(postgres, template, tmp_path_factory.mktemp("launch"))


@pytest_asyncio.fixture(loop_scope="session")
async def room(settings: Settings, browser: Browser) -> AsyncIterator[Room]:
    runtime = open_runtime(settings)
    story = Story(runtime, await ensure_home(runtime))
    gate = await story.gate("launch_approval")
    app = web.Application()
    app.add_routes(page_routes(runtime))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    await web.SockSite(runner, sock).start()
    key = secret(settings.api_secret) or ""
    home = f"http://127.0.0.1:{sock.getsockname()[1]}"
    url = links.gate_url(home, key, gate["id"], "ben@example.com", links.until(gate["due_at"]))
    yield Room(story, url, browser, gate["id"])
    for context in browser.contexts:
        await context.close()
    await runner.cleanup()
    await runtime.close()


async def test_a_person_decides_with_a_condition_asks_and_takes_it_back_without_scripts(room: Room) -> None:
    page = await room.come()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("be launched?")
    await page.get_by_label("Your question").fill("who decides if I say nothing?")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_role("heading", name="Is that you, Ben?")).to_be_visible()
    await page.get_by_label("The six digits").fill(await room.digits())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("who decides if I say nothing?")

    await page.get_by_label("Approve launch").check()
    await page.get_by_label("Why kept").fill("slowly & <carefully>")
    await page.get_by_text("With conditions").click()
    await page.get_by_label("Cap at most").fill("lots")
    await page.get_by_role("button", name="Record my answer").click()
    await expect(page.get_by_role("alert")).to_contain_text("A whole number from 1 to 100")
    await expect(page.get_by_label("Why kept")).to_have_value("slowly & <carefully>")
    await expect(page.get_by_label("Approve launch")).to_be_checked()
    await page.get_by_label("Cap at most").fill("20")
    await page.get_by_role("button", name="Record my answer").click()
    await expect(page.get_by_role("heading", name="Recorded, not yet in effect")).to_be_visible()
    await expect(page.get_by_role("button", name="Record my answer")).to_have_count(0)
    assert await room.holds() == [None]
    await page.reload()
    assert await room.holds() == [None]

    await page.get_by_role("button", name="Take it back").click()
    await expect(page.get_by_role("button", name="Record my answer")).to_be_visible()
    assert await room.holds() == ["undone"]


async def test_looking_changes_nothing_fits_a_small_screen_loads_nothing_foreign_and_takes_the_keyboard(
    room: Room,
) -> None:
    before, asked = await room.rows(select(journal.c.id)), list[str]()
    for scheme, width in (("light", 320), ("dark", 1280)):
        page = await room.come(width=width, scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        await page.reload()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith(room.url) for url in asked)
    assert any(url.endswith("/chart.png") for url in asked)
    assert await page.locator("input:visible:not([id]):not([type=radio]), textarea:visible:not([id])").count() == 0
    assert await room.rows(select(journal.c.id)) == before
    await page.get_by_label("Approve launch").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("The six digits")).to_be_focused()
    assert await room.holds() == []


async def test_a_link_passed_on_decides_nothing_in_another_browser(room: Room) -> None:
    page = await room.come(width=800)
    await page.get_by_label("Approve launch").check()
    await page.get_by_role("button", name="Record my answer").click()
    await page.get_by_label("The six digits").fill("000001")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the digits")
    assert await room.holds() == []
