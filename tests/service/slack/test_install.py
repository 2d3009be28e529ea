"""Installing by OAuth: who may, what is stored, how tokens are renewed, and what follows when Slack takes them back."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from bot.slack import installations
from bot.slack.installations import Grant
from bot.slack.sandbox.visitor import text_of
from bot.slack.teams import client_for
from bot.slack.tokens import NotInstalled, Tokens
from runtime.core import wall_clock
from runtime.db.tables import inbound_events, journal, slack_installations
from runtime.errors import ChannelFailed, NotAllowed
from runtime.identity import keys, members
from runtime.identity.members import ensure_home
from runtime.identity.people import SYSTEM

SECRET = "0123456789abcdef0123456789abcdef"
HALF_A_DAY = 43_200


@pytest.fixture
def settings(settings, bot_socket):
    return settings.model_copy(
        update={
            "slack_bot_token": None, "slack_client_id": "1.2", "slack_client_secret": SecretStr("shh"),
            "app_url": f"http://127.0.0.1:{bot_socket.getsockname()[1]}",
        }
    )  # fmt: skip


@pytest.fixture
def sandbox_config(sandbox_config):
    return sandbox_config.model_copy(
        update={"client_id": "1.2", "client_secret": SecretStr("shh"), "token_seconds": HALF_A_DAY}
    )


@pytest.fixture
async def browser():
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session


class Here:
    def __init__(self, office):
        self.office, self.runtime, self.org_id = office, office.story.runtime, office.story.org_id
        self.url = self.runtime.settings.public_url

    async def begun(self, browser, path="/slack/install", **how):
        """The address of Slack's page."""
        async with browser.get(f"{self.url}{path}", allow_redirects=False, **how) as reply:
            assert reply.status == 302, await reply.text()
            return reply.headers["Location"]

    async def choice(self, browser, address, wish="allow"):
        """Where a link on Slack's page leads."""
        async with browser.get(address) as reply:
            assert reply.status == 200, await reply.text()
            return unescape(re.search(rf'id="{wish}" href="([^"]+)"', await reply.text())[1])

    async def back(self, browser, address):
        async with browser.get(address) as reply:
            return reply.status, await reply.text()

    async def installed(self, browser, path="/slack/install", **how):
        return await self.back(browser, await self.choice(browser, await self.begun(browser, path, **how)))

    async def row(self):
        async with self.runtime.transaction(self.org_id) as tx:
            return await tx.first(select(slack_installations))

    async def happened(self, event):
        async with self.runtime.transaction(self.org_id) as tx:
            return await tx.value(select(func.count()).select_from(journal).where(journal.c.event == event))

    async def exchanges(self):
        async with self.office.http.get(f"{self.office.url}/sandbox/api/oauth") as reply:
            return (await reply.json())["exchanges"]

    def later(self, **delay):
        self.runtime.now = lambda: wall_clock() + timedelta(**delay)


@pytest.fixture
async def here(office):
    yield Here(office)
    office.story.runtime.now = wall_clock


def grant(team="T0OTHER", **more):
    return Grant.model_validate(
        {"access_token": "xoxb-theirs", "token_type": "bot", "team": {"id": team, "name": "Theirs"}, **more}
    )


async def until(check, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.03)
    return found


async def test_a_workspace_installs_the_app_and_a_gate_is_decided_with_the_token_it_granted(here, browser, office):
    address = await here.begun(browser)
    asked = parse_qs(urlsplit(address).query)
    assert urlsplit(address).path == "/oauth/v2/authorize"
    assert "chat:write" in asked["scope"][0].split(",")
    status, page = await here.back(browser, await here.choice(browser, address))
    assert (status, "Installed in Sandbox" in page) == (200, True)
    assert await here.happened("slack.installed") == 1

    await office.applied()
    await office.deliver()
    ana = await office.come_in("ana")
    message = await ana.wait_for("checkout", lambda one: "Which experiments may be built" in text_of(one))
    gate = await office.story.gate("portfolio_review")
    await ana.press("Approve", message)

    async def closed():
        return (await office.gate(gate["id"]))["status"] == "approved"

    await until(closed)


async def test_tokens_are_stored_sealed_for_their_organisation_and_workspace(here, browser):
    await here.installed(browser)
    row = await here.row()
    found = await installations.of_team(here.runtime, row["team_id"])
    assert found.bot_token.startswith("xoxe.xoxb-1-")
    assert found.refresh_token.startswith("xoxe-1-")
    stored = json.dumps(dict(row), default=str)
    assert found.bot_token not in stored
    assert found.refresh_token not in stored
    assert found.bot_token not in repr(found)
    assert row["sealed_bot_token"].startswith("v1.")


async def test_an_answer_is_good_once_in_one_browser_for_ten_minutes(here, browser):
    address = await here.choice(browser, await here.begun(browser))
    async with aiohttp.ClientSession() as another:
        status, page = await here.back(another, address)
        assert (status, "begun in another browser" in page) == (403, True)
    here.later(minutes=11)
    assert (await here.back(browser, address))[0] == 403
    here.later()
    assert (await here.back(browser, address.replace("state=", "state=x")))[0] == 403
    assert (await here.back(browser, address.partition("?")[0]))[0] == 403
    assert await here.row() is None
    forms = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    assert (await here.back(browser, address))[0] == 200
    async with aiohttp.ClientSession(cookies=forms, cookie_jar=aiohttp.CookieJar(unsafe=True)) as again:
        assert (await here.back(again, address))[0] == 403
    async with here.runtime.transaction(here.org_id) as tx:
        used = select(func.count()).select_from(inbound_events).where(inbound_events.c.source == "slack-install")
        assert await tx.value(used) == 1


async def test_going_back_or_a_wrong_code_installs_nothing_and_says_so(here, browser):
    status, page = await here.back(browser, await here.choice(browser, await here.begun(browser), "cancel"))
    assert (status, "nothing has changed" in page) == (400, True)
    address = await here.choice(browser, await here.begun(browser))
    status, page = await here.back(browser, re.sub(r"code=[^&]+", "code=<b>", address))
    assert (status, "did not accept the code (invalid_code)" in page) == (400, True)
    assert await here.row() is None


async def test_on_a_public_address_only_owners_and_admins_begin(here, browser):
    here.runtime.settings = here.runtime.settings.model_copy(update={"app_url": "https://outcomes.example.com"})
    vars(here.runtime.settings).pop("public_url", None)
    url = f"{here.office.bot_url.removesuffix('/slack/events')}/slack/install"
    async with browser.get(url, allow_redirects=False) as reply:
        assert (reply.status, reply.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    for kind, email, wanted in (
        ("agent", None, 401),
        ("member", "vic@example.com", 401),
        ("member", "arun@example.com", 302),
    ):
        shown = basic(await _key(here, kind, email))
        async with browser.get(url, allow_redirects=False, headers=shown) as reply:
            assert reply.status == wanted
    assert "redirect_uri=https%3A%2F%2Foutcomes.example.com%2Fslack%2Foauth_redirect" in reply.headers["Location"]
    cookie = reply.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=Lax"))


def basic(key):
    return {"Authorization": "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()}


async def _key(here, kind, email):
    async with here.runtime.transaction(here.org_id) as tx:
        if email:
            await members.ensure(tx, [email])
        member = await members.by_email(tx, email) if email else None
        made = await keys.create(here.runtime, tx, kind=kind, name="k", by=SYSTEM, member_id=member and member.id)
    return made.token


async def test_a_second_workspace_needs_the_key_of_an_owner(here, browser):
    await installations.keep(here.runtime, here.org_id, grant())
    status, page = await here.installed(browser)
    assert (status, "in another Slack workspace already" in page) == (403, True)
    shown = basic(await _key(here, "member", "arun@example.com"))
    assert (await here.installed(browser, "/slack/install?key", headers=shown))[0] == 200


async def test_no_organisation_takes_over_anothers_workspace(here):
    await installations.keep(here.runtime, here.org_id, grant())
    was = here.runtime.settings
    here.runtime.settings = was.model_copy(update={"org": "rivals"})
    rivals = await ensure_home(here.runtime)
    here.runtime.settings = was
    with pytest.raises(NotAllowed, match="belongs to another organisation"):
        await installations.keep(here.runtime, rivals, grant(access_token="xoxb-stolen"))
    with pytest.raises(NotInstalled, match="install it at http"):
        await client_for(here.runtime, rivals)
    assert (await installations.of_team(here.runtime, "T0OTHER")).bot_token == "xoxb-theirs"


async def test_a_token_that_soon_runs_out_is_renewed_by_exactly_one(here, browser):
    await here.installed(browser)
    team = (await here.row())["team_id"]
    before = await Tokens(here.runtime).of(team)
    assert await here.exchanges() == 1
    here.later(hours=10, minutes=30)
    many = [Tokens(here.runtime) for _ in range(4)]
    found = await asyncio.gather(*(tokens.of(team) for tokens in many for _ in range(2)))
    assert await here.exchanges() == 2
    assert {one.bot_token for one in found} == {(await Tokens(here.runtime).of(team)).bot_token}
    assert found[0].bot_token != before.bot_token
    assert found[0].expires_at - here.runtime.now() > timedelta(hours=11)


async def test_whoever_must_answer_in_time_gets_the_old_token_while_the_new_one_is_fetched(here, browser):
    await here.installed(browser)
    team = (await here.row())["team_id"]
    here.later(hours=11)
    tokens = Tokens(here.runtime)
    old = await tokens.at_once(team)
    await tokens.close()
    new = await tokens.at_once(team)
    assert old.bot_token != new.bot_token
    assert await here.exchanges() == 2


async def test_with_slack_away_the_old_token_serves_until_its_hour_and_then_it_is_said(here, browser):
    await here.installed(browser)
    team = (await here.row())["team_id"]
    was = here.runtime.settings
    here.runtime.settings = was.model_copy(update={"slack_base_url": "http://127.0.0.1:9/api/"})
    here.later(hours=11)
    assert (await Tokens(here.runtime).of(team)).bot_token
    here.later(hours=13)
    with pytest.raises(ChannelFailed, match="exchange a code or token"):
        await Tokens(here.runtime).of(team)
    assert (await here.row())["revoked_at"] is None
    here.runtime.settings = was
    assert (await Tokens(here.runtime).of(team)).expires_at > here.runtime.now()


async def test_a_refused_refresh_token_ends_the_install(here, browser):
    await here.installed(browser)
    team = (await here.row())["team_id"]
    async with here.office.http.post(f"{here.office.url}/sandbox/api/uninstall?quiet", headers={"X-Sandbox": "1"}):
        pass
    here.later(hours=13)
    with pytest.raises(ChannelFailed):
        await Tokens(here.runtime).of(team)
    with pytest.raises(NotInstalled, match="install it again at"):
        await Tokens(here.runtime).of(team)


async def test_after_an_uninstall_a_message_ends_in_words_that_say_to_install_again(here, browser, office):
    await here.installed(browser)
    await office.applied()
    here.later(seconds=2)
    async with office.http.post(f"{office.url}/sandbox/api/uninstall", headers={"X-Sandbox": "1"}) as reply:
        assert reply.status == 200

    async def revoked():
        return (await here.row())["revoked_at"]

    await until(revoked)
    [notice, *_] = await office.notices()
    with pytest.raises(
        ChannelFailed, match=r"removed from the Slack workspace Sandbox \(.*\); install it again at http"
    ):
        await office.channel.deliver(notice)
    assert await here.happened("slack.revoked") == 1
    here.later()
    await here.installed(browser)
    await office.deliver()
    ana = await office.come_in("ana")
    await ana.wait_for("checkout", lambda one: "Which experiments may be built" in text_of(one))


async def test_a_revoked_token_is_noticed_at_the_first_call_too(here, browser):
    await here.installed(browser)
    client = await client_for(here.runtime, here.org_id)
    assert (await client.auth_test())["ok"]
    async with here.office.http.post(f"{here.office.url}/sandbox/api/uninstall?quiet", headers={"X-Sandbox": "1"}):
        pass
    with pytest.raises(NotInstalled, match="Slack says token_revoked"):
        await client.auth_test()
    assert (await here.row())["revoked_at"] is not None


async def test_old_news_of_an_uninstall_does_not_end_a_new_install(here, browser):
    await here.installed(browser)
    team, now = (await here.row())["team_id"], here.runtime.now()
    assert not await installations.revoke(here.runtime, team, "late", at=now - timedelta(minutes=5))
    assert await installations.revoke(here.runtime, team, "in time", at=now + timedelta(seconds=1))


async def test_a_request_of_an_unknown_workspace_does_nothing_and_is_told_where_to_install(here, browser, office):
    await here.installed(browser)
    status, said = await _signed(
        here, {"team_id": "T0STRANGER", "command": "/outcome", "text": "list", "user_id": "U1"}
    )
    assert (status, "This workspace is not known here" in said) == (200, True)
    status, said = await _signed(here, {"team_id": "T0STRANGER", "command": "/outcome"}, key="wrong" * 8)
    assert (status, "known" in said) == (401, False)
    async with office.http.post(office.bot_url, json={"type": "event_callback", "team_id": "T0STRANGER"}) as reply:
        assert reply.status == 401
    async with here.runtime.transaction(here.org_id) as tx:
        heard = select(func.count()).select_from(inbound_events).where(inbound_events.c.source == "slack")
        assert await tx.value(heard) == 0


async def _signed(here, fields, key=SECRET):
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    stamp = str(int(time.time()))
    mark = hmac.new(key.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mark}",
    }  # fmt: skip
    async with here.office.http.post(here.office.bot_url, data=body, headers=headers) as reply:
        return reply.status, await reply.text()


async def test_row_level_security_keeps_installs_apart(here, browser):
    await here.installed(browser)
    async with here.runtime.engine.connect() as conn:
        assert (await conn.execute(text("select count(*) from slack_installations"))).scalar() == 0
