"""The bot's process with its ways in: a letter goes out, its reply comes in, and the desk acts on it without being asked."""

import asyncio
import time

import aiosmtplib
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.mail import contracts, serve
from bot.mail.channel import EmailChannel
from bot.slack.sandbox.config import SandboxConfig, parse_people
from bot.slack.sandbox.server import served
from bot.slack.sandbox.visitor import Visitor
from runtime.db.mail import inbound_mail
from runtime.integrations.contracts import Notice
from runtime.local.ports import free_port
from tests.mail_story import MailStory, mail_settings

ANA, BEN, TOKEN = "ana@example.com", "ben@example.com", "xoxb-sandbox-test"


@pytest.fixture
def settings(settings):
    return mail_settings(settings, mail_listen=f"127.0.0.1:{free_port()}")


@pytest.fixture
def mail(story):
    return MailStory(story)


class Bot:
    """The web server with mail mounted, as `python -m bot` runs it."""

    def __init__(self, runtime):
        app = web.Application()
        serve.mount(app, runtime)
        self.runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self):
        await self.runner.setup()
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()


async def until(what, wanted, patience=15.0):
    """Polls until it is so."""
    end = time.monotonic() + patience
    while True:
        found = await what()
        if wanted(found):
            return found
        assert time.monotonic() < end, found
        await asyncio.sleep(0.02)


async def test_a_reply_handed_to_the_listener_is_acted_on_and_one_from_before_the_start_too(mail, runtime, settings):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    await mail.receive(mail.reply(letter, "Who else can decide this?"))
    async with Bot(runtime):
        await until(lambda: mail.said(contracts.ANSWER), bool)
        port = int(settings.mail_listen.rpartition(":")[2])
        to = [mail.address(letter)]
        raw = mail.reply(letter, "APPROVE")
        await aiosmtplib.send(raw, sender=ANA, recipients=to, hostname="127.0.0.1", port=port, start_tls=False)
        [hold] = await until(mail.holds, bool)
    assert hold["member"] == ANA
    assert {row["handled_at"] is not None for row in await mail.rows(inbound_mail)} == {True}


async def test_a_newcomer_decides_in_the_sandboxs_mailbox(mail, runtime, tmp_path):
    config = SandboxConfig(
        events_url="http://127.0.0.1:9/slack/events", signing_secret=SecretStr("0" * 32), bot_token=SecretStr(TOKEN),
        data=tmp_path / "workspace", people=parse_people("Ben <ben@example.com>"), channels=("general",), port=0,
    )  # fmt: skip
    async with served(config) as url, Visitor(url, BEN) as ben:
        runtime.settings = runtime.settings.model_copy(
            update={"slack_bot_token": SecretStr(TOKEN), "slack_base_url": f"{url}/api/", "smtp_url": None, "mail_listen": "", "mail_authserv_id": ""}
        )  # fmt: skip
        gate = await mail.launch()
        channel = EmailChannel(runtime)
        try:
            await say(mail, channel, BEN)
            async with Bot(runtime):
                [letter] = (await ben.look())["mail"]
                assert gate["question"] in letter["subject"] + letter["text"]
                await ben.reply_to_letter(letter["id"], "LGTM")
                [hold] = await until(mail.holds, bool)
                assert (hold["member"], hold["decision"]["choice"]) == (BEN, "approve")
            await say(mail, channel, BEN)
        finally:
            await channel.close()
        newest = next(one for one in (await ben.look())["mail"] if one["direction"] == "in")
        assert "UNDO" in newest["text"]
        assert newest["in_reply_to"], "in the gate's thread"


async def say(mail, channel, to):
    """What waits in the outbox for somebody, as a worker would say it."""
    for row in await mail.said():
        if row["channel"] == "email" and row["place"] == to:
            await channel.deliver(
                Notice(
                    row["org_id"], row["name"], row["subject_id"], row["payload"]["event"], row["place"], row["payload"]
                )
            )


async def test_a_way_in_that_cannot_be_opened_stops_neither_the_web_server_nor_the_others(mail, runtime, settings):
    runtime.settings = settings.model_copy(
        update={"imap_url": SecretStr("https://wrong"), "mail_inbound_secrets": SecretStr("mailgun=k")}
    )
    gate = await mail.portfolio()
    await mail.receive(mail.reply(await mail.letter(gate, ANA), "APPROVE"))
    async with Bot(runtime):
        await until(mail.holds, bool)


async def test_everything_the_desk_says_is_a_letter_that_the_channel_can_write(mail, runtime, tmp_path):
    config = SandboxConfig(
        events_url="http://127.0.0.1:9/slack/events", signing_secret=SecretStr("0" * 32), bot_token=SecretStr(TOKEN),
        data=tmp_path / "workspace", people=parse_people("Ben <ben@example.com>"), channels=("general",), port=0,
    )  # fmt: skip
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    for words in (
        "How sure are we?",
        "I guess ok?",
        "launch this, limited to 20% of users, thanks team",
        "DELEGATE no@where.test",
    ):
        await mail.arrives(mail.reply(letter, words))
    await mail.arrives(mail.reply(letter, "APPROVE", verified=None))
    await mail.arrives(
        mail.reply(
            {**letter, "message_id": (await mail.letter({**gate, "evidence_hash": "0" * 64}, BEN))["message_id"]},
            "APPROVE",
        )
    )
    await mail.story.decide("launch_approval", "reject", "arun@example.com", note="not now")
    await mail.arrives(mail.reply(letter, "yes"))
    kinds = {row["name"] for row in await mail.said() if row["place"] == BEN}
    assert kinds >= {"gate", contracts.ANSWER, contracts.ASK_BACK, contracts.PROPOSAL, contracts.WAS_IT_YOU}
    async with served(config) as url, Visitor(url, BEN) as ben:
        changed = {"slack_bot_token": SecretStr(TOKEN), "slack_base_url": f"{url}/api/", "smtp_url": None}
        runtime.settings = runtime.settings.model_copy(update=changed)
        channel = EmailChannel(runtime)
        try:
            await say(mail, channel, BEN)
        finally:
            await channel.close()
        texts = "\n".join(one["text"] for one in (await ben.look())["mail"])
    assert "I guess ok?" in texts
    assert "Reply YES to record it" in texts
    assert "Was that you?" in texts
