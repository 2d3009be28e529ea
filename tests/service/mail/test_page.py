"""A gate's page over HTTP: looks change nothing, forms decide once, and a link alone decides nothing."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, text, update

from bot.mail import links
from bot.mail.page import page_routes
from runtime.db.engine import Row
from runtime.db.mail import gate_holds, link_uses
from runtime.db.tables import human_gates, inbound_events, members, outbox
from runtime.gates import holding
from runtime.identity import codes
from runtime.local.postgres import LocalPostgres
from runtime.settings import secret
from tests.at_launch import at_launch
from tests.story import Story

ANA, BEN = "ana@example.com", "ben@example.com"
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@dataclass
class Browser:
    """Somebody's browser: it keeps cookies, and sends the forms it was shown."""

    client: TestClient
    story: Story
    address: str
    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def look(self, more: str = "") -> str:
        async with self.client.get(self.address + more) as reply:
            return await self._kept(reply)

    async def send(self, do: str, headers: Mapping[str, str] | None = None, **values: str) -> str:
        """The page's own form, filled in. Its hidden fields are those of the newest page."""
        sent = [(name, unescape(value)) for name, value in _HIDDEN.findall(self._form(do))]
        async with self.client.post(self.address, data=[*sent, *values.items()], headers=headers or {}) as reply:
            return await self._kept(reply)

    async def confirm(self) -> str:
        """Types the digits that were sent."""
        found = await self.story_rows(select(inbound_events).where(inbound_events.c.source == "page-code"))
        newest = max(found, key=lambda row: row["received_at"])
        return await self.send("code", code=codes.digits(self.story.runtime.settings, UUID(newest["external_id"])))

    async def story_rows(self, statement) -> list[Row]:
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            return list(await tx.all(statement))

    def _form(self, do: str) -> str:
        forms = re.findall(r"<form.*?</form>", self.body, re.DOTALL)
        wanted = 'name="code"' if do == "code" else f'name="do" value="{do}"'
        return next(form for form in forms if wanted in form)

    async def _kept(self, reply: aiohttp.ClientResponse) -> str:
        self.status, self.headers = reply.status, reply.headers
        self.body = await reply.text() if reply.content_type == "text/html" else ""
        return unescape(self.body)


def csrf(browser: Browser) -> str:
    return dict(_HIDDEN.findall(browser.body))["csrf"]


@dataclass
class Desk:
    story: Story
    server: TestServer
    gate: Row
    clients: list[TestClient]

    async def browser(self, whose: str = BEN) -> Browser:
        client = TestClient(self.server)
        self.clients.append(client)
        return Browser(client, self.story, address(self.story, self.gate, whose))

    async def confirmed(self, whose: str = BEN) -> Browser:
        """A browser that showed its owner's digits, on the page as it is now."""
        browser = await self.browser(whose)
        await browser.look()
        await browser.send("ask", question="who decides?")
        await browser.confirm()
        await browser.look()
        return browser

    async def rows(self, statement) -> list[Row]:
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            return list(await tx.all(statement))

    async def now(self) -> Row:
        return (await self.rows(select(human_gates).where(human_gates.c.id == self.gate["id"])))[0]

    async def holds(self) -> list[Row]:
        return await self.rows(select(gate_holds).order_by(gate_holds.c.created_at))


def address(story: Story, gate: Row, whose: str, **more) -> str:
    url = links.gate_url("", secret(story.runtime.settings.api_secret) or "", gate["id"], whose, more.get("expires", links.until(gate["due_at"])))  # fmt: skip
    return str(url)


@pytest.fixture(scope="module")
def template(postgres: LocalPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Each test begins with an open launch gate."""
    return at_launch(postgres, template, tmp_path_factory.mktemp("launch"))


@pytest.fixture
async def desk(story: Story) -> AsyncIterator[Desk]:
    app = web.Application()
    app.add_routes(page_routes(story.runtime))
    async with TestServer(app) as server:
        made = Desk(story, server, await story.gate("launch_approval"), [])
        yield made
        for client in made.clients:
            await client.close()


async def everything(desk: Desk) -> list:
    """Counts of whatever a decision, a question or a letter would write."""
    counted = "select (select count(*) from journal) j, (select count(*) from outbox) o, (select sum(version) from human_gates) v, (select count(*) from inbound_events) e, (select count(*) from link_uses) l, (select count(*) from gate_holds) h"  # fmt: skip
    return await desk.rows(text(counted))


async def test_looking_shows_the_gate_and_changes_nothing(desk: Desk) -> None:
    browser, before = await desk.browser(), await everything(desk)
    for _ in range(2):
        page = await browser.look()
    assert browser.status == 200
    for words in ("be launched?", "Approve launch", "Reject", "Answer by", "Ana", "owners and admins", "Silence approves nothing", "Evidence"):  # fmt: skip
        assert words in page, words
    async with browser.client.head(browser.address) as reply:
        assert reply.status == 200
    assert await everything(desk) == before
    assert (await desk.now())["version"] == desk.gate["version"]


async def test_the_page_keeps_itself_to_itself(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.look()
    policy = browser.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert browser.headers["Referrer-Policy"] == "no-referrer"
    assert browser.headers["X-Frame-Options"] == "DENY"
    assert browser.headers["Cache-Control"] == "no-store"
    assert "noindex" in browser.headers["X-Robots-Tag"]
    cookie = browser.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!/g/|data:|#)', page)


async def test_the_chart_is_the_gates_own(desk: Desk) -> None:
    browser = await desk.browser()
    assert "/chart.png" in await browser.look()
    async with browser.client.get(f"{browser.address}/chart.png") as reply:
        assert (reply.status, reply.content_type) == (200, "image/png")
        assert (await reply.read()).startswith(b"\x89PNG")


@pytest.mark.parametrize("broken", ["shorter", "changed", "expired", "stranger", "gone", "nonsense"])
async def test_a_link_that_is_not_ours_shows_nothing(desk: Desk, broken: str) -> None:
    good = address(desk.story, desk.gate, BEN)
    made = {
        "shorter": good[:-4], "changed": good[:10] + ("A" if good[10] != "A" else "B") + good[11:], "nonsense": "/g/%F0%9F%98%80",
        "expired": address(desk.story, desk.gate, BEN, expires=desk.story.now - timedelta(seconds=1)),
        "stranger": address(desk.story, desk.gate, "eve@elsewhere.test"),
        "gone": address(desk.story, {**desk.gate, "id": desk.story.org_id}, BEN),
    }  # fmt: skip
    browser = await desk.browser()
    browser.address = made[broken]
    page = await browser.look()
    assert (browser.status, "leads nowhere" in page, "launched" in page) == (404, True, False)


async def test_a_link_passed_on_decides_nothing_without_the_digits_its_owner_gets(desk: Desk) -> None:
    thief = await desk.browser()
    await thief.look()
    page = await thief.send("answer", choice="approve", note="ha")
    assert "Is that you, Ben?" in page
    sent = await desk.rows(select(outbox).where(outbox.c.name == "page_code"))
    assert [(row["channel"], row["place"]) for row in sent] == [("email", BEN)]
    for left in ("4 tries are", "3 tries are", "2 tries are", "1 try is", "not valid any more", "not valid any more"):
        assert left in await thief.send("code", code="000000x")
        assert thief.status == 422
    await thief.confirm()
    assert thief.status == 422
    assert await desk.holds() == []
    assert (await desk.now())["status"] == "pending"


async def test_digits_are_good_for_their_browser_once_and_for_ten_minutes(desk: Desk) -> None:
    first, second = await desk.browser(), await desk.browser()
    for browser in (first, second):
        await browser.look()
        await browser.send("answer", choice="approve")
    own, first.body = first.body, second.body.replace(csrf(second), csrf(first))
    assert "not the digits of the newest" in await first.confirm(), "those were sent for the other browser"
    first.body = own
    desk.story.runtime.now = lambda: desk.story.now + timedelta(minutes=11)
    await second.confirm()
    assert (second.status, await desk.holds()) == (422, [])


async def test_nobody_has_digits_sent_without_end(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.look()
    for _ in range(codes.MOST):
        await browser.send("ask", question="why?")
        assert "Is that you" in browser.body
        await browser.look()
    assert "Too many codes" in await browser.send("ask", question="why?")


async def test_no_secret_digits_stand_in_the_database(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.look()
    await browser.send("answer", choice="approve")
    found = await desk.rows(select(inbound_events).where(inbound_events.c.source == "page-code"))
    digits = codes.digits(desk.story.runtime.settings, UUID(found[0]["external_id"]))
    dumped = str(await desk.rows(select(outbox))) + str(await desk.rows(text("select payload from journal")))
    assert digits not in dumped + str(found[0]["answer"]) + found[0]["digest"]
    assert digits in codes.words(desk.story.runtime.settings, UUID(found[0]["external_id"]), "q")


async def test_an_answer_with_conditions_is_held_and_can_be_taken_back(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.look()
    await browser.send("answer", choice="approve", note="slowly", cap="20", deadline="2027-06-01")
    page = await browser.confirm()
    assert browser.status == 200
    assert "Recorded, not yet in effect" in page
    assert "You answered “Approve launch”" in page
    assert "Record my answer" not in page
    held = (await desk.holds())[0]
    assert (held["member"], held["via"], held["decision"]["note"]) == (BEN, "page", "slowly")
    assert [item["kind"] for item in held["decision"]["terms"]] == ["cap", "deadline"]
    page = await browser.send("undo")
    assert "Record my answer" in page
    assert "The answer was taken back" in page
    assert (await desk.holds())[0]["ended"] == "undone"


async def test_a_form_decides_once_however_often_it_is_sent(desk: Desk) -> None:
    browser = await desk.confirmed()
    shown = browser.body
    await browser.send("answer", choice="approve")
    await browser.send("undo")
    browser.body = shown
    page = await browser.send("answer", choice="approve")
    assert (browser.status, "used already" in page) == (409, True)
    assert [row["ended"] for row in await desk.holds()] == ["undone"]
    assert len(await desk.rows(select(link_uses))) == 1


async def test_what_is_wrong_is_said_beside_what_was_typed(desk: Desk) -> None:
    browser = await desk.confirmed()
    page = await browser.send("answer", choice="rework", note="")
    assert (browser.status, "needs a reason" in page) == (422, True)
    assert re.search(r'value="rework" checked', page)
    page = await browser.send("answer", choice="approve", note="my <b>reason</b>", cap="a lot")
    assert "A whole number from 1 to 100" in page
    assert 'value="a lot"' in page
    assert "my <b>reason</b></textarea>" in page
    assert "my &lt;b&gt;reason" in browser.body
    page = await browser.send("answer", choice="approve", constraint="refund_rate <= 0.02")
    assert "No signal 'refund_rate' is read" in page
    page = await browser.send("answer", note="but what?")
    assert "Choose an answer first" in page
    page = await browser.send("answer", choice="approve", deadline="tomorrow")
    assert "Write the last day as 2026-12-31" in page
    assert await desk.holds() == []
    assert "Recorded, not yet" in await browser.send("answer", choice="approve")


async def test_evidence_that_changed_is_shown_before_anything_is_recorded(desk: Desk) -> None:
    browser = await desk.confirmed()
    async with desk.story.runtime.transaction(desk.story.org_id) as tx:
        await tx.run(text("update experiments set rollout_plan = '{\"initial_pct\": 30}' where status = 'awaiting_launch_gate'"))  # fmt: skip
    page = await browser.send("answer", choice="approve", note="go")
    assert (browser.status, "The evidence changed since you saw it" in page) == (409, True)
    assert ">go</textarea>" in page
    assert await desk.holds() == []
    await browser.send("answer", choice="approve")
    assert len(await desk.holds()) == 1


async def test_forms_of_other_sites_other_browsers_and_other_links_are_refused(desk: Desk) -> None:
    browser, other, ana = await desk.confirmed(), await desk.confirmed(), await desk.browser(ANA)
    mine = browser.body
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "same-site"}):
        page = await browser.send("answer", headers, choice="approve")
        assert (browser.status, "another site" in page) == (403, True)
        browser.body = mine
    other.body = mine
    await other.send("answer", choice="approve")
    assert other.status == 403
    browser.address = ana.address
    browser.body = mine
    await browser.send("answer", choice="approve")
    assert browser.status == 403
    assert await desk.holds() == []


async def test_an_honest_browser_sends_no_origin_or_null(desk: Desk) -> None:
    browser = await desk.confirmed()
    await browser.send("answer", {"Sec-Fetch-Site": "same-origin", "Origin": "null"}, choice="approve")
    assert len(await desk.holds()) == 1


async def test_a_question_is_answered_from_stored_data(desk: Desk) -> None:
    browser = await desk.confirmed()
    page = await browser.send("ask", question="who decides if I say nothing?")
    assert browser.status == 200
    assert "who decides if I say nothing?" in page
    assert "From: " in page
    assert (await desk.now())["version"] == desk.gate["version"]


async def test_a_gate_is_handed_to_a_colleague_only(desk: Desk) -> None:
    browser = await desk.confirmed()
    page = await browser.send("delegate", to="eve@elsewhere.test")
    assert (browser.status, "is not known here" in page) == (422, True)
    page = await browser.send("delegate", to=ANA)
    assert (await desk.now())["delegated_to"] == ANA
    assert "It was handed to ana@example.com" in page


async def test_who_may_only_look_is_told_whom_to_ask(desk: Desk) -> None:
    async with desk.story.runtime.transaction(desk.story.org_id) as tx:
        await tx.run(update(members).where(members.c.email == BEN).values(role="viewer"))
    page = await (await desk.browser()).look()
    assert "You can look at this gate but not decide it" in page
    assert "Record my answer" not in page


async def test_after_it_the_page_says_what_was_decided(desk: Desk) -> None:
    browser = await desk.confirmed()
    shown = browser.body
    await browser.send("answer", choice="reject", note="the copy misleads")
    page = await browser.look()
    assert "This gate is closed" in page
    assert "Reject: decided by Ben (ben@example.com) via the gate's page" in page
    assert "the copy misleads" in page
    browser.body = shown
    page = await browser.send("answer", choice="approve")
    assert (browser.status, "decided by Ben" in page) == (409, True)
    with pytest.raises(Exception, match="cannot be taken back"):
        await holding.undo(desk.story.runtime, desk.story.org_id, desk.gate["id"], by=await desk.story.person(BEN), now=desk.story.now)  # fmt: skip


async def test_one_link_is_not_asked_without_end(desk: Desk) -> None:
    browser = await desk.browser()
    for _ in range(20):
        await browser.client.post(browser.address, data={"do": "answer"})
    await browser.look()
    assert "wait a minute" in await browser.send("answer", choice="approve")
