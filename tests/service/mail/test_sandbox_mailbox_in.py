"""Without a mail server the sandbox's mailbox is the way in: what a newcomer replies there reaches the desk."""

import asyncio
from email.message import EmailMessage

import aiohttp
import pytest
from pydantic import SecretStr

from bot.mail import sandbox_in
from bot.slack.sandbox.config import SandboxConfig, parse_people
from bot.slack.sandbox.server import served
from bot.slack.sandbox.visitor import Visitor
from runtime.db.mail import inbound_mail
from tests.mail_story import MailStory, mail_settings

TOKEN = "xoxb-sandbox-test"


@pytest.fixture
async def sandbox(tmp_path):
    config = SandboxConfig(
        events_url="http://127.0.0.1:9/slack/events", signing_secret=SecretStr("0" * 32), bot_token=SecretStr(TOKEN),
        data=tmp_path / "workspace", people=parse_people("Ana <ana@example.com>"), channels=("general",), port=0,
    )  # fmt: skip
    async with served(config) as url:
        yield url


@pytest.fixture
def settings(settings, sandbox):
    return mail_settings(settings, slack_bot_token=SecretStr(TOKEN), slack_base_url=f"{sandbox}/api/")


@pytest.fixture
def mail(story):
    return MailStory(story)


async def delivered(url):
    """A letter of ours in Ana's mailbox."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "Outcomes <outcomes@outcome.test>", "ana@example.com", "Launch?"
    letter["Reply-To"], letter["Message-ID"], letter["Date"] = (
        "outcomes+a.b@outcome.test",
        f"<gate-{'a' * 70}@outcome.test>",
        "Mon, 23 Nov 2026 10:00:00 +0000",
    )
    letter.set_content("Reply APPROVE or REJECT why.\n")
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{url}/sandbox/mail", data=letter.as_bytes(), headers={"Authorization": f"Bearer {TOKEN}"}
        ) as answer,
    ):
        return (await answer.json())["id"], letter["Message-ID"]


async def test_replies_of_the_mailbox_tab_are_kept_with_their_envelope_and_once(sandbox, runtime, mail, org_id):
    woken = asyncio.Event()
    polling = asyncio.create_task(sandbox_in.polling(runtime, woken.set, every=0.05))
    try:
        letter, message_id = await delivered(sandbox)
        async with Visitor(sandbox, "ana@example.com") as ana:
            await ana.reply_to_letter(letter, "APPROVE\nlooks good")
        await asyncio.wait_for(woken.wait(), 10)
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
    [row] = await mail.rows(inbound_mail)
    assert (row["way"], row["envelope_from"], row["envelope_to"]) == (
        "sandbox",
        "ana@example.com",
        ["outcomes+a.b@outcome.test"],
    )
    assert f"In-Reply-To: {message_id}".encode() in bytes(row["raw"]), "a long Message-ID stays whole"
    async with aiohttp.ClientSession() as session:
        assert await sandbox_in.fetch(runtime, session, 0, woken.set) > 0, (
            "a bot that starts anew reads from the beginning"
        )
    assert len(await mail.rows(inbound_mail)) == 1


def test_the_sandbox_is_read_only_without_a_real_way_in(settings):
    assert sandbox_in.wanted(settings)
    assert not sandbox_in.wanted(settings.model_copy(update={"imap_url": SecretStr("imaps://a:b@c/INBOX")}))
    assert not sandbox_in.wanted(settings.model_copy(update={"mail_listen": "127.0.0.1:2525"}))
    assert not sandbox_in.wanted(settings.model_copy(update={"slack_base_url": "https://slack.com/api/"}))
